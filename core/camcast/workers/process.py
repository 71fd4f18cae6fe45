"""The parent's end of one worker: started, spoken to, restarted when it dies or stands still."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

import attrs

from camcast.camera.stats import Stats
from camcast.config import SystemConfig
from camcast.errors import CamcastError, DeadlineError
from camcast.events import Event
from camcast.session.hosts import Hosts, Waiter
from camcast.session.uplinks import Uplinks
from camcast.workers import pulse, wire
from camcast.workers.calls import Calls, WorkerGone
from camcast.workers.child import Child

log = logging.getLogger(__name__)

STOP_DEADLINE = 8.0
ANSWER_DEADLINE = 10.0
FIRST_DELAY = 0.2
MAX_DELAY = 30.0
STEADY = 10.0
"""A worker that lived this long is restarted at once."""
LAST_WORDS = 1.0
"""Seconds for a process to end once it has said its last."""
MAX_BACKLOG = 16 * 1024 * 1024
"""Bytes that a worker may leave unread."""
MODULE = "camcast.engine.worker"
"""What a worker runs; by name only, for it stands above this room."""


class WorkerProcess:
    """One worker. `revive` is called after every start, to give it its cameras (again)."""

    def __init__(
        self,
        name: str,
        begin: wire.Begin,
        hosts: Hosts,
        uplinks: Uplinks,
        *,
        emit: Callable[[Event], object],
        revive: Callable[[WorkerProcess], object],
        died: Callable[[WorkerProcess, str], object],
    ) -> None:
        self.name = name
        self.show(None)
        self.restarts = 0
        self.pid = 0
        self._begin = begin
        self._hosts = hosts
        self._uplinks = uplinks
        self._emit = emit
        self._revive = revive
        self._died = died
        self._child: Child | None = None
        self._task: asyncio.Task[None] | None = None
        self._calls = Calls(name, self._send)
        self._stopping = False
        self._waiters: dict[str, Waiter] = {}
        self._slots: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._supervise(), name=f"camcast-{self.name}")

    def tell(self, call: wire.Call, otherwise: str) -> None:
        """Send a call whose answer nobody waits for. A refusal is logged after the words `otherwise`.

        That the worker is away is no refusal: it is told again when it is back.
        """

        def answered(done: asyncio.Future[object]) -> None:
            error = None if done.cancelled() else done.exception()
            if error is not None and not isinstance(error, WorkerGone):
                log.error("%s: %s", otherwise, error)

        self.post(call).add_done_callback(answered)

    def set_log_level(self, level: str) -> None:
        """Log from this level on, after a restart too."""
        self._begin = attrs.evolve(self._begin, system=attrs.evolve(self._begin.system, log_level=level))
        self.post(wire.LogLevel(level))

    def adopt(self, system: SystemConfig) -> None:
        """Go on by these limits, after a restart too; a worker needs those of uplinks."""
        self._begin = attrs.evolve(self._begin, system=attrs.evolve(self._begin.system, uplinks=system.uplinks))
        self.post(wire.AdoptUplinks(system.uplinks))

    def post(self, call: wire.Call) -> asyncio.Future[object]:
        """Send a call; the future resolves with its answer, or with `CamcastError`. Needs no await to be sent."""
        return self._calls.post(call)

    def show(self, stats: Stats | None) -> None:
        """Figures as of now; None = there are none any more."""
        self.stats = stats
        self.sessions = {one.key: one for one in stats.sessions} if stats else {}
        self.streams = {(one.camera_id, one.stream_id): one for one in stats.streams} if stats else {}

    async def ask(self, call: wire.Call) -> object:
        """Send a call and wait for its answer; raises `CamcastError`."""
        try:
            async with asyncio.timeout(ANSWER_DEADLINE):
                return await self.post(call)
        except TimeoutError:
            raise DeadlineError(f"{self.name} did not answer within {ANSWER_DEADLINE:g} s") from None

    async def stop(self) -> None:
        """End the worker, cleanly if it answers in time."""
        self._stopping = True
        child = self._child
        if child is not None and not child.ended.is_set():
            with contextlib.suppress(CamcastError, TimeoutError):
                async with asyncio.timeout(STOP_DEADLINE):
                    await self.post(wire.Stop())
            child.writer.close()
            await _ended(child)
            child.kill()
        elif self._task is not None:
            # It is being started, or waits to be.
            self._task.cancel()
        for slot in tuple(self._slots):
            slot.cancel()
        if self._task is not None:
            _, pending = await asyncio.wait({self._task}, timeout=2.0)
            for task in pending:
                task.cancel()
                await asyncio.wait({task}, timeout=1.0)

    def kill(self) -> None:
        """End the worker at once, and start none anew."""
        self._stopping = True
        if self._child is not None:
            self._child.kill()

    # --- inside -------------------------------------------------------------------------------------------

    async def _supervise(self) -> None:
        delay = FIRST_DELAY
        while not self._stopping:
            started, why = time.monotonic(), ""
            try:
                why = await self._live()
            except OSError as error:
                log.error("%s cannot be started: %s", self.name, error)
            except Exception:
                log.exception("%s: what it says cannot be understood", self.name)
            finally:
                self._calls.fail()
            if self._stopping:
                return
            self._died(self, why or f"ended with status {self._child.returncode if self._child else None}")
            delay = FIRST_DELAY if time.monotonic() - started > STEADY else min(delay * 2, MAX_DELAY)
            await asyncio.sleep(delay)
            self.restarts += 1

    async def _live(self) -> str:
        """One life, from start to end. Returns why it was ended, "" where it ended by itself."""
        child = self._child = await Child.start("-m", MODULE, limit=wire.MAX_MESSAGE)
        self.pid = child.pid
        alive = pulse.Pulse()
        watch = asyncio.create_task(self._watch(child, alive), name=f"camcast-{self.name}-pulse")
        try:
            self._send(self._begin)
            self._revive(self)
            while (message := await wire.read(child.reader)) is not None:
                alive.heard()
                self._take(message)
            if self._stopping:
                # It has said its last, and ends by itself.
                await _ended(child)
        finally:
            watch.cancel()
            child.kill()
            child.close()
            await child.ended.wait()
        return watch.result() if watch.done() and not watch.cancelled() else ""

    async def _watch(self, child: Child, alive: pulse.Pulse) -> str:
        """End a worker that stands still. Returns in what words."""
        while (silence := alive.look()) is None:  # noqa: ASYNC110  silence is no event
            await asyncio.sleep(pulse.LOOK)
        log.error("%s stands still: nothing was heard of it for %g s", self.name, silence)
        child.kill()
        return f"stood still for {silence:g} s and was ended"

    def _take(self, message: object) -> None:
        match message:
            case wire.Happened(event):
                self._emit(event)
            case wire.Figures(stats):
                self.show(stats)
            case wire.Done():
                self._calls.answered(message)
            case wire.Logged(name, level, text):
                if name != "camcast":  # those lines are the events, which the parent logs itself
                    logging.getLogger(name).log(level, "%s", text)
            case wire.SlotAsked(number, host):
                task = asyncio.create_task(self._give_slot(number, host))
                self._slots.add(task)
                task.add_done_callback(self._slots.discard)
            case wire.HostDown(host):
                waiter = self._waiters.setdefault(host, Waiter(lambda: self._send(wire.HostBack(host))))
                self._hosts.failed(host, waiter)
            case wire.HostBack(host):
                self._hosts.reached(host)
            case wire.Reports(told):
                self._send(wire.Parts(self._uplinks.take(self.name, told)))

    async def _give_slot(self, number: int, host: str) -> None:
        await self._hosts.slot(host)
        self._send(wire.SlotGiven(number))

    def _send(self, message: object) -> bool:
        child = self._child
        if child is None or child.ended.is_set() or child.writer.is_closing():
            return False
        if child.backlog > MAX_BACKLOG:
            log.error("%s does not read; it is restarted", self.name)
            child.kill()
            return False
        child.writer.write(wire.pack(message))
        return True


async def _ended(child: Child) -> None:
    """Wait for it to end by itself, for a while."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORDS):
            await child.ended.wait()
