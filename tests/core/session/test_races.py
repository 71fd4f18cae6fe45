"""Two things at once: commands in the middle of moves, attempts that end while others begin; plugins with bugs."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Never

import pytest
from tests.core.session.test_session import FAST, KEY, balance, chain, state
from tests.core.world import MemoryTransport, World, until

from camcast.config import Limit, RetryPolicy, SessionConfig
from camcast.errors import ErrorClass, NetworkError
from camcast.events import AttemptFailed, DropEpisode, Moved, Note, RetryScheduled, SessionState
from camcast.hooks import hookimpl
from camcast.session import guard, move, standby
from camcast.session.hosts import Hosts


async def connected(world: World, *hosts: str) -> None:
    await until(lambda: state(world) is SessionState.CONNECTED and all(world.servers.live(host) for host in hosts))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move, "HOLD", 0.02)
    monkeypatch.setattr(standby, "STANDBY_CHECK", 0.02)


async def test_a_pause_in_the_moment_of_a_move_is_not_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    take_over = move.Mover._take_over

    def pause_too(self: Any, active: Any) -> None:
        take_over(self, active)
        world.session().pause()

    monkeypatch.setattr(move.Mover, "_take_over", pause_too)
    await world.start(chain("a", "b"))
    await connected(world, "a")
    world.session().switch(1)
    await until(lambda: state(world) is SessionState.DISCONNECTED)
    assert not world.servers.live()


async def test_frames_of_a_spare_that_was_moved_to_count_as_the_sessions(world: World) -> None:
    await world.start(chain("a", "b", standby="warm", failback_after=None))
    await connected(world, "a")
    await until(lambda: world.servers.connects["b"] == 1)
    one = world.session()
    one.switch(1)
    await until(lambda: world.servers.live("b") and not world.servers.live("a"))
    assert world.servers.connects["b"] == 1
    sent = one.metrics.video_sent
    await until(lambda: one.metrics.video_sent > sent + 10)
    await world.engine.stop()
    balance(world)


@pytest.mark.parametrize("standby", ["warm", "hot"])
async def test_an_attempt_that_stood_by_tells_of_drops_and_follows_redirects(world: World, standby: str) -> None:
    await world.start(
        chain(
            "a",
            "b",
            standby=standby,
            failback_after=None,
            stall_timeout=60,
            queue=Limit(seconds=0.2, bytes=2**20),
            allow_redirect_hosts=("c",),
        )
    )
    await connected(world, "a")
    await until(lambda: world.servers.connects["b"] == 1)
    if standby == "hot":
        await until(lambda: world.servers.live("b") and len(world.servers.live("b")[0].units) > 9)
    world.servers.lose("a", NetworkError("reset"))
    await until(lambda: world.of(Moved))
    assert world.servers.connects["b"] == 1
    transport = world.servers.live("b")[0].transport
    world.servers.stalled.add("b")
    await until(lambda: world.of(DropEpisode))
    world.servers.stalled.clear()
    transport.acked, transport.pending = transport.acked + transport.pending, 0
    transport.context.events.redirect("mem://c/key")
    await until(lambda: world.of(Moved)[-1].why == "redirect")
    assert world.servers.live("c")


async def test_a_hot_twin_promoted_in_the_middle_of_its_replay_keeps_the_books(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = MemoryTransport.connect

    async def clogged(self: Any) -> Any:
        self.pending = 2**20 if self.host == "b" else 0
        return await connect(self)

    monkeypatch.setattr(MemoryTransport, "connect", clogged)
    world.gop = 400
    await world.start(chain("a", "b", standby="hot", failback_after=None, replay_max=Limit(seconds=60, bytes=2**22)))
    await connected(world, "a")

    def behind() -> bool:
        twin = world.session()._supervisor._standby.twin.on_air
        return twin is not None and twin.outlet.state.value == "replay" and len([*twin.outlet._replay.lined_up()]) > 3  # type: ignore[union-attr]

    await until(behind)
    world.servers.lose("a", NetworkError("reset"))
    await until(lambda: world.of(Moved))
    world.servers.live("b")[0].transport.pending = 0
    await world.engine.stop()
    balance(world)


async def test_the_name_of_an_abandoned_candidate_is_free_before_it_is_used_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fallback is lost while the primary's candidate stands: the candidate closes before the primary is tried."""
    monkeypatch.setattr(move, "HOLD", 5.0)
    close = MemoryTransport.close

    async def slow(self: Any) -> None:
        await asyncio.sleep(0.4)
        await close(self)

    monkeypatch.setattr(MemoryTransport, "close", slow)
    world.servers.faults["connect", "a"] = [NetworkError("refused")]
    await world.start(chain("a", "b", failback_after=0.01))
    await connected(world, "b", "a")
    world.servers.lose("b", NetworkError("reset"))
    await until(lambda: len(world.servers.at("a")) == 2)
    assert world.servers.clashes == 0


