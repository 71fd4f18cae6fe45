"""A source that hangs is noticed, named and started anew; what does not end is left behind, and counted."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Sequence

import pytest
from tests.core.session.test_session import chain
from tests.core.world import World, until

from camcast.camera import run, stream
from camcast.camera.standstill import LOOKS, Standstill
from camcast.camera.stream import CameraStream
from camcast.config import RetryPolicy, SourceConfig
from camcast.contracts import MediaSink, Source, SourceContext
from camcast.engine import Engine
from camcast.events import SourceChanged, SourceState
from camcast.hooks import hookimpl
from camcast.kinds import SourceKind
from camcast.threaded import ThreadedSource

QUICK = RetryPolicy(initial_delay=0.01, max_delay=0.02, max_attempts=None)
AFTER = 0.3


class Waits:
    """Hangs in a coroutine; `stubborn`: and ignores being cancelled until it may end."""

    def __init__(self, hung: Hung) -> None:
        self._hung = hung

    async def run(self, sink: MediaSink) -> None:
        while not self._hung.may_end.is_set():
            with contextlib.suppress(asyncio.CancelledError) if self._hung.stubborn else contextlib.nullcontext():
                await self._for_ever()

    async def _for_ever(self) -> None:
        await self._hung.wakes.wait()

    def request_keyframe(self) -> bool:
        return False


class Blocks(ThreadedSource):
    """Hangs in its thread, which cannot be interrupted."""

    def __init__(self, context: SourceContext, hung: Hung) -> None:
        super().__init__(context)
        self._hung = hung

    def work(self) -> None:
        self._hung.may_end.wait(60)


class Hung:
    """A plugin with three sources that bring nothing."""

    def __init__(self, *, stubborn: bool = False) -> None:
        self.stubborn = stubborn
        self.builds = 0
        self.may_end = threading.Event()
        self.wakes = asyncio.Event()

    def end(self) -> None:
        self.may_end.set()
        self.wakes.set()

    @hookimpl
    def camcast_sources(self) -> Sequence[SourceKind]:
        return [
            SourceKind(name="waits", title="Waits", needs_url=False, build=self._waits),
            SourceKind(name="blocks", title="Blocks", needs_url=False, build=self._blocks),
            SourceKind(name="rests", title="Rests", needs_url=False, build=self._waits, may_rest=True),
        ]

    def _waits(self, context: SourceContext) -> Source:
        self.builds += 1
        return Waits(self)

    def _blocks(self, context: SourceContext) -> Source:
        self.builds += 1
        return Blocks(context, self)


@pytest.fixture
async def hung(world: World) -> AsyncIterator[Hung]:
    plugin = Hung()
    world.host.register(plugin, "hung")
    yield plugin
    plugin.end()


async def begun(world: World, kind: str, after: float | None = AFTER, policy: RetryPolicy = QUICK) -> CameraStream:
    source = SourceConfig(type=kind, retry_policy=policy, restart_after=after)
    world.engine = Engine(world.config(source=source), host=world.host)
    await world.engine.start()
    return world.engine.cameras.stream(0, 0)


def told(world: World) -> str:
    return "\n".join(event.reason for event in world.of(SourceChanged) if isinstance(event, SourceChanged))


async def test_a_coroutine_that_brings_nothing_is_ended_and_run_again(world: World, hung: Hung) -> None:
    stream = await begun(world, "waits")
    await until(lambda: hung.builds == 3)
    text = "source waits hangs: nothing came for 0.3 s; it is in test_standstill.py:"
    assert text in told(world)
    assert "in _for_ever; next try in 0.01s" in told(world), "the innermost call of the plugin's"
    assert stream.restarts == 2
    assert not world.host.faults.counts


async def test_a_thread_that_hangs_is_left_behind_and_counted(world: World, hung: Hung) -> None:
    await begun(world, "blocks")
    await until(lambda: hung.builds == 2)
    assert "source blocks hangs: nothing came for 0.3 s; it is in test_standstill.py:" in told(world)
    assert "in work" in told(world)
    assert world.host.faults.counts == {"source blocks": 1}


async def test_with_so_many_threads_left_it_waits_until_one_of_them_ends(
    world: World, hung: Hung, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camcast.threaded.STOP_DEADLINE", 0.01)
    source = await begun(world, "blocks", after=0.05)
    await until(lambda: "threads hang" in told(world))
    assert hung.builds == stream.MOST_LEFT
    assert source.state is SourceState.WAITING
    assert source.metrics.next_attempt_at is None, "nobody knows when the thread ends"
    assert f"{stream.MOST_LEFT} of its threads hang: it is started again once that has ended" in told(world)
    hung.end()
    await until(lambda: hung.builds > stream.MOST_LEFT)


@pytest.mark.parametrize("attempts", [None, 1])
async def test_one_that_waits_for_its_threads_is_over_only_if_it_would_not_be_run_again(
    world: World, hung: Hung, monkeypatch: pytest.MonkeyPatch, attempts: int | None
) -> None:
    monkeypatch.setattr("camcast.threaded.STOP_DEADLINE", 0.01)
    monkeypatch.setattr(stream, "MOST_LEFT", 1 if attempts is None else 2)
    policy = RetryPolicy(initial_delay=0.01, max_delay=0.02, max_attempts=attempts, revive_after=None)
    source = await begun(world, "blocks", 0.05, policy)
    if attempts is None:
        await until(lambda: "threads hang" in told(world))
        assert not world.engine.sources_ended
    else:
        await until(lambda: world.engine.sources_ended)
        assert source.state is SourceState.FAILED
        # Asked for again, it waits for them all the same.
        source.retry_now()
        await until(lambda: "threads hang" in told(world))
        assert hung.builds == 2


async def test_one_that_ignores_being_cancelled_is_not_run_twice_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may still bring media, and two sources in one feed are worse than none."""
    monkeypatch.setattr(run, "STOP_DEADLINE", 0.05)
    plugin = Hung(stubborn=True)
    world.host.register(plugin, "hung")
    source = await begun(world, "waits", after=0.05)
    await until(lambda: source.state is SourceState.WAITING)
    assert "it ignores being cancelled: it is started again once that has ended" in told(world)
    assert plugin.builds == 1
    plugin.end()
    await until(lambda: plugin.builds == 2)


