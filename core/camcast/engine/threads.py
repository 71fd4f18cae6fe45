"""The engine for programs without asyncio: a loop in a thread of its own, and calls that wait for their result."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from camcast.camera.stats import Stats
from camcast.config import CameraConfig, Config, SessionConfig
from camcast.contracts import PushHandle
from camcast.engine.engine import STOP_DEADLINE, Engine
from camcast.engine.event_bus import EventReader
from camcast.engine.facades import ThreadedCamera, ThreadedCameras, ThreadedSession, ThreadedSessions
from camcast.engine.history import POINTS, SessionHistory
from camcast.engine.loop_thread import DEADLINE, LoopThread
from camcast.engine.plan import Step
from camcast.engine.view import View
from camcast.errors import OutOfRange, WrongState
from camcast.events import Event, SessionKey
from camcast.host import PluginHost
from camcast.structure import described

log = logging.getLogger(__name__)
T = TypeVar("T")

THREAD_DEADLINE = 30.0
"""Seconds beyond an orderly end in which the engine's thread must have ended."""


class EngineThread:
    """An `Engine` behind blocking calls: what it has, this has, without `await`.

    Every method may be called from any thread but the engine's own (that of `on_event`, of hooks and of other
    callbacks), where it raises `WrongState` at once. Calls raise what the engine's raise, and `DeadlineError` when the
    engine does not answer within 30 s.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        host: PluginHost | None = None,
        first_timestamp: int = 0,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        """`on_event` is called on the engine's thread: be quick, and call nothing of this object from there.

        Raises `OutOfRange` for what is no plain function of one argument.
        """
        self._prepare(Engine(config, host=host, first_timestamp=first_timestamp), on_event)

    def _prepare(self, engine: Engine, on_event: Callable[[Event], object] | None) -> None:
        self.engine = engine
        """The engine itself, whose methods belong to its own loop."""
        self._on_event = _checked(on_event)
        self._loop = LoopThread()
        self._watcher: asyncio.Task[None] | None = None
        self._within = STOP_DEADLINE

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        host: PluginHost | None = None,
        on_event: Callable[[Event], object] | None = None,
    ) -> EngineThread:
        """An engine for a configuration file, an old one included. Raises `ConfigError`."""
        made = cls.__new__(cls)
        made._prepare(Engine.from_file(path, host=host), on_event)
        return made

    def __enter__(self) -> EngineThread:
        try:
            self.start()
        except BaseException:
            # Ctrl-C while it starts: no `with` block comes to its end, and the engine would run on.
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def config(self) -> Config:
        """The configuration in use."""
        return self.engine.config

    @property
    def host(self) -> PluginHost:
        """Its plugins."""
        return self.engine.host

    def start(self) -> None:
        """Start the thread and the engine in it, once; raises what the engine's start raises."""
        self._loop.start(self._begin, self._end)

    async def _begin(self) -> None:
        events = self.engine.events() if self._on_event else None  # before the first happens
        await self.engine.start()
        if events is not None:
            self._watcher = asyncio.create_task(self._watch(events), name="camcast-on-event")

    async def _end(self) -> None:
        await self.engine.stop(self._within)
        if self._watcher is not None:
            await self._watcher

    def stop(self, within: float = STOP_DEADLINE) -> None:
        """End the engine as `Engine.stop` does, and its thread. Raises `DeadlineError` if that does not come about."""
        self._within = within
        self._loop.stop(within + THREAD_DEADLINE)

    def run(self, work: Coroutine[Any, Any, T], timeout: float = DEADLINE) -> T:
        """Run a coroutine of yours on the engine's loop and wait for its result, `timeout` seconds at most."""
        return self._loop.run(work, timeout)

    def call(self, function: Callable[..., T], *args: object, timeout: float = DEADLINE) -> T:
        """Call a plain function on the engine's loop and wait for its result, `timeout` seconds at most."""
        return self._loop.call(function, *args, timeout=timeout)

    # --- changes at run time ------------------------------------------------------------------------------

    def add_camera(self, config: CameraConfig) -> ThreadedCamera:
        """Add and start a camera with its sessions. Raises `ConfigError`."""
        return ThreadedCamera(self.run(self.engine.add_camera(config)), self._loop)

    def remove_camera(self, camera_id: int) -> None:
        """End a camera's sessions and the camera. Raises `NotFound` for one that is not there."""
        self.run(self.engine.remove_camera(camera_id))

    def create_session(self, config: SessionConfig) -> ThreadedSession:
        """Publish a running stream somewhere else as well. Raises what `SessionManager.create_session` raises."""
        return ThreadedSession(self.run(self.engine.create_session(config)), self._loop)

    def delete_session(self, key: SessionKey) -> None:
        """End one session; the stream's others go on. Raises `NotFound` for one that is not there."""
        self.run(self.engine.delete_session(key))

    add_output = create_session
    remove_output = delete_session

    def plan(self, config: Config) -> list[Step]:
        """What `reload` would do now. Raises `ConfigError`."""
        return self.call(self.engine.plan, config)

    def reload(self, config: Config) -> list[str]:
        """Make the running engine be like `config`, by difference; see `Engine.reload`. Raises `ConfigError`."""
        return self.run(self.engine.reload(config))

    def tell(self, event: Event) -> None:
        """An event of the program's own, to all that hear events; see `Engine.tell`."""
        self.call(self.engine.tell, event)

    # --- media and watching -------------------------------------------------------------------------------

    def push(self, camera_id: int, stream_id: int) -> PushHandle:
        """What this program pushes a stream's media into; see `Engine.push`."""
        return self.engine.push(camera_id, stream_id)

    @property
    def cameras(self) -> ThreadedCameras:
        """The cameras. Raises `WrongState` before the engine has been started."""
        return ThreadedCameras(self.engine.cameras, self._loop)

    @property
    def sessions(self) -> ThreadedSessions:
        """The sessions. Raises `WrongState` before the engine has been started."""
        return ThreadedSessions(self.engine.sessions, self._loop)

    def events(self) -> Iterator[Event]:
        """All events from now on; each `next` waits for one. Ends when the engine stops."""
        return self._events(self.engine.events())

    def _events(self, events: EventReader) -> Iterator[Event]:
        async def following() -> Event | None:
            return await anext(events, None)

        while True:
            try:
                event = self._loop.run(following(), None)
            except WrongState:
                if self._loop.alive:
                    raise
                # The loop has ended meanwhile; what it had told is there.
                yield from tuple(events.events)
                return
            if event is None:
                return
            yield event

    def view(self) -> View:
        """This engine as services see it, usable from any thread and event loop; see `Engine.view`."""
        return self.call(self.engine.view)

    def refresh(self) -> None:
        """Have the figures of worker processes as of now; see `Engine.refresh`."""
        self.run(self.engine.refresh())

    def stats(self) -> Stats:
        """A snapshot of all figures; those of worker processes are up to half a second old."""
        return self.call(self.engine.stats)

    def history(self, key: SessionKey, limit: int = POINTS) -> SessionHistory:
        """As `Engine.history`."""
        return self.call(lambda: self.engine.history(key, limit))

    @property
    def sources_ended(self) -> bool:
        """Whether there are sources and each has come to its end, so that nothing more will be sent."""
        return self.call(lambda: self.engine.sources_ended)

    async def _watch(self, events: EventReader) -> None:
        assert self._on_event is not None
        async for event in events:
            try:
                self._on_event(event)
            except Exception:
                log.exception("on_event raised at %s", event.name)


def _checked(on_event: Callable[[Event], object] | None) -> Callable[[Event], object] | None:
    """The same, if it can be called with an event. Raises `OutOfRange`."""
    if on_event is None:
        return None
    if not callable(on_event):
        raise OutOfRange(f"on_event: expected a function that takes one event, got {described(on_event)}")
    if inspect.iscoroutinefunction(on_event):
        raise OutOfRange(
            "on_event: expected a plain function, got a coroutine function, which nobody would await; "
            "on a loop of your own use Engine.events()"
        )
    try:
        inspect.signature(on_event).bind(None)
    except TypeError:
        raise OutOfRange("on_event: expected a function that takes one event, got one that takes others") from None
    except ValueError:
        return on_event  # of C, which does not say what it takes
    return on_event
