"""What a schedule comes to: daylight saving both ways, midnight, leap days, days without a sun; and by an oracle.

The oracle knows nothing of offsets: it looks at each minute's clock on the wall.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camcast.config import Schedule, Window
from camcast.config.calendar import Calendar, Phase
from camcast.config.moments import DAYS, read_moment
from camcast.config.sun import sun_times

MINUTE, HOUR, DAY = 60, 3600, 86400
BERLIN = "Europe/Berlin"
TROMSO: dict[str, Any] = {"timezone": "Europe/Oslo", "latitude": 69.65, "longitude": 18.96}


def at(text: str) -> float:
    """POSIX seconds of "2026-03-29T01:30+01:00"."""
    return datetime.fromisoformat(text).timestamp()


def daily(start: str, stop: str, zone: str = BERLIN, **more: Any) -> Calendar:
    return Calendar(Schedule(timezone=zone, windows=[{"start": start, "stop": stop}], **more))


def spans(calendar: Calendar, begin: str, end: str) -> list[tuple[str, str]]:
    """Times on the air between two times, as the calendar shows them."""
    now, last = at(begin), at(end)
    found: list[tuple[str, str]] = []
    while True:
        phase = calendar.phase(now)
        if phase.until is None or phase.until > last:
            return found
        if phase.on:
            found.append((calendar.shown(now), calendar.shown(phase.until)))
        now = phase.until


# --- ordinary days ------------------------------------------------------------------------------------------


def test_weekly_windows_and_what_comes_next() -> None:
    calendar = Calendar(
        Schedule(timezone=BERLIN, windows=[{"days": "mon-fri", "start": "08:00", "stop": "18:00"}, {"days": "sat"}])
    )
    assert calendar.phase(at("2026-12-01T12:00+01:00")) == Phase(on=True, until=at("2026-12-01T18:00+01:00"))
    assert calendar.phase(at("2026-12-04T18:00+01:00")) == Phase(on=False, until=at("2026-12-05T00:00+01:00"))
    assert calendar.phase(at("2026-12-05T23:59+01:00")) == Phase(on=True, until=at("2026-12-06T00:00+01:00"))
    assert calendar.phase(at("2026-12-06T00:00+01:00")) == Phase(on=False, until=at("2026-12-07T08:00+01:00"))


def test_its_start_is_in_it_and_its_stop_is_not() -> None:
    calendar = daily("08:00", "18:00:30")
    assert not calendar.is_on(at("2026-12-01T07:59:59.999+01:00"))
    assert calendar.is_on(at("2026-12-01T08:00+01:00"))
    assert calendar.is_on(at("2026-12-01T18:00:29.999+01:00"))
    assert not calendar.is_on(at("2026-12-01T18:00:30+01:00"))


def test_over_midnight_it_belongs_to_the_day_that_it_begins_on() -> None:
    calendar = Calendar(Schedule(timezone=BERLIN, windows=[{"days": "sun", "start": "22:00", "stop": "02:00"}]))
    assert spans(calendar, "2026-12-01T00:00+01:00", "2026-12-12T00:00+01:00") == [
        ("Sun 2026-12-06 22:00 CET", "Mon 2026-12-07 02:00 CET")
    ]


def test_windows_that_touch_or_overlap_are_one() -> None:
    windows = [
        {"start": "20:00", "stop": "24:00"},
        {"start": "00:00", "stop": "03:00"},
        {"start": "02:00", "stop": "04:00"},
    ]
    calendar = Calendar(Schedule(timezone=BERLIN, windows=windows))
    assert calendar.phase(at("2026-12-01T21:00+01:00")) == Phase(on=True, until=at("2026-12-02T04:00+01:00"))


def test_a_week_without_an_end_and_no_schedule_never_change() -> None:
    for schedule in (Schedule(), Schedule(timezone="UTC", windows=[{}]), Schedule(timezone="UTC", exceptions={})):
        assert Calendar(schedule).phase(at("2026-12-01T12:00+00:00")) == Phase(on=True, until=None)


# --- daylight saving ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        ("02:15", "02:45", []),  # within the hour that is left out
        ("02:30", "04:00", [("Sun 2026-03-29 03:00 CEST", "Sun 2026-03-29 04:00 CEST")]),
        ("01:00", "02:30", [("Sun 2026-03-29 01:00 CET", "Sun 2026-03-29 03:00 CEST")]),
        ("01:00", "03:30", [("Sun 2026-03-29 01:00 CET", "Sun 2026-03-29 03:30 CEST")]),
        ("03:00", "04:00", [("Sun 2026-03-29 03:00 CEST", "Sun 2026-03-29 04:00 CEST")]),
    ],
)
def test_when_the_clock_is_put_forward(start: str, stop: str, expected: list[tuple[str, str]]) -> None:
    found = spans(daily(start, stop), "2026-03-29T00:00+01:00", "2026-03-29T12:00+02:00")
    assert found == expected


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        ("02:15", "02:45", [("Sun 2026-10-25 02:15 CEST", "Sun 2026-10-25 02:45 CET")]),  # of both hours
        ("02:30", "04:00", [("Sun 2026-10-25 02:30 CEST", "Sun 2026-10-25 04:00 CET")]),
        ("01:00", "02:00", [("Sun 2026-10-25 01:00 CEST", "Sun 2026-10-25 02:00 CEST")]),
        ("01:00", "02:30", [("Sun 2026-10-25 01:00 CEST", "Sun 2026-10-25 02:30 CET")]),
        ("03:00", "04:00", [("Sun 2026-10-25 03:00 CET", "Sun 2026-10-25 04:00 CET")]),
    ],
)
def test_when_the_clock_is_put_back(start: str, stop: str, expected: list[tuple[str, str]]) -> None:
    found = spans(daily(start, stop), "2026-10-25T00:00+02:00", "2026-10-25T12:00+01:00")
    assert found == expected


def test_a_window_of_the_night_takes_as_long_as_that_night() -> None:
    calendar = daily("22:00", "06:00")
    for day, hours in (("2026-03-27", 8), ("2026-03-28", 7), ("2026-10-24", 9)):
        begin = datetime.fromisoformat(f"{day}T22:00").replace(tzinfo=ZoneInfo(BERLIN)).timestamp()
        assert calendar.next_change(begin) == begin + hours * HOUR


@pytest.mark.parametrize("zone", ["America/Havana", "Africa/Cairo", "Asia/Beirut"])
def test_where_midnight_itself_is_left_out_or_comes_twice(zone: str) -> None:
    """The whole day from midnight to midnight goes on without a break, through a whole year."""
    calendar = Calendar(Schedule(timezone=zone, windows=[{"days": day} for day in DAYS]))
    assert calendar.phase(at("2026-01-01T12:00+00:00")) == Phase(on=True, until=None)


def test_a_day_that_a_country_left_out_has_no_windows() -> None:
    """Samoa had no 30th of December 2011."""
    assert spans(daily("08:00", "18:00", "Pacific/Apia"), "2011-12-29T00:00-10:00", "2012-01-01T00:00+14:00") == [
        ("Thu 2011-12-29 08:00 -10", "Thu 2011-12-29 18:00 -10"),
        ("Sat 2011-12-31 08:00 +14", "Sat 2011-12-31 18:00 +14"),
    ]


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Havana", "Asia/Kathmandu")
TURNS = ("2026-03-08", "2026-03-29", "2026-04-05", "2026-04-24", "2026-10-04", "2026-10-25", "2026-10-30", "2026-11-01")
CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))


@st.composite
def weekly(draw: st.DrawFn) -> tuple[Window, ...]:
    found = []
    for _ in range(draw(st.integers(1, 3))):
        start, stop = draw(CLOCKS), draw(st.one_of(CLOCKS, st.just("24:00")))
        days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=7))
        if start != stop:
            found.append(Window(days=tuple(days), start=start, stop=stop))
    return tuple(found) or (Window(),)


def walls(window: Window, day: date) -> tuple[datetime, datetime]:
    """What the clock on the wall shows at a window's ends."""
    begin, end = window.moments
    midnight = datetime(day.year, day.month, day.day)
    later = timedelta(days=window.later)
    return midnight + timedelta(seconds=begin.seconds), midnight + later + timedelta(seconds=end.seconds)


