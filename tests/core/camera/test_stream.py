"""How a stream's source is run, and brought back: after a loss, after giving up, after a bug of its plugin's."""

from __future__ import annotations

import asyncio
import gc
import re
import time
from collections.abc import Sequence

import pytest
from tests.core.session.test_session import chain
from tests.core.world import World, until

from camcast.camera.stream import CameraStream
from camcast.config import RetryPolicy, SourceConfig
from camcast.contracts import MediaSink, SourceContext
from camcast.engine import Engine
from camcast.errors import SourceError
from camcast.events import SessionState, SourceChanged, SourceState, StateChanged
from camcast.hooks import hookimpl
from camcast.kinds import SourceKind, TransportKind
from camcast.session.loading import Loading

QUICK = RetryPolicy(initial_delay=0.01, max_delay=0.02, max_attempts=None)
REVIVING = RetryPolicy(initial_delay=0.01, max_delay=0.02, max_attempts=1, revive_after=0.2, jitter=0.0)


async def started(world: World, policy: RetryPolicy) -> CameraStream:
    """The stream of an engine whose source is tried again by `policy`."""
    engine = await world.start(chain("a"), flowing=False, source=SourceConfig(type="scripted", retry_policy=policy))
    return engine.cameras.stream(0, 0)


async def lose(world: World, error: SourceError) -> None:
    await until(lambda: world.sinks)
    assert world.source is not None
    world.source.end.set_exception(error)
    await until(lambda: not world.sinks)


async def test_a_source_that_has_given_up_is_revived_for_one_round_at_a_time(world: World) -> None:
    stream = await started(world, REVIVING)
    for _ in range(2):
        await lose(world, SourceError("no route"))
    await until(lambda: stream.state is SourceState.FAILED)
    told = world.of(SourceChanged)[-1]
    assert isinstance(told, SourceChanged)
    assert told.text == "Source cam0_main: starting -> failed (no route; tried again in 0 s)"
    due = stream.metrics.next_attempt_at
    assert due is not None
    assert 0 <= due - time.time() <= 0.2
    await until(lambda: world.runs == 3)
    assert stream.metrics.next_attempt_at is None
    await lose(world, SourceError("no route"))
    await until(lambda: stream.state is SourceState.FAILED)
    world.flow()
    await until(lambda: world.servers.live("a"))
    assert stream.state is SourceState.RUNNING
    assert stream.metrics.restarts == world.runs - 1


async def test_what_only_a_person_can_mend_is_revived_three_times_less_often(world: World) -> None:
    stream = await started(world, RetryPolicy(revive_after=100.0, jitter=0.0))
    await lose(world, SourceError("no such device", fatal=True))
    due = stream.metrics.next_attempt_at
    assert due is not None
    assert 295 < due - time.time() <= 300
    assert not world.host.faults.counts


async def test_a_source_that_is_not_to_be_revived_stays_failed_until_it_is_told(world: World) -> None:
    stream = await started(world, RetryPolicy(revive_after=None))
    await lose(world, SourceError("no such device", fatal=True))
    assert stream.metrics.next_attempt_at is None
    assert world.engine is not None
    assert world.engine.sources_ended
    stream.retry_now()
    await until(lambda: world.sinks)
    assert not world.engine.sources_ended
    assert stream.metrics.restarts == 1


async def test_an_old_error_goes_once_the_source_has_run_for_long_enough(world: World) -> None:
    policy = RetryPolicy(initial_delay=0.01, max_attempts=None, stable_after=0.3)
    stream = await started(world, policy)
    await lose(world, SourceError("no route"))
    await until(lambda: world.sinks)
    world.flow()
    await until(lambda: stream.state is SourceState.RUNNING)
    assert stream.metrics.last_error == "no route"
    await until(lambda: not stream.metrics.last_error)
    assert world.source is not None
    world.source.end.set_exception(SourceError("no route any more"))
    await until(lambda: world.runs == 3)
    assert stream.metrics.last_error == "no route any more"


async def test_a_session_whose_camera_is_gone_says_why(world: World) -> None:
    engine = await world.start(
        chain("a", idle_timeout=0.3), source=SourceConfig(type="scripted", retry_policy=RetryPolicy(initial_delay=60))
    )
    await until(lambda: world.servers.live("a"))
    await lose(world, SourceError("no route to the camera"))
    (session,) = engine.sessions
    await until(lambda: session.state is SessionState.DISCONNECTED)
    told = world.of(StateChanged)[-1]
    assert isinstance(told, StateChanged)
    assert told.reason == "waiting for media: the source is waiting: no route to the camera"


