"""Whatever was opened is closed at the engine's end, even when its session could not."""

from __future__ import annotations

import asyncio
import gc
import logging
import time

import pytest
from tests.core.session.test_session import chain
from tests.core.world import World, until

from camcast.session import session
from camcast.session.opened import Opened


class Line:
    """A transport as far as closing goes."""

    def __init__(self, error: Exception | None = None, *, hangs: bool = False) -> None:
        self.closed, self.error, self.hangs = 0, error, hangs

    async def close(self) -> None:
        self.closed += 1
        if self.error is not None:
            raise self.error
        if self.hangs:
            await asyncio.Event().wait()


class Slotted:
    __slots__ = ()


async def test_all_are_closed_side_by_side_and_those_that_fail_are_named(caplog: pytest.LogCaptureFixture) -> None:
    opened, lines = Opened(), [Line(), Line(RuntimeError("secret")), Line(hangs=True)]
    for line in lines:
        opened.add(line, f"cam{lines.index(line)}_main")  # type: ignore[arg-type]
    with caplog.at_level(logging.ERROR):
        await opened.close(0.05)
    assert [line.closed for line in lines] == [1, 1, 1]
    assert caplog.messages == [
        "cam1_main: a transport failed to close: RuntimeError",
        "cam2_main: a transport did not close within 0.05 s and may still be connected",
    ]
    assert len(opened) == 0


async def test_a_transport_that_is_let_go_of_is_forgotten() -> None:
    opened = Opened()
    line = Line()
    opened.add(line, "cam0_main")  # type: ignore[arg-type]
    opened.add(Slotted(), "cam1_main")  # type: ignore[arg-type]
    assert len(opened) == 1
    del line
    gc.collect()
    assert len(opened) == 0


async def test_a_loop_blocked_while_the_engine_stops_leaves_nothing_on_the_air(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "STOP_DEADLINE", 0.2)
    engine = await world.start(chain("a"), chain("b", output="cloud"))
    await until(lambda: len(world.servers.live()) == 2)

    async def takes_turns(step: str, host: str) -> None:
        for _ in range(20):
            await asyncio.sleep(0.001)

    world.servers.step = takes_turns  # type: ignore[method-assign]
    asyncio.get_running_loop().call_soon(time.sleep, 2.0)
    await engine.stop()
    assert not world.servers.live()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("camcast-")]


async def test_a_second_stop_hurries_the_first(world: World) -> None:
    engine = await world.start(chain("a"))
    await until(lambda: world.servers.live())
    world.servers.hang.add(("close", "a"))
    first = asyncio.create_task(engine.stop())
    await asyncio.sleep(0.01)
    started = time.monotonic()
    world.servers.hang.clear()
    await engine.stop(within=0.1)
    await first
    assert time.monotonic() - started < session.STOP_DEADLINE / 2
    assert not world.servers.live()
    assert not world.sinks
