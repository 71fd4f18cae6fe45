"""MPEG-TS in memory (ISO 13818-1), by FFmpeg through PyAV: a packet goes in, its TS packets come out at once.

FFmpeg's muxer sorts what it is given by time, so with two tracks it sits on each packet until the other track has
brought a later one: up to a frame's time, and much longer when one track pauses. A muxer of one track passes on
everything at once. So each track has a muxer and PID of its own, and the tables that tie them together (PAT, PMT),
made by a muxer that knows all tracks, are put in front of keyframes and repeated every 100 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av

from camcast.media import MediaKind, Track

CLOCK = 90_000
"""Ticks per second of PTS and DTS."""
TS_PACKET = 188
_TIME_BASE = Fraction(1, CLOCK)
_FIRST_PID = 0x100
_TABLE_PIDS = (0x0000, 0x1000)
"""PAT, and the PMT's as FFmpeg numbers it."""
_TABLE_PERIOD = CLOCK // 10
"""The longest gap between tables: DVB's limit (ETSI TR 101 290)."""
_NEVER = "1000000"

CODECS = {"h264": "h264", "h265": "hevc", "aac": "aac", "opus": "opus"}
"""camcast's codec names and FFmpeg's, of what this muxer carries."""


class _Sink:
    """The file that a muxer writes to."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: Any) -> int:
        self.parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        parts, self.parts = self.parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)


class _Muxer:
    """FFmpeg's muxer for some tracks, the first on `pid`."""

    def __init__(self, tracks: Sequence[Track], pid: int, period: str) -> None:
        self.pid = pid
        self._sink = _Sink()
        self._container: Any = av.open(
            self._sink,
            "w",
            format="mpegts",
            options={
                "mpegts_start_pid": str(pid),
                "mpegts_copyts": "1",
                "pes_payload_size": "0",
                "flush_packets": "1",
                "pat_period": period,
                "sdt_period": period,
            },
        )
        self._streams = [
            self._container.add_mux_stream(
                CODECS[track.codec],
                rate=track.sample_rate if track.kind is MediaKind.AUDIO else None,
                time_base=_TIME_BASE,
            )
            for track in tracks
        ]

    def mux(self, index: int, data: bytes, dts: int, pts: int, keyframe: bool) -> bytes:
        packet = av.Packet(data)
        packet.dts, packet.pts, packet.time_base = dts, pts, _TIME_BASE
        packet.stream = self._streams[index]
        packet.is_keyframe = keyframe
        self._container.mux_one(packet)
        return self._sink.take()

    def close(self) -> bytes:
        self._container.close()
        return self._sink.take()


class TsMuxer:
    """One programme with at most one video and one audio track. Not for two threads at once."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        """Raises `KeyError` for a codec that is not in `CODECS`."""
        self._tracks = tuple(tracks)
        self._index = {track.kind: index for index, track in enumerate(tracks)}
        self._muxers = [_Muxer([track], _FIRST_PID + index, _NEVER) for index, track in enumerate(tracks)]
        self._last = [-1 << 62] * len(tracks)
        self._tables: list[bytes] = []
        self._counter = 0
        self._tables_at = -1 << 62

    def codec(self, kind: MediaKind) -> str | None:
        """The codec that this programme carries as `kind`, if any."""
        index = self._index.get(kind)
        return None if index is None else self._tracks[index].codec

    def mux(self, kind: MediaKind, data: bytes, dts: int, pts: int, keyframe: bool) -> bytes:
        """The TS packets of one access unit (Annex B, ADTS or bare Opus). Times are ticks of `CLOCK`.

        Raises `av.FFmpegError` for data that is not what its codec says.
        """
        index = self._index[kind]
        # A TS carries no two units of one track at one time, and its muxer refuses them.
        dts = max(dts, self._last[index] + 1)
        pts = max(pts, dts)
        if not self._tables:
            self._tables = self._make_tables(index, data, dts, pts, keyframe)
        muxer = self._muxers[index]
        media = _without_tables(muxer.mux(0, data, dts, pts, keyframe), muxer.pid)
        self._last[index] = dts
        if (keyframe and kind is MediaKind.VIDEO) or dts - self._tables_at >= _TABLE_PERIOD:
            self._tables_at = dts
            return self._next_tables() + media
        return media

    def close(self) -> None:
        for muxer in self._muxers:
            muxer.close()

    def _make_tables(self, index: int, data: bytes, dts: int, pts: int, keyframe: bool) -> list[bytes]:
        muxer = _Muxer(self._tracks, _FIRST_PID, "0.1")
        stream = muxer.mux(index, data, dts, pts, keyframe) + muxer.close()
        packets = [stream[at : at + TS_PACKET] for at in range(0, len(stream), TS_PACKET)]
        return [next(packet for packet in packets if _pid(packet) == pid) for pid in _TABLE_PIDS]

    def _next_tables(self) -> bytes:
        self._counter = self._counter + 1 & 0x0F
        # Byte 3: not scrambled, payload only, continuity counter (§2.4.3.2).
        control = bytes((0x10 | self._counter,))
        return b"".join(table[:3] + control + table[4:] for table in self._tables)


def _pid(packet: bytes, at: int = 0) -> int:
    return (packet[at + 1] & 0x1F) << 8 | packet[at + 2]


def _without_tables(stream: bytes, pid: int) -> bytes:
    """A muxer writes tables only in front of its own packets."""
    at = 0
    while at < len(stream) and _pid(stream, at) != pid:
        at += TS_PACKET
    return stream[at:] if at else stream