async def test_nothing_is_left_of_an_abandoned_candidate_when_the_session_has_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move, "HOLD", 5.0)
    close = MemoryTransport.close

    async def slow(self: Any) -> None:
        await asyncio.sleep(0.1 if self.host == "a" else 0)
        await close(self)

    monkeypatch.setattr(MemoryTransport, "close", slow)
    world.servers.faults["connect", "a"] = [NetworkError("refused")]
    await world.start(chain("a", "b", failback_after=0.01))
    await connected(world, "b", "a")
    world.servers.lose("b", NetworkError("reset"))
    await until(lambda: world.of(AttemptFailed)[-1].error == "reset")
    await world.engine.sessions.delete_session(KEY)
    assert not world.servers.alive


async def test_a_send_that_raises_ends_its_own_attempt_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    send = MemoryTransport.send

    def broken(self: Any, unit: Any, time: Any) -> None:
        if self.host == "a" and len(self.publication.units) > 5:
            raise ZeroDivisionError("in the plugin's send")
        send(self, unit, time)

    monkeypatch.setattr(MemoryTransport, "send", broken)
    await world.start(chain("a"), chain("b", output="second"))
    await until(lambda: world.of(AttemptFailed))
    assert world.of(AttemptFailed)[0].error == (
        "transport memory failed in send, by a bug of its own: ZeroDivisionError: in the plugin's send"
    )
    assert world.of(AttemptFailed)[0].error_class is ErrorClass.PLUGIN
    numbers = world.servers.at("b")[0].numbers()
    assert len(world.servers.at("b")) == 1
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert world.runs == 1
    await world.engine.stop()
    balance(world)


async def test_figures_that_raise_harm_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any) -> Never:
        raise ZeroDivisionError("in the plugin's stats")

    monkeypatch.setattr(MemoryTransport, "stats", broken)
    await world.start(chain("a"))
    await connected(world, "a")
    assert world.engine.stats().sessions[0].transport == {}


