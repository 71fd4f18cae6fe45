"""One object of a configuration file: its keys, and how it is read. Each key once, at its own place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

import attrs

from camcast.config.about import about_fields
from camcast.config.place import Place
from camcast.config.rules import NAME, Rule, key_of, read_list, read_mapping, rule_of
from camcast.structure import described, suggest

_PLAIN = (bool, int, float, str)
OPTIONS = "options"
"""The key of whatever only one kind of source, encoder or transport has."""


class Shape(Enum):
    """What stands behind a key."""

    VALUE = "value"
    """Something that its rule reads."""
    PART = "part"
    """An object whose keys are read with those around it."""
    OBJECT = "object"
    """An object that is read by itself."""
    OBJECTS = "objects"
    """A list of them."""
    NAMED = "named"
    """An object of them, by name."""
    SWITCHED = "switched"
    """true or false, or such an object."""
    ENTRIES = "entries"
    """A list of URLs, or of objects with a `url`."""


@attrs.frozen(kw_only=True)
class Key:
    """One key of a block."""

    name: str
    field: str
    """What the model calls it."""
    shape: Shape = Shape.VALUE
    rule: Rule | None = None
    block: Block | None = None
    default: Any = None
    about: str = ""
    """Its description, for people."""

    def read(self, value: Any, place: Place) -> Any:
        """The value, read as far as it is read with its block. Raises `ValueError`."""
        match self.shape:
            case Shape.VALUE:
                assert self.rule is not None
                return self.rule.read(value)
            case Shape.PART:
                assert self.block is not None
                return self.block.read(value, place).values
            case Shape.OBJECTS:
                return read_list(value)
            case Shape.NAMED:
                return read_mapping(value)
            case Shape.ENTRIES:
                assert self.block is not None
                return _read_entries(value, place, self.block)
        return value


@attrs.frozen
class Entry:
    """One entry of a chain: its URL as written, which is a template, and what it says of its own."""

    url: str = attrs.field(repr=False)
    own: Mapping[str, Any] = attrs.field(repr=False)
    place: Place
    """Of the entry."""
    url_place: Place


@attrs.frozen
class Given:
    """The keys of a block that are in the file and right, by field."""

    values: Mapping[str, Any]
    place: Place
    whole: bool
    """Whether nothing was wrong with any of them; what is told once need not be told as its consequence."""


@attrs.frozen(kw_only=True)
class Block:
    """An object of a file."""

    name: str
    """In the JSON Schema."""
    keys: Mapping[str, Key]
    required: Sequence[str] = ()
    foreign: Sequence[str] = ()
    """Keys that belong to other programs."""
    foreign_place: str = ""
    """How the place of those is shown: "cameras[]."."""

    def read(self, value: Any, place: Place) -> Given:
        """Each key once. What is wrong is told at its place, and the rest is given all the same."""
        before = place.report.told
        found: dict[str, Any] = {}
        if not isinstance(value, Mapping):
            place.wrong(f"expected an object, got {described(value)}")
            value = {}
        for name, item in value.items():
            key = self.keys.get(name)
            if name in self.foreign:
                place.report.foreign(f"{self.foreign_place}{name}")
            elif key is None:
                place.at(str(name)).wrong(f"unknown key{'' if place.report.full else self._advice(str(name))}")
            else:
                with place.at(name).told():
                    found[key.field] = key.read(item, place.at(name))
        return Given(found, place, place.report.told == before)

    def _advice(self, name: str) -> str:
        advice = suggest(name, list(self.keys))
        # Nobody who has read a camera's or a server's page knows that camcast keeps such keys apart.
        apart = OPTIONS in self.keys and "; known: " in advice
        return f'{advice}; keys of the chosen kind itself go into "{OPTIONS}"' if apart else advice


def keys_of(*models: type, without: Sequence[str] = ()) -> Iterator[Key]:
    """A key for each field of `models`; fields that are models themselves become parts."""
    for model in models:
        texts = about_fields(model)
        for field in attrs.fields(model):
            if field.name in without:
                continue
            name, about = key_of(field), texts.get(field.name, "")
            default = field.default if isinstance(field.default, _PLAIN) or attrs.has(type(field.default)) else None
            if attrs.has(type(default)):
                part = Block(name=type(default).__name__, keys=by_name(keys_of(type(default))))
                yield Key(name=name, field=field.name, shape=Shape.PART, block=part, about=about)
            else:
                yield Key(name=name, field=field.name, rule=rule_of(field.type), default=default, about=about)


def _read_entries(value: Any, place: Place, block: Block) -> tuple[Entry, ...]:
    found = []
    for index, item in enumerate(read_list(value)):
        where = place.item(index)
        if isinstance(item, str):
            with where.told():
                found.append(Entry(NAME.read(item), {}, where, where))
        elif not isinstance(item, Mapping):
            where.wrong(f"expected a URL or an object with a url, got {described(item)}")
        else:
            given = block.read(item, where)
            own = dict(given.values)
            if url := own.pop("url", ""):
                found.append(Entry(url, own, where, where.at("url")))
            elif "url" not in item:
                where.at("url").wrong("is missing")
    return tuple(found)


def by_name(keys: Iterable[Key]) -> Mapping[str, Key]:
    return {key.name: key for key in keys}
