"""Packets into a fragmented MP4: FFmpeg writes the header, which knows every codec; fragments are ours.

Units go into a fragment as they are, so nothing has to be made of each, as FFmpeg's muxer has it; and a fragment says
when its first unit came.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import attrs

from camcast.media import NS_PER_MS, MediaKind, Packet, Track
from camcast_record import boxes
from camcast_record.durable import DurableFile
from camcast_record.streams import opened

_STEP = 20
"""ms that the only unit of a track takes, until there is another."""


@attrs.define(eq=False)
class _Pending:
    """What of one track waits for its fragment to be whole."""

    number: int
    scale: int
    """Ticks a second."""
    last: int = -1
    """Decode time of its newest unit, ms."""
    step: int = _STEP
    taken: float = 0.0
    """`time.time()` of when the first that waits came."""
    times: list[int] = attrs.field(factory=list)
    shifts: list[int] = attrs.field(factory=list)
    keys: list[bool] = attrs.field(factory=list)
    payloads: list[bytes] = attrs.field(factory=list)

    def add(self, packet: Packet, dts: int, taken: float) -> None:
        if not self.times:
            self.taken = taken
        elif dts > self.last:
            self.step = dts - self.last
        self.last = dts
        self.times.append(dts)
        self.shifts.append((packet.pts - packet.dts) // NS_PER_MS)
        self.keys.append(packet.keyframe)
        self.payloads.append(packet.payload)

    def run(self, until: int | None) -> boxes.Run:
        """All that waits, which is forgotten. `until`: where the next one begins, if that is known."""
        ends = [*self.times[1:], self.times[-1] + self.step if until is None else until]
        ticks = [time * self.scale // 1000 for time in self.times]
        found = boxes.Run(
            self.number,
            ticks[0],
            [end * self.scale // 1000 - begin for begin, end in zip(ticks, ends, strict=True)],
            [max(0, shift) * self.scale // 1000 for shift in self.shifts],
            self.keys,
            self.payloads,
        )
        self.times, self.shifts, self.keys, self.payloads = [], [], [], []
        return found


class Mp4Media:
    """Implements `segment.Media`."""

    def __init__(self, file: DurableFile, tracks: Sequence[Track], fragment: float, begin: float) -> None:
        self._file = file
        self._length = fragment * 1000
        header = _header(tracks, begin)
        scales = boxes.timescales(header)
        self._pending = {
            track.kind: _Pending(number, scale)
            for number, (track, scale) in enumerate(zip(tracks, scales, strict=True), 1)
        }
        self._number = 0
        self._zero: int | None = None
        self._since = 0
        """Where the fragment begins that is gathered, ms."""
        self._at = len(header)
        self._begun: list[boxes.Begun] = []
        file.write(header)

    def write(self, packet: Packet, time: int, taken: float) -> None:
        """Raises `OSError`."""
        kind = packet.track.kind
        pending = self._pending[kind]
        if self._zero is None:
            self._zero = time
        # Sound that belongs in front of the picture that the file begins with is squeezed in, one tick apart.
        dts = max(time - self._zero, pending.last + 1)
        if dts - self._since >= self._length or (packet.keyframe and kind is MediaKind.VIDEO):
            self._flush(kind, dts)
            self._since = dts
        pending.add(packet, dts, taken)

    def end(self) -> None:
        """Raises `OSError`."""
        self._flush(None, 0)
        self._file.write(boxes.index(1, self._begun))

    def _flush(self, coming: MediaKind | None, dts: int) -> None:
        """Write what has been gathered; a unit of kind `coming` is next, at `dts`."""
        waiting = [(kind, one) for kind, one in self._pending.items() if one.times]
        if not waiting:
            return
        taken = waiting[0][1].taken
        runs = [one.run(dts if kind is coming else None) for kind, one in waiting]
        self._number += 1
        pieces, before = boxes.fragment(self._number, runs, taken)
        first = runs[0]
        if first.track == 1 and first.keys[0]:
            self._begun.append(boxes.Begun(first.begin + first.shifts[0], self._at + before))
        data = b"".join(pieces)
        self._file.write(data)
        self._at += len(data)


def _header(tracks: Sequence[Track], begin: float) -> bytes:
    """`ftyp` and `moov`, as FFmpeg writes them for fragments to come."""
    target = io.BytesIO()
    # Times stand in the fragments alone, none in an edit list at the front that nobody could write yet.
    options = {"movflags": "empty_moov+default_base_moof+frag_custom", "use_editlist": "0"}
    out, _ = opened(target, "mp4", tracks, begin, options)
    out.start_encoding()
    out.close()
    return boxes.header_only(target.getvalue())
