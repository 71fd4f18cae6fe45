"""The view that services have of an engine: each call is made on the engine's loop, from whatever thread it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from camcast.camera.handles import StreamHandle
from camcast.camera.stats import Stats
from camcast.config import CameraConfig, Config, SessionConfig, from_mapping
from camcast.engine.event_bus import Reader
from camcast.engine.history import POINTS, SessionHistory
from camcast.engine.plan import Step
from camcast.engine.recent import Recent
from camcast.engine.service_events import ServiceEvents
from camcast.errors import DeadlineError, NotFound, WrongState
from camcast.events import Event, SessionKey
from camcast.fleet_report import FleetReport
from camcast.services import EVENTS, FleetProgram, Program
from camcast.session.session_manager import SessionHandle

if TYPE_CHECKING:
    from camcast.engine.engine import Engine

T = TypeVar("T")

ANSWER_DEADLINE = 30.0
"""Seconds for the engine to answer."""
RELOAD_DEADLINE = 180.0


class View:
    """Implements `services.EngineView`. Made on the engine's loop; whoever made it closes it."""

    def __init__(self, engine: Engine, listen: Callable[[Reader], object], recent: Recent) -> None:
        """`listen` has a reader told all events from now on."""
        self._engine = engine
        self._listen = listen
        self._recent = recent
        self._loop = asyncio.get_running_loop()
        self._queues: set[ServiceEvents] = set()
        self._lost = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    # --- for whoever made it ------------------------------------------------------------------------------

    def close(self) -> None:
        """Its owner has ended: queues end, and every further call is refused."""
        self._closed = True
        for queue in tuple(self._queues):
            queue.close()

    @property
    def lost(self) -> int:
        """Events that were not read in time, in all of its queues."""
        return self._lost + sum(queue.lost for queue in tuple(self._queues))

    def unread_for(self) -> float:
        """Seconds for which some queue has been full and not been read."""
        return max((queue.unread_for() for queue in tuple(self._queues)), default=0.0)

    def tell(self, event: Event) -> None:
        """One event to its own queues; for tests."""
        for queue in tuple(self._queues):
            queue.take(event)

    # --- looking --------------------------------------------------------------------------------------------

    @property
    def config(self) -> Config:
        return self._engine.config

    async def stats(self, age: float = 0.0) -> Stats:
        return await self._run(lambda: self._recent.stats(age))

    async def refresh(self) -> None:
        await self._run(self._engine.refresh)

    def events(self, capacity: int = EVENTS) -> ServiceEvents:
        self._require()
        queue = ServiceEvents(capacity, closed=self._forget)
        self._queues.add(queue)
        if self._on_loop():
            self._listen(queue)
        else:
            self._loop.call_soon_threadsafe(self._listen, queue)
        return queue

    async def cameras(self) -> tuple[CameraConfig, ...]:
        return await self._call(lambda: tuple(camera.config for camera in self._engine.cameras))

    async def sessions(self) -> tuple[SessionConfig, ...]:
        return await self._call(lambda: tuple(session.config for session in self._engine.sessions))

    async def snapshot(self, camera_id: int, stream_id: int, *, small: bool = False) -> bytes:
        return await self._run(lambda: self._stream(camera_id, stream_id).snapshot(small=small))

    async def history(self, key: SessionKey, limit: int = POINTS) -> SessionHistory:
        return await self._call(lambda: self._engine.history(key, limit))

    @property
    def in_fleet(self) -> bool:
        return isinstance(self._engine.program, FleetProgram)

    async def fleet(self) -> FleetReport | None:
        program = self._engine.program
        return await self._call(program.fleet) if isinstance(program, FleetProgram) else None

    # --- steering -------------------------------------------------------------------------------------------

    async def retry(self, key: SessionKey) -> None:
        await self._call(lambda: self._session(key).retry_now())

    async def pause(self, key: SessionKey) -> None:
        await self._call(lambda: self._session(key).pause())

    async def resume(self, key: SessionKey) -> None:
        await self._call(lambda: self._session(key).resume())

    async def switch(self, key: SessionKey, target: int) -> None:
        await self._call(lambda: self._session(key).switch(target))

    async def retry_source(self, camera_id: int, stream_id: int) -> None:
        await self._call(lambda: self._stream(camera_id, stream_id).retry_now())

    async def set_bitrate(self, camera_id: int, stream_id: int, bitrate_kbps: int) -> bool:
        return await self._call(lambda: self._stream(camera_id, stream_id).set_bitrate(bitrate_kbps))

    async def request_keyframe(self, camera_id: int, stream_id: int) -> bool:
        return await self._call(lambda: self._stream(camera_id, stream_id).request_keyframe())

    # --- changing -------------------------------------------------------------------------------------------

    async def add_camera(self, config: CameraConfig) -> int:
        async def add() -> int:
            return (await self._engine.add_camera(config)).camera_id

        return await self._run(add)

    async def remove_camera(self, camera_id: int) -> None:
        await self._run(lambda: self._engine.remove_camera(camera_id), whatever_happens=True)

    async def add_output(self, config: SessionConfig) -> SessionKey:
        async def add() -> SessionKey:
            return (await self._engine.create_session(config)).key

        return await self._run(add)

    async def remove_output(self, key: SessionKey) -> None:
        await self._run(lambda: self._engine.delete_session(key), whatever_happens=True)

    def read(self, mapping: Mapping[str, Any]) -> Config:
        return from_mapping(mapping, self._engine.host)

    async def plan(self, config: Config) -> Sequence[Step]:
        return await self._call(lambda: self._engine.plan(config))

    async def reload(self, config: Config) -> list[str]:
        return await self._run(lambda: self._engine.reload(config), RELOAD_DEADLINE, whatever_happens=True)

    async def reload_file(self) -> list[str]:
        program = self._program("reads a file again")
        return await self._run(lambda: program.reload(), RELOAD_DEADLINE, whatever_happens=True)

    def stop(self) -> None:
        self._require()
        self._loop.call_soon_threadsafe(self._program("ends it").stop)

    # --- inside -------------------------------------------------------------------------------------------

    def _program(self, does: str) -> Program:
        program = self._engine.program
        if program is None:
            raise WrongState(f"the program around this engine has not said how it {does} (Engine.program)")
        return program

    def _session(self, key: SessionKey) -> SessionHandle:
        session = self._engine.sessions.get(key)
        if session is None:
            known = ", ".join(str(one.key) for one in self._engine.sessions)
            raise NotFound(f"there is no session {key}; known: {known or 'none'}")
        return session

    def _stream(self, camera_id: int, stream_id: int) -> StreamHandle:
        streams = self._engine.cameras.require(camera_id).streams
        if stream_id not in streams:
            known = ", ".join(str(number) for number in sorted(streams))
            raise NotFound(f"camera {camera_id} has no stream {stream_id}; known: {known or 'none'}")
        return streams[stream_id]

    def _forget(self, queue: ServiceEvents) -> None:
        self._queues.discard(queue)
        self._lost += queue.lost

    def _require(self) -> None:
        """Raises `WrongState` once its owner has ended."""
        if self._closed:
            raise WrongState("this view has been closed: its service has ended")

    def _on_loop(self) -> bool:
        return asyncio.get_running_loop() is self._loop

    async def _call(self, function: Callable[[], T]) -> T:
        """Call a plain function on the engine's loop; without a task, which would cost more than most of them."""
        self._require()
        answer: Future[T] = Future()

        def begin() -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(function())
            except Exception as error:  # noqa: BLE001  raised where it was called
                answer.set_exception(error)

        return await self._answer(answer, begin, ANSWER_DEADLINE)

    async def _run(
        self,
        work: Callable[[], Coroutine[Any, Any, T]],
        within: float = ANSWER_DEADLINE,
        *,
        whatever_happens: bool = False,
    ) -> T:
        """Run a coroutine on the engine's loop. `whatever_happens`: it goes on when the caller is cancelled."""
        self._require()
        answer: Future[T] = Future()

        async def whole() -> T:
            # What is not there is found out while the call is made.
            return await work()

        def begin() -> None:
            task = self._loop.create_task(whole(), name="camcast-service-call")
            self._tasks.add(task)
            task.add_done_callback(done)
            if not whatever_happens:
                answer.add_done_callback(lambda _: self._cancel(task))

        def done(task: asyncio.Task[T]) -> None:
            self._tasks.discard(task)
            if not answer.set_running_or_notify_cancel():
                task.cancelled() or task.exception()
            elif task.cancelled():
                answer.set_exception(WrongState("the engine has been stopped meanwhile"))
            elif (error := task.exception()) is not None:
                answer.set_exception(error)
            else:
                answer.set_result(task.result())

        return await self._answer(answer, begin, within)

    async def _answer(self, answer: Future[T], begin: Callable[[], object], within: float) -> T:
        """Wait for what `begin` brings about on the engine's loop."""
        try:
            self._loop.call_soon_threadsafe(begin)
        except RuntimeError:
            raise WrongState("the engine has been stopped") from None
        try:
            async with asyncio.timeout(within):
                return await asyncio.wrap_future(answer)
        except TimeoutError:
            if answer.done() and not answer.cancelled():  # its own
                raise
            raise DeadlineError(f"the engine did not answer within {within:g} s") from None

    def _cancel(self, task: asyncio.Task[Any]) -> None:
        """Its caller may have gone. From any thread; does nothing where it is done."""
        if not task.done() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(task.cancel)
