"""The tables of a programme: PAT and PMT (ISO/IEC 13818-1 §2.4.4), SDT (ETSI EN 300 468 §5.2.3). Pure."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from camcast.media import MediaKind, Track

TS_PACKET = 188
PAT_PID, SDT_PID, PMT_PID = 0x0000, 0x0011, 0x1000
FIRST_PID = 0x100
PERIOD = 90_000 * 8 // 100
"""Ticks of 90 kHz after which the next unit brings PAT and PMT, so that they come within DVB's 100 ms."""
SDT_PERIOD = 90_000
"""Half of the longest that is allowed."""
_PROGRAMME, _STREAM, _NETWORK = 1, 1, 0xFF01
_PROVIDER = b"camcast"
_TELEVISION, _RADIO = 0x01, 0x02
_RUNNING = 4
_REGISTRATION, _EXTENSION, _SERVICE = 0x05, 0x7F, 0x48

_STREAM_TYPES = {"h264": 0x1B, "h265": 0x24, "aac": 0x0F, "opus": 0x06}


def described(track: Track, pid: int) -> bytes:
    """A track's part of the PMT. Raises `KeyError` for a codec that has none."""
    descriptors = b""
    if track.codec == "h265":
        descriptors = _descriptor(_REGISTRATION, b"HEVC")
    elif track.codec == "opus":
        # "Opus in MPEG-TS" (opus-codec.org): the number of channels stands for the usual layout of so many.
        descriptors = _descriptor(_REGISTRATION, b"Opus") + _descriptor(_EXTENSION, bytes((0x80, track.channels or 2)))
    return struct.pack(">BHH", _STREAM_TYPES[track.codec], 0xE000 | pid, 0xF000 | len(descriptors)) + descriptors


class Tables:
    """The packets of the three tables, when they are due. Times are ticks of 90 kHz."""

    def __init__(self, tracks: Sequence[Track], descriptions: Sequence[bytes], clock_pid: int) -> None:
        pat = struct.pack(">HH", _PROGRAMME, 0xE000 | PMT_PID)
        pmt = struct.pack(">HH", 0xE000 | clock_pid, 0xF000) + b"".join(descriptions)
        pictures = any(track.kind is MediaKind.VIDEO for track in tracks)
        name = bytes((_TELEVISION if pictures else _RADIO, len(_PROVIDER))) + _PROVIDER + b"\x07" + _PROVIDER
        service = _descriptor(_SERVICE, name)
        sdt = struct.pack(">HBHBH", _NETWORK, 0xFF, _PROGRAMME, 0xFC, _RUNNING << 13 | len(service)) + service
        self._programme = [_Table(PAT_PID, 0x00, _STREAM, pat), _Table(PMT_PID, 0x02, _PROGRAMME, pmt)]
        self._service = _Table(SDT_PID, 0x42, _STREAM, sdt)
        self._programme_at = self._service_at = -1 << 62

    def due(self, now: int, *, keyframe: bool = False) -> list[bytes]:
        """What is to be sent at `now`; before a keyframe, PAT and PMT whatever the time is."""
        out: list[bytes] = []
        if keyframe or now - self._programme_at >= PERIOD:
            self._programme_at = now
            out += [table.packet() for table in self._programme]
        if now - self._service_at >= SDT_PERIOD:
            self._service_at = now
            out.append(self._service.packet())
        return out


class _Table:
    """One section in one packet."""

    def __init__(self, pid: int, table: int, number: int, body: bytes) -> None:
        # Version 0, current, section 0 of 0; the length counts what follows it, the CRC included.
        rest = struct.pack(">HBBB", number, 0xC1, 0, 0) + body
        private = 0x4000 if table == 0x42 else 0
        section = struct.pack(">BH", table, 0xB000 | private | (len(rest) + 4)) + rest
        section += struct.pack(">I", crc32(section))
        self._pid = pid
        # A pointer of 0: the section begins at once.
        self._body = (b"\0" + section).ljust(TS_PACKET - 4, b"\xff")
        self._counter = 15

    def packet(self) -> bytes:
        self._counter = self._counter + 1 & 0x0F
        return struct.pack(">BHB", 0x47, 0x4000 | self._pid, 0x10 | self._counter) + self._body


def _descriptor(tag: int, body: bytes) -> bytes:
    return bytes((tag, len(body))) + body


def crc32(data: bytes) -> int:
    """The CRC of sections (ISO/IEC 13818-1 annex A): of what it was computed for and itself it is 0."""
    # zlib's is the same polynomial with the bits of each byte, and of the result, the other way around, and inverted.
    mirrored = zlib.crc32(data.translate(_MIRRORED)) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_MIRRORED), "big")


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
