"""JSON as people write it: with `//` and `/* */` comments and trailing commas. Errors say line and column.

Time is linear in the text's length, whether it is right or broken: the standard library reads what is JSON; where
it refuses, comments and trailing commas are overwritten with spaces in one pass and it is asked again. So places in
errors are those in the file. No error shows what the file holds, but for a sign or a key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from camcast.errors import ConfigError
from camcast.structure import shortened

MAX_DEPTH = 64
"""Objects and lists within each other. A configuration of camcast's has ten."""

_COMMENT = r"(?: //[^\n]*+ | /\*[^*]*+ (?:\*(?!/)[^*]*+)*+ (?:\*/)? )"
_TOKEN = re.compile(
    rf"""
    (?P<text> "[^"\\\n]*+ (?:\\.[^"\\\n]*+)*+ "? )      # the quote may be missing, else each one would look for its own
    | (?P<comment> {_COMMENT} )
    | (?P<open> [\[{{] ) | (?P<close> [\]}}] )
    | (?P<comma> ,(?= (?: \s++ | {_COMMENT} )*+ [\]}}] ) )    # the last one of an object or list
    """,
    re.VERBOSE | re.DOTALL,
)
_CONSTANT = re.compile(r"-?\b(?:NaN|Infinity)\b")
_NOT_NEWLINE = re.compile(r"[^\n]")
_PHRASES = {
    "Expecting value": "expected a value",
    "Expecting property name enclosed in double quotes": "expected a key in double quotes",
    "Expecting ':' delimiter": 'expected ":" behind the key',
    "Expecting ',' delimiter": 'expected "," or the end of the object or list',
    "Unterminated string starting at": "this text has no closing quote",
    "Invalid control character at": "a line break or control character stands within text; a line break is written \\n",
    "Invalid \\escape": "no such escape; a backslash is written \\\\",
    "Invalid \\uXXXX escape": "expected four hex digits behind \\u",
    "Extra data": "expected the end of the file",
    "Illegal trailing comma before end of object": "expected a key in double quotes",
    "Illegal trailing comma before end of array": "expected a value",
}
_COLON = re.compile(r"\s*+:")


class _Twice(Exception):
    """A key that an object has twice."""


class _Constant(Exception):
    """NaN or an infinity."""


def parse_json(text: str, *, trailing: bool = False) -> Any:
    """One JSON value. `trailing` accepts text behind it as well. Raises `ConfigError` with the place in the file."""
    if not text.strip():
        raise ConfigError("the file is empty")
    try:
        return _read(text)
    except json.JSONDecodeError:
        text = _plain(text, trailing)
    try:
        return _read(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{place_in(text, error.pos)}: {_explained(error)}") from None


def _read(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except _Twice as error:
        where = next((place_in(text, at) for at in _second_keys(text)), "the file")
        raise ConfigError(
            f'{where}: the key "{shortened(str(error))}" is given twice in one object; keep one of them'
        ) from None
    except _Constant as error:
        where = next((place_in(text, at) for at in _constants(text)), "the file")
        raise ConfigError(f"{where}: {error} is not a number that a configuration can hold") from None
    except RecursionError:
        raise ConfigError(_TOO_DEEP) from None
    except json.JSONDecodeError:
        raise
    except ValueError:
        raise ConfigError("a number in the file has too many digits") from None


_TOO_DEEP = f"the file is nested too deeply: at most {MAX_DEPTH} objects and lists within each other"


def _plain(text: str, trailing: bool) -> str:
    """The text with spaces for comments and trailing commas; ends with its first value where `trailing`."""
    pieces: list[str] = []
    before = ""  # the last sign that is no comment: [,] and [1,,] stay wrong
    depth = end = 0
    for token in _TOKEN.finditer(text):
        between, found, kind = text[end : token.start()], token[0], token.lastgroup
        end = token.end()
        pieces.append(between)
        before = between.rstrip()[-1:] or before
        if kind == "comment":
            found = _NOT_NEWLINE.sub(" ", found)
        elif kind == "comma":
            found = "," if before in ("[", "{", ",", "") else " "
        else:
            before = found[-1]
            depth += (kind == "open") - (kind == "close")
        pieces.append(found)
        if depth > MAX_DEPTH:
            raise ConfigError(f"{place_in(text, token.start())}: {_TOO_DEEP}")
        if trailing and kind == "close" and depth <= 0:
            return "".join(pieces)
    return "".join([*pieces, text[end:]])


def _explained(error: json.JSONDecodeError) -> str:
    phrase = _PHRASES.get(error.msg, "this is not JSON")
    if not phrase.startswith("expected"):
        return phrase
    came = error.doc[error.pos : error.pos + 1]
    missing = (
        "; a comma is missing before it" if '"," or' in phrase and (came in tuple('"[{') or came.isalnum()) else ""
    )
    match came:
        case "":
            return f"{phrase}, got the end of the file; a bracket or brace is not closed"
        case '"':
            return f"{phrase}, got text{missing}"
        case "'":
            return f"{phrase}, got a single quote; text stands in double quotes"
        case _ if came.isalnum():
            return f"{phrase}, got a word or number{missing}"
    return f'{phrase}, got "{came}"{missing}' if came.isprintable() else f"{phrase}, got a control character"


def place_in(text: str, at: int) -> str:
    """Line and column of a position, both from 1."""
    line = text.count("\n", 0, at) + 1
    return f"line {line}, column {at - text.rfind(chr(10), 0, at)}"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        raise _Twice(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return found


def _no_constant(name: str) -> Any:
    raise _Constant(name)


def _second_keys(text: str) -> Iterator[int]:
    """Where keys stand that their object has had before."""
    objects: list[set[str] | None] = []
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "open":
            objects.append(set() if token[0] == "{" else None)
        elif token.lastgroup == "close" and objects:
            objects.pop()
        elif token.lastgroup == "text" and objects and (keys := objects[-1]) is not None:
            if not _COLON.match(text, token.end()):
                continue
            key = json.loads(token[0])
            if key in keys:
                yield token.start()
            keys.add(key)


def _constants(text: str) -> Iterator[int]:
    end = 0
    for token in _TOKEN.finditer(text):
        if found := _CONSTANT.search(text, end, token.start()):
            yield found.start()
        end = token.end()
