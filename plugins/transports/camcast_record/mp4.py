"""Packets into a fragmented MP4: FFmpeg writes the header, which knows every codec; fragments are ours.

Units go into a fragment as they are, so nothing has to be made of each, as FFmpeg's muxer has it; and a fragment says
when its first unit came.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence

import attrs

from camcast.media import NS_PER_MS, MediaKind, Track
from camcast_record import boxes
from camcast_record.durable import DurableFile
from camcast_record.gate import Timed, came
from camcast_record.streams import opened

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

    def run(self, units: Sequence[Timed], zero: int, coming: int | None) -> boxes.Run:
        """These, of this track, as a run. `zero`: the file's beginning; `coming`: time of the unit after them, if that
        is known."""
        packets, times, last = [packet for packet, _ in units], [], self.last
        for _, time in units:
            time -= zero
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
            [(shift // NS_PER_MS * scale // 1000 if (shift := p.pts - p.dts) > 0 else 0) for p in packets],
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
        self._waiting: list[Timed] = []
        """What the fragment that is gathered will be made of."""
        self._number = 0
        self._zero: int | None = None
        self._until = 0.0
        """Where that fragment ends, if no keyframe comes before."""
        self._offset = 0.0
        self._at = len(header)
        self._begun: list[boxes.Begun] = []
        file.write(header)

    def write(self, units: Sequence[Timed], offset: float) -> None:
        """Raises `OSError`."""
        self._offset = offset
        if self._zero is None:
            self._zero = units[0][1]
            self._until = self._zero + self._length
        until, waiting = self._until, self._waiting
        for unit in units:
            packet, time = unit
            if time >= until or (packet.keyframe and packet.track.kind is MediaKind.VIDEO):
                self._flush(unit)
                until, waiting = time + self._length, self._waiting
            waiting.append(unit)
        self._until = until

    def end(self) -> None:
        """Raises `OSError`."""
        self._flush()
        self._file.write(boxes.index(1, self._begun))

    def _flush(self, coming: Timed | None = None) -> None:
        """Write what has been gathered; `coming` is next."""
        waiting, self._waiting = self._waiting, []
        if not waiting or self._zero is None:
            return
        runs, firsts = [], []
        for kind, line in self._lines.items():
            units = [unit for unit in waiting if unit[0].track.kind is kind]
            if units:
                firsts.append(units[0][0])
                follows = coming[1] if coming is not None and coming[0].track.kind is kind else None
                runs.append(line.run(units, self._zero, follows))
        self._number += 1
        pieces, before = boxes.fragment(self._number, runs, came(firsts[0], self._offset))
        run = runs[0]
        if run.track == 1 and run.keys[0]:
            self._begun.append(boxes.Begun(run.begin + run.shifts[0], self._at + before))
        self._file.write_pieces(pieces)
        self._at += sum(map(len, pieces))


def _header(tracks: Sequence[Track], begin: float) -> bytes:
    """`ftyp` and `moov`, as FFmpeg writes them for fragments to come."""
    target = io.BytesIO()
    # Times stand in the fragments alone, none in an edit list at the front that nobody could write yet.
    options = {"movflags": "empty_moov+default_base_moof+frag_custom", "use_editlist": "0"}
    out, _ = opened(target, "mp4", tracks, begin, options)
    out.start_encoding()
    out.close()
    return boxes.header_only(target.getvalue())