def by_the_wall(windows: tuple[Window, ...], zone: ZoneInfo, day: date) -> dict[int, bool]:
    """Each minute of the day before, the day and the day after: on from the first to the last that the wall shows."""
    middle = int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp())
    shown = {
        minute: datetime.fromtimestamp(minute, zone).replace(tzinfo=None)
        for minute in range(middle - 3 * DAY, middle + 3 * DAY, MINUTE)
    }
    on: set[int] = set()
    for step in range(-3, 4):
        begins = day + timedelta(days=step)
        for window in windows:
            if DAYS[begins.weekday()] in window.days:
                first, last = walls(window, begins)
                inside = [minute for minute, wall in shown.items() if first <= wall < last]
                if inside:
                    on.update(range(inside[0], inside[-1] + MINUTE, MINUTE))
    return {minute: minute in on for minute in range(middle - DAY, middle + DAY, MINUTE)}


@settings(max_examples=25, deadline=None)
@given(windows=weekly(), zone=st.sampled_from(ZONES), day=st.sampled_from(TURNS), probe=st.integers(0, 2 * 1440 - 1))
def test_it_is_on_when_the_clock_on_the_wall_says_so(
    windows: tuple[Window, ...], zone: str, day: str, probe: int
) -> None:
    calendar = Calendar(Schedule(timezone=zone, windows=windows))
    expected = by_the_wall(windows, ZoneInfo(zone), date.fromisoformat(day))
    minutes = list(expected)
    looked = [*minutes[::37], minutes[probe], *_edges(expected)]
    assert {minute: calendar.is_on(minute) for minute in looked} == {minute: expected[minute] for minute in looked}
    change = next((minute for minute in minutes[probe:] if expected[minute] is not expected[minutes[probe]]), None)
    found = calendar.next_change(minutes[probe])
    if change is None:
        assert found is None or found > minutes[-1]
    else:
        assert found == change