async def test_an_acked_that_raises_ends_the_attempt(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(MemoryTransport):
        @property  # type: ignore[override]
        def acked(self) -> Never:
            raise ZeroDivisionError("in the plugin's acked")

        @acked.setter
        def acked(self, value: Any) -> None:
            pass

        def send(self, unit: Any, time: Any) -> None:
            pass

    monkeypatch.setattr("tests.core.world.MemoryTransport", Broken)
    await world.start(chain("a", retry_policy=RetryPolicy(max_attempts=0)))
    await until(lambda: state(world) is SessionState.FAILED)
    assert world.of(AttemptFailed)[0].error == (
        "transport memory failed in its figures, by a bug of its own: ZeroDivisionError: in the plugin's acked"
    )


async def test_one_outputs_idle_timeout_is_not_the_others(world: World) -> None:
    await world.start(chain("a", idle_timeout=0.1), chain("b", output="patient", idle_timeout=30))
    await until(lambda: all(one.state is SessionState.CONNECTED for one in world.engine.sessions))
    world.still()
    await until(lambda: state(world) is SessionState.DISCONNECTED)
    await asyncio.sleep(0.25)  # two and a half looks at idleness
    assert world.servers.live("b")
    world.flow()
    await until(lambda: state(world) is SessionState.CONNECTED)
    assert len(world.servers.at("b")) == 1


async def test_a_plugins_words_are_scrubbed_wherever_they_go(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def telling(self: Any) -> Never:
        raise NetworkError(f"cannot open {self.context.target.url}: key-of-a is wrong")

    async def crashing(self: Any, tracks: Any) -> Never:
        raise ZeroDivisionError(f"{self.context.target.url}")

    monkeypatch.setattr(MemoryTransport, "publish", crashing)
    with caplog.at_level(logging.DEBUG):
        await world.start(chain("a", retry_policy=RetryPolicy(max_attempts=0)))
        await until(lambda: state(world) is SessionState.FAILED)
        monkeypatch.setattr(MemoryTransport, "connect", telling)
        world.session().retry_now()
        await until(lambda: len([e for e in world.events if type(e).__name__ == "GaveUp"]) == 2)
    assert "key-of-a" not in caplog.text
    assert not [event for event in world.events if "key-of-a" in repr(event)]
    assert "ZeroDivisionError" in caplog.text


async def test_what_keeps_a_candidate_away_is_told_without_secrets(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = MemoryTransport.connect

    async def telling(self: Any) -> Any:
        if self.host == "b":
            raise NetworkError(f"cannot open {self.context.target.url}")
        return await connect(self)

    monkeypatch.setattr(MemoryTransport, "connect", telling)
    await world.start(chain("a", "b"))
    await connected(world, "a")
    world.session().switch(1)
    await until(lambda: [n for n in world.of(Note) if n.code == "switch_failed"])
    assert "key-of-b" not in repr(world.events)


async def test_redirects_count_in_a_row_not_in_a_lifetime(world: World) -> None:
    hosts = ("b", "c")
    await world.start(chain("a", allow_redirect_hosts=("a", *hosts)))
    await connected(world, "a")
    one, now = world.session(), "a"
    for turn in range(7):
        await until(lambda: one.policy.stable)
        following = hosts[turn % 2]
        world.servers.live(now)[0].transport.context.events.redirect(f"mem://{following}/key")
        await until(lambda now=now, following=following: world.servers.live(following) and not world.servers.live(now))  # type: ignore[misc]
        now = following
    assert not [n for n in world.of(Note) if n.code == "redirect_refused"]


async def test_a_server_that_asks_to_move_without_end_is_not_told_of_without_end(world: World) -> None:
    await world.start(chain("a"))
    await connected(world, "a")
    events = world.servers.live("a")[0].transport.context.events
    for number in range(500):
        events.redirect(f"mem://evil{number}/key")
        events.note("noise", f"message {number}")
    assert len(world.of(Note)) < 60


async def test_a_redirect_told_while_connecting_is_followed_once_connected(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = MemoryTransport.publish

    async def refer(self: Any, tracks: Any) -> None:
        if self.host == "a":
            self.context.events.redirect("mem://b/key-of-a")
        await publish(self, tracks)

    monkeypatch.setattr(MemoryTransport, "publish", refer)
    await world.start(chain("a", allow_redirect_hosts=("b",)))
    await until(lambda: world.servers.live("b") and not world.servers.live("a"))


async def test_a_transport_that_ignores_its_deadline_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "STEPS", 0.01)
    for step in ("connect", "publish"):
        world.servers.hang = {(step, "a")}
        await (world.start(chain("a", retry_policy=FAST)) if step == "connect" else asyncio.sleep(0))
        seen = len(world.of(AttemptFailed))
        world.session().retry_now()
        await until(lambda seen=seen: len(world.of(AttemptFailed)) > seen)  # type: ignore[misc]
    assert "memory" in world.of(AttemptFailed)[-1].error


async def test_hosts_that_only_a_plugin_knows_wake_each_other_too(world: World) -> None:
    class Resolver:
        @hookimpl
        def camcast_resolve_url(self, target: Any, attempt: Any) -> Any:
            return target.url.replace("placeholder", "real")

    world.host.register(Resolver())
    slow = RetryPolicy(initial_delay=30, max_delay=30)
    world.servers.down["connect", "real"] = NetworkError("refused")
    urls = [f"mem://placeholder/{name}" for name in ("one", "two")]
    await world.start(
        SessionConfig(camera_id=0, url=urls[0], retry_policy=slow),
        SessionConfig(camera_id=0, url=urls[1], retry_policy=slow, output="second"),
    )
    await until(lambda: len(world.of(RetryScheduled)) == 2)
    world.servers.down.clear()
    world.session().retry_now()
    await until(lambda: all(one.state is SessionState.CONNECTED for one in world.engine.sessions))


async def test_hosts_are_not_remembered_without_end() -> None:
    hosts = Hosts(1e9)
    for number in range(5000):
        await hosts.slot(f"host{number}")
    assert len(hosts._hosts) <= 1024
