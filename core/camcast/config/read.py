"""A file's bytes to plain values: JSON with comments and trailing commas, or TOML. Bounded in size, depth and time."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from camcast.config.json_text import MAX_DEPTH, parse_json, place_in
from camcast.errors import ConfigError
from camcast.structure import described

MAX_SIZE = 8 * 2**20
"""Bytes. A file that is larger is not a configuration."""

_TOML_ERROR = re.compile(r"(?P<what>.*) \(at (?P<where>.*)\)", re.DOTALL)
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_DOTTED = re.compile(rf"{_PART}(?:[ \t]*+\.[ \t]*+{_PART})*+")


def decode(data: bytes) -> str:
    """A file's bytes as text: UTF-8, or UTF-16 with its mark. Raises `ConfigError` with the place of a bad byte."""
    if len(data) > MAX_SIZE:
        raise ConfigError(f"the file is larger than {MAX_SIZE // 2**20} MiB, which no configuration is")
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"line {line}: expected UTF-8 text, got another encoding; save the file as UTF-8") from None


def parse(text: str, format: str = "json") -> Mapping[str, Any]:
    """The file's root object. `format` is "json" or "toml". Raises `ConfigError` with line and column."""
    value = _parse_toml(text) if format == "toml" else parse_json(text)
    if not isinstance(value, Mapping):
        raise ConfigError(f"expected an object at the top of the file, got {described(value)}")
    return value


def _parse_toml(text: str) -> Mapping[str, Any]:
    for dotted in _DOTTED.finditer(text):
        # The library's time grows with the square of a key's parts.
        if dotted[0].count(".") > MAX_DEPTH and len(re.findall(_PART, dotted[0])) > MAX_DEPTH:
            raise ConfigError(f"{place_in(text, dotted.start())}: expected a key of at most {MAX_DEPTH} parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _TOML_ERROR.fullmatch(str(error))
        raise ConfigError(f"{match['where']}: {match['what']}" if match else str(error)) from None
    except RecursionError:
        raise ConfigError("the file is nested too deeply") from None
    except ValueError:
        # Python's own bound on the digits of a number.
        raise ConfigError("a number in the file has too many digits") from None


def too_deep(value: object) -> bool:
    """Whether objects and lists stand deeper in each other than any configuration has them."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, Mapping | list | tuple)
            for inner in (outer.values() if isinstance(outer, Mapping) else outer)
        ]
        if not level:
            return False
    return True
