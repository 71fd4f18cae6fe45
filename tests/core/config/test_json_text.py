"""JSON as people write it: what is taken, where it is broken, and that neither takes long."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.config.json_text import MAX_DEPTH, parse_json, place_in
from camcast.config.read import MAX_SIZE, decode, parse, too_deep
from camcast.errors import ConfigError

pytestmark = pytest.mark.slow

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
COMMENTS = st.sampled_from(["", " ", "\n", '// a, "b" ]\n', "/* { */", "/**/", "/* // \n * / */", "\t//\n"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2,], /* c */ "b": {},}', {"a": [1, 2], "b": {}}),
        ('["//", "/*", "*/", "a\\"//b", ",]",]', ["//", "/*", "*/", 'a"//b', ",]"]),
        ("[1 // one, ]\n, // and\n]", [1]),
        ("/* first */ 7 // last", 7),
        ("[[],{},]", [[], {}]),
        ('{"url": "rtmp://s/live/k"}', {"url": "rtmp://s/live/k"}),
    ],
)
def test_comments_and_trailing_commas_are_read(text: str, value: object) -> None:
    assert parse_json(text) == value


@pytest.mark.parametrize(
    "text", ["[,]", "{,}", "[1,,]", "[,1]", '{"a",}', '{"a":,}', "[1 2]", "/ 1", "[/]", "'a'", "{a:1}"]
)
def test_what_is_more_than_that_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="line 1, column "):
        parse_json(text)


@given(JSON, st.lists(COMMENTS, min_size=1), st.booleans())
def test_any_value_survives_any_comments(value: Any, comments: list[str], commas: bool) -> None:
    """Written with comments between all its parts, and with trailing commas, a value is the same."""
    number = 0

    def written(part: Any) -> str:
        nonlocal number
        number += 1
        comment = comments[number % len(comments)]
        if isinstance(part, dict):
            inner = [f"{comment}{json.dumps(key)}{comment}:{written(one)}" for key, one in part.items()]
        elif isinstance(part, list):
            inner = [written(one) for one in part]
        else:
            return f"{comment}{json.dumps(part)}{comment}"
        end = "," if commas and inner else ""
        opened, closed = "{}" if isinstance(part, dict) else "[]"
        return f"{comment}{opened}{','.join(inner)}{end}{comment}{closed}{comment}"

    assert parse_json(written(value)) == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": 1\n "b": 2}', 'line 2, column 2: expected "," or the end of the object or list, got text'),
        ('// c\n{"a" 1}', 'line 2, column 6: expected ":" behind the key, got a word or number'),
        ('{"a": "b', "line 1, column 7: this text has no closing quote"),
        ('{"a": "b\nc"}', "line 1, column 9: a line break or control character stands within text"),
        ('{"a": "\\q"}', "line 1, column 8: no such escape; a backslash is written \\\\"),
        ("{'a': 1}", "line 1, column 2: expected a key in double quotes, got a single quote; text stands in double"),
        ("[1] 2", "line 1, column 5: expected the end of the file, got a word or number"),
        ("[1, /* no end", "line 1, column 14: expected a value, got the end of the file"),
        ('{"a": 1, "b": {"c": 1, /* */ "c": 2}}', 'line 1, column 30: the key "c" is given twice in one object; keep'),
        ('{"a":1,"\\u0061":2}', 'line 1, column 8: the key "a" is given twice in one object'),
        ('{"x": "NaN",\n"a": NaN}', "line 2, column 6: NaN is not a number that a configuration can hold"),
        ('[-Infinity, "x"]', "line 1, column 2: -Infinity is not a number"),
        ("[" + "9" * 5000 + "]", "a number in the file has too many digits"),
        (" \n", "the file is empty"),
    ],
)
def test_what_is_broken_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_json(text)
    assert str(error.value).startswith(told)


def test_text_behind_the_value_is_left_alone_where_that_is_asked_for() -> None:
    assert parse_json('{"a": [1,], } and "more [[[', trailing=True) == {"a": [1]}
    with pytest.raises(ConfigError, match="expected the end of the file"):
        parse_json('{"a": 1} x')


def test_places_count_from_one() -> None:
    assert [place_in("ab\ncd", at) for at in (0, 1, 3, 5)] == [
        "line 1, column 1",
        "line 1, column 2",
        "line 2, column 1",
        "line 2, column 3",
    ]


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "// c\n" + "[" * 100_000, "[" * (MAX_DEPTH + 1) + "// c"]
)
def test_deep_nesting_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError, match=f"nested too deeply: at most {MAX_DEPTH} objects and lists"):
        parse_json(text)


def test_depth_is_told_of_values_as_well() -> None:
    value: object = 1
    for _ in range(MAX_DEPTH):
        value = [value]
    assert not too_deep(value)
    assert too_deep({"a": value})


def outcome(text: str, format: str) -> str:
    """What is said of it; nothing where it is read."""
    try:
        parse(text, format)
    except ConfigError as error:
        return str(error)
    return ""


MEGABYTE = 1_000_000
PLAIN = json.dumps(
    [{"name": f"camera {n}", "url": f"rtmp://server/live/{n}", "more": [1, 2, n]} for n in range(13_000)]
)
UNITS = [
    '"',
    '"\\"',
    "\\",
    "/",
    "/*",
    "/**",
    "//",
    "//\n",
    "{",
    "[,",
    ",",
    " ",
    "-",
    "*/",
    "}",
    '"a",',
    "[],",
    "1e9,",
    "'",
]
BROKEN = [
    *(unit * (MEGABYTE // len(unit)) for unit in UNITS),
    *("[" + unit * (MEGABYTE // len(unit)) for unit in UNITS),
]


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN + "// a comment",
        PLAIN.replace(",", ", // one each\n"),
        PLAIN.replace("]", ",]"),
        PLAIN[:-10],
        PLAIN[:1000] + "x" + PLAIN[1000:],
        PLAIN.replace("}", ', "url": 1}', 1),
        PLAIN[:-1] + ', {"a": 1, "a": 2}]',
        *BROKEN,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_four_times_the_text_takes_four_times_the_time(text: str) -> None:
    """Read or refused: what is quadratic would take sixteen times. A megabyte takes below a second on a quiet core."""
    assert len(text) > MEGABYTE * 0.9
    took = []
    for part in (text[: len(text) // 4], text):
        begun = time.process_time()  # CPU time: the machine may be busy
        told = outcome(part, "json")
        took.append(time.process_time() - begun)
        assert len(told) < 200
    assert took[1] < 8 * took[0] + 0.5


TOML = [
    "a." * (MEGABYTE // 2),
    "[" + "a." * (MEGABYTE // 2),
    '"a".' * (MEGABYTE // 4),
    "a" * MEGABYTE,
    '"' * MEGABYTE,
    "a=[" * (MEGABYTE // 3),
    "a={" * (MEGABYTE // 3),
    "a=" + "[" * MEGABYTE,
    "# x\n" * (MEGABYTE // 4),
    "".join(f"[[cameras]]\ncamera_id={n}\n" for n in range(30_000)),
]


@pytest.mark.parametrize("text", TOML, ids=lambda text: repr(text[:12]))
def test_so_is_a_megabyte_of_toml(text: str) -> None:
    begun = time.process_time()
    told = outcome(text, "toml")
    assert time.process_time() - begun < 2.0
    assert len(told) < 200


def test_a_file_has_a_bound() -> None:
    with pytest.raises(ConfigError, match="larger than 8 MiB, which no configuration is"):
        decode(b" " * (MAX_SIZE + 1))
