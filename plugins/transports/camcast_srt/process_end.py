"""The engine's end of a process that libsrt runs in: begun, heard, and seen to its end.

All of it is on the loop. What it says is read as a peer's words are.
"""

from __future__ import annotations

import asyncio
import signal
import time as clock
from abc import ABC, abstractmethod
from collections.abc import Callable

from camcast.errors import MisconfiguredError, NetworkError, TransportError
from camcast_srt.address import Address, any_like, pack
from camcast_srt.keeper import Keeper
from camcast_srt.options import SrtSettings
from camcast_srt.process import SrtProcess
from camcast_srt.rejection import rejected
from camcast_srt.wire import BROKEN, ENDED, FAILED, MOST, OPENED, STATUS, Failure, Page, Request

_PASSED_ON = (
    "mss", "fc", "sndbuf", "ipttl", "iptos", "passphrase", "pbkeylen", "kmrefreshrate", "kmpreannounce",
    "latency", "maxbw", "inputbw", "oheadbw",
    "tlpktdrop", "nakreport", "peeridletimeo", "packetfilter", "minversion", "payload_size",
)  # fmt: skip
_AT_ONCE = 16
"""Messages read in a turn of the loop."""
_ENDS_WITHIN = 2.0
"""Seconds after which a process that does not end is waited for no longer; it is ended by force before."""


def request_of(settings: SrtSettings, target: Address, local: Address | None, timeout: float) -> Request:
    """What opens that connection, or listens there."""
    options = {name: getattr(settings, name) for name in _PASSED_ON if getattr(settings, name) is not None}
    if settings.mode == "rendezvous":
        local = local or any_like(target, target[1][1])
    bound = None if local is None else pack(local)
    return Request(settings.mode, pack(target), bound, timeout, settings.streamid, options)


class ProcessEnd(ABC):
    """One process, used once."""

    _lost = "only this connection is lost"
    """With a process that crashes."""

    def __init__(self, keeper: Keeper, shown: str, words: Callable[[str], str]) -> None:
        """`words` makes a peer's text one line that can be shown."""
        self._keeper = keeper
        self._shown = shown
        self._words = words
        self._loop = asyncio.get_running_loop()
        self._beginning: asyncio.Task[None] | None = None
        self._process: SrtProcess | None = None
        self._page: Page | None = None
        self._connected = False
        self._told = False
        """Whether the owner knows that it is over, or wants to know nothing more."""
        self._status: int | None = None
        self._late: asyncio.TimerHandle | None = None
        self.closed = asyncio.Event()
        """Set when its process has ended, so that its port is free again, or is not waited for."""

    def _start(self, request: Request) -> None:
        self._beginning = self._loop.create_task(self._begin(request), name="camcast-srt-begin")

    async def _begin(self, request: Request) -> None:
        until = clock.monotonic() + request.timeout
        try:
            self._process, self._page = await self._keeper.process(request.timeout)
            self._process.channel.send(bytes(request._replace(timeout=max(0.0, until - clock.monotonic()))))
        except OSError as error:
            self._free()
            self._fail(NetworkError(f"{self._shown}: libsrt's process cannot be begun: {error}", stage="connect"))
            return
        self._loop.add_reader(self._process.channel, self._hear)

    def close(self) -> None:
        """Free everything. What libsrt still holds is gone with it."""
        self._told = True
        if self._beginning is not None:
            self._beginning.cancel()
        if self._process is None:
            self.closed.set()
        elif self._late is None:
            self._process.let_go()
            self._loop.remove_writer(self._process.channel)
            self._late = self._loop.call_later(_ENDS_WITHIN, self._free)

    # --- what it says -------------------------------------------------------------------------------------

    def _hear(self) -> None:
        for _ in range(_AT_ONCE):
            if self._process is None:
                return
            try:
                said = self._process.channel.recv(MOST)
            except BlockingIOError:
                return
            except ConnectionError:
                # It has ended with something unread. What it said before is still to come.
                continue
            if not said:
                self._free()
                self._ended()
                return
            self._heard(said[:1], said[1:])

    def _heard(self, what: bytes, rest: bytes) -> None:
        if what == ENDED and len(rest) == STATUS.size:
            (self._status,) = STATUS.unpack(rest)
        elif self._told:
            return
        elif what == OPENED and not self._connected:
            self._connected = True
            self._opened()
        elif what == FAILED and not self._connected:
            self._fail(self._failure(Failure.of(rest)))
        elif what == BROKEN:
            self._break(self._words(rest.decode("utf-8", "replace")))
        else:
            self._said(what, rest)

    def _failure(self, failure: Failure) -> TransportError:
        if failure.reason is not None:
            return rejected(failure.reason, self._shown)
        error = MisconfiguredError if failure.misconfigured else NetworkError
        return error(f"{self._shown}: {self._words(failure.text)}", stage="connect")

    def _ended(self) -> None:
        """Its process has, and nobody asked it to."""
        if self._told:
            return
        why = _end(self._status, self._lost, connected=self._connected)
        if self._connected:
            self._break(why)
        else:
            self._fail(NetworkError(f"{self._shown}: {why}", stage="connect"))

    def _fail(self, error: TransportError) -> None:
        if not self._told:
            self._told = True
            self._failed(error)

    def _break(self, why: str) -> None:
        self._told = True
        self._broken(why)

    def _free(self) -> None:
        process, page = self._process, self._page
        if process is not None:
            self._part(process)
            process.end()
        if page is not None:
            self._last_look()
            self._page = None
            page.close()
        if self._late is not None:
            self._late.cancel()
        self.closed.set()

    def _part(self, process: SrtProcess) -> None:
        """It is no longer ours."""
        self._process = None
        self._loop.remove_reader(process.channel)
        self._loop.remove_writer(process.channel)
        self.closed.set()

    # --- what comes of it ---------------------------------------------------------------------------------

    @abstractmethod
    def _opened(self) -> None:
        """It is connected, or listens."""

    @abstractmethod
    def _failed(self, error: TransportError) -> None:
        """It never was."""

    @abstractmethod
    def _broken(self, why: str) -> None:
        """It is over."""

    @abstractmethod
    def _said(self, what: bytes, rest: bytes) -> None:
        """Anything else, whatever it is."""

    @abstractmethod
    def _last_look(self) -> None:
        """The page of figures goes."""


_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)


def _end(status: int | None, lost: str, *, connected: bool) -> str:
    """Why a process ended, which nobody asked to."""
    if status is not None and -status in _CRASHES:
        name = signal.Signals(-status).name
        # Before there is a connection the other side has said little, if it is there at all.
        why = ", perhaps by what the other side sent" if connected else ""
        return f"libsrt crashed ({name}), in its own process{why}: {lost}"
    if status is not None and status == -signal.SIGKILL:
        return "libsrt's process was killed (SIGKILL): by the system, for want of memory, or by somebody"
    return f"libsrt's process ended ({'nobody knows why' if status is None else f'status {status}'})"
