"""A plugin's transport behind a guard: deadlines, foreign exceptions and failing figures, in one place.

Whatever a transport does, the attempt sees a result, a `TransportError`, or nothing: a step that forgets its own
deadline is given up, one that ignores being cancelled is left behind, a bug is logged (without secrets) and fails its
own attempt, and figures that cannot be read neither keep an attempt from being closed nor spoil those of others.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from camcast.contracts import Transport, TransportContext, findings, impaired
from camcast.descriptors import exhausted
from camcast.errors import CamcastError, MediaError, NetworkError, PluginError, PluginFault, TransportError
from camcast.hosting.faults import Faults
from camcast.hosting.timed import HOLD, timed, timed_steps
from camcast.kinds import Acceptance, TransportKind
from camcast.media import Track
from camcast.patience import PatientTimer, quiet

log = logging.getLogger(__name__)
T = TypeVar("T")

STEPS = 8.0
"""Connect timeouts after which a transport that forgot its own deadlines is given up."""
CLOSE_DEADLINE = 2.5
"""Seconds for a close, which a transport promises to end within 2."""
GRACE = 0.5
"""Seconds in which a step that is cancelled must end; then it is left behind."""
DRAIN_LOOK = 0.01
"""Seconds between two looks at what is pending while it drains. Nothing tells when the peer has acknowledged it."""


class _Late(Exception):
    """The guard's own deadline has passed; a plugin's `TimeoutError` is the plugin's."""


class _Cancelled(Exception):
    """A step ended as cancelled though nobody here cancelled it."""


