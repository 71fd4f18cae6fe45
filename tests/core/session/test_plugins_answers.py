"""What plugins answer that their contract does not know: named as theirs, and no other session notices."""

from __future__ import annotations

import threading
from typing import Any, Never

import pytest
from tests.core.session.test_session import KEY, chain
from tests.core.world import MemoryTransport, World, until

from camcast.errors import ErrorClass
from camcast.events import AttemptFailed, SessionState
from camcast.hooks import hookimpl
from camcast.session import hook_threads
from camcast.session.resolver import NameResolver
from camcast.session.session import Session


def failure(world: World) -> AttemptFailed:
    found = world.of(AttemptFailed)[-1]
    assert isinstance(found, AttemptFailed)
    return found


@pytest.mark.parametrize(
    ("answer", "told"), [("first", "send gave str, not a position or None"), (0.5, "send gave float, not a position")]
)
async def test_a_send_that_answers_nonsense_ends_its_attempt_only(
    world: World, monkeypatch: pytest.MonkeyPatch, answer: object, told: str
) -> None:
    plain = MemoryTransport.send

    def send(self: MemoryTransport, unit: Any, time: int) -> Any:
        plain(self, unit, time)
        return answer if self.host == "a" else None

    monkeypatch.setattr(MemoryTransport, "send", send)
    await world.start(chain("a"), chain("b", output="good"))
    await until(lambda: world.of(AttemptFailed))
    assert failure(world).error_class is ErrorClass.PLUGIN
    assert told in failure(world).error
    await until(lambda: any(len(one.units) > 20 for one in world.servers.live("b")))
    assert len(world.servers.at("b")) == 1
    assert world.runs == 1


@pytest.mark.parametrize("name", ["acked", "pending"])
async def test_figures_that_are_none_are_a_bug_of_the_transport(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(MemoryTransport, name, property(lambda self: None, lambda self, value: None), raising=False)
    await world.start(chain("a"))
    await until(lambda: world.of(AttemptFailed))
    assert failure(world).error_class is ErrorClass.PLUGIN
    assert "transport memory" in failure(world).error


@pytest.mark.parametrize(("answer", "told"), [(b"mem://b/key", "bytes"), (7, "int"), (["mem://b/key"], "list")])
async def test_a_resolver_that_gives_no_url_is_named(world: World, answer: Any, told: str) -> None:
    class Odd:
        @hookimpl
        def camcast_resolve_url(self, target: Any, attempt: int) -> Any:
            return answer

    world.host.register(Odd(), "odd")
    await world.start(chain("a"))
    await until(lambda: world.of(AttemptFailed))
    assert failure(world).error_class is ErrorClass.PLUGIN
    assert failure(world).error == f"plugin odd failed in camcast_resolve_url: it gave {told}, not str or None"


async def test_a_source_that_fails_when_asked_for_a_keyframe_goes_on(world: World) -> None:
    from tests.core.world import ScriptedSource

    def ask(self: Any) -> Never:
        raise RuntimeError("no such command")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptedSource, "request_keyframe", ask)
        engine = await world.start(chain("a", replay="off"))
        await until(lambda: world.servers.live("a"))
        assert engine.cameras.stream(0, 0).request_keyframe() is False
    assert world.runs == 1
    assert world.host.faults.counts["source scripted"] >= 1


@pytest.mark.parametrize("wrong", [None, 7, RuntimeError("no name")], ids=str)
async def test_a_transport_that_cannot_name_what_it_publishes(world: World, wrong: object) -> None:
    def name(target: Any) -> Any:
        if isinstance(wrong, Exception):
            raise wrong
        return wrong

    kind = world.host.transport("memory", "mem")
    object.__setattr__(kind, "publish_name", name)
    engine = await world.start(chain("a"))
    await until(lambda: world.of(AttemptFailed))
    assert failure(world).error_class is ErrorClass.PLUGIN
    assert failure(world).error.startswith("transport memory failed in publish_name, by a bug of its own:")
    one = engine.sessions.get(KEY)
    assert isinstance(one, Session)
    assert one.state is not SessionState.CONNECTED


class NoThread(threading.Thread):
    def start(self) -> None:
        raise RuntimeError("can't start new thread")


async def test_where_no_thread_can_be_started_it_is_said_and_the_next_look_up_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = NameResolver(lambda host, port, family: [(2, ("10.0.0.1", port))], threads=1)
    with monkeypatch.context() as patch:
        patch.setattr("camcast.daemons.threading.Thread", NoThread)
        for _ in range(3):
            with pytest.raises(Exception, match=r"cannot look up cam\.test: no thread can be started: raise the limit"):
                await names.resolve("cam.test", 1935)
    assert await names.resolve("cam.test", 1935) == [(2, ("10.0.0.1", 1935))]


async def test_a_hook_that_gets_no_thread_takes_none_away(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = hook_threads.HookThreads(1)
    with monkeypatch.context() as patch:
        patch.setattr("camcast.daemons.threading.Thread", NoThread)
        for _ in range(3):
            with pytest.raises(RuntimeError, match="new thread"):
                await threads.run(lambda: 1, 1.0)
    assert await threads.run(lambda: 1, 5.0) == 1
