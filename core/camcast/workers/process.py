"""The parent's end of one worker: started, spoken to, restarted when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Callable

from camcast.camera.stats import Stats
from camcast.errors import CamcastError
from camcast.events import Event
from camcast.session.hosts import Hosts, Waiter
from camcast.workers import wire

log = logging.getLogger(__name__)

STOP_DEADLINE = 8.0
ANSWER_DEADLINE = 10.0
FIRST_DELAY = 0.2
MAX_DELAY = 30.0
STEADY = 10.0
"""A worker that lived this long is restarted at once."""
MAX_BACKLOG = 16 * 1024 * 1024


class WorkerGone(CamcastError):
    """The worker is not there to answer; it is being restarted."""


class WorkerProcess:
    """One worker. `revive` is called after every start, to give it its cameras (again)."""

    def __init__(
        self,
        name: str,
        begin: wire.Begin,
        hosts: Hosts,
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
        self._emit = emit
        self._revive = revive
        self._died = died
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[object]] = {}
        self._number = 0
        self._stopping = False
        self._waiters: dict[str, Waiter] = {}
        self._slots: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._supervise(), name=f"camcast-{self.name}")

    def tell(self, call: object, otherwise: str) -> None:
        """Send a call whose answer nobody waits for. A refusal is logged after the words `otherwise`.

        That the worker is away is no refusal: it is told again when it is back.
        """

        def answered(done: asyncio.Future[object]) -> None:
            error = None if done.cancelled() else done.exception()
            if error is not None and not isinstance(error, WorkerGone):
                log.error("%s: %s", otherwise, error)

        self.post(call).add_done_callback(answered)

    def post(self, call: object) -> asyncio.Future[object]:
        """Send a call; the future resolves with its answer, or with `CamcastError`. Needs no await to be sent."""
        self._number += 1
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        if not self._send(wire.Do(self._number, call)):  # type: ignore[arg-type]
            future.set_exception(WorkerGone(f"{self.name} is not running; it is being restarted"))
            return future
        self._answers[self._number] = future
        return future

    def show(self, stats: Stats | None) -> None:
        """Figures as of now; None = there are none any more."""
        self.stats = stats
        self.sessions = {one.key: one for one in stats.sessions} if stats else {}
        self.streams = {(one.camera_id, one.stream_id): one for one in stats.streams} if stats else {}

    async def ask(self, call: object) -> object:
        """Send a call and wait for its answer; raises `CamcastError`."""
        try:
            async with asyncio.timeout(ANSWER_DEADLINE):
                return await self.post(call)
        except TimeoutError:
            raise CamcastError(f"{self.name} did not answer within {ANSWER_DEADLINE:g} s") from None

    async def stop(self) -> None:
        """End the worker, cleanly if it answers in time."""
        self._stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(CamcastError, TimeoutError):
                async with asyncio.timeout(STOP_DEADLINE):
                    await self.post(wire.Stop())
            assert process.stdin is not None
            process.stdin.close()
            try:
                async with asyncio.timeout(1.0):
                    await process.wait()
            except TimeoutError:
                _kill(process)
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
        if self._process is not None:
            _kill(self._process)

    # --- inside -------------------------------------------------------------------------------------------

    async def _supervise(self) -> None:
        delay = FIRST_DELAY
        while not self._stopping:
            started = time.monotonic()
            try:
                await self._live()
            except OSError as error:
                log.error("%s cannot be started: %s", self.name, error)
            except Exception:
                log.exception("%s: what it says cannot be understood", self.name)
            finally:
                self._fail_answers()
            if self._stopping:
                return
            code = self._process.returncode if self._process is not None else None
            self._died(self, f"ended with status {code}")
            delay = FIRST_DELAY if time.monotonic() - started > STEADY else min(delay * 2, MAX_DELAY)
            await asyncio.sleep(delay)
            self.restarts += 1

    async def _live(self) -> None:
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "camcast.engine.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=wire.MAX_MESSAGE,
        )
        self.pid = process.pid
        try:
            self._send(self._begin)
            self._revive(self)
            assert process.stdout is not None
            while (message := await wire.read(process.stdout)) is not None:
                self._take(message)
            if self._stopping:
                # It has said its last, and ends by itself.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await process.wait()
        finally:
            _kill(process)
            await process.wait()

    def _take(self, message: object) -> None:
        match message:
            case wire.Happened(event):
                self._emit(event)
            case wire.Figures(stats):
                self.show(stats)
            case wire.Done(number, error, answer):
                future = self._answers.pop(number, None)
                if future is not None and not future.done():
                    if error:
                        future.set_exception(CamcastError(error))
                    else:
                        future.set_result(answer)
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

    async def _give_slot(self, number: int, host: str) -> None:
        await self._hosts.slot(host)
        self._send(wire.SlotGiven(number))

    def _send(self, message: object) -> bool:
        process = self._process
        if process is None or process.returncode is not None or process.stdin is None or process.stdin.is_closing():
            return False
        if process.stdin.transport.get_write_buffer_size() > MAX_BACKLOG:
            log.error("%s does not read; it is restarted", self.name)
            _kill(process)
            return False
        process.stdin.write(wire.pack(message))
        return True

    def _fail_answers(self) -> None:
        answers, self._answers = self._answers, {}
        for future in answers.values():
            if not future.done():
                future.set_exception(WorkerGone(f"{self.name} died"))


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
