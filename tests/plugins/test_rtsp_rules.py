"""The rules by which RTSP times are made, one by one: how far they may run ahead, when sound is moved and how fast."""

from __future__ import annotations

from itertools import pairwise

import attrs
import pytest

from camcast.media import NS_PER_MS, NS_PER_S
from camcast_rtsp.beside import Beside
from camcast_rtsp.clock import Timeline, TrackClock
from camcast_rtsp.rate import Drift
from camcast_rtsp.reports import Report, Reports

START = 1_000 * NS_PER_S
PROGRESS = 96 * NS_PER_MS


def test_times_run_ahead_of_arrival_by_five_seconds_at_the_most() -> None:
    clock = TrackClock(90_000, Timeline())
    times = [clock.stamp(number * 3_600, START) for number in range(250)]
    assert 4 * NS_PER_S < max(times) - START < 6 * NS_PER_S
    assert all(later > earlier for earlier, later in pairwise(times))


def test_a_track_with_another_clock_goes_on_behind_what_it_gave() -> None:
    clock = TrackClock(90_000, Timeline())
    before = [clock.stamp(number * 3_600, START) for number in range(50)][-1]
    clock.change_rate(48_000)
    assert clock.stamp(7, START + NS_PER_MS) > before


def test_a_clock_that_is_given_up_never_steps_back() -> None:
    clock = TrackClock(90_000, Timeline())
    times = [clock.stamp(number * 10_800, START + number * 40 * NS_PER_MS) for number in range(250)]
    assert clock.by_arrival
    assert all(later > earlier for earlier, later in pairwise(times))


def test_a_leap_is_told() -> None:
    told: list[None] = []
    clock = TrackClock(90_000, Timeline(on_set=lambda: told.append(None)))
    for number in range(50):
        clock.stamp(number * 3_600 + (90_000 * 30 if number > 25 else 0), START + number * 40 * NS_PER_MS)
    assert len(told) == 1


@attrs.define
class Leader:
    """A picture whose line is so much later than its clock."""

    line: int
    reports: Reports = attrs.field(factory=Reports)
    drift: Drift = attrs.field(factory=Drift)
    by_arrival: bool = False

    def time_at(self, media: int) -> int:
        return media + self.line


def beside(line: int, *, twice: bool = True) -> tuple[Beside, Leader]:
    """Both have reported the same moment, and one before it."""
    own, leader = Reports(), Leader(line)
    for reports in (own, leader.reports):
        if twice:
            reports.heard(Report(-NS_PER_S, -NS_PER_S), 0)
        reports.heard(Report(0, 0), 0)
    return Beside(own, leader), leader


