"""What the engine and the process of one libsrt socket say to each other.

Messages go over a pair of Unix sockets that keeps their borders (SOCK_SEQPACKET): a byte that says what it is, and the
rest. Figures lie in a page that both see: the newest ones are what is wanted, and nobody is woken for them.

What that process says is read as a peer's words are, since a peer may have overwritten its memory.
"""

from __future__ import annotations

import fcntl
import json
import marshal
import math
import mmap
import os
import socket
import struct
import zlib
from array import array
from typing import NamedTuple

import attrs

MEDIA, LIVE_ON = b"m", b"l"
"""To the process, after the request, which comes first: a piece of the stream; seconds (`SECONDS`) to stay for."""
PLACES, DROP = b"a", b"d"
"""To one that receives: whom it takes from now on (a number, and `access.PlaceTold`, marshalled), which it says again
with the number when it does so; a connection to end."""
BEGAN, LEFT, REFUSED = b"c", b"g", b"r"
"""From one that receives, with `MEDIA`, each with a connection's number: somebody sends to a place; has gone (a text).
And who was turned away (`TURNED_AWAY`)."""
CONNECTION, TURNED_AWAY = struct.Struct("<I"), struct.Struct("<iBI")
"""A number of a connection or a place; place (-1 = none), reason and how many."""
OPENED, FAILED, BROKEN, STRANGER = b"o", b"f", b"b", b"s"
"""From it: connected; not connected (`Failure`); over (a text); a caller was turned away."""
BEGUN, ENDED = b"p", b"x"
"""From who started it: it waits for its request (with a pidfd, where there are any); it has ended (`STATUS`, as
`os.waitstatus_to_exitcode` gives it)."""
SECONDS, STATUS = struct.Struct("<d"), struct.Struct("<i")
MOST = 64 << 10
"""Bytes of a message."""
TEXT = 500
"""Bytes of a text."""
_REASONS = 1 << 31
"""libsrt has them as int."""


def hand_over(channel: socket.socket, message: bytes, *descriptors: int) -> None:
    """Send it with descriptors, now or not at all: `socket.send_fds` passes no flags on. Raises `OSError`."""
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))
    channel.sendmsg([message], [rights], socket.MSG_DONTWAIT)


class Request(NamedTuple):
    """The first message: what to open. Written so that little has to be touched to read it: what a process touches of
    what it shares with others it has for itself from then on."""

    mode: str
    target: bytes
    """A struct sockaddr, as is `local`."""
    local: bytes | None
    timeout: float
    """Seconds to connect in."""
    streamid: str
    options: dict[str, str | float | bool]
    """libsrt's, by the names of `library.OPTION`."""
    receives: bool = False
    """Whether media comes from it."""
    max_rate: int = 0
    """bytes/s that are read of one that does; 0 = as fast as they come."""

    def __bytes__(self) -> bytes:
        return marshal.dumps(tuple(self))

    def __repr__(self) -> str:
        return f"<Request {self.mode}>"

    @classmethod
    def of(cls, data: bytes) -> Request:
        """Of what the engine wrote, and nobody else: it is not checked."""
        return cls(*marshal.loads(data))


@attrs.frozen
class Failure:
    """Why there is no connection."""

    reason: int | None = None
    """libsrt's, where the other side or libsrt rejected it."""
    text: str = ""
    misconfigured: bool = False
    """Whether trying again is of no use."""

    def __bytes__(self) -> bytes:
        return json.dumps(attrs.asdict(self)).encode()

    @classmethod
    def of(cls, data: bytes) -> Failure:
        """Whatever comes. A reason that is none counts as libsrt's own trouble."""
        try:
            said = json.loads(data)
            reason, text, misconfigured = said["reason"], said["text"], said["misconfigured"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return _SILENT
        if not isinstance(text, str) or not (reason is None or (type(reason) is int and 0 <= reason < _REASONS)):
            return _SILENT
        return cls(reason, text, misconfigured is True)


_SILENT = Failure(text="libsrt's process does not say why")


class Figures(NamedTuple):
    """By the names that libsrt has for them (SRT_TRACEBSTATS), but for the first four."""

    taken: int
    """Bytes of the stream that libsrt has been handed so far."""
    held: int
    """Bytes of them in libsrt's send buffer."""
    peer_latency: int
    """ms that the receiver holds packets back."""
    peer_version: int
    """Of the peer's library, as 0x010501 for 1.5.1; 0 = it did not say."""
    pktSentTotal: int
    pktSndLossTotal: int
    pktRetransTotal: int
    pktSndDropTotal: int
    pktRecvACKTotal: int
    pktRecvNAKTotal: int
    byteSentTotal: int
    byteSndDropTotal: int
    pktSndBuf: int
    pktFlightSize: int
    byteSndBuf: int
    msSndBuf: int
    msSndTsbPdDelay: int
    msRTT: float
    mbpsBandwidth: float
    mbpsSendRate: float


LIBRARYS = Figures._fields[4:]
"""Those that libsrt's statistics have."""
MOST_FIGURE = (1 << 63) - 1
"""What the page holds. A peer's words can make figures of libsrt's that are none."""
_LAYOUT = struct.Struct("<17q3d")
_SUM = struct.Struct("<I")
_TAKEN, _AT = struct.Struct("<Q"), 1024
_SIZE = mmap.PAGESIZE
_TRIES = 3


class Page:
    """The page of figures, written by one process and read by the other."""

    def __init__(self, descriptor: int) -> None:
        """Over the file of `made`, which stays the caller's to close."""
        self._map = mmap.mmap(descriptor, _SIZE)
        self._seen = 0

    @staticmethod
    def made() -> int:
        """A file in memory that nobody can make shorter: who reads a page that is gone ends by a signal."""
        descriptor = os.memfd_create("camcast-srt", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(descriptor, _SIZE)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        return descriptor

    def write(self, figures: Figures) -> None:
        data = _LAYOUT.pack(*figures)
        self._map[: _SUM.size + _LAYOUT.size] = _SUM.pack(zlib.crc32(data)) + data

    def take(self, taken: int) -> None:
        """Only that libsrt was handed so much, which is news more often."""
        _TAKEN.pack_into(self._map, _AT, taken)

    @property
    def taken(self) -> int:
        """The newest of `take`. One that is half written lacks some of its bits; it never becomes less."""
        self._seen = max(self._seen, int(_TAKEN.unpack_from(self._map, _AT)[0]))
        return self._seen

    def read(self) -> Figures | None:
        """The newest; None where there are none yet, or they are no figures, or are being written all the time."""
        for _ in range(_TRIES):
            said = self._map[: _SUM.size + _LAYOUT.size]
            data = said[_SUM.size :]
            if _SUM.unpack_from(said)[0] == zlib.crc32(data):
                figures = Figures(*_LAYOUT.unpack(data))
                return figures if min(figures) >= 0 and math.isfinite(sum(figures[-3:])) else None
        return None

    def close(self) -> None:
        self._map.close()