def _edges(expected: dict[int, bool]) -> Iterator[int]:
    """Minutes at which it changes, and those before."""
    for minute, on in expected.items():
        if expected.get(minute - MINUTE, on) is not on:
            yield from (minute - MINUTE, minute)


@settings(max_examples=25, deadline=None)
@given(
    windows=weekly(),
    zone=st.sampled_from(ZONES),
    moment=st.integers(1_700_000_000, 1_900_000_000),
    off=st.lists(st.dates(date(2023, 11, 1), date(2030, 3, 1)), max_size=3),
)
def test_nothing_changes_before_the_next_change_and_it_does_then(
    windows: tuple[Window, ...], zone: str, moment: int, off: list[date]
) -> None:
    exceptions: dict[str, Any] = {day.isoformat(): "off" for day in off}
    calendar = Calendar(Schedule(timezone=zone, windows=windows, exceptions=exceptions))
    for _ in range(3):
        phase = calendar.phase(moment)
        if phase.until is None:
            return
        assert phase.until > moment
        between = [moment + (phase.until - moment) * part / 7 for part in range(7)]
        assert {calendar.is_on(one) for one in (*between, phase.until - 0.001)} == {phase.on}
        assert calendar.is_on(phase.until) is not phase.on
        moment = int(phase.until)


# --- exceptions ---------------------------------------------------------------------------------------------


def test_an_exception_decides_its_day_from_midnight_to_midnight() -> None:
    calendar = daily("22:00", "02:00", exceptions={"2026-12-24": "off", "2026-12-26": "on"})
    assert spans(calendar, "2026-12-22T12:00+01:00", "2026-12-28T12:00+01:00") == [
        ("Tue 2026-12-22 22:00 CET", "Wed 2026-12-23 02:00 CET"),
        ("Wed 2026-12-23 22:00 CET", "Thu 2026-12-24 00:00 CET"),
        ("Fri 2026-12-25 22:00 CET", "Sun 2026-12-27 00:00 CET"),
        ("Sun 2026-12-27 22:00 CET", "Mon 2026-12-28 02:00 CET"),
    ]


