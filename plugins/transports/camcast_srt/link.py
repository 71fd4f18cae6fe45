"""The engine's end of one SRT socket, which lives in a process of its own (`srt_socket.py`).

All of it is on the loop. The owner is told there: `opened`, `failed`, `broken`, `writable`.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time as clock
from collections.abc import Callable, Sequence
from typing import Protocol

from camcast.errors import MisconfiguredError, NetworkError, TransportError
from camcast_srt.address import Address, any_like, pack
from camcast_srt.keeper import Keeper
from camcast_srt.options import SrtSettings
from camcast_srt.process import SrtProcess
from camcast_srt.rejection import rejected
from camcast_srt.wire import (
    BROKEN,
    ENDED,
    FAILED,
    LIVE_ON,
    MEDIA,
    OPENED,
    SECONDS,
    STATUS,
    STRANGER,
    TEXT,
    Failure,
    Figures,
    Page,
    Request,
)

_SLACK_MS = 50
"""Acknowledgements come every 10 ms, and the round trip is an average."""
_HEADERS = 44
"""IP, UDP and SRT headers, which libsrt's figures in bytes include for each packet."""
_PASSED_ON = (
    "mss", "fc", "sndbuf", "ipttl", "iptos", "passphrase", "pbkeylen", "kmrefreshrate", "kmpreannounce",
    "latency", "maxbw", "inputbw", "oheadbw",
    "tlpktdrop", "nakreport", "peeridletimeo", "packetfilter", "minversion", "payload_size",
)  # fmt: skip
_AT_ONCE = 16
"""Messages read in a turn of the loop."""
_ENDS_WITHIN = 2.0
"""Seconds after which a process that does not end is waited for no longer; it is ended by force before."""


class Owner(Protocol):
    """Who is told, on the loop."""

    def opened(self, link: Link) -> None: ...

    def failed(self, link: Link, error: TransportError) -> None: ...

    def broken(self, link: Link, why: str) -> None: ...

    def writable(self) -> None: ...

    def stranger(self) -> None:
        """A caller with another stream id was turned away."""


