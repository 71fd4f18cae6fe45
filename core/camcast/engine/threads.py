"""The engine for programs without asyncio: a loop in a thread of its own, and calls that wait for their result."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from camcast.camera.stats import Stats
from camcast.config import CameraConfig, Config, SessionConfig
from camcast.contracts import PushHandle
from camcast.engine.engine import Engine
from camcast.events import Event, SessionKey
from camcast.host import PluginHost

log = logging.getLogger(__name__)
T = TypeVar("T")

DEADLINE = 30.0


class EngineThread:
    """An `Engine` behind blocking calls; every method may be called from any thread but the engine's own."""

    def __init__(
        self,
        config: Config | None = None,
        *,
        host: PluginHost | None = None,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        """`on_event` is called on the engine's thread: be quick, and call nothing of this object from there."""
        self.engine = Engine(config, host=host)
        self._on_event = on_event
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> EngineThread:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the thread and the engine in it, once; raises what the engine's start raises."""
        if self._thread is not None:
            raise RuntimeError("an engine is started once; make a new one")
        ready = threading.Event()
        failure: list[BaseException] = []

        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            self._end = asyncio.Event()
            events = self.engine.events() if self._on_event else None  # before the first happens
            try:
                await self.engine.start()
            except BaseException as error:
                failure.append(error)
                raise
            finally:
                ready.set()
            watcher = asyncio.create_task(self._watch(events)) if events is not None else None
            await self._end.wait()
            await self.engine.stop()
            if watcher is not None:
                await watcher

        def run() -> None:
            # A thread of our own needs a loop of its own; the embedder's main program stays as it is.
            with asyncio.Runner() as runner:
                if not failure:
                    try:
                        runner.run(main())
                    except BaseException:
                        if not failure:
                            raise

        self._thread = threading.Thread(target=run, name="camcast-engine", daemon=True)
        self._thread.start()
        ready.wait()
        if failure:
            raise failure[0]

    def stop(self, timeout: float = DEADLINE) -> None:
        """End the engine and its thread; raises `TimeoutError` if it is still there after `timeout` seconds."""
        if self._thread is None or self._loop is None:
            return
        with contextlib.suppress(RuntimeError):  # it has ended by itself, and its loop is closed
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"the engine did not stop within {timeout:g} s")

    def run(self, work: Coroutine[Any, Any, T], timeout: float = DEADLINE) -> T:
        """Run a coroutine of the engine's on its loop and wait for the result."""
        if self._loop is None or self._loop.is_closed():
            work.close()
            raise RuntimeError("the engine is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def call(self, function: Callable[..., T], *args: object, timeout: float = DEADLINE) -> T:
        """Call a plain function on the engine's loop and wait for the result."""

        async def work() -> T:
            return function(*args)

        return self.run(work(), timeout)

    def add_camera(self, config: CameraConfig) -> None:
        """Add and start a camera with its sessions. Raises `ConfigError`."""
        self.run(self.engine.add_camera(config))

    def remove_camera(self, camera_id: int) -> None:
        self.run(self.engine.remove_camera(camera_id))

    def create_session(self, config: SessionConfig) -> None:
        """Publish a running stream somewhere. Raises `ConfigError`."""
        self.run(self.engine.add_output(config))

    def delete_session(self, key: SessionKey) -> None:
        self.run(self.engine.remove_output(key))

    def push(self, camera_id: int, stream_id: int) -> PushHandle:
        """What this program pushes a stream's media into; see `Engine.push`."""
        return self.engine.push(camera_id, stream_id)

    def stats(self) -> Stats:
        return self.call(self.engine.stats)

    async def _watch(self, events: AsyncIterator[Event]) -> None:
        assert self._on_event is not None
        async for event in events:
            try:
                self._on_event(event)
            except Exception:
                log.exception("on_event raised at %s", event.name)
