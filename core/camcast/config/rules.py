"""What one value of the configuration may be: how it is read, what it becomes, how the JSON Schema says it.

A rule is attached to an attrs field by its type, `Annotated[float, Rule(...)]`. The same rule then checks a file, an
embedder's constructor call (through `checked`) and an editor (through the schema).

Texts of errors say what was expected and what came. What came is shown only where it cannot be a secret.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin

import attrs

from camcast.config.quantities import (
    DURATION_SCHEMA,
    DURATION_WORDS,
    RATE_WORDS,
    SIZE_SCHEMA,
    SIZE_WORDS,
    Duration,
    is_number,
    rate_schema,
    read_bytes,
    read_kbps,
    read_positive_seconds,
    read_seconds,
)
from camcast.errors import ConfigError, Issue
from camcast.structure import described

MAX_KBPS = 200_000
MAX_OUTPUT_NAME = 64
NEVER = "never"
"""Stands for `null` in TOML, which has none."""


@attrs.frozen(eq=False)
class Rule:
    """Reads one value (raises `ValueError` saying what was expected and what came) and describes it as JSON Schema."""

    read: Callable[[Any], Any]
    schema: Mapping[str, Any]
    unit: str = ""
    """In what a value may be given, for its description: "seconds or a duration such as …"."""


def rule_of(type_: Any) -> Rule | None:
    """The rule that a field's type carries."""
    if get_origin(type_) is Annotated:
        return next((extra for extra in get_args(type_)[1:] if isinstance(extra, Rule)), None)
    return None


def key_of(field: attrs.Attribute[Any]) -> str:
    """What a model's field is called in a file."""
    return str(field.metadata.get("key", field.name))


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
        except ConfigError as error:
            raise ConfigError([Issue(below(field.name, one.path), one.message) for one in error.issues]) from None
        except ValueError as error:
            raise ConfigError([Issue(field.name, str(error))]) from None

    return convert


def below(path: str, further: str) -> str:
    """The path `further`, "[0].start" or "start", below `path`."""
    return f"{path}.{further}" if further and not further.startswith("[") else f"{path}{further}"


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


def read_output_name(value: Any) -> str:
    """An output's name: shown behind its stream's, after a slash."""
    if isinstance(value, str) and (not value.isprintable() or "/" in value or not 0 < len(value) <= MAX_OUTPUT_NAME):
        raise ValueError(f"an output's name is 1 to {MAX_OUTPUT_NAME} printable characters without /")
    return read_name(value)


def read_mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"expected an object, got {described(value)}")
    return dict(value)


