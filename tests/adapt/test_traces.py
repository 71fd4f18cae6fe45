"""What the regulator makes of links that change: what comes, what is left out, how late, how often it changes."""

from __future__ import annotations

import functools
from collections import Counter

import attrs
import pytest

from camcast.stream.outlet import Outlet
from camcast.stream.regulator import CHANGES, REST
from tests.adapt.traces import TRACES, Trace, steps
from tests.adapt.world import LEAST, MOST, Changing, Ours, Run, drive

STEPS = [trace for trace in TRACES if "half" in trace.name]


@functools.cache
def played(trace: Trace) -> Run:
    return drive(trace, Ours())


def named(trace: Trace) -> str:
    return trace.name.replace(" ", "-").replace(",", "")


@pytest.mark.parametrize("trace", TRACES, ids=named)
def test_every_link_is_used_well_and_nothing_is_late(trace: Trace) -> None:
    run = played(trace)
    if trace.steady:
        assert run.used(trace.steady) >= 0.8
    assert run.used() >= 0.8
    assert run.lag() <= 1.5
    assert run.most_changes() <= CHANGES
    assert all(LEAST <= target <= MOST for _, target in run.changes)


@pytest.mark.parametrize("trace", STEPS, ids=named)
def test_a_step_to_half_leaves_no_picture_out(trace: Trace) -> None:
    run = played(trace)
    assert run.dropped(0, 20) == 0
    assert run.dropped(22, trace.seconds) == 0


@pytest.mark.parametrize("trace", [one for one in TRACES if "outage" not in one.name], ids=named)
def test_pictures_are_left_out_only_while_it_is_found_out_how_thin_a_new_link_is(trace: Trace) -> None:
    assert played(trace).dropped(4, trace.seconds) == 0


def test_an_outage_is_over_when_the_link_is_back() -> None:
    trace = next(one for one in TRACES if "outage" in one.name)
    run = played(trace)
    assert run.dropped(65, trace.seconds) == 0
    assert run.used(((66, trace.seconds),)) >= 0.95


@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.2, 2.0])
@pytest.mark.parametrize("level", [0.0, 0.6])
def test_a_link_that_hesitates_is_not_taken_for_a_thin_one_for_long(seconds: float, level: float) -> None:
    trace = Trace("hesitates", steps((0, 5), (20, level), (20 + seconds, 5)), 40, ())
    run = drive(trace, Ours())
    assert run.used(((29, 40),)) >= 0.9
    assert run.dropped(26, 40) == 0


def test_at_rest_it_rests() -> None:
    run = drive(Trace("thin for long", steps((0, 2.5)), 600, ((20, 600),)), Ours())
    last = [at for at, _ in run.changes if at >= 300]
    assert len(last) <= 5 * 4, "more than four changes a minute on a link that never changes"
    assert run.used(((300, 600),)) >= 0.8
    assert run.dropped(4, 600) == 0


def test_a_still_picture_says_nothing_of_the_path() -> None:
    """While the encoder idles its target does not rise, so that motion finds one that fits."""
    trace = Trace("still", steps((0, 5), (20, 1.5)), 120, ())
    run = drive(trace, Ours(), scale=lambda time: 0.2 if 30 <= time < 90 else 1.0)
    assert all(target <= 1_500_000 for at, target in run.changes if 30 <= at < 90)
    assert run.dropped(30, 120) == 0


def test_a_rate_that_others_leave_is_taken_back() -> None:
    trace = next(one for one in TRACES if one.competitor)
    assert played(trace).changes[-1][1] == MOST


def test_the_same_link_gives_the_same_answer() -> None:
    trace = TRACES[2]
    assert drive(trace, Ours()).changes == drive(trace, Ours()).changes


@attrs.define(eq=False)
class Counted(Ours):
    """Notes how long each pause between two looks was."""

    pauses: Counter[float] = attrs.field(factory=Counter)

    def look(self, now: float, outlet: Outlet, path: Changing) -> int:
        last, target = self._last, super().look(now, outlet, path)
        if self._last != last:
            self.pauses[round(2 * (self._last - last)) / 2] += 1
        return target


@pytest.mark.parametrize("after", [0.0, 0.1, 0.2, 0.3, 0.4])
def test_a_path_of_far_more_is_looked_at_seldom_and_no_step_to_half_leaves_a_picture_out(after: float) -> None:
    """Wherever between two looks it comes."""
    rate = steps((0, 1000), (20 + after, 2), (60, 1000))
    decides = Counted()
    run = drive(Trace("a network nearby", rate, 100, (), round_trip=0.0005), decides)
    assert run.drops == []
    assert run.lag() <= 1.5
    assert decides.pauses[REST] >= 15
    assert decides.pauses[REST] < sum(decides.pauses.values()) / 2, "others from when it is found otherwise on"