async def test_a_camera_that_is_connected_and_silent_is_told_as_that(world: World) -> None:
    engine = await world.start(chain("a", idle_timeout=0.3))
    await until(lambda: world.servers.live("a"))
    world.still()
    (session,) = engine.sessions
    await until(lambda: session.state is SessionState.DISCONNECTED)
    told = world.of(StateChanged)[-1]
    assert isinstance(told, StateChanged)
    assert re.fullmatch(r"waiting for media: the source runs, but has brought nothing for \d+ s", told.reason)
    silent = engine.stats().streams[0].silent_for
    assert silent is not None
    assert 0.3 <= silent < 5


class Buggy:
    """A source that fails as its world's `bug` says, in whatever way."""

    def __init__(self, context: SourceContext, bug: Bug) -> None:
        self._bug = bug

    async def run(self, sink: MediaSink) -> None:
        self._bug.runs += 1
        error = self._bug.error
        if isinstance(error, asyncio.CancelledError):
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(1)
        raise error

    def request_keyframe(self) -> bool:
        return False


class Bug:
    """A plugin with a source whose `run` raises `error`."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.runs = 0

    @hookimpl
    def camcast_sources(self) -> Sequence[SourceKind]:
        kind = SourceKind(name="buggy", title="Buggy", needs_url=False, build=lambda context: Buggy(context, self))
        return [kind]


async def test_a_bug_of_a_source_is_named_counted_and_traced_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    bug = Bug(TypeError("no len() of None"))
    world.host.register(bug)
    stream = await begun(world, "buggy")
    await until(lambda: stream.state is SourceState.WAITING)
    assert stream.metrics.last_error == "source buggy failed by a bug of its own: TypeError: no len() of None"
    due = stream.metrics.next_attempt_at
    assert due is not None
    assert due - time.time() > 20  # slowly: its author acts, and nobody else can
    stream.retry_now()
    await until(lambda: bug.runs == 2)
    await until(lambda: stream.state is SourceState.WAITING)
    assert world.host.faults.counts == {"source buggy": 2}
    assert caplog.text.count("Traceback") == 1


async def test_a_source_that_its_own_library_cancels_is_brought_back(world: World) -> None:
    bug = Bug(asyncio.CancelledError())
    world.host.register(bug)
    stream = await begun(world, "buggy")
    await until(lambda: stream.state is SourceState.WAITING)
    assert stream.metrics.last_error == "source buggy was cancelled by its own library"


class Sore:
    """A source that fails while it is ended, with a text that nobody has hidden the key in."""

    def __init__(self, context: SourceContext) -> None:
        self.runs = False

    async def run(self, sink: MediaSink) -> None:
        self.runs = True
        try:
            await asyncio.sleep(60)
        finally:
            raise OSError("rtsp://admin:hunter2@camera/1 cannot be torn down")

    def request_keyframe(self) -> bool:
        return False


class SoreKind:
    """Its plugin."""

    def __init__(self) -> None:
        self.made: list[Sore] = []

    @hookimpl
    def camcast_sources(self) -> Sequence[SourceKind]:
        return [SourceKind(name="sore", title="Sore", needs_url=False, build=self.build)]

    def build(self, context: SourceContext) -> Sore:
        self.made.append(Sore(context))
        return self.made[-1]


async def test_what_a_source_raises_while_it_is_ended_is_printed_by_nobody(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = SoreKind()
    world.host.register(plugin)
    stream = await begun(world, "sore")
    await until(lambda: plugin.made and plugin.made[0].runs)
    stream.fault(SourceError("what it brings cannot be used"))
    await until(lambda: stream.metrics.last_error)
    assert stream.metrics.last_error == "what it brings cannot be used"
    plugin.made.clear()
    gc.collect()
    await asyncio.sleep(0)
    assert "hunter2" not in caplog.text


async def test_an_import_of_a_source_that_hangs_is_told_as_that(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def of(self: Loading, kind: SourceKind | TransportKind) -> None:
        raise TimeoutError

    monkeypatch.setattr(Loading, "of", of)
    stream = await begun(world, "scripted")
    await until(lambda: stream.metrics.last_error)
    assert stream.metrics.last_error == "importing what source scripted needs takes too long"


async def begun(world: World, kind: str) -> CameraStream:
    """The stream of an engine whose source is of `kind`, which need not run."""
    world.engine = Engine(world.config(source=SourceConfig(type=kind, retry_policy=QUICK)), host=world.host)
    await world.engine.start()
    return world.engine.cameras.stream(0, 0)
