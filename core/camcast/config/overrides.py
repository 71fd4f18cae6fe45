"""Keys of a configuration from environment variables: `CAMCAST__RTMP__URL_TEMPLATE` stands for `rtmp.url_template`.

Two underscores lead one step further in. A step is a key in any case, or an item's index in a list that the file has.
What a variable says is read as its key's rule reads a text; where the rule takes none, as JSON. A list that
is not only of texts is given as JSON, or by items that the file has. Values are never shown.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from camcast.config.block import Block, Key, Shape
from camcast.config.blocks import FILE
from camcast.errors import ConfigError, Issue
from camcast.structure import suggest

PREFIX = "CAMCAST__"
MAX_STEPS = 16


@attrs.frozen
class Overridden:
    """A file's root object with what the environment says laid over it."""

    mapping: Mapping[str, Any] = attrs.field(repr=False)
    notes: tuple[str, ...] = ()
    """Which keys, for people."""
    issues: tuple[Issue, ...] = ()
    """What is wrong, each at its variable."""


def override(mapping: Mapping[str, Any], environment: Mapping[str, str]) -> Overridden:
    """The same with every variable of the environment that begins with `PREFIX`."""
    notes, issues = [], []
    root: Any = mapping
    for name, text in sorted(environment.items()):
        if not name.startswith(PREFIX):
            continue
        steps = name.removeprefix(PREFIX).split("__")
        try:
            if len(steps) > MAX_STEPS:
                raise ValueError(f"expected at most {MAX_STEPS} steps")
            root, path = _in_block(FILE, root, steps, text)
        except ConfigError as error:
            issues += [Issue(name, issue.message) for issue in error.issues]
        except ValueError as error:
            issues.append(Issue(name, str(error)))
        else:
            notes.append(f"{path.removeprefix('.')} is what {name} says")
    return Overridden(root, tuple(notes), tuple(issues))


def _in_block(block: Block, value: Any, steps: Sequence[str], text: str) -> tuple[Any, str]:
    """The object with the value at `steps`, and the path that they lead along. Raises `ValueError`."""
    known = {name.lower(): name for name in block.keys}
    word = steps[0].lower()
    if word not in known:
        raise ValueError(f'there is no key "{word}"{suggest(word, list(block.keys))}')
    key = block.keys[known[word]]
    inside = value if isinstance(value, Mapping) else {}
    changed, path = _at(key, inside.get(key.name), steps[1:], text)
    return {**inside, key.name: changed}, f".{key.name}{path}"


def _at(key: Key, value: Any, steps: Sequence[str], text: str) -> tuple[Any, str]:
    if not steps:
        return _read(key, text), ""
    match key.shape:
        case Shape.VALUE:
            return _in_mapping(value, steps, text)
        case Shape.OBJECTS | Shape.ENTRIES:
            return _in_list(key, value, steps, text)
        case Shape.NAMED:
            assert key.block is not None
            inside, name = _named(value, steps[0])
            if len(steps) == 1:
                raise ValueError(f"name a key of {name}, behind two underscores")
            changed, path = _in_block(key.block, inside.get(name), steps[1:], text)
            return {**inside, name: changed}, f".{name}{path}"
    assert key.block is not None
    return _in_block(key.block, value, steps, text)


def _in_list(key: Key, value: Any, steps: Sequence[str], text: str) -> tuple[Any, str]:
    items = list(value) if isinstance(value, list | tuple) else []
    step = steps[0]
    if not step.isdecimal() or int(step) >= len(items):
        there = f"0 to {len(items) - 1}" if items else "none"
        raise ValueError(f"expected the index of an item that the file has ({there}), got {step.lower()}")
    index = int(step)
    if len(steps) == 1:
        if key.shape is Shape.OBJECTS:
            raise ValueError("name a key of it, behind two underscores")
        items[index] = text
        return items, f"[{index}]"
    assert key.block is not None
    old = {"url": items[index]} if isinstance(items[index], str) else items[index]
    items[index], path = _in_block(key.block, old, steps[1:], text)
    return items, f"[{index}]{path}"


def _in_mapping(value: Any, steps: Sequence[str], text: str) -> tuple[Any, str]:
    """Within what has no keys of camcast's own: options, variables, services."""
    if isinstance(value, list | tuple):
        raise ValueError(f"what stands before {steps[0].lower()} is a list in the file; it cannot be changed from here")
    inside, name = _named(value, steps[0])
    if len(steps) == 1:
        return {**inside, name: _plain(text)}, f".{name}"
    changed, path = _in_mapping(inside.get(name), steps[1:], text)
    return {**inside, name: changed}, f".{name}{path}"


def _named(value: Any, step: str) -> tuple[Mapping[str, Any], str]:
    """The object, and its key that is spelled like this in any case; a new one in small letters."""
    if not step:
        raise ValueError("expected a name between two pairs of underscores")
    inside = value if isinstance(value, Mapping) else {}
    return inside, next((name for name in inside if str(name).lower() == step.lower()), step.lower())


def _read(key: Key, text: str) -> Any:
    """The value as a file would have it. Raises `ValueError` where the key's rule takes it in no form."""
    if key.shape in (Shape.OBJECTS, Shape.ENTRIES):
        items = _plain(text)
        if not isinstance(items, list):
            raise ValueError("expected a whole list as JSON, or the index of an item behind two underscores")
        return items
    if key.shape not in (Shape.VALUE, Shape.SWITCHED):
        raise ValueError(f"name a key of {key.name}, behind two underscores")
    if key.rule is None:
        return _plain(text)
    plain = _plain(text)
    if plain is None:
        # Where null means something, it is not the word.
        with contextlib.suppress(ValueError, ConfigError):
            key.rule.read(None)
            return None
    try:
        key.rule.read(text)
    except (ValueError, ConfigError):
        if plain == text:
            raise
        key.rule.read(plain)
        return plain
    return text


def _plain(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
