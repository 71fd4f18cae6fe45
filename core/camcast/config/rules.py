"""What one value of the configuration may be: how it is read, what it becomes, how the JSON Schema says it.

A rule is attached to an attrs field by its type, `Annotated[float, Rule(...)]`. The same rule then checks a file
(through cattrs), an embedder's constructor call (through `checked`) and an editor (through the schema).

Texts of errors say what was expected and what came. What came is shown only where it cannot be a secret.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin

import attrs

from camcast.errors import ConfigError, Issue

_DURATION = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|m|h|)\s*", re.ASCII)
_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
_SIZE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([kmg]?i?)b?\s*", re.ASCII | re.IGNORECASE)
_SIZE_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_LONGEST = 10 * 365 * 86400.0

NEVER = "never"
"""Stands for `null` in TOML, which has none."""


@attrs.frozen(eq=False)
class Rule:
    """Reads one value (raises `ValueError` saying what was expected and what came) and describes it as JSON Schema."""

    read: Callable[[Any], Any]
    schema: Mapping[str, Any]


def rule_of(type_: Any) -> Rule | None:
    """The rule that a field's type carries."""
    if get_origin(type_) is Annotated:
        return next((extra for extra in get_args(type_)[1:] if isinstance(extra, Rule)), None)
    return None


