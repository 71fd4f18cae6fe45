"""Text to plain values: JSON with comments and trailing commas, or TOML; errors say line and column, never content.

`json` reads most files, and fast; `json5`, which is some hundred times slower, only what `json` refuses.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

import json5

from camcast.errors import ConfigError

MAX_SIZE = 16 * 2**20
"""Bytes. A file that is larger is not a configuration."""

_JSON5_ERROR = re.compile(r"<string>:(?P<line>\d+) (?P<what>.*?)(?: at)? (?:at )?column (?P<column>\d+)", re.DOTALL)
_TOML_ERROR = re.compile(r"(?P<what>.*) \(at (?P<where>.*)\)", re.DOTALL)


class _Refused(Exception):
    """JSON, but with something in it that cannot be meant. No ValueError, which json5 would swallow."""


def decode(data: bytes) -> str:
    """A file's bytes as text: UTF-8, or UTF-16 with its mark. Raises `ConfigError` with the place of a bad byte."""
    if len(data) > MAX_SIZE:
        raise ConfigError(f"the file has {len(data)} bytes; a configuration has at most {MAX_SIZE}")
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"line {line}: expected UTF-8 text, got another encoding; save the file as UTF-8") from None


def parse(text: str, format: str = "json") -> Mapping[str, Any]:
    """The file's root object. `format` is "json" or "toml"."""
    try:
        value = tomllib.loads(text) if format == "toml" else parse_json(text)
    except tomllib.TOMLDecodeError as error:
        match = _TOML_ERROR.fullmatch(str(error))
        raise ConfigError(f"{match['where']}: {match['what']}" if match else str(error)) from None
    except RecursionError:
        raise ConfigError("the file is nested too deeply") from None
    if not isinstance(value, Mapping):
        raise ConfigError("expected an object at the top of the file")
    return value


def parse_json(text: str, *, trailing: bool = False) -> Any:
    """One JSON value; comments and trailing commas are accepted. `trailing` accepts text behind it as well."""
    if not text.strip():
        raise ConfigError("the file is empty")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except _Refused as error:
        raise ConfigError(str(error)) from None
    except ValueError:
        pass
    try:
        value, error_text, _ = json5.parse(
            text, object_pairs_hook=_unique, parse_constant=_no_constant, consume_trailing=not trailing
        )
    except _Refused as error:
        raise ConfigError(str(error)) from None
    if error_text:
        raise ConfigError(_place(str(error_text), text))
    return value


def _place(error: str, text: str) -> str:
    match = _JSON5_ERROR.match(error)
    if match is None:
        return "the file is not JSON"
    what = match["what"].strip()
    what = what[:1].lower() + what[1:].replace('"""', "a quote").replace('"\n"', "end of line")
    return f"line {match['line']}, column {match['column']}: {what}; expected JSON"


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Refused(f'the key "{key}" is given twice in one object')
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise _Refused(f"{name} is not a number that a configuration can hold")