def test_its_own_windows_may_go_on_into_an_ordinary_day_and_end_at_another_exception() -> None:
    party = [{"start": "18:00", "stop": "03:00"}]
    for new_year, ends in ((None, "Fri 2027-01-01 03:00 CET"), ("off", "Fri 2027-01-01 00:00 CET")):
        exceptions: dict[str, Any] = {"2026-12-31": party} | ({"2027-01-01": new_year} if new_year else {})
        calendar = daily("08:00", "12:00", exceptions=exceptions)
        assert spans(calendar, "2026-12-31T00:00+01:00", "2027-01-01T07:00+01:00") == [
            ("Thu 2026-12-31 18:00 CET", ends)
        ]


def test_the_narrower_exception_holds() -> None:
    exceptions = {"2026-12-24 to 2026-12-26": "off", "2026-12-25": [{"start": "10:00", "stop": "11:00"}], "12-26": "on"}
    calendar = daily("08:00", "18:00", exceptions=exceptions)
    assert spans(calendar, "2026-12-24T00:00+01:00", "2026-12-27T00:00+01:00") == [
        ("Fri 2026-12-25 10:00 CET", "Fri 2026-12-25 11:00 CET")
    ]


def test_exceptions_alone_leave_the_rest_on() -> None:
    calendar = Calendar(Schedule(timezone=BERLIN, exceptions={"12-25": "off"}))
    for year in (2026, 2027):
        assert calendar.phase(at(f"{year}-12-01T00:00+01:00")).until == at(f"{year}-12-25T00:00+01:00")
        assert calendar.phase(at(f"{year}-12-25T00:00+01:00")).until == at(f"{year}-12-26T00:00+01:00")


def test_leap_days() -> None:
    every_year = daily("08:00", "18:00", exceptions={"02-29": "off"})
    assert not every_year.is_on(at("2028-02-29T12:00+01:00"))
    assert every_year.is_on(at("2027-03-01T12:00+01:00"))
    once = daily("22:00", "02:00", exceptions={"2028-02-29": "on"})
    assert spans(once, "2028-02-28T12:00+01:00", "2028-03-01T12:00+01:00") == [
        ("Mon 2028-02-28 22:00 CET", "Wed 2028-03-01 00:00 CET")
    ]


def test_a_change_is_seen_a_year_ahead_and_no_further() -> None:
    calendar = Calendar(Schedule(timezone="UTC", exceptions={"2027-12-01": "off"}))
    assert calendar.next_change(at("2026-12-01T12:00+00:00")) == at("2027-12-01T00:00+00:00")
    assert calendar.next_change(at("2026-09-01T12:00+00:00")) is None


# --- the sun ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "day", "rises", "sets"),
    [
        ((52.52, 13.405, BERLIN), "2026-06-21", "04:43", "21:33"),
        ((51.507, -0.128, "Europe/London"), "2026-12-21", "08:03", "15:53"),
        ((-33.87, 151.21, "Australia/Sydney"), "2026-12-21", "05:41", "20:05"),
        ((43.83, 87.62, "Asia/Shanghai"), "2026-12-21", "09:40", "18:34"),  # far west in its zone
        ((-13.83, -171.77, "Pacific/Apia"), "2026-06-21", "06:50", "18:08"),  # a day away from its longitude's
    ],
)
def test_the_sun_as_almanacs_have_it(place: tuple[float, float, str], day: str, rises: str, sets: str) -> None:
    zone = ZoneInfo(place[2])
    found = sun_times(place[0], place[1], zone, date.fromisoformat(day))
    for seconds, expected in ((found.sunrise, rises), (found.sunset, sets)):
        then = datetime.fromisoformat(f"{day}T{expected}").replace(tzinfo=zone).timestamp()
        assert abs(seconds - then) < 3 * MINUTE


