"""Turns plain mappings into attrs classes, strictly, and reports every problem with its path.

Nothing is coerced: `"30"` is not a number and `1` is not a boolean, because a configuration that means
something else than it says is worse than an error.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import attrs
import cattrs
from cattrs.errors import ForbiddenExtraKeysError, IterableValidationError

from camcast.errors import ConfigError, Issue
from camcast.redaction import redact_text

T = TypeVar("T")

_NAMED = re.compile(r"(?P<name>[a-z]\w*): (?P<what>.+)", re.DOTALL)
"""What a plugin's own validator says of one of its options."""
_COMPARED = re.compile(r"'(?P<name>\w+)' must be (?P<what>[<>]=? \S+): (?P<came>\S+)")

MOST_LISTED = 60
"""Names in a message."""
LONGEST_SHOWN = 64
"""Characters of a name in a message."""
MOST_SUGGESTED = 20
"""Unknown keys of one object for which something near is looked for."""
_DIGITS = 20
"""Of a number that is shown; Python refuses to show a very long one."""
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def make_converter() -> cattrs.Converter:
    """A converter that forbids unknown keys and does not coerce. Plugins may add their own types to it."""
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    for kind in _WORDS:
        converter.register_structure_hook(kind, _strict)
    converter.register_structure_hook_func(_is_scalar_union, _strict_union)
    converter.register_structure_hook_func(_is_literal, _one_of)
    converter.register_structure_hook_factory(lambda kind: _reader(kind) is not None, _read)
    return converter


def structure(converter: cattrs.Converter, value: object, cls: type[T], path: str) -> T:
    """`value` as an instance of `cls`; raises `ConfigError` with all issues, each below `path`."""
    if not isinstance(value, Mapping):
        raise ConfigError([Issue(path, f"expected an object, got {described(value)}")])
    try:
        return converter.structure(value, cls)
    except (cattrs.BaseValidationError, ValueError, TypeError) as error:
        raise ConfigError(list(_issues(error, path, cls))) from error


def suggest(name: str, known: Sequence[str]) -> str:
    """`; did you mean "fps"?`, or the list of what is known."""
    near = difflib.get_close_matches(name, known, n=1) if len(name) <= LONGEST_SHOWN else []
    if near:
        return f'; did you mean "{near[0]}"?'
    return f"; known: {listed(known)}" if known else "; none is known here"


def listed(names: Iterable[str]) -> str:
    """Names in order, as many as one reads."""
    ordered = sorted(names)
    more = f" and {len(ordered) - MOST_LISTED} more" if len(ordered) > MOST_LISTED else ""
    return ", ".join(ordered[:MOST_LISTED]) + more


def shortened(name: str) -> str:
    """A name that came, as far as one reads it: what is longer is no name, and what looks like a URL may hold a key."""
    if "://" in name:
        name = redact_text(name)
    return name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}…"


def described(value: object) -> str:
    """What came, without its content, which may be a secret: "text", "a list", "true"; a number as it is."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            shown = repr(value) if isinstance(value, float) or abs(value) < 10**_DIGITS else ""
            return shown or "a number"
        case str():
            return "text" if value else "empty text"
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
    return f"a {type(value).__name__}"


def _strict(value: object, kind: type[T]) -> T:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)  # type: ignore[return-value]
    if type(value) is not kind:
        raise TypeError(f"expected {_WORDS[kind]}, got {described(value)}")
    return value


def _reader(kind: Any) -> Any:
    """What an `Annotated` type is read by (`config.rules`), if by anything of its own."""
    extras = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    return next((extra.read for extra in extras if callable(getattr(extra, "read", None))), None)


def _read(kind: Any) -> Any:
    read = _reader(kind)
    return lambda value, _: read(value)


def _is_literal(kind: Any) -> bool:
    return get_origin(kind) is Literal


def _one_of(value: object, kind: Any) -> object:
    words = get_args(kind)
    if any(type(value) is type(word) and value == word for word in words):
        return value
    spelled = ", ".join(json.dumps(word) for word in words)
    if not isinstance(value, str):
        raise ValueError(f"expected one of {spelled}, got {described(value)}")
    near = difflib.get_close_matches(value[:LONGEST_SHOWN], [word for word in words if isinstance(word, str)], n=1)
    raise ValueError(f"expected one of {spelled}, got other text" + (f'; did you mean "{near[0]}"?' if near else ""))


def _is_scalar_union(kind: Any) -> bool:
    """Whether `kind` is a union of scalars that is not merely an optional one (cattrs knows those)."""
    members = [member for member in get_args(kind) if member is not NoneType]
    return isinstance(kind, UnionType) and len(members) > 1 and all(member in _WORDS for member in members)


def _strict_union(value: object, kind: Any) -> object:
    members = get_args(kind)
    if type(value) in members:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and float in members:
        return float(value)
    words = " or ".join(_WORDS[member] for member in members if member in _WORDS)
    raise TypeError(f"expected {words}, got {described(value)}")


def _issues(error: BaseException, path: str, cls: type) -> list[Issue]:
    if isinstance(error, cattrs.BaseValidationError):
        found = []
        for inner in error.exceptions:
            where = _place(inner, path, isinstance(error, IterableValidationError))
            found += _issues(inner, where, getattr(inner, "cl", error.cl))
        return found
    if isinstance(error, ForbiddenExtraKeysError):
        known = [field.alias for field in attrs.fields(error.cl)] if attrs.has(error.cl) else []
        return [
            Issue(_below(path, shortened(key)), f"unknown key{suggest(key, known) if number < MOST_SUGGESTED else ''}")
            for number, key in enumerate(sorted(error.extra_fields))
        ]
    if isinstance(error, KeyError):
        return [Issue(path, f"{error.args[0]} is missing")]
    if len(error.args) > 1 and isinstance(error.args[1], attrs.Attribute):
        # What attrs' own validators raise: (text, attribute, …).
        return [Issue(_below(path, str(error.args[1].alias)), str(error.args[0]))]
    if match := _COMPARED.fullmatch(str(error)):
        # And what those that compare raise: the attribute's name in the text only.
        return [Issue(_below(path, match["name"]), f"must be {match['what']}, got {match['came']}")]
    aliases = [field.alias for field in attrs.fields(cls)] if attrs.has(cls) else []
    if (match := _NAMED.fullmatch(str(error))) and match["name"] in aliases:
        return [Issue(_below(path, match["name"]), match["what"])]
    return [Issue(path, str(error))]


def _place(error: BaseException, path: str, indexed: bool) -> str:
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, cattrs.AttributeValidationNote):
            return _below(path, str(note.name))
        if indexed and isinstance(note, cattrs.IterableValidationNote):
            return f"{path}[{note.index}]"
    return path


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
