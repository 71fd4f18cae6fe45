"""Whatever a file holds: a configuration or a `ConfigError`, never another exception, and never a key in its text."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.config.kinds import made_up_host
from tests.core.config.test_errors import CASES, GOOD, changed

from camcast.config import from_mapping, json_schema, loads
from camcast.config.place import MOST_ISSUES
from camcast.errors import ConfigError

pytestmark = pytest.mark.slow

HOST = made_up_host()
OPEN = jsonschema.Draft202012Validator(json_schema())
README = json.loads((Path(__file__).parent / "system_config.json").read_text())
KEY = "QxZ7"

WORDS = [
    f"rtmp://s/live/{KEY}",
    f"rtmp://u:{KEY}@s/a/k?{KEY}",
    f"rtmp://s/live/{{{KEY}",
    "{x}",
    "env:X",
    "never",
    10**400,
]
KEYS = st.sampled_from(["url", "urls", "type", "options", "enabled", "rtmp", "x"])
TEXT = st.text(max_size=12).filter(lambda text: KEY not in text)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(WORDS)
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a file."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at] * bool(at) + [place for key, item in inner for place in places(item, (*at, key))]


FILES = [GOOD, README, *(changed(changes) for changes, _ in CASES.values())]


@settings(max_examples=300)
@given(st.data())
def test_any_value_at_any_place(data: st.DataObject) -> None:
    config = copy.deepcopy(data.draw(st.sampled_from(FILES)))
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(places(config)))
        inner: Any = config
        for key in way:
            inner = inner[key]
        inner[last] = data.draw(JSON)
    try:
        found = from_mapping(config, HOST)
        shown = repr(found)
        # What the loader takes, an editor with the schema takes too.
        assert not [error.message for error in OPEN.iter_errors(config)]
    except ConfigError as error:
        shown = str(error)
    assert shown
    assert KEY not in shown


MANY = {f"k{index}": 0 for index in range(20_000)}
SOURCE = {"type": "rtsp", "url": "rtsp://camera/main"}


@pytest.mark.parametrize(
    "config",
    [
        MANY,
        {"rtmp": MANY},
        {"cameras": [{"streams": [{"source": {**SOURCE, "options": MANY}}]}]},
        {"cameras": [1] * 20_000},
        {"cameras": [{"streams": [{}] * 5000}]},
        {"variables": {f"v-{index}": 0 for index in range(20_000)}},
        {"x" * 1_000_000: 1},
        {"rtmp": {"url": "rtmp://s/live/" + "{camera_id}" * 100_000}, "cameras": [{"streams": [{"source": SOURCE}]}]},
        {"cameras": [{"streams": [{"source": {"type": "x" * 1_000_000}}]}]},
        {"cameras": [{"streams": [{"source": SOURCE, "encoder": {"type": "x" * 1_000_000}}]}]},
    ],
    ids=range(10),
)
def test_a_broken_file_is_refused_soon_and_in_few_words(config: dict[str, Any]) -> None:
    begun = time.process_time()
    with pytest.raises(ConfigError) as error:
        loads(json.dumps(config), HOST)
    assert time.process_time() - begun < 3
    assert len(error.value.issues) <= MOST_ISSUES + 1
    assert len(str(error.value)) < 100_000


@given(st.text(max_size=60) | st.text(alphabet='{}[]",:/*0e\n ', max_size=40))
def test_any_text(text: str) -> None:
    for format in ("json", "toml"):
        try:
            loads(text, HOST, format=format)
        except ConfigError:
            continue