@pytest.mark.parametrize(
    ("error", "gained"),
    [
        (3 * NS_PER_S, 3 * NS_PER_S),
        (NS_PER_S // 2, PROGRESS // 6),
        (NS_PER_S // 5, PROGRESS // 16),
        (-3 * NS_PER_S, -PROGRESS // 6),
        (11 * NS_PER_S, None),
        (-11 * NS_PER_S, None),
        (0, 0),
    ],
)
def test_sound_is_moved_at_once_only_far_and_forward_and_else_by_a_part(error: int, gained: int | None) -> None:
    found, _ = beside(error)
    assert found.gain(0, 0, PROGRESS, 0) == gained
    assert found.apart == (gained is None)


@pytest.mark.parametrize("error", [3 * NS_PER_S, NS_PER_S * 3 // 5, -3 * NS_PER_S])
def test_a_first_report_moves_no_sound_far(error: int) -> None:
    found, leader = beside(error, twice=False)
    assert found.gain(0, 0, PROGRESS, 0) is None
    assert not found.apart
    for reports in (found._own, leader.reports):
        reports.heard(Report(NS_PER_S, NS_PER_S), 0)
    assert found.gain(0, 0, PROGRESS, 0)


@pytest.mark.parametrize("pace", [0.0, 1.875])
def test_reports_that_never_go_on_from_each_other_move_nothing_far(pace: float) -> None:
    """Their timestamps stand still, or are those of another clock."""
    found, leader = beside(0)
    for second in range(2, 20):
        found._own.heard(Report(second * NS_PER_S, int(second * pace * NS_PER_S)), 0)
        leader.reports.heard(Report(second * NS_PER_S, second * NS_PER_S), 0)
    assert not found._own.sure
    assert leader.reports.sure
    leader.line = 5 * NS_PER_S
    assert found.gain(0, 0, PROGRESS, 0) is None


@pytest.mark.parametrize("track", ["sound", "picture"])
@pytest.mark.parametrize("older", [0, 2 * NS_PER_S])
def test_reports_about_moments_before_what_has_come_are_not_used(track: str, older: int) -> None:
    """As of firmware that leaves out of them what its timestamps begin with: constant, and never the other track's."""
    found, leader = beside(1600 * NS_PER_MS)
    early, right = (found._own, leader.reports) if track == "sound" else (leader.reports, found._own)
    for second in range(1, 4):
        now = second * NS_PER_S
        early.heard(Report(now, now), now, 1600 * NS_PER_MS)
        # Its own are older, by both clocks, or not.
        right.heard(Report(now - older, now - older), now, older)
    assert found.gain(0, 0, PROGRESS, 0) is None
    assert found.apart
    assert found.too_early


@pytest.mark.parametrize("ahead", [(2, 2), (2, 0), (0, 2)])
def test_reports_that_are_old_tell_as_much(ahead: tuple[int, int]) -> None:
    """What is behind them by the track's clock is behind them by the wall clock too."""
    found, leader = beside(0)
    for reports, seconds in zip((found._own, leader.reports), ahead, strict=True):
        for second in (1, 2):
            told = (second - seconds) * NS_PER_S
            reports.heard(Report(told, told), second * NS_PER_S, seconds * NS_PER_S)
    leader.line = 3 * NS_PER_S
    assert found.gain(2 * NS_PER_S, 0, PROGRESS, 0) == 3 * NS_PER_S
    assert not found.too_early


def test_sound_that_was_brought_there_once_is_only_stretched() -> None:
    found, leader = beside(0)
    assert found.gain(0, 0, PROGRESS, 0) == 0
    leader.line = 3 * NS_PER_S
    assert found.gain(0, 0, PROGRESS, 0) == PROGRESS // 6
    found.forget()
    assert found.gain(0, 0, PROGRESS, 0) == 3 * NS_PER_S


def test_sound_goes_on_as_the_picture_does_for_a_minute_without_reports() -> None:
    found, leader = beside(0)
    assert found.gain(0, 0, PROGRESS, 50 * NS_PER_S) == 0
    leader.drift.slew = 0.01
    assert found.gain(0, 0, PROGRESS, 100 * NS_PER_S) == int(PROGRESS * (1.01 - 1))
    leader.drift.slew, leader.reports.pace = 0.0, 1.02
    assert found.gain(0, 0, PROGRESS, 100 * NS_PER_S) == int(PROGRESS * (1.02 - 1))
    assert found.gain(0, 0, PROGRESS, 111 * NS_PER_S) is None


def test_reports_say_something_for_a_minute() -> None:
    reports = Reports()
    assert not reports.known(0)
    reports.heard(Report(0, 0), 0)
    assert reports.known(59 * NS_PER_S)
    assert not reports.known(61 * NS_PER_S)


def test_reports_teach_how_fast_the_tracks_clock_runs() -> None:
    reports = Reports()
    for second in range(120):
        assert not reports.heard(Report(second * NS_PER_S, int(second * 1.01 * NS_PER_S)), 0)
    assert reports.pace == pytest.approx(1.01, abs=0.001)
    now = reports.media(119 * NS_PER_S)
    assert reports.media(129 * NS_PER_S) - now == pytest.approx(10 * reports.pace * NS_PER_S, abs=10)
    assert reports.ntp(now + 10 * NS_PER_S) == pytest.approx((119 + 10 / reports.pace) * NS_PER_S, abs=10)


@pytest.mark.parametrize(("off", "was_set"), [(50, False), (200, True)])
def test_reports_close_to_each_other_tell_of_a_clock_that_was_set_and_of_no_pace(off: int, was_set: bool) -> None:
    reports = Reports()
    reports.heard(Report(0, 0), 0)
    assert reports.heard(Report(200 * NS_PER_MS, (200 + off) * NS_PER_MS), 0) == was_set
    assert reports.pace == 1.0
