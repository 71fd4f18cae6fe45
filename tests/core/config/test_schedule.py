"""Schedules in a file: levels over each other, what is wrong at its place with its remedy, and back into a file."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from tests.core.world import World

from camcast.config import Schedule, Window, dumps, from_mapping, json_schema, loads
from camcast.config.schedule import read_days
from camcast.errors import ConfigError

NIGHT = {"start": "sunset", "stop": "sunrise"}


def file(schedule: Any, /, **output: Any) -> dict[str, Any]:
    return {
        "rtmp": {"url": "mem://a/{camera_name}", "schedule": schedule},
        "cameras": [{"name": "gate", "rtmp": output, "streams": [{"source": {"type": "scripted"}}]}],
    }


def schedule_of(content: dict[str, Any]) -> Schedule:
    (session,) = from_mapping(content, World().host).sessions()
    return session.schedule


def told(content: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as error:
        schedule_of(content)
    return [str(issue) for issue in error.value.issues]


def test_what_a_file_says() -> None:
    days = ("mon", "tue", "wed", "thu", "fri")
    found = schedule_of(
        file({"timezone": "Europe/Berlin", "windows": [{"days": "Mon-Fri", "start": "8:00", "stop": " 18:00"}]})
    )
    assert found == Schedule(timezone="Europe/Berlin", windows=[Window(days=days, start="8:00", stop="18:00")])
    assert schedule_of(file({})) == Schedule()
    assert schedule_of(file({})).always


def test_each_key_is_overridden_by_itself() -> None:
    place: dict[str, Any] = {"timezone": "UTC", "latitude": 50, "longitude": 10}
    found = schedule_of(file({**place, "windows": [{}]}, schedule={"windows": [NIGHT]}))
    assert found == Schedule(**place, windows=[NIGHT])
    for always in (None, "always"):
        assert schedule_of(file({**place, "windows": [NIGHT]}, schedule={"windows": always})).always


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon", "mon"),
        ("sat,Sunday", "sat sun"),
        ("fri-mon", "mon fri sat sun"),
        (["wed", "thu-fri, mon"], "mon wed thu fri"),
        ("mon-mon", "mon"),
    ],
)
def test_days_as_people_write_them(text: Any, days: str) -> None:
    assert read_days(text) == tuple(days.split())


_PLACE = {"timezone": "UTC", "latitude": 50, "longitude": 10}
_DATE = 'a date such as "2026-12-24", "2026-12-24 to 2027-01-06", or "12-25" for each year'
_MOMENT = 'a time such as "08:00", or "sunrise" or "sunset" with an offset such as "sunset - 30 min"'


@pytest.mark.parametrize(
    ("schedule", "place", "text"),
    [
        (
            {"windows": [{}]},
            "timezone",
            'is missing: times need a zone; give its name such as "Europe/Berlin", or "UTC"',
        ),
        ({"timezone": "Europe/Berln"}, "timezone", 'unknown time zone "Europe/Berln"; did you mean "Europe/Berlin"?'),
        ({"timezone": "Europe"}, "timezone", 'unknown time zone "Europe"'),
        ({"timezone": "../../etc/passwd"}, "timezone", 'unknown time zone "../../etc/passwd"'),
        ({"timezone": "UTC", "windows": []}, "windows", "expected at least one window, got none"),
        ({"windows": {"start": "08:00"}}, "windows", "expected a list, got an object"),
        ({"windows": ["08:00-18:00"]}, "windows[0]", "expected an object with start and stop, got "),
        ({"windows": [{"begin": "08:00"}]}, "windows[0].begin", "unknown key; known: days, start, stop"),
        ({"windows": [{"strat": "08:00"}]}, "windows[0].strat", 'unknown key; did you mean "start"?'),
        ({"windows": [{"start": "8 am"}]}, "windows[0].start", f"expected {_MOMENT}, got other text"),
        ({"windows": [{"start": "24:01"}]}, "windows[0].start", 'expected a time from "00:00" to "24:00", got "24:01"'),
        ({"windows": [{"start": 8}]}, "windows[0].start", f"expected {_MOMENT}, got "),
        ({"windows": [{"start": "24:00"}]}, "windows[0].start", 'a window cannot begin at "24:00"; write "00:00"'),
        (
            {"windows": [{"days": "someday"}]},
            "windows[0].days",
            'expected days such as "mon-fri" or "sat, sun", got other',
        ),
        ({"windows": [{"days": []}]}, "windows[0].days", 'expected days such as "mon-fri" or "sat, sun", got none'),
        (
            {"timezone": "UTC", "windows": [{}, {"start": "08:00", "stop": "08:00"}]},
            "windows[1].stop",
            'is the same as start, so it would never be on; for a whole day leave both out, or stop at "24:00"',
        ),
        (
            {"timezone": "UTC", "windows": [NIGHT]},
            "latitude",
            "is missing: windows[0].start goes by the sun, which needs latitude and longitude",
        ),
        (
            {"timezone": "UTC", "latitude": 50, "windows": [{"stop": "sunset"}]},
            "longitude",
            "is missing: windows[0].stop",
        ),
        ({"latitude": 91}, "latitude", "expected -90 to 90, got 91"),
        (
            {**_PLACE, "windows": [{"start": "sunset + 1h", "stop": "sunset"}]},
            "windows[0]",
            "sunset + 1h to sunset comes to nothing on any day of the year there; mend start or stop",
        ),
        (
            {**_PLACE, "windows": [{"start": "sunrise", "stop": "02:00"}]},
            "windows[0]",
            "sunrise to 02:00 comes to nothing on any day of the year there; mend start or stop",
        ),
        ({"windows": [{"start": "sunset - 7h"}]}, "windows[0].start", "expected an offset of 6 h at most"),
        ({"exceptions": {"24-12": "off"}}, "exceptions.24-12", f"there is no such day; expected {_DATE}"),
        ({"exceptions": {"Christmas": "off"}}, "exceptions.Christmas", f"expected {_DATE}"),
        ({"exceptions": {"2027-02-29": "off"}}, "exceptions.2027-02-29", f"there is no such day; expected {_DATE}"),
        ({"exceptions": {"13-01": "off"}}, "exceptions.13-01", "there is no such day"),
        (
            {"exceptions": {"2027-02-02 to 2027-02-01": "off"}},
            "exceptions.2027-02-02 to 2027-02-01",
            "expected the first day before the last, and 400 days at most",
        ),
        ({"exceptions": {"12-24": False}}, "exceptions.12-24", 'expected "off", "on" or a list of windows, got false'),
        ({"exceptions": {"12-24": [{"days": "mon"}]}}, "exceptions.12-24[0].days", "unknown key; known: start, stop"),
        (
            {"exceptions": {"2026-12-20 to 2026-12-27": "off", "2026-12-24 to 2026-12-30": "on"}},
            "exceptions.2026-12-24 to 2026-12-30",
            'overlaps with "2026-12-20 to 2026-12-27"; give each day once',
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_place_with_what_to_do(schedule: dict[str, Any], place: str, text: str) -> None:
    (line,) = told(file(schedule))
    assert line.startswith(f"rtmp.schedule.{place}: {text}")


def test_what_levels_make_together_is_told_where_it_stands() -> None:
    (line,) = told(file({"timezone": "UTC"}, schedule={"windows": [NIGHT]}))
    assert line.startswith("cameras[0].rtmp.schedule.latitude: is missing: windows[0].start goes by the sun")


@pytest.mark.parametrize(
    "schedule",
    [
        {"timezone": "Europe/Berlin", "windows": [{"days": ["mon", "sun"], "start": "08:00", "stop": "02:00"}]},
        {**_PLACE, "windows": [NIGHT], "exceptions": {"12-24": "off", "2026-12-31": [{"start": "18:00"}]}},
        {"timezone": "UTC", "exceptions": {"2026-12-24 to 2026-12-26": "off"}},
    ],
)
def test_the_schema_takes_it_and_a_written_file_says_the_same(schedule: dict[str, Any]) -> None:
    content = file(schedule)
    jsonschema.validate(content, json_schema())
    config = from_mapping(content, World().host)
    written = dumps(config)
    assert loads(written, World().host) == config
    jsonschema.validate(json.loads(written), json_schema())


@pytest.mark.parametrize(
    "schedule",
    [
        {"windows": []},
        {"windows": [{"begin": "08:00"}]},
        {"exceptions": {"24.12.": "off"}},
        {"exceptions": {"12-24": [{"days": "mon"}]}},
        {"latitude": 91},
    ],
)
def test_the_schema_refuses_what_is_refused(schedule: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(file(schedule), json_schema())


def test_the_schema_explains_each_key() -> None:
    properties = json_schema()["$defs"]["Schedule"]["properties"]
    assert all(one["description"] for one in properties.values())
    window = properties["windows"]["anyOf"][0]["items"]["properties"]
    assert {key: bool(one["description"]) for key, one in window.items()} == dict.fromkeys(
        ("days", "start", "stop"), True
    )
