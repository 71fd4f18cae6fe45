"""Sound beside the picture, by what the camera's reports say and whatever a busy machine makes of arrival."""

from __future__ import annotations

import heapq
import json
import random
from bisect import bisect
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from camcast.media import NS_PER_MS, NS_PER_S
from camcast_rtsp.clock import Timeline, TrackClock
from camcast_rtsp.rate import MAX_DRIFT
from camcast_rtsp.reports import LEARN, SET, Report, Reports

RECORDINGS: dict[str, Any] = json.loads(
    Path(__file__).with_name("recordings").joinpath("rtsp_busy_cameras.json").read_text()
)
"""GStreamer cameras on a machine with five times the work it can do. By name: `rtp_info`, each track's timestamp at the
beginning; `events` in the order in which they came: ["v" or "a", timestamp, arrival in µs] of a unit, with the report's
wall clock in µs behind it of a report. Their reports are exact; "late pictures" come up to 1.3 s late after a while,
"wrong RTP-Info" gives 81 ms of the sound to the picture."""
START = 1_000 * NS_PER_S
NTP = 3_900_000_000 * NS_PER_S


@attrs.define
class Camera:
    """Two clocks, and where each of their units was shown: [moment of capture (ns), our time (ns)]."""

    video: TrackClock
    audio: TrackClock
    pictures: list[tuple[int, int]] = attrs.field(factory=list)
    sounds: list[tuple[int, int]] = attrs.field(factory=list)

    @classmethod
    def make(cls, sound_rate: int = 48_000) -> Camera:
        timeline = Timeline()
        video = TrackClock(90_000, timeline)
        return cls(video, TrackClock(sound_rate, timeline, follows=video))

    def apart(self, since: int = 0) -> list[float]:
        """ms by which each sound is later than the picture of its moment, of those captured after `since` (ns)."""
        captured = [moment for moment, _ in self.pictures]
        found = []
        for moment, time in self.sounds:
            at = bisect(captured, moment)
            if moment < since or not 0 < at < len(captured):
                continue
            (left, shown), (right, next_shown) = self.pictures[at - 1 : at + 1]
            picture = shown + (next_shown - shown) * (moment - left) / (right - left)
            found.append((time - picture) / NS_PER_MS)
        return found


