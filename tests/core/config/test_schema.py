"""The JSON Schema takes what the loader takes and refuses what it refuses, where a schema can tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from tests.core.config.kinds import made_up_host
from tests.core.config.strategies import configs
from tests.core.config.test_errors import CASES, GOOD, changed

from camcast.config import Config, dump, dumps, from_mapping, json_schema, loads
from camcast.config.options_schema import options_schema
from camcast.host import PluginHost

HOST = made_up_host()
OPEN = jsonschema.Draft202012Validator(json_schema())
HOSTED = jsonschema.Draft202012Validator(json_schema(HOST))
README = json.loads((Path(__file__).parent / "system_config.json").read_text())

BEYOND_A_SCHEMA = {
    "a source that needs a url",
    "camera ids twice",
    "stream ids twice",
    "too many cameras",
    "width alone",
    "an unknown codec",
    "an unknown rate control",
    "an audio codec as encoder",
    "copying frames",
    "copy and transcode",
    "an unknown implementation",
    "another codec's implementation",
    "an encoder option",
    "an unknown variable",
    "an unclosed brace",
    "a lone closing brace",
    "an empty variable",
    "no URL",
    "a bad port",
    "an unknown scheme",
    "an unknown transport",
    "a transport for another scheme",
    "what the transport refuses",
    "an output without URL",
    "fallbacks without a primary",
    "both places",
    "one name twice",
    "no duration",
    "attempts twice",
    "an audio policy",
    "a video codec as audio",
    "a fingerprint",
    "options of a transport",
    "a secret as a variable",
    "an output's name",
    "a slate without image",
}
NEEDS_PLUGINS = {"a misspelt source option", "a wrong option type", "an unknown source type"}


@pytest.mark.parametrize("validator", [OPEN, HOSTED], ids=["open", "hosted"])
def test_it_is_a_schema_and_takes_good_files(validator: jsonschema.Draft202012Validator) -> None:
    validator.check_schema(validator.schema)
    for good in (GOOD, README, {}, {"$schema": "https://example.org/schema"}):
        assert not list(validator.iter_errors(good))


@pytest.mark.parametrize("name", CASES)
def test_it_refuses_bad_files(name: str) -> None:
    bad = changed(CASES[name][0])
    assert HOSTED.is_valid(bad) == (name in BEYOND_A_SCHEMA)
    assert OPEN.is_valid(bad) == (name in BEYOND_A_SCHEMA | NEEDS_PLUGINS)


def test_defaults_are_shown() -> None:
    output = json_schema()["$defs"]["Output"]["properties"]
    assert output["failback_after"]["default"] == 30.0
    assert (output["standby"]["enum"], output["standby"]["default"]) == (["cold", "warm", "hot"], "cold")


UNITS = ("seconds or a duration such as", "a number of bytes or a size such as", "kbit/s or a rate such as")


def test_every_key_is_described_and_says_its_unit() -> None:
    for schema in (json_schema(), json_schema(PluginHost())):
        for name, block in [("", schema), *schema["$defs"].items()]:
            for key, value in block["properties"].items():
                assert value.get("description"), f"{name}.{key}"
                if key == "services":
                    continue  # its options describe themselves, as those of sources do
                text = json.dumps(value)
                if "ms|s|sec" in text or "[kKmMgG]" in text:
                    assert any(unit in value["description"] for unit in UNITS), f"{name}.{key}"
    encoder = json_schema()["$defs"]["Encoder"]["properties"]
    assert encoder["bitrate"]["description"] == (
        '0: chosen by the picture\'s size. In kbit/s or a rate such as "800 kbit/s" or "4 Mbit/s".'
    )
    assert json_schema()["$defs"]["RetryPolicy"]["properties"]["revive_after"]["default"] == 300.0


PLAIN_NUMBERS = {"port", "connections", "cameras", "max_attempts", "jitter", "latency"}
"""Numbers in options that have no unit, or one by their name."""


def described_options(schema: dict[str, Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key of some options, those of objects in them too."""
    for key, value in schema.get("properties", {}).items():
        yield f"{place}.{key}", value
        for inner in (value, value.get("items", {}), *value.get("anyOf", ())):
            yield from described_options(inner, f"{place}.{key}")


def test_every_option_of_a_service_is_described_and_says_its_unit() -> None:
    host = PluginHost()
    assert len(host.services) >= 5
    for name, kind in host.services.items():
        for place, value in described_options(options_schema(kind.options), name):
            assert value.get("description"), place
            text = json.dumps(value.get("anyOf", value))
            if "items" in value or "properties" in value:
                continue  # its parts say it
            if "ms|s|sec" in text or "[kKmMgG]" in text:
                assert any(unit in value["description"] for unit in UNITS), place
            elif value.get("type") in ("integer", "number"):
                assert place.rpartition(".")[2] in PLAIN_NUMBERS, f"{place} is a number: in what?"


def test_options_of_plugins_are_described_by_what_stands_beneath_them() -> None:
    text = json.dumps(json_schema(PluginHost()))
    assert "For cameras that encode and let it be set; 0 = the camera's own. In kbit/s or a rate such as" in text


@given(configs())
def test_what_is_written_loads_to_the_same(config: Config) -> None:
    assert loads(dumps(config), HOST) == config
    assert from_mapping(dump(config), HOST) == config
    assert not [error.message for error in OPEN.iter_errors(dump(config))]
