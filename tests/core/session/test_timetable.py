"""What a session's schedule says, by a clock that goes on, and that somebody sets."""

from __future__ import annotations

import asyncio
from functools import partial

import attrs
import pytest
from tests.core.session.test_session import KEY, balance, chain, on_air, state
from tests.core.world import World, until

from camcast.config import Schedule, SystemConfig, UplinkConfig
from camcast.config.session import ALWAYS_ON
from camcast.engine import Engine
from camcast.errors import NetworkError, RefusedError
from camcast.events import AttemptFailed, Connected, Note, ScheduleChanged, SessionState, StateChanged
from camcast.session import supervisor
from camcast.session.health import Health
from camcast.session.metrics import SessionMetrics
from camcast.session.timetable import LOOK, NONE, Scheduled, Timetable

HOUR, DAY = 3600.0, 86400.0
NIGHT = Schedule(timezone="UTC", windows=[{"start": "08:00", "stop": "18:00"}])
"""POSIX time begins at midnight, so hours of the first day are those of the clock."""


@attrs.define
class Clock:
    """On the wall, where the test sets it."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def set(self, hours: float) -> None:
        self.now = hours * HOUR


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """That which all schedules of the test go by."""
    clock = Clock()
    monkeypatch.setattr(supervisor, "Timetable", partial(Timetable, now=clock))
    monkeypatch.setattr("camcast.session.timetable.LOOK", 0.02)
    return clock


# --- the timetable ------------------------------------------------------------------------------------------


def kept(schedule: Schedule, clock: Clock) -> tuple[Timetable, list[Scheduled]]:
    """A timetable, and what it tells."""
    told: list[Scheduled] = []
    return Timetable(schedule, told.append, clock), told


def test_it_says_what_holds_until_when_and_turns_once() -> None:
    clock = Clock()
    timetable, told = kept(NIGHT, clock)
    timetable.look()
    clock.set(7.999)
    timetable.look()
    assert told == [Scheduled(True, "off by its schedule until Thu 1970-01-01 08:00 UTC", 8 * HOUR)]
    clock.set(8)
    timetable.look()
    timetable.look()
    assert told[1:] == [Scheduled(False, "on by its schedule until Thu 1970-01-01 18:00 UTC", 18 * HOUR)]


def test_what_is_beyond_what_can_be_seen_is_seen_later() -> None:
    clock = Clock()
    timetable, _ = kept(Schedule(timezone="UTC", exceptions={"1971-06-01": "off"}), clock)
    assert timetable.now.change_at is None
    clock.set(400 * 24)
    assert timetable.now.change_at == 516 * DAY
    clock.set(516 * 24)
    assert timetable.now.off


def test_a_clock_that_is_set_forward_or_back_counts_at_once() -> None:
    clock = Clock()
    timetable, _ = kept(NIGHT, clock)
    seen = []
    for hours in (12, 3, 20, 12, 12 + 240, 2, 12):
        clock.set(hours)
        seen.append(not timetable.now.off)
    assert seen == [True, False, False, True, True, False, True]


def test_the_clock_is_looked_at_every_second_and_when_it_changes() -> None:
    clock = Clock()
    timetable, _ = kept(NIGHT, clock)
    assert timetable.look() == LOOK
    clock.now = 8 * HOUR - 0.25
    assert timetable.look() == pytest.approx(0.25)
    assert kept(ALWAYS_ON, clock)[0].look() == float("inf")
    always = Schedule(timezone="UTC", windows=[{}])
    assert kept(always, clock)[0].look() == LOOK, "the clock may be set all the same"


def test_without_a_schedule_it_says_nothing_and_another_one_holds_at_once() -> None:
    clock = Clock()
    timetable, told = kept(ALWAYS_ON, clock)
    timetable.look()
    assert (timetable.any, timetable.now, told) == (False, NONE, [])
    timetable.adopt(chain("a", schedule=NIGHT))
    assert [one.off for one in told] == [True]
    timetable.adopt(chain("a"))
    assert told[1:] == [NONE]


# --- a session ----------------------------------------------------------------------------------------------


def metrics(world: World) -> SessionMetrics:
    return world.session().metrics


def turns(world: World) -> list[tuple[bool, float | None]]:
    return [(event.on, event.until) for event in world.of(ScheduleChanged)]


async def test_it_goes_on_the_air_and_off_it_by_the_clock(world: World, clock: Clock) -> None:
    await world.start(chain("a", schedule=NIGHT))
    await until(lambda: world.of(ScheduleChanged))
    assert world.servers.connects["a"] == 0
    assert (state(world), metrics(world).health) == (SessionState.DISCONNECTED, Health.SCHEDULED_OFF)
    assert metrics(world).schedule == "off by its schedule until Thu 1970-01-01 08:00 UTC"
    clock.set(8)
    await on_air(world, "a")
    await until(lambda: metrics(world).health is Health.HEALTHY)
    assert metrics(world).schedule_change_at == 18 * HOUR
    clock.set(18)
    await until(lambda: state(world) is SessionState.DISCONNECTED)
    await until(lambda: not world.servers.live())
    assert metrics(world).health is Health.SCHEDULED_OFF
    await until(lambda: turns(world) == [(False, 8 * HOUR), (True, 18 * HOUR), (False, 32 * HOUR)])
    assert world.of(StateChanged)[-1].reason == "off by its schedule until Fri 1970-01-02 08:00 UTC"
    assert not world.of(AttemptFailed)
    assert not world.of(Note)
    await world.engine.stop()
    balance(world)


async def test_its_time_off_is_waiting_and_no_downtime(world: World, clock: Clock) -> None:
    await world.start(chain("a", schedule=NIGHT))
    await until(lambda: metrics(world).waiting > 0.1)
    assert metrics(world).downtime < 0.05


async def test_a_clock_that_is_set_while_it_runs(world: World, clock: Clock) -> None:
    clock.set(12)
    await world.start(chain("a", schedule=NIGHT))
    await on_air(world, "a")
    for hours, off in ((3, True), (17, False), (20, True), (9, False)):
        clock.set(hours)
        await until(lambda off=off: (metrics(world).health is Health.SCHEDULED_OFF) is off)  # type: ignore[misc]
        await until(lambda off=off: bool(world.servers.live()) is not off)  # type: ignore[misc]
    assert not world.of(AttemptFailed)
    assert world.servers.clashes == 0


async def test_who_has_it_paused_by_hand_has_it_paused(world: World, clock: Clock) -> None:
    clock.set(12)
    await world.start(chain("a", schedule=NIGHT))
    await on_air(world, "a")
    world.session().pause()
    await until(lambda: metrics(world).health is Health.PAUSED)
    for hours in (20, 32 + 1):  # off by its schedule, and on again
        clock.set(hours)
        count = len(turns(world))
        await until(lambda count=count: len(turns(world)) > count)  # type: ignore[misc]
        assert metrics(world).health is Health.PAUSED
    assert world.servers.connects["a"] == 1
    world.session().resume()
    await on_air(world, "a")


async def test_a_pause_that_ends_while_it_is_off_leaves_it_off(world: World, clock: Clock) -> None:
    await world.start(chain("a", schedule=NIGHT))
    world.session().pause()
    await until(lambda: metrics(world).health is Health.PAUSED)
    for order in (world.session().resume, world.session().retry_now, lambda: world.session().switch(0)):
        order()
        await until(lambda: metrics(world).health is Health.SCHEDULED_OFF)
    assert world.servers.connects["a"] == 0
    clock.set(8)
    await on_air(world, "a")


async def test_an_attempt_under_way_ends_when_its_time_is_over(world: World, clock: Clock) -> None:
    clock.set(12)
    world.servers.hang.add(("connect", "a"))
    await world.start(chain("a", schedule=NIGHT))
    await until(lambda: state(world) is SessionState.CONNECTING)
    clock.set(18)
    await until(lambda: state(world) is SessionState.DISCONNECTED)
    await until(lambda: not world.servers.alive)
    assert not world.of(AttemptFailed)


async def test_what_had_given_up_begins_anew_with_its_next_start(world: World, clock: Clock) -> None:
    clock.set(12)
    world.servers.down["publish", "a"] = RefusedError("no")
    await world.start(chain("a", schedule=NIGHT, auto_reconnect=False))
    await until(lambda: state(world) is SessionState.FAILED)
    clock.set(18)
    await until(lambda: metrics(world).health is Health.SCHEDULED_OFF and state(world) is SessionState.DISCONNECTED)
    del world.servers.down["publish", "a"]
    clock.set(32)
    await on_air(world, "a")


async def test_no_spare_and_no_twin_stand_while_it_is_off(world: World, clock: Clock) -> None:
    for standby in ("warm", "hot"):
        clock.set(12)
        await world.start(chain("a", "b", schedule=NIGHT, standby=standby))
        await until(lambda: {one.host for one in world.servers.alive} == {"a", "b"})
        clock.set(18)
        await until(lambda: not world.servers.alive)
        before = dict(world.servers.connects)
        await asyncio.sleep(0.1)
        assert world.servers.connects == before
        await world.engine.stop()


async def test_what_is_off_takes_nothing_of_its_uplink(world: World, clock: Clock) -> None:
    sessions = (chain("a", schedule=NIGHT, uplink="lte"), chain("b", uplink="lte", output="b"))
    system = SystemConfig(uplinks={"lte": UplinkConfig(limit=8000)})
    world.engine = Engine(attrs.evolve(world.config(*sessions), system=system), host=world.host)
    await world.engine.start()
    await until(lambda: (0, 0) in world.sinks)
    world.flow()

    def outputs() -> int:
        (one,) = world.engine.stats().uplinks
        return one.outputs

    await until(lambda: world.servers.live("b"))
    for hours, count in ((12, 2), (18, 1), (33, 2)):
        clock.set(hours)
        await until(lambda count=count: outputs() == count, 20)  # type: ignore[misc]


async def test_a_reload_changes_it_in_place(world: World, clock: Clock) -> None:
    clock.set(12)
    engine = await world.start(chain("a"))
    await on_air(world, "a")
    session = world.session()
    longer = Schedule(timezone="UTC", windows=[{"start": "06:00", "stop": "20:00"}])
    for schedule in (NIGHT, longer):
        (line,) = await engine.reload(world.config(chain("a", schedule=schedule)))
        assert line.startswith("session cam0_main goes on with another schedule")
    clock.set(19)
    await asyncio.sleep(0.1)
    assert world.servers.connects["a"] == 1, "it is on the air as it was"
    await engine.reload(world.config(chain("a", schedule=NIGHT)))
    await until(lambda: metrics(world).health is Health.SCHEDULED_OFF)
    await engine.reload(world.config(chain("a")))
    await on_air(world, "a")
    assert world.session(KEY) is session
    assert world.of(ScheduleChanged)[-1].reason == "it has no schedule any more"


async def test_what_breaks_at_the_end_of_its_time_is_no_failure_for_long(world: World, clock: Clock) -> None:
    clock.set(12)
    await world.start(chain("a", schedule=NIGHT))
    await on_air(world, "a")
    world.servers.down["connect", "a"] = NetworkError("gone")
    world.servers.lose("a", NetworkError("lost"))
    await until(lambda: state(world) is SessionState.ERROR)
    clock.set(18)
    await until(lambda: state(world) is SessionState.DISCONNECTED)
    assert metrics(world).health is Health.SCHEDULED_OFF
    assert metrics(world).next_attempt_at is None
    connected = len(world.of(Connected))
    del world.servers.down["connect", "a"]
    clock.set(32)
    await until(lambda: len(world.of(Connected)) == connected + 1)