def replay(name: str) -> Camera:
    recording = RECORDINGS[name]
    camera = Camera.make(recording["clocks"]["audio"])
    clocks = {"v": camera.video, "a": camera.audio}
    shown = {"v": camera.pictures, "a": camera.sounds}
    last = {event[0]: event for event in recording["events"] if len(event) == 4}
    for track, clock in (("video", camera.video), ("audio", camera.audio)):
        clock.starts_at(recording["rtp_info"][track] & 0xFFFFFFFF)
    for track, timestamp, arrival, *wall in recording["events"]:
        clock = clocks[track]
        if wall:
            clock.report(timestamp & 0xFFFFFFFF, NTP + wall[0] * 1000)
            continue
        time = clock.stamp(timestamp & 0xFFFFFFFF, START + arrival * 1000)
        _, known, _, at = last[track]
        shown[track].append((at * 1000 + (timestamp - known) * NS_PER_S // clock.rate, time))
    return camera


def test_pictures_that_come_ever_later_take_no_sound_along() -> None:
    apart = replay("late pictures").apart()
    assert len(apart) > 900
    assert max(map(abs, apart)) < 5


def test_reports_are_right_where_rtp_info_is_not() -> None:
    apart = replay("wrong RTP-Info").apart()
    assert apart[0] == pytest.approx(81, abs=1)
    assert max(map(abs, apart[200:])) < 5
    assert max(abs(later - earlier) for earlier, later in pairwise(apart)) < 20


@attrs.frozen
class Busy:
    """A camera whose units are late at the beginning, each by up to so many ms, and no clock is wrong."""

    seed: int
    late: int
    until: float
    """Seconds."""
    first_reports: tuple[float, float]
    """When picture and sound report for the first time, s; below 0 = before their first units."""
    offset: int
    """ms by which sound's first unit is captured after the picture's."""


BUSY = st.builds(
    Busy,
    seed=st.integers(0, 2**32),
    late=st.integers(0, 300),
    until=st.floats(0.1, 15.0),
    first_reports=st.tuples(st.floats(-1.0, 6.0), st.floats(-1.0, 6.0)),
    offset=st.integers(-300, 300),
)
SECONDS = 30


def play(busy: Busy) -> tuple[Camera, float]:
    """And when both had reported, s; reports then come every 1 to 7 s."""
    chance = random.Random(busy.seed)
    camera = Camera.make()
    begin = {"picture": max(0, -busy.offset) / 1000, "sound": max(0, busy.offset) / 1000}
    clocks = {"picture": camera.video, "sound": camera.audio}
    shown = {"picture": camera.pictures, "sound": camera.sounds}
    units: list[tuple[float, str, float]] = []
    for name, step in (("picture", 0.04), ("sound", 1024 / 48_000)):
        arrived = 0.0
        for number in range(int(SECONDS / step)):
            taken = begin[name] + number * step
            # One connection keeps its order.
            arrived = max(arrived, taken + (chance.uniform(0, busy.late / 1000) if taken < busy.until else 0.0))
            units.append((arrived, name, taken))
    reports: list[tuple[float, str, float]] = []
    for name, first in zip(clocks, busy.first_reports, strict=True):
        at = begin[name] + first
        while at < SECONDS:
            reports.append((at, name, -1.0))
            at += chance.uniform(1.0, 7.0)
    for at, name, taken in heapq.merge(sorted(units), sorted(reports)):
        clock = clocks[name]
        if taken < 0:
            clock.report(round(at * clock.rate) & 0xFFFFFFFF, NTP + round(at * NS_PER_S))
        else:
            capture = round(taken * NS_PER_S)
            shown[name].append((capture, clock.stamp(round(taken * clock.rate), START + round(at * NS_PER_S))))
    return camera, max(begin[name] + first for name, first in zip(clocks, busy.first_reports, strict=True))


@given(BUSY)
def test_what_is_late_at_the_start_sets_nothing_for_good(busy: Busy) -> None:
    camera, reported = play(busy)
    # Half a second is mended in three.
    settled = camera.apart(round((max(0.0, reported) + 6.0) * NS_PER_S))
    assert max(map(abs, settled)) <= 20
    assert max(abs(later - earlier) for earlier, later in pairwise(camera.apart())) <= 20
    times = [time for _, time in camera.sounds]
    assert all(later > earlier for earlier, later in pairwise(times))


@given(BUSY)
def test_it_is_right_from_the_start_where_reports_came_first(busy: Busy) -> None:
    camera, _ = play(attrs.evolve(busy, first_reports=(-0.5, -0.1)))
    assert max(map(abs, camera.apart())) <= 20


@pytest.mark.parametrize("first", ["picture", "sound"])
def test_rtp_info_may_come_behind_the_first_packets(first: str) -> None:
    camera = Camera.make()
    one, other = (camera.video, camera.audio) if first == "picture" else (camera.audio, camera.video)
    shown = one.stamp(1_000_000, START)
    one.starts_at(1_000_000)
    other.starts_at(500)
    # Taken half a second after the first, arriving late.
    assert other.stamp(500 + other.rate // 2, START + 650 * NS_PER_MS) == shown + 500 * NS_PER_MS


def steady(camera: Camera, seconds: float, since: float = 0.0, *, late: float = 0.0) -> None:
    """Pictures and blocks of 40 ms, taken from `since` on and each `late` by so many seconds."""
    for number in range(round(since * 25), round((since + seconds) * 25)):
        taken = number * 40 * NS_PER_MS
        for clock, shown in ((camera.video, camera.pictures), (camera.audio, camera.sounds)):
            arrival = START + taken + round(late * NS_PER_S)
            shown.append((taken, clock.stamp(number * clock.rate // 25, arrival)))


def report(clock: TrackClock, at: float, wall: float | None = None) -> None:
    """The camera's moment `at` is `wall` by its wall clock; both s."""
    clock.report(round(at * clock.rate) & 0xFFFFFFFF, NTP + round((at if wall is None else wall) * NS_PER_S))


def test_a_wall_clock_that_is_set_moves_no_sound() -> None:
    camera = Camera.make()
    for second in range(20):
        steady(camera, 1.0, second)
        if second % 5 == 1:
            # Sound's report tells first, and the picture's follows half a second later.
            ahead = 3.0 if second > 10 else 0.0
            report(camera.audio, second + 1.0, second + 1.0 + ahead)
        if second % 5 == 3:
            report(camera.video, second + 1.0, second + 1.0 + ahead)
    assert max(map(abs, camera.apart())) < 1


def test_reports_that_are_a_little_off_move_sound_by_less() -> None:
    """As of a camera that asks its wall clock when a busy machine lets it."""
    chance = random.Random(1)
    camera = Camera.make()
    for second in range(0, 300, 5):
        steady(camera, 5.0, second)
        for clock in (camera.video, camera.audio):
            report(clock, second + 5.0, second + 5.0 + chance.choice((0.0, 0.06)))
    apart = camera.apart(60 * NS_PER_S)
    assert max(map(abs, apart)) < 60
    assert sum(map(abs, apart)) / len(apart) < 20


def test_a_link_that_is_slow_for_less_than_three_windows_is_no_clock() -> None:
    camera = Camera.make()
    # From the end of the first window on, whose delay is held.
    steady(camera, 5.04)
    steady(camera, 9.0, 5.04, late=0.8)
    steady(camera, 6.0, 14.04)
    assert {later - earlier for (_, earlier), (_, later) in pairwise(camera.pictures)} == {40 * NS_PER_MS}


def test_sound_whose_reports_are_about_another_clock_keeps_beside_real_time() -> None:
    """The picture reports the wall clock, and sound the time since it was switched on by its own crystal, which is fast
    by 100 ppm: a third of a second in an hour."""
    camera = Camera.make()
    for number in range(3600 * 10):
        taken = number * 100 * NS_PER_MS
        if number % 50 == 49:
            report(camera.video, taken / NS_PER_S)
            own = number * NS_PER_S // 10 * 10_001 // 10_000
            camera.audio.report(own * 48_000 // NS_PER_S & 0xFFFFFFFF, own + 100 * NS_PER_S)
        camera.pictures.append((taken, camera.video.stamp(number * 9_000, START + taken)))
        sound = round(number * 4_800 * 1.0001)
        camera.sounds.append((taken, camera.audio.stamp(sound & 0xFFFFFFFF, START + taken)))
    assert camera.audio.beside is not None
    assert camera.audio.beside.apart
    assert max(map(abs, camera.apart())) < 60


@given(st.lists(st.floats(-1.0, 1.0), max_size=100))
@example([-1.0] * 60)
@example([1.0] * 60)
def test_no_row_of_reports_makes_a_pace_that_one_of_them_could_not(offs: list[float]) -> None:
    """Each off by a part of what still agrees with those before it."""
    reports = Reports()
    ntp, media = NTP, 0
    for off in offs:
        reports.heard(Report(ntp, media), START)
        assert 1 - MAX_DRIFT <= reports.pace <= 1 + MAX_DRIFT
        ntp, media = ntp + LEARN, media + int(LEARN * reports.pace + off * (SET - 1))
