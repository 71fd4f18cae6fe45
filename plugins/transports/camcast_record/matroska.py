"""Packets into a Matroska file, by FFmpeg's muxer."""

from __future__ import annotations

from collections.abc import Sequence

import av

from camcast.media import NS_PER_MS, MediaKind, Packet, Track
from camcast_record.durable import DurableFile
from camcast_record.gate import Timed
from camcast_record.streams import TIME_BASE, opened

_WAITS = "200000"
"""µs that one track's packets wait in the muxer for the other's."""


class MatroskaMedia:
    """Implements `segment.Media`."""

    def __init__(self, file: DurableFile, tracks: Sequence[Track], fragment: float, begin: float) -> None:
        options = {
            "max_interleave_delta": _WAITS,
            "flush_packets": "1",
            "cluster_time_limit": str(round(fragment * 1000)),
        }
        self._out, self._streams = opened(file, "matroska", tracks, begin, options)
        self._last: dict[MediaKind, int] = {}
        self._zero: int | None = None

    def write(self, units: Sequence[Timed], offset: float) -> None:
        """Raises `OSError`. There is no place for when each came: the header's time and a unit's own say it."""
        for packet, time in units:
            self._write(packet, time)

    def end(self) -> None:
        """Raises `OSError`."""
        self._out.close()

    def _write(self, packet: Packet, time: int) -> None:
        kind = packet.track.kind
        if self._zero is None:
            self._zero = time
        # Sound that belongs in front of the picture that the file begins with is squeezed in, one tick apart.
        dts = max(time - self._zero, self._last.get(kind, -1) + 1)
        self._last[kind] = dts
        unit = av.Packet(packet.payload)
        unit.stream = self._streams[kind]
        unit.time_base = TIME_BASE
        unit.dts = dts
        unit.pts = max(dts, dts + (packet.pts - packet.dts) // NS_PER_MS)
        unit.is_keyframe = packet.keyframe
        self._out.mux_one(unit)