class Link:
    """One socket, used once."""

    def __init__(
        self, keeper: Keeper, settings: SrtSettings, owner: Owner, shown: str, words: Callable[[str], str]
    ) -> None:
        """`words` makes a peer's text one line that can be shown."""
        self._keeper = keeper
        self._settings = settings
        self._owner = owner
        self._shown = shown
        self._words = words
        self._loop = asyncio.get_running_loop()
        self._beginning: asyncio.Task[None] | None = None
        self._process: SrtProcess | None = None
        self._page: Page | None = None
        self._last: Figures | None = None
        self._given = 0
        """Bytes of the stream that its process was sent."""
        self._connected = False
        self._told = False
        """Whether the owner knows that it is over, or wants to know nothing more."""
        self._status: int | None = None
        self._late: asyncio.TimerHandle | None = None
        self.closed = asyncio.Event()
        """Set when its process has ended, so that its port is free again, or is not waited for."""

    def open(self, target: Address, local: Address | None, timeout: float) -> None:
        """Begin to connect, or to wait for a caller; tells the owner how it ended."""
        settings = self._settings
        options = {name: getattr(settings, name) for name in _PASSED_ON if getattr(settings, name) is not None}
        if settings.mode == "rendezvous":
            local = local or any_like(target, target[1][1])
        bound = None if local is None else pack(local)
        request = Request(settings.mode, pack(target), bound, timeout, settings.streamid, options)
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

    def live_on(self, seconds: float) -> SrtProcess | None:
        """Let the connection stand for so long, and then end. Returns its process, the caller's to see to its end;
        None where it has ended."""
        self._told = True
        process = self._process
        if process is None:
            return None
        with contextlib.suppress(OSError):
            process.channel.send(LIVE_ON + SECONDS.pack(seconds))
        self._part(process)
        return process

    # --- what its process says ----------------------------------------------------------------------------

    def _hear(self) -> None:
        for _ in range(_AT_ONCE):
            if self._process is None:
                return
            try:
                said = self._process.channel.recv(2 * TEXT)
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
        elif what == STRANGER:
            self._owner.stranger()
        elif what == OPENED and not self._connected:
            self._connected = True
            self._owner.opened(self)
        elif what == FAILED and not self._connected:
            self._fail(self._failure(Failure.of(rest)))
        elif what == BROKEN:
            self._break(self._words(rest.decode("utf-8", "replace")))

    def _failure(self, failure: Failure) -> TransportError:
        if failure.reason is not None:
            return rejected(failure.reason, self._shown)
        error = MisconfiguredError if failure.misconfigured else NetworkError
        return error(f"{self._shown}: {self._words(failure.text)}", stage="connect")

    def _ended(self) -> None:
        """Its process has, and nobody asked it to."""
        if self._told:
            return
        why = _end(self._status, connected=self._connected)
        if self._connected:
            self._break(why)
        else:
            self._fail(NetworkError(f"{self._shown}: {why}", stage="connect"))

    def _fail(self, error: TransportError) -> None:
        if not self._told:
            self._told = True
            self._owner.failed(self, error)

    def _break(self, why: str) -> None:
        self._told = True
        self._owner.broken(self, why)

    def _free(self) -> None:
        process, page = self._process, self._page
        if process is not None:
            self._part(process)
            process.end()
        if page is not None:
            self.figures()
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

    # --- sending, and figures -----------------------------------------------------------------------------

    def send(self, payloads: Sequence[bytes]) -> bool:
        """Hand over some payloads, of which only the last may be a short one. False = there is no room for all of them,
        and none was taken: `writable` will be told."""
        if self._process is None:
            return False
        channel = self._process.channel
        try:
            channel.sendmsg((MEDIA, *payloads))
        except BlockingIOError:
            self._loop.add_writer(channel, self._writable)
            return False
        except OSError:
            # Its process has ended, which is heard of from the reader, with the reason.
            return False
        self._given += sum(map(len, payloads))
        return True

    def _writable(self) -> None:
        if self._process is not None:
            self._loop.remove_writer(self._process.channel)
            self._owner.writable()

    def unacknowledged(self) -> int:
        """Bytes of payload that libsrt has not been handed, or holds. The other figures are of the same moment."""
        figures = self.figures()
        return self._given if figures is None else self._whole(figures)

    def _whole(self, figures: Figures) -> int:
        return max(0, self._given - figures.taken) + min(figures.held, figures.taken)

    def waiting(self) -> float:
        """What part of `unacknowledged` has not been sent once, or is older than any receiver waits for; 0 to 1.

        libsrt sends on into a link that is gone, and repeats: so bytes that nobody has acknowledged are under way as
        long as the latency covers them (and the way there and back, which is known roughly), and behind from then on.
        """
        figures = self._last
        if figures is None:
            return 1.0
        whole = self._whole(figures)
        if not whole:
            return 0.0
        taken = figures.taken if self._page is None else self._page.taken
        return min(1.0, (max(0, self._given - taken) + figures.held * _behind(figures)) / whole)

    def dropped(self) -> int:
        """Bytes of payload that libsrt gave up because they were too late."""
        figures = self._last
        return 0 if figures is None else max(0, figures.byteSndDropTotal - _HEADERS * figures.pktSndDropTotal)

    def acknowledgements(self) -> int:
        """How many the peer has sent: one every 10 ms in which something new has come to it."""
        return 0 if self._last is None else self._last.pktRecvACKTotal

    def figures(self) -> Figures | None:
        """libsrt's statistics, the last known ones when the connection is gone; None when there was none."""
        if self._page is not None:
            self._last = self._page.read() or self._last
        return self._last

    def peer_latency(self) -> float:
        """Seconds that the receiver holds packets back."""
        figures = self.figures()
        return 0.0 if figures is None else figures.peer_latency / 1000


def _behind(figures: Figures) -> float:
    """What part of what libsrt holds; 0 to 1."""
    if not figures.pktSndBuf:
        return 0.0
    kept = max(0, figures.pktSndBuf - figures.pktFlightSize) / figures.pktSndBuf
    covered = max(figures.peer_latency, figures.msSndTsbPdDelay) + 2 * figures.msRTT + _SLACK_MS
    late = 1.0 - covered / figures.msSndBuf if figures.msSndBuf > covered else 0.0
    return float(min(1.0, max(kept, late)))


_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)


def _end(status: int | None, *, connected: bool) -> str:
    """Why a process ended, which nobody asked to."""
    if status is not None and -status in _CRASHES:
        name = signal.Signals(-status).name
        # Before there is a connection the other side has said little, if it is there at all.
        why = ", perhaps by what the other side sent" if connected else ""
        return f"libsrt crashed ({name}), in its own process{why}: only this connection is lost"
    if status is not None and status == -signal.SIGKILL:
        return "libsrt's process was killed (SIGKILL): by the system, for want of memory, or by somebody"
    return f"libsrt's process ended ({'nobody knows why' if status is None else f'status {status}'})"
