"""Packets into a fragmented MP4: FFmpeg writes the header, which knows every codec; fragments are ours.

Units go into a fragment as they are, so nothing has to be made of each, as FFmpeg's muxer has it; and a fragment says
when its first unit came.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from operator import itemgetter

import attrs

from camcast.media import NS_PER_MS, MediaKind, Packet, Track
from camcast_record import boxes
from camcast_record.durable import DurableFile
from camcast_record.gate import Timed, came
from camcast_record.streams import opened

_VIDEO = MediaKind.VIDEO
_MOMENT = itemgetter(1)
_STEP = 20
"""ms that the only unit of a track takes, until there is another."""


@attrs.define(eq=False)
class _Line:
    """One track's timeline in the file, ms from its beginning."""

    number: int
    scale: int
    """Ticks a second."""
    last: int = -1
    """Decode time of its newest unit."""
    step: int = _STEP
    waiting: list[Timed] = attrs.field(factory=list)
    """What the fragment that is gathered will be made of."""

    def run(self, zero: int, coming: int | None) -> boxes.Run:
        """What waits, which is forgotten. `zero`: the file's beginning; `coming`: time of the unit after it, if that is
        known."""
        packets: Sequence[Packet]
        moments: Sequence[int]
        packets, moments = zip(*self.waiting, strict=True)
        self.waiting = []
        times, last = [], self.last
        for moment in moments:
            time = moment - zero
            # Sound that belongs in front of the picture that the file begins with is squeezed in, one tick apart.
            last = time if time > last else last + 1
            times.append(last)
        if len(times) > 1:
            self.step = times[-1] - times[-2]
        self.last = last
        times.append(last + self.step if coming is None else max(coming - zero, last + 1))
        scale = self.scale
        ticks = [time * scale // 1000 for time in times]
        return boxes.Run(
            self.number,
            ticks[0],
            [end - begin for begin, end in itertools.pairwise(ticks)],
            [(p.pts - p.dts) // NS_PER_MS * scale // 1000 if p.pts > p.dts else 0 for p in packets],
            [packet.keyframe for packet in packets],
            [packet.payload for packet in packets],
        )


class Mp4Media:
    """Implements `segment.Media`."""

    def __init__(self, file: DurableFile, tracks: Sequence[Track], fragment: float, begin: float) -> None:
        self._file = file
        self._length = fragment * 1000
        header = _header(tracks, begin)
        scales = boxes.timescales(header)
        self._lines = {
            track.kind: _Line(number, scale)
            for number, (track, scale) in enumerate(zip(tracks, scales, strict=True), 1)
        }
        self._number = 0
        self._zero: int | None = None
        self._until = 0.0
        """Where that fragment ends, if no keyframe comes before."""
        self._offset = 0.0
        self._begun: list[boxes.Begun] = []
        file.write(header)

    def write(self, units: Sequence[Timed], offset: float) -> None:
        """Raises `OSError`."""
        self._offset = offset
        if self._zero is None:
            self._zero = units[0][1]
            self._until = self._zero + self._length
        until, lines = self._until, self._lines
        if len(units) > 1 and max(map(_MOMENT, units)) < until:
            parts = {kind: [unit for unit in units if unit[0].track.kind is kind] for kind in lines}
            # Nearly always: all are of the fragment that is gathered.
            if not any(packet.keyframe for packet, _ in parts.get(_VIDEO, ())):
                for kind, part in parts.items():
                    lines[kind].waiting += part
                return
        for unit in units:
            packet, time = unit
            kind = packet.track.kind
            if time >= until or (packet.keyframe and kind is _VIDEO):
                self._flush(unit)
                until = time + self._length
            lines[kind].waiting.append(unit)
        self._until = until

    def end(self) -> None:
        """Raises `OSError`."""
        self._flush()
        self._file.write(boxes.index(1, self._begun))

    def _flush(self, coming: Timed | None = None) -> None:
        """Write what has been gathered; `coming` is next."""
        lines = [line for line in self._lines.values() if line.waiting]
        if not lines or self._zero is None:
            return
        first = lines[0].waiting[0][0]
        follows = self._lines[coming[0].track.kind] if coming is not None else None
        runs = [line.run(self._zero, coming[1] if coming is not None and line is follows else None) for line in lines]
        self._number += 1
        pieces, before = boxes.fragment(self._number, runs, came(first, self._offset))
        run = runs[0]
        if run.track == 1 and run.keys[0]:
            self._begun.append(boxes.Begun(run.begin + run.shifts[0], self._file.tell() + before))
        self._file.write_pieces(pieces)


def _header(tracks: Sequence[Track], begin: float) -> bytes:
    """`ftyp` and `moov`, as FFmpeg writes them for fragments to come."""
    target = io.BytesIO()
    # Times stand in the fragments alone, none in an edit list at the front that nobody could write yet.
    options = {"movflags": "empty_moov+default_base_moof+frag_custom", "use_editlist": "0"}
    out, _ = opened(target, "mp4", tracks, begin, options)
    out.start_encoding()
    out.close()
    return boxes.header_only(target.getvalue())