def checked(_cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """An attrs `field_transformer`: constructing the class directly obeys the same rules as a file does."""
    return [
        field.evolve(converter=attrs.Converter(_convert(rule), takes_field=True)) if rule else field
        for field, rule in ((field, rule_of(field.type)) for field in fields)
    ]


def _convert(rule: Rule) -> Callable[[Any, attrs.Attribute[Any]], Any]:
    def convert(value: Any, field: attrs.Attribute[Any]) -> Any:
        try:
            return rule.read(value)
        except ValueError as error:
            raise ConfigError([Issue(field.name, str(error))]) from None

    return convert


def described(value: object) -> str:
    """What came, without its content: `text`, `a list`, `true`, `null`."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value) if len(repr(value)) <= 24 else "a number"
        case str():
            return "text" if value else "empty text"
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            return f"a {type(value).__name__}"


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def read_seconds(value: Any) -> float:
    """Seconds as a number, or "1s", "500ms", "2m", "1h"."""
    seconds = -1.0
    if _number(value):
        seconds = float(value) if abs(value) < 1e15 else -1.0
    elif isinstance(value, str):
        match = _DURATION.fullmatch(value)
        if match is None or len(value) > 32:
            raise ValueError('expected seconds or a duration such as "500ms", "1.5s" or "2m", got other text')
        seconds = float(match[1]) * _DURATION_UNITS[match[2]]
    else:
        raise ValueError(f'expected seconds or a duration such as "500ms", "1.5s" or "2m", got {described(value)}')
    if not 0 <= seconds <= _LONGEST:
        raise ValueError(f"expected a duration of 0 s to 10 years, got {described(value)}")
    return seconds


def read_positive_seconds(value: Any) -> float:
    """Like `read_seconds`, but not 0."""
    seconds = read_seconds(value)
    if seconds <= 0:
        raise ValueError("expected a duration above 0 s, got 0")
    return seconds


def read_bytes(value: Any) -> int:
    """Bytes as a whole number, or "512 kB", "4MB" (decimal), "4MiB" (binary)."""
    count = -1.0
    if _number(value) and value == value // 1:
        count = float(value)
    elif isinstance(value, str) and (match := _SIZE.fullmatch(value)) and len(value) <= 32:
        count = float(match[1]) * _SIZE_UNITS[match[2].lower()]
    if not 1 <= count <= 2**40:
        came = "other text" if isinstance(value, str) else described(value)
        raise ValueError(f'expected a number of bytes or a size such as "4MB" or "4MiB", got {came}')
    return int(count)


def read_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {described(value)}")
    return value


def read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {described(value)}")
    if any(ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) < 0xE000 for char in value):
        raise ValueError("expected text without control characters")
    return value


def read_name(value: Any) -> str:
    if not read_text(value).strip():
        raise ValueError("expected text that is not empty")
    return str(value)


def read_label(value: Any) -> str:
    """A camera's or stream's name: shown everywhere, so an address, which may hold a secret, is refused."""
    name = read_name(value)
    if "://" in name:
        raise ValueError("expected a name, got what looks like a URL; names are shown in logs and figures")
    return name


def read_mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"expected an object, got {described(value)}")
    return dict(value)


def read_fingerprint(value: Any) -> str:
    """A SHA-256 fingerprint in hex, colons optional."""
    text = read_name(value)
    if not re.fullmatch(r"[0-9A-Fa-f]{64}|(?:[0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}", text):
        raise ValueError("expected the certificate's SHA-256 as 64 hex digits, with or without colons, got other text")
    return text


def read_texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a list of texts, got {described(value)}")
    return tuple(read_name(item) for item in value)


def whole(low: int, high: int, unit: str = "", *, or_zero: bool = False) -> Rule:
    """A whole number in a range; 0 too where it means "not set"."""

    def read(value: Any) -> int:
        if not _number(value) or math.isinf(value) or value != int(value):
            raise ValueError(f"expected a whole number, got {described(value)}")
        if not (low <= value <= high or (or_zero and value == 0)):
            raise ValueError(f"expected {low} to {high}{unit}, got {described(value)}")
        return int(value)

    schema: dict[str, Any] = {"type": "integer", "minimum": low, "maximum": high}
    return Rule(read, {"anyOf": [schema, {"const": 0}]} if or_zero and low > 0 else schema)


def number(low: float, high: float, unit: str = "", *, or_zero: bool = False) -> Rule:
    """A number in a range; 0 too where it means "not set"."""

    def read(value: Any) -> float:
        if not _number(value):
            raise ValueError(f"expected a number, got {described(value)}")
        if not (low <= value <= high or (or_zero and value == 0)):
            raise ValueError(f"expected {low:g} to {high:g}{unit}, got {described(value)}")
        return float(value)

    schema: dict[str, Any] = {"type": "number", "minimum": low, "maximum": high}
    return Rule(read, {"anyOf": [schema, {"const": 0}]} if or_zero and low > 0 else schema)


def even(low: int, high: int) -> Rule:
    """An even number of pixels, or 0 for "not set"."""
    base = whole(low, high, or_zero=True)

    def read(value: Any) -> int:
        pixels = int(base.read(value))
        if pixels % 2:
            raise ValueError(f"expected an even number of pixels, got {pixels}")
        return pixels

    return Rule(read, {"anyOf": [{"type": "integer", "minimum": low, "maximum": high, "multipleOf": 2}, {"const": 0}]})


def choice(*words: str) -> Rule:
    """One of a few words."""
    spelled = ", ".join(f'"{word}"' for word in words[:-1]) + f' or "{words[-1]}"'

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"expected {spelled}, got {described(value)}")
        if value not in words:
            came = f'"{value}"' if re.fullmatch(r"[\w.-]{0,24}", value) else "other text"
            raise ValueError(f"expected {spelled}, got {came}")
        return value

    return Rule(read, {"enum": list(words)})


def or_never(rule: Rule) -> Rule:
    """`null` too, which means "never"; TOML, which has no null, writes "never"."""

    def read(value: Any) -> Any:
        return None if value is None or value == NEVER else rule.read(value)

    return Rule(read, {"anyOf": [dict(rule.schema), {"type": "null"}, {"const": NEVER}]})


def optional(rule: Rule) -> Rule:
    """`null` too, which means "none"."""

    def read(value: Any) -> Any:
        return None if value is None else rule.read(value)

    return Rule(read, {"anyOf": [dict(rule.schema), {"type": "null"}]})


_DURATION_SCHEMA = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^\s*(\d+(\.\d*)?|\.\d+)\s*(ms|s|m|h|)\s*$"},
    ]
}
_SIZE_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": r"^\s*(\d+(\.\d*)?|\.\d+)\s*([kKmMgG]?[iI]?)[bB]?\s*$"},
    ]
}

SECONDS = Rule(read_seconds, _DURATION_SCHEMA)
POSITIVE_SECONDS = Rule(read_positive_seconds, _DURATION_SCHEMA)
TEXT = Rule(read_text, {"type": "string"})
NAME = Rule(read_name, {"type": "string", "pattern": r"\S"})
LABEL = Rule(read_label, {"type": "string", "pattern": r"\S", "not": {"pattern": "://"}})

Seconds = Annotated[float, SECONDS]
PositiveSeconds = Annotated[float, POSITIVE_SECONDS]
SecondsOrNever = Annotated[float | None, or_never(POSITIVE_SECONDS)]
Bytes = Annotated[int, Rule(read_bytes, _SIZE_SCHEMA)]
Flag = Annotated[bool, Rule(read_flag, {"type": "boolean"})]
Text = Annotated[str, TEXT]
Name = Annotated[str, NAME]
Label = Annotated[str, LABEL]
OptionalText = Annotated[str | None, optional(NAME)]
Fingerprint = Annotated[str | None, optional(Rule(read_fingerprint, dict(NAME.schema)))]
Options = Annotated[Mapping[str, Any], Rule(read_mapping, {"type": "object"})]
_TEXTS = Rule(read_texts, {"type": "array", "items": dict(NAME.schema)})
Texts = Annotated[tuple[str, ...], _TEXTS]
OptionalTexts = Annotated[tuple[str, ...] | None, optional(_TEXTS)]