class Guarded:
    """One transport. Its steps raise `TransportError` and nothing else."""

    def __init__(self, kind: TransportKind, context: TransportContext, faults: Faults | None = None) -> None:
        """Builds the transport; its bugs are told to `faults`. Raises `TransportError`."""
        self.name = kind.name
        self.trip = 0.0
        """Seconds that the slowest answer took so far: the path's round trip is not longer."""
        self._target = context.target
        self._label = context.label
        self._faults = faults or Faults()
        began = time.monotonic()
        try:
            self._accepts = _acceptance(kind.accepts(context.target), "accepts")
            self.transport: Transport = kind.build(context)
        except Exception as error:  # noqa: BLE001  whatever the plugin raises
            raise self.failure(error, "build") from None
        finally:
            if (seconds := time.monotonic() - began) >= HOLD:
                self.held("build", seconds)

    async def connect(self) -> Acceptance:
        """As `Transport.connect`; what the server's answer does not say, the configuration does."""
        answer = await self._step(self.transport.connect, "connect")
        try:
            return self._accepts if answer is None else _acceptance(answer, "connect")
        except TypeError as error:
            raise self.failure(error, "connect") from None

    async def publish(self, tracks: Sequence[Track]) -> None:
        """As `Transport.publish`."""
        await self._step(lambda: self.transport.publish(tracks), "publish")

    def read(self) -> tuple[int, int]:
        """(bytes acknowledged, bytes pending)."""
        try:
            with timed(partial(self.held, "its figures")):
                acked, pending = self.transport.acked, self.transport.pending
            if not (isinstance(acked, int) and isinstance(pending, int)):
                raise TypeError(f"acked is {acked!r} and pending {pending!r}, not bytes")
            return acked, pending
        except Exception as error:  # noqa: BLE001  a plugin's bug
            raise self.failure(error, "its figures") from None

    @property
    def impaired(self) -> bool:
        """Whether what is sent arrives damaged; not where it fails to tell. Never raises."""
        try:
            return bool(impaired(self.transport))
        except Exception as error:  # noqa: BLE001  a plugin's bug
            self._tell(error, "impaired")
            return False

    @property
    def findings(self) -> Sequence[str]:
        """What connecting came upon, secrets hidden; nothing where it fails to tell. Never raises."""
        try:
            return tuple(self._target.scrub(str(line)) for line in findings(self.transport))
        except Exception as error:  # noqa: BLE001  a plugin's bug
            self._tell(error, "findings")
            return ()

    def figures(self) -> tuple[Mapping[str, float], int]:
        """The transport's own figures and the bytes pending; nothing where it fails to tell. Never raises."""
        try:
            with timed(partial(self.held, "stats")):
                return dict(self.transport.stats()), self.transport.pending
        except Exception as error:  # noqa: BLE001  a plugin's bug
            log.debug("%s: figures of transport %s: %s", self._label, self.name, type(error).__name__)
            return {}, 0

    async def drain(self, seconds: float, lost: asyncio.Future[TransportError]) -> None:
        """Wait until nothing is pending, for `seconds` at most, and no longer than until `lost`. Never raises."""
        deadline = time.monotonic() + seconds
        try:
            while self.transport.pending > 0 and time.monotonic() < deadline and not lost.done():  # noqa: ASYNC110
                await asyncio.sleep(DRAIN_LOOK)
        except Exception as error:  # noqa: BLE001  a plugin's bug
            self._tell(error, "its figures")

    async def close(self) -> None:
        """Close, within `CLOSE_DEADLINE` and `GRACE`. Never raises."""
        await self.close_soon()

    def close_soon(self) -> asyncio.Future[None]:
        """Begin to close; what is returned is done when `close` would be. In one task, since hundreds may fail."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        closing = loop.create_task(self._closing())

        def left_behind() -> None:
            log.error("%s: transport %s ignores being cancelled", self._label, self.name)
            if not over.done():
                over.set_result(None)

        def late() -> None:
            log.warning("%s: transport %s did not close within %g s", self._label, self.name, CLOSE_DEADLINE)
            closing.cancel()
            grace = PatientTimer(GRACE, left_behind, slices=1)
            closing.add_done_callback(lambda _: grace.cancel())

        def done(_: object) -> None:
            timer.cancel()
            if not over.done():
                over.set_result(None)

        timer = PatientTimer(CLOSE_DEADLINE, late)
        closing.add_done_callback(done)
        return over

    async def _closing(self) -> None:
        try:
            await timed_steps(self.transport.close(), partial(self.held, "close"))
        except Exception as error:  # noqa: BLE001  a plugin's bug
            self._tell(error, "close")

    def held(self, where: str, seconds: float) -> None:
        """It has held up the event loop for so long."""
        self._faults.held(f"transport {self.name}", where, seconds)

    def failure(self, error: Exception, where: str) -> TransportError:
        """What the transport raised, as the attempt's failure; its text may hold a secret. A bug is logged."""
        if told := exhausted(error):
            return NetworkError(told, stage=error.stage if isinstance(error, TransportError) else "transport")
        if isinstance(error, TransportError):
            return error
        if isinstance(error, PluginError):
            return PluginFault(self._target.scrub(str(error)), stage="transport")
        if isinstance(error, CamcastError):
            text = str(error) if isinstance(error, MediaError) else f"{type(error).__name__}: {error}"
            return NetworkError(self._target.scrub(text), stage="transport")
        if isinstance(error, OSError | _Cancelled):
            # What a library says of the network when nobody translates it, as the contract asks.
            log.debug("%s: transport %s raised %s in %s", self._label, self.name, type(error).__name__, where)
            return NetworkError(self._target.scrub(f"{type(error).__name__}: {error}"), stage="transport")
        self._tell(error, where)
        text = self._target.scrub(f"{type(error).__name__}: {error}")
        return PluginFault(f"transport {self.name} failed in {where}, by a bug of its own: {text}", stage="transport")

    async def _step(self, work: Callable[[], Awaitable[T]], stage: str) -> T:
        seconds = STEPS * self._target.connect_timeout
        began = time.monotonic()
        try:
            result = await self._within(timed_steps(work(), partial(self.held, stage)), seconds)
        except _Late:
            raise NetworkError(
                f"transport {self.name} did not {stage} within {seconds:g} s, nor did it give up", stage=stage
            ) from None
        except Exception as error:  # noqa: BLE001  whatever the plugin raises
            raise self.failure(error, stage) from None
        self.trip = max(self.trip, time.monotonic() - began)
        return result

    async def _within(self, work: Awaitable[T], seconds: float) -> T:
        """The result of `work`. Raises what it raises, and `_Late` after `seconds`.

        It runs in a task of its own: a plugin that ignores being cancelled, or that is cancelled by its own library,
        must neither hold up nor end its session.
        """
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def end() -> None:
            if not ended.done():
                ended.set_result(None)

        # It tells of its end from within, a turn of the loop before the task would.
        task = asyncio.create_task(_telling(work, end))
        timer = PatientTimer(seconds, end)
        try:
            await ended
            if not task.done():
                raise _Late
            if task.cancelled():
                raise _Cancelled("by its own library")
            return task.result()
        finally:
            timer.cancel()
            if task.done():
                if not task.cancelled():
                    task.exception()  # where this was cancelled in the same moment, nobody else looks at it
            else:
                quiet(task)
                task.cancel()
                await asyncio.wait({task}, timeout=GRACE)
                if not task.done():
                    log.error("%s: transport %s ignores being cancelled", self._label, self.name)

    def _tell(self, error: Exception, where: str) -> None:
        """A bug, with its trace but without what that must not show."""
        if not exhausted(error):
            self._faults.tell(f"transport {self.name}", where, error, clean=self._target.scrub)


def _acceptance(answer: object, where: str) -> Acceptance:
    if not isinstance(answer, Acceptance):
        raise TypeError(f"{where} gave {type(answer).__name__}, not an Acceptance")
    return answer


async def _telling(work: Awaitable[T], end: Callable[[], object]) -> T:
    try:
        return await work
    finally:
        end()
