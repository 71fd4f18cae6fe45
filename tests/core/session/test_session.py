"""A session's life in the made-up world: every way to fail, and every way back."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from typing import Any, Never

import pytest
from tests.core.world import MemoryTransport, World, until

from camcast.config import Limit, RetryPolicy, SessionConfig
from camcast.engine import EngineThread
from camcast.errors import (
    BusyError,
    ConfigError,
    ErrorClass,
    MisconfiguredError,
    NetworkError,
    NotFound,
    RefusedError,
    UnexplainedRefusal,
)
from camcast.events import (
    AttemptFailed,
    AttemptStarted,
    Connected,
    GaveUp,
    Moved,
    Note,
    RetryScheduled,
    SessionKey,
    SessionState,
    StateChanged,
)
from camcast.media import MediaKind
from camcast.session import ghosts, move, session, standby
from camcast.session.pauses import ENOUGH

FAST = RetryPolicy(initial_delay=0.01, max_delay=0.04, max_attempts=3, stable_after=0.05)
KEY = SessionKey(0, 0, "rtmp")


def chain(*hosts: str, **settings: Any) -> SessionConfig:
    settings.setdefault("retry_policy", FAST)
    return SessionConfig(camera_id=0, urls=[f"mem://{host}/key-of-{host}" for host in hosts], **settings)


def state(world: World) -> SessionState:
    one = world.session()
    assert one is not None
    return one.state


async def on_air(world: World, host: str) -> None:
    """Wait until the session knows that it publishes there, which the server does a moment before."""
    await until(lambda: world.servers.live(host) and state(world) is SessionState.CONNECTED)


def balance(world: World) -> None:
    """Every frame offered was sent or is counted as dropped, and what was sent is what arrived."""
    for handle in world.engine.sessions:
        flow = world.session(handle.key).recorder.flow
        for kind in MediaKind:
            drops = sum(count for (k, _), count in flow.dropped.items() if k is kind)
            assert flow.offered[kind] == flow.sent[kind] + drops


async def test_publishes_headers_then_a_keyframe_and_everything_after_it(world: World) -> None:
    await world.start(chain("a"))
    await until(lambda: world.servers.publications and len(world.servers.publications[0].units) > 20)
    units = world.servers.publications[0].units
    assert [bytes(unit.body) for unit, _ in units[:2]][1] == b"header vc"  # type: ignore[union-attr]
    numbers = world.servers.publications[0].numbers()
    assert numbers[0] % world.gop == 0
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    times = world.servers.publications[0].times()
    assert times[0] == 0
    assert times == sorted(times)


async def test_requirement_log_lines_are_pinned(world: World) -> None:
    world.servers.faults["connect", "a"] = [NetworkError("connection refused")]
    await world.start(chain("a"))
    await until(lambda: world.of(Connected))
    assert "Session cam0_main connected to mem://a/***" in [event.text for event in world.events]
    assert "Session cam0_main failed, retry in 0.01s" in [event.text for event in world.events]


async def test_connects_only_when_media_flows_and_leaves_when_it_stops(world: World) -> None:
    await world.start(chain("a", idle_timeout=0.1), flowing=False)
    await asyncio.sleep(0)
    assert world.servers.connects["a"] == 0
    world.flow()
    await until(lambda: state(world) is SessionState.CONNECTED)
    world.still()
    await until(lambda: state(world) is SessionState.DISCONNECTED)
    assert world.servers.live() == []
    assert not world.of(AttemptFailed)
    world.flow()
    await until(lambda: state(world) is SessionState.CONNECTED)
    await world.engine.stop()
    balance(world)


async def test_a_source_slower_than_the_idle_timeout_is_told_of_once(world: World) -> None:
    await world.start(chain("a", idle_timeout=0.5))
    for _ in range(ENOUGH + 3):
        await until(lambda: state(world) is SessionState.CONNECTED)
        world.still()
        await until(lambda: state(world) is SessionState.DISCONNECTED)
        world.flow()
    await until(lambda: state(world) is SessionState.CONNECTED)
    (note,) = (event for event in world.of(Note) if event.code == "slow_source")
    assert "after 0.5 s without media the stream is ended" in note.message


async def test_gives_up_after_its_retries_and_comes_back_by_hand(world: World) -> None:
    world.servers.down["connect", "a"] = NetworkError("refused")
    await world.start(chain("a"))
    await until(lambda: state(world) is SessionState.FAILED)
    assert world.servers.connects["a"] == 4
    assert [event.attempt for event in world.of(AttemptStarted)] == [0, 1, 2, 3]
    assert [event.delay for event in world.of(RetryScheduled)] == [0.01, 0.02, 0.04]
    assert world.of(GaveUp)[0].text.startswith("Session cam0_main gave up after 3 retries: refused; tried again in 2")
    world.servers.down.clear()
    world.session().retry_now()
    await until(lambda: state(world) is SessionState.CONNECTED)


async def test_fails_over_in_order_and_round_again(world: World) -> None:
    await world.start(chain("a", "b", "c", failback_after=None))
    for host, following in (("a", "b"), ("b", "c"), ("c", "a")):
        await until(lambda host=host: len(world.servers.live(host)) == 1 and world.session().policy.stable)  # type: ignore[misc]
        world.servers.lose(host, NetworkError("reset by peer"))
        await until(lambda following=following: world.servers.live(following))  # type: ignore[misc]
    await until(lambda: len(world.of(Moved)) == 3)  # told once it is on the air
    assert [event.why for event in world.of(Moved)] == ["failover", "failover", "failback"]
    assert world.servers.clashes == 0
    await world.engine.stop()
    balance(world)


async def test_fails_back_at_a_keyframe_without_a_gap(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move, "HOLD", 0.05)
    world.servers.faults["connect", "a"] = [NetworkError("refused")]
    await world.start(chain("a", "b", failback_after=0.1))
    await until(lambda: world.servers.live("b"))
    await until(lambda: world.servers.live("a") and not world.servers.live("b"))
    before, after = world.servers.at("b")[0].numbers(), world.servers.at("a")[0].numbers()
    assert after[0] == before[-1] + 1
    assert after[0] % world.gop == 0
    assert world.of(Moved)[-1].why == "failback"
    assert state(world) is SessionState.CONNECTED
    await world.engine.stop()
    balance(world)


async def test_failback_to_a_bad_primary_leaves_the_fallback_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move, "HOLD", 0.03)
    world.servers.down["connect", "a"] = NetworkError("refused")
    await world.start(chain("a", "b", failback_after=0.05))
    await until(lambda: len([n for n in world.of(Note) if n.code == "failback_failed"]) >= 2)
    assert len(world.servers.at("b")) == 1
    numbers = world.servers.at("b")[0].numbers()
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_a_flapping_primary_is_held_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move, "HOLD", 0.02)
    await world.start(chain("a", "b", failback_after=0.03, max_moves_per_hour=2))
    for _ in range(3):
        await until(lambda: world.servers.live("a") and state(world) is SessionState.CONNECTED)
        if len([m for m in world.of(Moved) if m.why == "failback"]) == 2:
            break
        await until(lambda: world.session().policy.stable)
        world.servers.lose("a", NetworkError("reset"))
        await until(lambda: world.servers.live("b"))
    world.servers.lose("a", NetworkError("reset"))
    await until(lambda: [n for n in world.of(Note) if n.code == "failback_held"])
    assert world.servers.live("b")


async def test_switch_moves_at_a_keyframe(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move, "HOLD", 0.02)
    await world.start(chain("a", "b"))
    await until(lambda: state(world) is SessionState.CONNECTED)
    world.session().switch(1)
    await until(lambda: world.servers.live("b") and not world.servers.live("a"))
    assert world.servers.at("b")[0].numbers()[0] == world.servers.at("a")[0].numbers()[-1] + 1
    with pytest.raises(ValueError, match="target 2 is not in the chain; it has 0 to 1"):
        world.session().switch(2)


async def test_pause_unpublishes_and_resume_comes_back(world: World) -> None:
    await world.start(chain("a"))
    await until(lambda: state(world) is SessionState.CONNECTED)
    one = world.session()
    one.pause()
    await until(lambda: state(world) is SessionState.DISCONNECTED)
    assert not world.servers.live()
    one.resume()
    await until(lambda: state(world) is SessionState.CONNECTED)


async def test_a_busy_name_is_its_own_class(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("camcast.session.connection.BUSY_DELAY", 0.02)
    world.servers.faults["publish", "a"] = [BusyError("already publishing")] * 6
    await world.start(chain("a", retry_policy=RetryPolicy(max_attempts=0)))
    await until(lambda: state(world) is SessionState.CONNECTED)
    assert {event.error_class for event in world.of(AttemptFailed)} == {ErrorClass.BUSY}
    assert len(world.of(AttemptFailed)) == 6


async def test_misconfigured_fails_at_once(world: World) -> None:
    world.servers.down["connect", "a"] = MisconfiguredError("the certificate is not the one pinned")
    await world.start(chain("a"))
    await until(lambda: state(world) is SessionState.FAILED)
    assert world.servers.connects["a"] == 1


async def test_closed_right_after_agreement_is_unexplained_the_first_time_and_busy_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow this machine is, a loss now is one right after the agreement.
    monkeypatch.setattr(ghosts, "AGREEMENT_WINDOW", 30.0)
    await world.start(chain("a", "b", failback_after=None))
    await on_air(world, "a")
    world.servers.lose("a", UnexplainedRefusal("closed", stage="publish"))
    await on_air(world, "b")
    assert world.of(AttemptFailed)[-1].error_class is ErrorClass.UNEXPLAINED
    monkeypatch.setattr(ghosts, "AGREEMENT_WINDOW", 0.2)
    for host, following in (("b", "a"), ("a", "b")):
        lived = world.session().recorder.uptime
        await until(lambda lived=lived: world.session().recorder.uptime > lived + 0.3)  # type: ignore[misc]
        world.servers.lose(host, NetworkError("reset"))
        await on_air(world, following)
    monkeypatch.setattr(ghosts, "AGREEMENT_WINDOW", 30.0)
    world.servers.lose("b", UnexplainedRefusal("closed", stage="publish"))
    await until(lambda: len(world.of(AttemptFailed)) == 4)
    assert world.of(AttemptFailed)[-1].error_class is ErrorClass.BUSY


async def test_a_stall_is_noticed_by_acknowledgements(world: World) -> None:
    await world.start(chain("a", "b", stall_timeout=0.3))
    await until(lambda: world.session().policy.stable)
    world.servers.stalled.add("a")
    await until(lambda: world.servers.live("b"))
    failure = world.of(AttemptFailed)[0]
    assert failure.error_class is ErrorClass.NETWORK
    assert failure.error.startswith("stalled: ")
    await world.engine.stop()
    balance(world)


async def test_warm_standby_saves_the_connect(world: World) -> None:
    await world.start(chain("a", "b", standby="warm", failback_after=None))
    await until(lambda: world.servers.connects["b"] == 1)
    assert not world.servers.at("b")
    world.servers.hang.add(("connect", "b"))
    await until(lambda: world.session().policy.stable)
    world.servers.lose("a", NetworkError("reset"))
    await until(lambda: world.servers.live("b"))
    assert world.servers.connects["b"] == 1


async def test_a_spare_that_is_dropped_twice_goes_cold(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby, "STANDBY_CHECK", 0.02)
    await world.start(chain("a", "b", standby="warm"))
    for count in (1, 2):
        await until(lambda count=count: world.servers.connects["b"] == count)  # type: ignore[misc]
        world.servers.lose("b", NetworkError("idle"))
    await until(lambda: [n for n in world.of(Note) if n.code == "standby_cold"])
    assert world.servers.connects["b"] == 2
    assert state(world) is SessionState.CONNECTED


async def test_hot_standby_loses_no_frame(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby, "STANDBY_CHECK", 0.02)
    await world.start(chain("a", "b", standby="hot", failback_after=None))
    await until(
        lambda: world.servers.live("a") and world.servers.live("b") and len(world.servers.live("b")[0].units) > 9
    )
    assert [n.code for n in world.of(Note)] == ["redundancy"]
    world.servers.lose("a", NetworkError("reset"))
    seen = world.number
    await until(lambda: world.number > seen + 10)
    numbers = world.servers.at("b")[0].numbers()
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert numbers[-1] >= seen
    assert [n.code for n in world.of(Note)][1] == "redundancy_lost"
    assert world.of(Moved)[0].gap == 0
    assert SessionState.ERROR not in {event.new for event in world.of(StateChanged)}
    await world.engine.stop()
    balance(world)


async def test_with_hot_standby_no_more_attempts_fail_than_there_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standby, "STANDBY_CHECK", 0.02)
    await world.start(chain("a", "b", standby="hot", failback_after=None))
    (one,) = world.engine.sessions
    for number, lost in enumerate(("a", "b", "a")):
        await until(lambda: world.servers.live("a") and world.servers.live("b"), timeout=20)
        world.servers.lose(lost, NetworkError("reset"))
        await until(lambda number=number: one.metrics.moves > number, timeout=20)  # type: ignore[misc]
        assert one.metrics.target_index == (1 - number % 2)
    assert (one.metrics.failed_attempts, one.metrics.attempts) == (3, 4)


async def test_a_redirect_is_followed_within_the_rules(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move, "HOLD", 0.02)
    engine = await world.start(chain("a:1", allow_redirect_hosts=("b",)))
    await until(lambda: state(world) is SessionState.CONNECTED)
    (session,) = engine.sessions
    assert (session.metrics.target, session.metrics.redirected_from) == ("mem://a:1/***", "")
    events = world.servers.live("a:1")[0].transport.context.events
    events.redirect("mem://evil/key")
    await until(lambda: [n for n in world.of(Note) if n.code == "redirect_refused"])
    events.redirect("mem://b:1/key-of-a")
    await until(lambda: world.servers.live("b:1") and not world.servers.live("a:1"))
    assert world.servers.at("b:1")[0].numbers()[0] == world.servers.at("a:1")[0].numbers()[-1] + 1
    assert (session.metrics.target, session.metrics.redirected_from) == ("mem://b:1/***", "mem://a:1/***")


async def test_an_old_error_goes_once_all_has_been_well_for_long_enough(world: World) -> None:
    policy = RetryPolicy(initial_delay=0.01, max_attempts=None, stable_after=0.4)
    engine = await world.start(chain("a", retry_policy=policy))
    await until(lambda: state(world) is SessionState.CONNECTED)
    world.servers.lose("a", NetworkError("reset by the server"))
    await until(lambda: len(world.servers.at("a")) == 2)
    (session,) = engine.sessions
    assert session.metrics.last_error == "reset by the server"
    await until(lambda: not session.metrics.last_error)
    assert session.metrics.errors == {"network": 1}


async def test_on_a_fallback_it_is_still_told_why(world: World) -> None:
    policy = RetryPolicy(initial_delay=0.01, max_attempts=None, stable_after=0.1)
    world.servers.down["connect", "a"] = NetworkError("no route")
    engine = await world.start(chain("a", "b", retry_policy=policy, failback_after=None))
    (session,) = engine.sessions
    await until(lambda: session.policy.stable)  # type: ignore[attr-defined]
    assert session.metrics.target_index == 1
    assert session.metrics.last_error == "no route"


async def test_a_refusal_that_names_another_address_is_followed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = MemoryTransport.connect

    async def refer(self: Any) -> None:
        await connect(self)
        if self.host == "a":
            self.context.events.redirect("mem://b/key-of-a")
            raise RefusedError("moved")

    monkeypatch.setattr(MemoryTransport, "connect", refer)
    await world.start(chain("a", allow_redirect_hosts=("b",)))
    await until(lambda: world.servers.live("b") and state(world) is SessionState.CONNECTED)
    assert not world.of(AttemptFailed)


async def test_resolve_url_is_asked_before_every_attempt(world: World) -> None:
    from camcast.hooks import hookimpl

    asked = []

    class Resolver:
        @hookimpl
        def camcast_resolve_url(self, target: Any, attempt: Any) -> str:
            asked.append((target.url, attempt, threading.current_thread() is threading.main_thread()))
            return f"mem://a/token{attempt}"

    world.host.register(Resolver())
    world.servers.faults["connect", "a"] = [NetworkError("expired")]
    await world.start(chain("a"))
    await until(lambda: state(world) is SessionState.CONNECTED)
    assert asked == [("mem://a/key-of-a", 0, False), ("mem://a/key-of-a", 1, False)]
    assert world.servers.at("a")[0].url == "mem://a/token1"


async def test_a_plugin_that_raises_is_a_failure_not_a_crash(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: Any, tracks: Any) -> Never:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("tests.core.world.MemoryTransport.publish", broken)
    await world.start(chain("a"))
    await until(lambda: world.of(RetryScheduled))
    failed = world.of(AttemptFailed)[0]
    assert failed.error == "transport memory failed in publish, by a bug of its own: ZeroDivisionError: oops"
    assert failed.error_class is ErrorClass.PLUGIN
    # Its author must act, not the network: not tried every second.
    assert world.of(RetryScheduled)[0].delay == 30
    assert world.host.faults.counts == {"transport memory": 1}


async def test_the_first_to_get_through_wakes_the_others(world: World) -> None:
    slow = RetryPolicy(initial_delay=30, max_delay=30, stable_after=0.05)
    world.servers.down["connect", "a"] = NetworkError("refused")
    other = SessionConfig(camera_id=0, output="second", url="mem://a/another-key", retry_policy=slow)
    await world.start(chain("a", retry_policy=slow), other)
    await until(lambda: len(world.of(RetryScheduled)) == 2)
    world.servers.down.clear()
    world.session().retry_now()
    await until(lambda: all(one.state is SessionState.CONNECTED for one in world.engine.sessions))


@pytest.mark.parametrize("where", ["waiting for media", "connect", "publish", "connected", "error", "failed"])
async def test_stop_is_bounded_in_every_state(world: World, where: str) -> None:
    if where in ("connect", "publish"):
        world.servers.hang.add((where, "a"))
    if where in ("error", "failed"):
        world.servers.down["connect", "a"] = NetworkError("refused")
    policy = RetryPolicy(initial_delay=30) if where == "error" else FAST
    await world.start(chain("a", retry_policy=policy), flowing=where != "waiting for media")
    wanted = {
        "waiting for media": SessionState.DISCONNECTED,
        "connected": SessionState.CONNECTED,
        "error": SessionState.ERROR,
        "failed": SessionState.FAILED,
    }.get(where, SessionState.CONNECTING)
    await until(lambda: state(world) is wanted)
    one = world.session()
    async with asyncio.timeout(session.STOP_DEADLINE + 1):
        await world.engine.sessions.delete_session(KEY)
    assert one.state is SessionState.DISCONNECTED
    assert not world.servers.alive


async def test_sessions_are_found_by_what_names_them(world: World) -> None:
    engine = await world.start(chain("a"), chain("b", "c", output="cloud"))
    assert [one.label for one in engine.sessions] == ["cam0_main/cloud", "cam0_main"]
    assert [one.key.output for one in engine.sessions.find(url="mem://b/key-of-b")] == ["cloud"]
    assert [one.key.output for one in engine.sessions.find(url="mem://c/key-of-c")] == ["cloud"]
    assert engine.sessions.find(url="mem://b/key-of-") == engine.sessions.find(url="mem://b") == []
    assert engine.sessions.find(url="") == []
    assert len(engine.sessions.find(camera_id=0, stream_id=0)) == 2
    assert engine.sessions.find(camera_id=1) == []


async def test_a_session_that_cannot_be_is_refused_with_what_there_is(world: World) -> None:
    engine = await world.start(chain("a"), chain("b", output="cloud"))
    with pytest.raises(ConfigError, match="session 0/0/rtmp exists already"):
        engine.sessions.create_session(chain("a"))
    with pytest.raises(ConfigError, match="session 0/0/cloud exists already"):
        engine.sessions.create_session(chain("c", output="cloud"))
    with pytest.raises(ConfigError, match="there is no camera 7; known: 0"):
        engine.sessions.create_session(SessionConfig(camera_id=7, url="mem://a/k"))
    with pytest.raises(NotFound, match="there is no session 0/0/none; known: 0/0/cloud, 0/0/rtmp"):
        await engine.sessions.delete_session(SessionKey(0, 0, "none"))


async def test_two_sessions_never_publish_one_url(world: World) -> None:
    engine = await world.start(chain("a"), chain("b", "c", output="cloud"))
    with pytest.raises(ConfigError) as refusal:
        await engine.create_session(chain("x", "c", output="more"))
    told = str(refusal.value)
    assert told.startswith("session cam0_main/more would publish mem://c/*** as session cam0_main/cloud does; end")
    await engine.delete_session(SessionKey(0, 0, "cloud"))
    await engine.create_session(chain("x", "c", output="more"))
    await until(lambda: world.servers.live("x"))
    assert not world.servers.clashes


async def test_a_name_is_free_only_when_its_session_has_ended(world: World) -> None:
    engine = await world.start(chain("a"))
    await until(lambda: world.servers.live("a"))
    leaving = asyncio.create_task(engine.delete_session(KEY))
    await asyncio.sleep(0)
    with pytest.raises(ConfigError, match="as session cam0_main does"):
        engine.sessions.create_session(chain("a", output="other"))
    await leaving
    engine.sessions.create_session(chain("a", output="other"))


async def test_a_second_url_for_a_stream_is_a_second_session(world: World) -> None:
    engine = await world.start(chain("a"))
    second = engine.sessions.create_session(chain("b"))
    third = engine.sessions.create_session(chain("c"))
    assert [str(one.key) for one in engine.sessions] == ["0/0/rtmp", "0/0/rtmp2", "0/0/rtmp3"]
    assert (second.label, third.label) == ("cam0_main/rtmp2", "cam0_main/rtmp3")
    await until(lambda: {one.host for one in world.servers.live()} == {"a", "b", "c"})
    await engine.sessions.delete_session(second.key)
    assert {one.host for one in world.servers.live()} == {"a", "c"}
    assert engine.sessions.create_session(chain("d")).key == second.key


async def test_totals_keep_what_deleted_sessions_did(world: World) -> None:
    engine = await world.start(chain("a"), chain("b", output="cloud"))
    await until(lambda: all(one.state is SessionState.CONNECTED for one in engine.sessions))
    await until(lambda: engine.sessions.totals().frames_sent > 10)
    before = engine.sessions.totals()
    await engine.remove_output(SessionKey(0, 0, "cloud"))
    after = engine.sessions.totals()
    assert after.sessions == 1
    assert after.frames_sent >= before.frames_sent
    assert after.attempts == before.attempts


async def test_slow_link_drops_to_the_next_keyframe_and_recovers(world: World) -> None:
    await world.start(chain("a", queue=Limit(seconds=0.4, bytes=4 * 2**20), stall_timeout=60))
    await until(lambda: state(world) is SessionState.CONNECTED)
    transport = world.servers.live("a")[0].transport
    world.servers.stalled.add("a")
    await until(lambda: world.engine.stats().sessions[0].dropped.get("video: link behind", 0) > 10)
    world.servers.stalled.clear()
    transport.acked, transport.pending = transport.acked + transport.pending, 0
    sent = len(world.servers.at("a")[0].numbers())
    await until(lambda: len(world.servers.at("a")[0].numbers()) > sent + 5)
    numbers = world.servers.at("a")[0].numbers()
    jumps = [after for before, after in itertools.pairwise(numbers) if after != before + 1]
    assert len(jumps) == 1
    assert jumps[0] % world.gop == 0
    await world.engine.stop()
    balance(world)


def test_the_blocking_facade_runs_a_loop_of_its_own() -> None:
    world = World()
    with EngineThread(world.config(), host=world.host, on_event=world.events.append) as engine:
        engine.create_session(chain("a"))
        assert engine.stats().sessions[0].state is SessionState.DISCONNECTED
        assert threading.current_thread() is threading.main_thread()
        engine.delete_session(KEY)
        assert engine.stats().sessions == ()
        with pytest.raises(KeyError):
            engine.delete_session(KEY)
    engine.stop()


async def test_a_session_that_has_given_up_is_back_when_its_server_is(world: World) -> None:
    """Not dead in the morning: nobody retried, reloaded or restarted anything."""
    policy = RetryPolicy(max_attempts=1, initial_delay=0.01, revive_after=0.2, jitter=0)
    world.servers.down["connect", "a"] = NetworkError("the server is away")
    await world.start(chain("a", retry_policy=policy))
    await until(lambda: len(world.of(GaveUp)) == 3)
    assert state(world) is SessionState.FAILED
    due = world.engine.stats().sessions[0].next_attempt_at
    assert due is not None
    assert due - time.time() < 0.21
    world.servers.down.clear()
    await until(lambda: state(world) is SessionState.CONNECTED)
    # One round each time, not a whole series of retries.
    assert len(world.of(AttemptFailed)) == 4


async def test_another_sessions_success_revives_one_that_has_given_up(world: World) -> None:
    policy = RetryPolicy(max_attempts=0, revive_after=3600)
    world.servers.down["connect", "a"] = NetworkError("the server is away")
    await world.start(chain("a", retry_policy=policy))
    await until(lambda: state(world) is SessionState.FAILED)
    world.servers.down.clear()
    await world.engine.create_session(SessionConfig(camera_id=0, output="second", url="mem://a/another-key"))
    await until(lambda: all(one.state is SessionState.CONNECTED for one in world.engine.sessions))
