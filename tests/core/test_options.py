"""Options of plugins take durations, sizes and rates as the configuration's own keys do."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from camcast.config.options_schema import options_schema
from camcast.errors import ConfigError
from camcast.host import PluginHost
from camcast.kinds import SourceKind
from camcast.options import Bytes, Kbps, PositiveSeconds, Seconds, SecondsOrNever


@attrs.frozen(kw_only=True)
class RadioOptions:
    timeout: PositiveSeconds = 5.0
    """A transmitter that is silent for so long is given up."""
    wait: Seconds = attrs.field(default=0.0, validator=attrs.validators.le(60))
    again: SecondsOrNever = None
    buffer: Bytes = 1000
    rate: Kbps = 0
    plain: float = 1.0


def _never(context: object) -> object:
    raise AssertionError("options build nothing")


RADIO = SourceKind(name="radio", title="", build=_never, options=RadioOptions)  # type: ignore[arg-type]


def structured(**options: Any) -> RadioOptions:
    made: RadioOptions = PluginHost(entry_points=False).structure_options(RADIO, options, "options")
    return made


def test_they_are_numbers_in_python_whatever_was_written() -> None:
    assert structured(timeout="5 min", wait="500ms", again="1h", buffer="64 MiB", rate="4 Mbit/s") == RadioOptions(
        timeout=300.0, wait=0.5, again=3600.0, buffer=64 << 20, rate=4000
    )
    assert structured(timeout=2, again="never").timeout == 2
    assert structured() == RadioOptions()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"timeout": 0}, "options.timeout: expected a duration above 0 s, got 0"),
        ({"timeout": "soon"}, "options.timeout: expected seconds or a duration such as"),
        ({"wait": "2 min"}, "options.wait: must be <= 60, got 120.0"),
        (
            {"buffer": "4 MX"},
            'options.buffer: expected a number of bytes or a size such as "4MB" or "64 MiB", got other text',
        ),
        ({"rate": "1 Gbit/s"}, "options.rate: expected 1 to 200000 kbit/s, got text"),
        ({"plain": "5 min"}, "options.plain: expected a number, got text"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(options: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError) as error:
        structured(**options)
    assert str(error.value).startswith(told)


def test_the_schema_says_the_unit() -> None:
    timeout = options_schema(RadioOptions)["properties"]["timeout"]
    assert timeout["description"] == (
        "A transmitter that is silent for so long is given up. In seconds or a duration such as "
        '"500ms", "1.5s" or "5 min".'
    )
    assert timeout["default"] == 5.0