@pytest.mark.parametrize(("kind", "after"), [("rests", 0.05), ("waits", None)])
async def test_one_that_may_rest_rests(world: World, hung: Hung, kind: str, after: float | None) -> None:
    stream = await begun(world, kind, after)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await until(lambda: hung.builds > 1)
    assert stream.state is SourceState.STARTING


async def test_one_that_stops_bringing_media_is_run_again(world: World) -> None:
    engine = await world.start(
        chain("a"), source=SourceConfig(type="scripted", retry_policy=QUICK, restart_after=AFTER), flowing=False
    )
    for run_number in (1, 2):
        await until(lambda run_number=run_number: world.runs == run_number and world.sinks)  # type: ignore[misc]
        world.flow()
        await until(lambda: engine.cameras.stream(0, 0).state is SourceState.RUNNING)
        world.still()
    await until(lambda: world.runs == 3)
    assert "source scripted hangs: nothing came for 0.3 s" in told(world)


async def test_a_loop_that_stood_still_blames_no_source() -> None:
    noticed: list[float] = []
    began = time.monotonic()
    Standstill(lambda: 0.0, 0.3, lambda: noticed.append(time.monotonic() - began))
    asyncio.get_running_loop().call_soon(time.sleep, 0.6)
    await until(lambda: noticed)
    assert noticed[0] >= 0.6 + 0.3 * (LOOKS - 1) / LOOKS - 0.01


async def test_what_comes_at_last_counts_from_then_on() -> None:
    newest, noticed = [0.0], list[float]()
    watch = Standstill(lambda: newest[0], 0.06, lambda: noticed.append(newest[0]))
    for number in range(20):
        newest[0] = float(number)
        await asyncio.sleep(0.01)
        assert not noticed
    await until(lambda: noticed)
    watch.stop()
