"""The last quarter of an hour of each session: which moments are kept, what is a gap, and what it costs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count

import attrs
import pytest
from tests.core.session.clock import Clock

from camcast import Config, Engine
from camcast.engine.history import INTERVAL, POINTS, SLICE, History, Noted, SessionHistory
from camcast.errors import NotFound, WrongState
from camcast.events import SessionKey, SessionState
from camcast.session.health import Health
from camcast.session.metrics import Recorder, SessionMetrics, Sketch

KEY = SessionKey(0, 0, "out")
BARE = Recorder().snapshot(
    key=KEY, label="cam0_main", state=SessionState.CONNECTED, health=Health.HEALTHY, target="", target_index=0,
    retries=0, next_attempt_at=None, on_air=None,
)  # fmt: skip


def figures(**changes: object) -> SessionMetrics:
    return attrs.evolve(BARE, **changes)  # type: ignore[arg-type]


def sketch(found: SessionMetrics) -> Sketch:
    return Sketch(found.target_index, found.bitrate, found.bitrate_target, found.lag, found.transport)


def note(noted: Noted, moment: int, found: SessionMetrics) -> None:
    noted.note(moment, found.frames_dropped, sketch(found) if found.state is SessionState.CONNECTED else None)


def shown(noted: Noted, limit: int = POINTS) -> SessionHistory:
    return noted.shown(KEY, 0.0, limit)


def test_each_moment_has_all_figures_and_those_off_the_air_are_gaps() -> None:
    noted = Noted(7)
    note(noted, 7, figures(bitrate=4e6, lag=0.25, transport={"rtt_ms": 12.5}))
    note(noted, 8, figures(bitrate=1e6, bitrate_target=1_200_000, target_index=1, frames_dropped=30))
    note(noted, 9, figures(state=SessionState.ERROR, frames_dropped=30, transport={"rtt_ms": 12.5}))
    assert attrs.asdict(attrs.evolve(shown(noted), until=0.0), recurse=False) == {
        "key": KEY,
        "interval": INTERVAL,
        "until": 0.0,
        "target": [0, 1, None],
        "bitrate": [4e6, 1e6, None],
        "bitrate_target": [None, 1.2e6, None],
        "lag": [0.25, 0.0, None],
        "dropped": [0, 30, 0],
        "round_trip": [0.0125, None, None],
    }
    assert shown(noted, 2).target == [1, None]
    assert shown(noted, 0).target == []


def test_a_moment_that_was_missed_is_a_gap() -> None:
    noted = Noted(0)
    note(noted, 0, figures(bitrate=1.0))
    note(noted, 3, figures(bitrate=4.0))
    assert shown(noted).bitrate == [1.0, None, None, 4.0]


@pytest.mark.parametrize("gap", [1, POINTS - 1, POINTS, POINTS + 1, 10 * POINTS])
def test_no_more_than_a_quarter_of_an_hour_is_kept(gap: int) -> None:
    noted = Noted(0)
    for moment in range(POINTS + 20):
        note(noted, moment, figures(bitrate=float(moment)))
    last = POINTS + 19 + gap
    note(noted, last, figures(bitrate=float(last)))
    kept = shown(noted).bitrate
    assert len(kept) == POINTS
    assert kept[-1] == last
    assert kept[: max(0, POINTS - gap)] == [float(one) for one in range(20 + gap, POINTS + 20)]
    assert kept[max(0, POINTS - gap) : -1] == [None] * (min(gap, POINTS) - 1)


def test_drops_are_counted_by_moment_also_when_counting_begins_anew() -> None:
    noted = Noted(0)
    for moment, drops in enumerate((5, 5, 9, 2, 4)):
        note(noted, moment, figures(frames_dropped=drops))
    assert shown(noted).dropped == [5, 0, 4, 0, 2]


@attrs.define(eq=False)
class Fake:
    """A session of which somebody asks how it is."""

    key: SessionKey
    on_air: bool = True
    drops: Iterator[int] = attrs.field(factory=count)

    @property
    def frames_dropped(self) -> int:
        return next(self.drops)

    @property
    def sketch(self) -> Sketch | None:
        return sketch(figures(key=self.key)) if self.on_air else None


async def test_many_are_noted_in_several_turns_and_who_goes_is_forgotten() -> None:
    clock = Clock()
    sessions = [Fake(SessionKey(number, 0, "out")) for number in range(2 * SLICE + 1)]
    history = History(lambda: sessions, clock)
    clock.time = 100 * INTERVAL - 0.001
    history._begin()
    noted = []
    for _ in range(3):
        noted.append(len(history._noted))
        await asyncio.sleep(0)
    assert noted == [SLICE, 2 * SLICE, 2 * SLICE + 1]
    history.stop()
    gone = sessions.pop(0)
    clock.time += INTERVAL
    history._begin()
    history.stop()
    assert history.of(gone.key).dropped == []
    assert history.of(sessions[0].key).dropped == [0, 1]
    assert history.of(sessions[-1].key).dropped == [0]  # the second round was stopped before its turn came


async def test_of_one_that_is_off_the_air_only_what_it_dropped_is_kept() -> None:
    clock = Clock()
    off = Fake(SessionKey(0, 0, "off"), on_air=False)
    history = History(lambda: [off], clock)
    for moment in (100, 101):
        clock.time = moment * INTERVAL
        history._begin()
        history.stop()
    found = history.of(off.key)
    assert (found.bitrate, found.dropped) == ([None, None], [0, 1])


async def test_its_timer_goes_on_and_ends() -> None:
    history = History(lambda: [Fake(KEY)])
    history._begin()
    timer = history._next
    assert isinstance(timer, asyncio.TimerHandle)
    assert 0 < timer.when() - asyncio.get_running_loop().time() <= INTERVAL
    history.stop()
    assert timer.cancelled()


async def test_a_session_that_raises_keeps_nobody_else_from_being_noted_next_time() -> None:
    class Broken(Fake):
        @property
        def sketch(self) -> Sketch | None:
            raise RuntimeError("a bug")

    history = History(lambda: [Broken(KEY)])
    with pytest.raises(RuntimeError):
        history._begin()
    assert isinstance(history._next, asyncio.TimerHandle)
    history.stop()


async def test_an_engine_says_what_it_does_not_know() -> None:
    async with Engine(Config()) as engine:
        with pytest.raises(NotFound):
            engine.history(KEY)
        view = engine.view()
        with pytest.raises(NotFound, match="there is no session 0/0/out"):
            await view.history(KEY)
        view.close()
        with pytest.raises(WrongState):
            await view.history(KEY)


def test_memory_is_bounded() -> None:
    noted = Noted(0)
    for moment in range(3 * POINTS):
        figures = {"rtt_ms": 1.0 + moment % 7}
        noted.note(moment, moment * moment, Sketch(moment % 3, moment, moment + 1, moment / 8, figures))
    held = [len(ring._all) * ring._all.itemsize for ring in noted._rings if ring._all is not None]
    assert held == [4 * POINTS] * 6
    assert sum(held) <= 11_000
    assert POINTS * INTERVAL == 900


def test_what_is_always_the_same_is_kept_once() -> None:
    noted = Noted(0)
    for moment in range(2 * POINTS):
        noted.note(moment, 0, Sketch(1, 1e6 + moment, 0, 0.25, {}))
    assert [ring._all is None for ring in noted._rings] == [True, False, True, True, True, True]
    shown = noted.shown(KEY, 2 * POINTS * INTERVAL, 3)
    assert (shown.target, shown.lag, shown.dropped) == ([1] * 3, [0.25] * 3, [0.0] * 3)
    assert (shown.bitrate_target, shown.round_trip) == ([None] * 3, [None] * 3)
    noted.note(2 * POINTS, 2, None)
    shown = noted.shown(KEY, 2 * POINTS * INTERVAL, 3)
    assert (shown.target, shown.lag, shown.dropped) == ([1, 1, None], [0.25, 0.25, None], [0.0, 0.0, 2.0])
