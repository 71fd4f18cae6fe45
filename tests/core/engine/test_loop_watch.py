"""Whoever holds the event loop is named: the plugin, the line, and the sessions that use it."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import types
from collections.abc import Sequence
from types import FrameType

import attrs
import pytest
from tests.core.session.test_session import chain
from tests.core.world import World, until

from camcast.config import SystemConfig
from camcast.engine import Engine, loop_watch
from camcast.engine.loop_watch import Hold, LoopWatch
from camcast.events import LoopHeld, Note
from camcast.hosting.culprit import culprit
from camcast.hosting.plugin import Plugin


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_watch, "LOOK", 0.05)
    monkeypatch.setattr(loop_watch, "NOTICED", 0.15)
    monkeypatch.setattr(loop_watch, "LATE", 1.0)


def plugin_with_code(name: str, source: str) -> tuple[Plugin, types.ModuleType]:
    module = types.ModuleType(name)
    exec(compile(source, f"/somewhere/{name}.py", "exec"), module.__dict__)
    return Plugin(name, "elsewhere", "1.0", module=module), module


def blocker() -> tuple[Plugin, types.ModuleType]:
    return plugin_with_code("slowpoke", "import time\ndef grind(seconds):\n    time.sleep(seconds)\n")


class Watched:
    def __init__(self, plugins: Sequence[Plugin] = ()) -> None:
        self.holds: list[Hold] = []
        self.watch = LoopWatch(lambda: plugins, self.holds.append)
        self.watch.start()


async def test_a_plugin_that_holds_the_loop_is_named_with_its_line(caplog: pytest.LogCaptureFixture) -> None:
    plugin, module = blocker()
    watched = Watched([plugin])
    module.grind(0.6)
    await until(lambda: watched.holds)
    watched.watch.stop()
    hold = watched.holds[0]
    assert hold.plugin is plugin
    assert hold.where == "slowpoke.py:3 in grind"
    assert hold.seconds >= 0.15
    # Said while the loop still stood, not only afterwards.
    assert "held for" in caplog.text
    assert "plugin slowpoke, slowpoke.py:3 in grind" in caplog.text


async def test_one_hold_is_told_once_and_the_next_one_again() -> None:
    watched = Watched()
    for number in (1, 2):
        time.sleep(0.6)  # noqa: ASYNC251  holding the loop is what is tried
        await until(lambda number=number: len(watched.holds) == number)  # type: ignore[misc]
    watched.watch.stop()
    assert [hold.plugin for hold in watched.holds] == [None, None]
    assert all("test_loop_watch.py" in hold.where for hold in watched.holds)


async def test_a_loop_that_answers_is_never_told_of() -> None:
    watched = Watched()
    for _ in range(60):
        await asyncio.sleep(0.01)
    watched.watch.stop()
    assert watched.holds == []


async def test_a_process_that_was_stopped_blames_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread was late too: as after SIGSTOP, or a laptop's lid."""
    monkeypatch.setattr(loop_watch, "LATE", 0.02)
    clock = [0.0]
    monkeypatch.setattr(loop_watch, "monotonic", lambda: clock[0])

    class Stopped(threading.Event):
        looks = 0

        def wait(self, timeout: float | None = None) -> bool:
            Stopped.looks += 1
            clock[0] += 60.0 if Stopped.looks == 3 else timeout or 0.0
            return Stopped.looks > 5

    watch = LoopWatch(lambda: (), lambda hold: pytest.fail("nobody is to blame"))
    watch._ended = Stopped()
    watch._loop = types.SimpleNamespace(call_soon_threadsafe=lambda call: None)  # type: ignore[assignment]
    watch._loop_thread = threading.get_ident()
    monkeypatch.setattr(watch, "_look", lambda seconds: pytest.fail(f"held for {seconds}"))
    watch._watch()
    assert Stopped.looks == 6


def test_the_plugin_nearest_to_the_innermost_call_is_the_culprit() -> None:
    outer, outside = plugin_with_code("outside", "def call(f):\n    return f()\n")
    inner, inside = plugin_with_code("inside", "def call(f):\n    return f()\n")

    def stack() -> FrameType:
        return sys._getframe()

    assert culprit(outside.call(lambda: inside.call(stack)), [outer, inner])[0] is inner
    assert culprit(outside.call(stack), [outer, inner])[0] is outer
    assert culprit(stack(), [outer, inner])[0] is None
    assert culprit(None, [outer]) == (None, "")


async def test_the_sessions_of_a_plugin_that_stalls_are_told_of(world: World) -> None:
    world.engine = Engine(
        attrs.evolve(world.config(chain("a")), system=SystemConfig(plugin_stall=0.3)), host=world.host
    )
    await world.engine.start()
    kind = world.host.transport("", "mem")
    plugin = world.host.plugin_of(kind)
    assert plugin is not None
    for seconds, notes in ((0.2, 0), (0.4, 1)):
        world.engine._held(Hold(seconds, plugin, "slowpoke.py:3 in grind"))
        told = [event for event in world.of(Note) if isinstance(event, Note) and event.code == "plugin_stall"]
        assert len(told) == notes
    assert "slowpoke.py:3 in grind" in told[0].text
    assert [round(event.seconds, 1) for event in world.of(LoopHeld)] == [0.2, 0.4]
    assert plugin.name in world.of(LoopHeld)[0].text