def read_list(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a list, got {described(value)}")
    return list(value)


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
        if not is_number(value) or (isinstance(value, float) and (math.isinf(value) or value != int(value))):
            raise ValueError(f"expected a whole number, got {described(value)}")
        if not (low <= value <= high or (or_zero and value == 0)):
            raise ValueError(f"expected {low} to {high}{unit}, got {described(value)}")
        return int(value)

    schema: dict[str, Any] = {"type": "integer", "minimum": low, "maximum": high}
    return Rule(read, {"anyOf": [schema, {"const": 0}]} if or_zero and low > 0 else schema, unit.strip())


def number(low: float, high: float, unit: str = "", *, or_zero: bool = False) -> Rule:
    """A number in a range; 0 too where it means "not set"."""

    def read(value: Any) -> float:
        if not is_number(value):
            raise ValueError(f"expected a number, got {described(value)}")
        if not (low <= value <= high or (or_zero and value == 0)):
            raise ValueError(f"expected {low:g} to {high:g}{unit}, got {described(value)}")
        return float(value)

    schema: dict[str, Any] = {"type": "number", "minimum": low, "maximum": high}
    return Rule(read, {"anyOf": [schema, {"const": 0}]} if or_zero and low > 0 else schema, unit.strip())


def even(low: int, high: int) -> Rule:
    """An even number of pixels, or 0 for "not set"."""
    base = whole(low, high, or_zero=True)

    def read(value: Any) -> int:
        pixels = int(base.read(value))
        if pixels % 2:
            raise ValueError(f"expected an even number of pixels, got {pixels}")
        return pixels

    schema = {"type": "integer", "minimum": low, "maximum": high, "multipleOf": 2}
    return Rule(read, {"anyOf": [schema, {"const": 0}]}, "pixels")


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

    return Rule(read, {"anyOf": [dict(rule.schema), {"type": "null"}, {"const": NEVER}]}, rule.unit)


def optional(rule: Rule) -> Rule:
    """`null` too, which means "none"."""

    def read(value: Any) -> Any:
        return None if value is None else rule.read(value)

    return Rule(read, {"anyOf": [dict(rule.schema), {"type": "null"}]}, rule.unit)


def or_empty(rule: Rule) -> Rule:
    """ "" too, which means "not said"; it cannot be written in a file."""

    def read(value: Any) -> Any:
        return "" if isinstance(value, str) and value == "" else rule.read(value)

    return Rule(read, rule.schema)


def instance(cls: type) -> Rule:
    """Another model. In a file it is an object with that model's keys."""

    def read(value: Any) -> Any:
        if not isinstance(value, cls):
            raise ValueError(f"expected a {cls.__name__}, got {described(value)}")
        return value

    return Rule(read, {})


def instances(cls: type) -> Rule:
    """Several other models."""
    one = instance(cls)

    def read(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise ValueError(f"expected a tuple of {cls.__name__}s, got {described(value)}")
        return tuple(one.read(item) for item in value)

    return Rule(read, {})


def named(cls: type, name: Rule) -> Rule:
    """Several other models, by names that obey `name`."""
    one = instance(cls)

    def read(value: Any) -> Any:
        return {name.read(key): one.read(item) for key, item in read_mapping(value).items()}

    return Rule(read, {"type": "object"})


def rate(low: int, high: int) -> Rule:
    """kbit/s in a range; 0 too, which means "not set"."""
    return Rule(lambda value: read_kbps(value, low, high), rate_schema(low, high), RATE_WORDS)


SECONDS = Rule(read_seconds, DURATION_SCHEMA, DURATION_WORDS)
POSITIVE_SECONDS = Rule(read_positive_seconds, DURATION_SCHEMA, DURATION_WORDS)
FLAG = Rule(read_flag, {"type": "boolean"})
TEXT = Rule(read_text, {"type": "string"})
NAME = Rule(read_name, {"type": "string", "pattern": r"\S"})
LABEL = Rule(read_label, {"type": "string", "pattern": r"\S", "not": {"pattern": "://"}})
TEXTS = Rule(read_texts, {"type": "array", "items": dict(NAME.schema)})

Seconds = Annotated[float, SECONDS]
PositiveSeconds = Annotated[float, POSITIVE_SECONDS]
SecondsOrNever = Annotated[float | None, or_never(POSITIVE_SECONDS)]
Bytes = Annotated[int, Rule(read_bytes, SIZE_SCHEMA, SIZE_WORDS)]
BytesOrNever = Annotated[int | None, or_never(Rule(read_bytes, SIZE_SCHEMA, SIZE_WORDS))]
Kbps = Annotated[int, rate(1, MAX_KBPS)]
OutputName = Annotated[str, Rule(read_output_name, dict(LABEL.schema))]
Flag = Annotated[bool, FLAG]
Text = Annotated[str, TEXT]
Name = Annotated[str, NAME]
LabelOrEmpty = Annotated[str, or_empty(LABEL)]
OptionalText = Annotated[str | None, optional(NAME)]
Fingerprint = Annotated[str | None, optional(Rule(read_fingerprint, dict(NAME.schema)))]
Options = Annotated[Mapping[str, Any], Rule(read_mapping, {"type": "object"})]
Texts = Annotated[tuple[str, ...], TEXTS]
OptionalTexts = Annotated[tuple[str, ...] | None, optional(TEXTS)]


def seconds(value: Duration) -> float:
    """A duration as a constructor takes it. (`checked` puts one in its place that says whose it is.)"""
    return read_seconds(value)


def seconds_or_never(value: Duration | None) -> float | None:
    """The same, or None for never."""
    return None if value is None else read_seconds(value)


def size(value: int | str) -> int:
    """A size as a constructor takes it."""
    return read_bytes(value)


def kbps(value: float | str) -> int:
    """A rate as a constructor takes it."""
    return read_kbps(value, 1, MAX_KBPS)