def test_by_the_sun_with_an_offset() -> None:
    place: dict[str, Any] = {"latitude": 52.52, "longitude": 13.405}
    plain, early = daily("sunset", "sunrise", **place), daily("sunset - 30 min", "sunrise+1h", **place)
    noon = at("2026-12-01T12:00+01:00")
    sunset = plain.next_change(noon)
    assert sunset is not None
    assert abs(sunset - at("2026-12-01T15:55+01:00")) < 3 * MINUTE
    assert early.next_change(noon) == sunset - 30 * MINUTE
    sunrise = plain.next_change(sunset)
    assert sunrise is not None
    assert abs(sunrise - at("2026-12-02T07:56+01:00")) < 3 * MINUTE
    assert early.next_change(sunset) == sunrise + HOUR


@pytest.mark.parametrize(
    ("start", "stop", "later"),
    [
        ("sunrise", "sunset", 0),
        ("sunset", "sunrise", 1),
        ("20:00", "sunset", 0),
        ("22:00", "sunrise", 1),
        ("03:00", "sunrise", 0),
        ("sunset", "23:00", 0),
        ("sunset", "02:00", 1),
        ("sunset", "24:00", 0),
        ("sunrise", "09:00", 0),
        ("22:00", "22:00:01", 0),
        ("22:00", "06:00", 1),
    ],
)
def test_on_which_day_a_window_ends(start: str, stop: str, later: int) -> None:
    assert Window(start=start, stop=stop).later == later
    assert read_moment(start).sun in ("", "sunrise", "sunset")


def test_the_polar_night_is_one_night_and_the_polar_day_one_day() -> None:
    night = Calendar(Schedule(windows=[{"start": "sunset", "stop": "sunrise"}], **TROMSO))
    day = Calendar(Schedule(windows=[{"start": "sunrise", "stop": "sunset"}], **TROMSO))
    winter, summer = at("2026-12-21T12:00+01:00"), at("2026-06-21T00:30+02:00")
    assert night.is_on(winter)
    assert not day.is_on(winter)
    assert day.is_on(summer)
    assert not night.is_on(summer)
    # As almanacs have it: no sun from 27 November to 15 January, no night from 18 May to 26 July.
    for calendar, moment, month, days in ((night, winter, 1, (14, 15, 16)), (day, summer, 7, (25, 26, 27))):
        until = calendar.next_change(moment)
        assert until is not None
        ends = datetime.fromtimestamp(until, ZoneInfo("Europe/Oslo"))
        assert (ends.month, ends.day in days) == (month, True)


def test_between_clock_and_sun_the_polar_day_and_night_are_their_limits() -> None:
    """As days get shorter, sunset comes to noon; as nights get shorter, it comes to midnight."""
    calendar = Calendar(Schedule(windows=[{"start": "08:00", "stop": "sunset"}], **TROMSO))
    for begin, noon in (("2026-12-21T08:00+01:00", 12 - 8), ("2026-06-21T08:00+02:00", 24 + 1 - 8)):
        until = calendar.next_change(at(begin))
        assert until is not None
        assert abs(until - at(begin) - noon * HOUR) < 30 * MINUTE


@settings(max_examples=20, deadline=None)
@given(
    latitude=st.floats(-89, 89),
    longitude=st.floats(-180, 180),
    day=st.dates(date(2024, 1, 1), date(2030, 12, 31)),
)
def test_the_sun_rises_before_noon_and_sets_after_it_everywhere(latitude: float, longitude: float, day: date) -> None:
    # The zone of the place itself: an hour for each 15 degrees.
    zone = ZoneInfo(f"Etc/GMT{-round(longitude / 15):+d}")
    first, second = (sun_times(latitude, longitude, zone, day + timedelta(days=step)) for step in (0, 1))
    midday = datetime(day.year, day.month, day.day, 12, tzinfo=zone).timestamp()
    assert abs(first.noon - midday) < HOUR
    assert first.sunrise <= first.noon <= first.sunset <= second.sunrise + MINUTE <= second.noon + MINUTE
