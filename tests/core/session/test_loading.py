"""What kinds import on a thread: once, whoever waits for it, and again where it failed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import attrs
import pytest
from tests.core.session.test_session import chain
from tests.core.world import World, until

from camcast.config import SourceConfig
from camcast.contracts import Source, SourceContext
from camcast.errors import ErrorClass, MissingDependency
from camcast.events import AttemptFailed, LoopHeld, SessionState
from camcast.hooks import hookimpl
from camcast.kinds import SourceKind, TransportKind, importing
from camcast.session import loading
from camcast.session.hook_threads import HookThreads
from camcast.session.loading import Loading


@attrs.define(eq=False)
class Loads:
    """What a kind imports, as the test says."""

    errors: list[Exception] = attrs.field(factory=list)
    may: threading.Event = attrs.field(factory=threading.Event)
    threads: list[bool] = attrs.field(factory=list)
    """Of each call, whether it was on the main thread."""

    def load(self) -> None:
        self.threads.append(threading.current_thread() is threading.main_thread())
        self.may.wait(10)
        if self.errors:
            raise self.errors.pop()

    @property
    def kind(self) -> SourceKind:
        return SourceKind(name="loads", title="Loads", build=_never, needs_url=False, load=self.load)


def _never(context: SourceContext) -> Source:
    raise AssertionError("built before it was loaded")


async def test_it_is_loaded_once_on_a_thread_for_all_who_wait() -> None:
    loads, one = Loads(), Loading(HookThreads())
    kind = loads.kind
    waiting = [asyncio.create_task(one.of(kind)) for _ in range(5)]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in waiting)
    waiting.pop().cancel()
    loads.may.set()
    await asyncio.gather(*waiting)
    await one.of(kind)
    assert loads.threads == [False]


async def test_what_failed_is_tried_again() -> None:
    loads, one = Loads([ImportError("a file is not there yet")]), Loading(HookThreads())
    loads.may.set()
    kind = loads.kind
    with pytest.raises(ImportError, match="not there yet"):
        await one.of(kind)
    await one.of(kind)
    await one.of(kind)
    assert len(loads.threads) == 2


async def test_one_that_hangs_is_waited_for_no_longer_than_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "DEADLINE", 0.05)
    loads = Loads()
    with pytest.raises(TimeoutError):
        await Loading(HookThreads()).of(loads.kind)
    loads.may.set()


async def test_one_that_hangs_has_one_thread_however_often_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "DEADLINE", 0.05)
    loads, threads = Loads(), HookThreads(threads=2)
    one, kind = Loading(threads), loads.kind
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await one.of(kind)
        assert await threads.run(lambda: 7, 5) == 7
    monkeypatch.setattr(loading, "DEADLINE", 5)
    loads.may.set()
    await one.of(kind)
    assert len(loads.threads) == 1


def test_importing_names_modules() -> None:
    importing("json", "xml.dom")()
    with pytest.raises(ImportError):
        importing("nothing.of.this.name")()


class Slow:
    """A plugin whose source takes long to import."""

    loaded = 0

    @hookimpl
    def camcast_sources(self) -> Sequence[SourceKind]:
        return [SourceKind(name="slow", title="Slow", build=_never, needs_url=False, load=self.load)]

    def load(self) -> None:
        time.sleep(2)
        self.loaded += 1


async def test_a_plugin_that_takes_long_to_import_holds_no_camera(world: World) -> None:
    slow = Slow()
    world.host.register(slow, "slow")
    camera = world.config(chain("a", output="other"), source=SourceConfig(type="slow")).cameras[0]
    engine = await world.start(chain("a"))
    await until(lambda: world.servers.live("a"))
    await engine.add_camera(attrs.evolve(camera, camera_id=7, streams=(attrs.evolve(camera.streams[0], sessions=()),)))
    before = len(world.servers.live("a")[0].units)
    async with asyncio.timeout(20):
        while not slow.loaded:  # noqa: ASYNC110  nothing tells
            await asyncio.sleep(0.01)
    assert len(world.servers.live("a")[0].units) > before + 50
    assert not world.of(LoopHeld)


@pytest.mark.parametrize(
    ("error", "wanted", "text"),
    [
        (
            ImportError("no module named toys"),
            ErrorClass.PLUGIN,
            "transport memory cannot be loaded: ImportError: no module",
        ),
        (MissingDependency("pip install toys"), ErrorClass.MISCONFIGURED, "pip install toys"),
        (TimeoutError(), ErrorClass.NETWORK, "importing what transport memory needs takes too long"),
    ],
)
async def test_a_transport_that_cannot_be_loaded_fails_its_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, wanted: ErrorClass, text: str
) -> None:
    plain = Loading.of
    failed: list[object] = []

    async def of(self: Loading, kind: SourceKind | TransportKind) -> None:
        if isinstance(kind, TransportKind) and not failed:
            failed.append(kind)
            raise error
        await plain(self, kind)

    monkeypatch.setattr(Loading, "of", of)
    engine = await world.start(chain("a"))
    await until(lambda: world.of(AttemptFailed))
    told = world.of(AttemptFailed)[0]
    assert isinstance(told, AttemptFailed)
    assert told.error_class is wanted
    assert text in told.error
    (session,) = engine.sessions
    session.retry_now()
    await until(lambda: session.state is SessionState.CONNECTED)
