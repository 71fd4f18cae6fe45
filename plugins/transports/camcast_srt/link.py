"""The engine's end of one SRT socket, which lives in a process of its own (`srt_socket.py`).

All of it is on the loop. The owner is told there: `opened`, `failed`, `broken`, `writable`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Protocol

from camcast.errors import TransportError
from camcast_srt.address import Address
from camcast_srt.keeper import Keeper
from camcast_srt.options import SrtSettings
from camcast_srt.process import SrtProcess
from camcast_srt.process_end import ProcessEnd, request_of
from camcast_srt.wire import LIVE_ON, MEDIA, SECONDS, STRANGER, Figures

_SLACK_MS = 50
"""Acknowledgements come every 10 ms, and the round trip is an average."""
HEADERS = 44
"""IP, UDP and SRT headers, which libsrt's figures in bytes include for each packet."""


class Owner(Protocol):
    """Who is told, on the loop."""

    def opened(self, link: Link) -> None: ...

    def failed(self, link: Link, error: TransportError) -> None: ...

    def broken(self, link: Link, why: str) -> None: ...

    def writable(self) -> None: ...

    def stranger(self) -> None:
        """A caller with another stream id was turned away."""


class Link(ProcessEnd):
    """One socket, used once."""

    def __init__(
        self, keeper: Keeper, settings: SrtSettings, owner: Owner, shown: str, words: Callable[[str], str]
    ) -> None:
        """`words` makes a peer's text one line that can be shown."""
        super().__init__(keeper, shown, words)
        self._settings = settings
        self._owner = owner
        self._last: Figures | None = None
        self._given = 0
        """Bytes of the stream that its process was sent."""

    def open(self, target: Address, local: Address | None, timeout: float) -> None:
        """Begin to connect, or to wait for a caller; tells the owner how it ended."""
        self._start(request_of(self._settings, target, local, timeout))

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

    def _opened(self) -> None:
        self._owner.opened(self)

    def _failed(self, error: TransportError) -> None:
        self._owner.failed(self, error)

    def _broken(self, why: str) -> None:
        self._owner.broken(self, why)

    def _said(self, what: bytes, rest: bytes) -> None:
        if what == STRANGER:
            self._owner.stranger()

    def _last_look(self) -> None:
        self.figures()

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
        return 0 if figures is None else max(0, figures.byteSndDropTotal - HEADERS * figures.pktSndDropTotal)

    def answers(self) -> int:
        """How many the peer has sent: an acknowledgement every 10 ms in which something has come to it that it waited
        for, and what it lacks."""
        return 0 if self._last is None else self._last.pktRecvACKTotal + self._last.pktRecvNAKTotal

    def lost(self) -> int:
        """How many packets the peer has reported as lost; what is reported again counts again."""
        return 0 if self._last is None else self._last.pktSndLossTotal

    def figures(self) -> Figures | None:
        """libsrt's statistics, the last known ones when the connection is gone; None when there was none."""
        if self._page is not None:
            self._last = self._page.read() or self._last
        return self._last

    def peer_latency(self) -> float:
        """Seconds that the receiver holds packets back."""
        figures = self.figures()
        return 0.0 if figures is None else figures.peer_latency / 1000

    def peer_version(self) -> str:
        """Of the peer's library, "1.5.1"; "" = it did not say."""
        figures = self.figures()
        said = 0 if figures is None else figures.peer_version
        return f"{said >> 16}.{said >> 8 & 0xFF}.{said & 0xFF}" if said else ""


def _behind(figures: Figures) -> float:
    """What part of what libsrt holds; 0 to 1."""
    if not figures.pktSndBuf:
        return 0.0
    kept = max(0, figures.pktSndBuf - figures.pktFlightSize) / figures.pktSndBuf
    covered = max(figures.peer_latency, figures.msSndTsbPdDelay) + 2 * figures.msRTT + _SLACK_MS
    late = 1.0 - covered / figures.msSndBuf if figures.msSndBuf > covered else 0.0
    return float(min(1.0, max(kept, late)))
