"""What the engine and the process of one libsrt socket say to each other.

Messages go over a pair of Unix sockets that keeps their borders (SOCK_SEQPACKET): a byte that says what it is, and the
rest. Figures lie in a page that both see: the newest ones are what is wanted, and nobody is woken for them.

What that process says is read as a peer's words are, since a peer may have overwritten its memory.
"""

from __future__ import annotations

import fcntl
import json
import math
import mmap
import os
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import attrs

from camcast_srt.address import Address

MEDIA, LIVE_ON = b"m", b"l"
"""To the process, after the request, which comes first: a piece of the stream; seconds (`SECONDS`) to stay for."""
OPENED, FAILED, BROKEN, STRANGER, ENDED = b"o", b"f", b"b", b"s", b"x"
"""From it: connected; not connected (`Failure`); over (a text); a caller was turned away; and from who started it:
ended (`STATUS`, as `os.waitstatus_to_exitcode` gives it)."""
SECONDS, STATUS = struct.Struct("<d"), struct.Struct("<i")
MOST = 64 << 10
"""Bytes of a message."""
TEXT = 500
"""Bytes of a text."""


def _address(given: Sequence[Any]) -> Address:
    family, where = given
    return int(family), tuple(where)


@attrs.frozen
class Request:
    """The first message: what to open."""

    mode: str
    target: Address = attrs.field(converter=_address)
    local: Address | None = attrs.field(converter=attrs.converters.optional(_address))
    timeout: float
    """Seconds to connect in."""
    streamid: str = attrs.field(repr=False)
    options: Mapping[str, Any] = attrs.field(repr=False)
    """libsrt's, by the names of `library.OPTION`."""

    def __bytes__(self) -> bytes:
        return json.dumps(attrs.asdict(self)).encode()

    @classmethod
    def of(cls, data: bytes) -> Request:
        return cls(**json.loads(data))


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
            reason = said["reason"]
            return cls(None if reason is None else int(reason), str(said["text"]), bool(said["misconfigured"]))
        except (ValueError, KeyError, TypeError):
            return cls(text="libsrt's process does not say why")


class Figures(NamedTuple):
    """By the names that libsrt has for them (SRT_TRACEBSTATS), but for the first three."""

    taken: int
    """Bytes of the stream that libsrt has been handed so far."""
    held: int
    """Bytes of them in libsrt's send buffer."""
    peer_latency: int
    """ms that the receiver holds packets back."""
    pktSentTotal: int
    pktSndLossTotal: int
    pktRetransTotal: int
    pktSndDropTotal: int
    pktRecvACKTotal: int
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


LIBRARYS = Figures._fields[3:]
"""Those that libsrt's statistics have."""
MOST_FIGURE = (1 << 63) - 1
"""What the page holds. A peer's words can make figures of libsrt's that are none."""
_LAYOUT = struct.Struct("<15q3d")
_SUM = struct.Struct("<I")
_SIZE = mmap.PAGESIZE
_TRIES = 3


class Page:
    """The page of figures, written by one process and read by the other."""

    def __init__(self, descriptor: int) -> None:
        """Over the file of `made`, which stays the caller's to close."""
        self._map = mmap.mmap(descriptor, _SIZE)

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
