"""MPEG-TS in memory (ISO/IEC 13818-1): a unit goes in, its packets come out whole. No I/O, no clock.

A picture comes out at once; frames of sound wait for each other, for no more than 0.05 s (`gathering.py`).

One programme with at most one track of each kind. FFmpeg's muxer is not used: it sorts by time what it is given, so it
sits on each unit until the other track has brought a later one, and on a small frame of sound until the next; and it
has no way to send the clock alone. What strict decoders want of a stream (ETSI TR 101 290, priorities 1 and 2):

- The clock (PCR) runs a fixed lead behind the decode times, so that there is time to decode, and no unit is ever due
  before it. It follows the slower of two tracks (`programme_clock.py`).
- A PCR comes every 40 ms. Between units that are further apart `tick` makes packets with nothing else in them, as real
  time goes by; what nobody has asked for by then, `mux` makes up for.
- PAT and PMT come every 100 ms and before each keyframe, the SDT every second; a picture begins with a delimiter.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from camcast.errors import MediaError
from camcast.media import MediaKind, Track
from camcast_srt.gathering import HELD, Gathering, duration
from camcast_srt.programme_clock import CLOCK, ProgrammeClock
from camcast_srt.psi import FIRST_PID, TS_PACKET, Tables, described

LEAD = CLOCK * 3 // 10
"""Decode times are later than the clock by this, or by one and a half pictures where those are further apart."""
MAX_LEAD = CLOCK
"""What a decoder must be able to hold back (§2.4.2.7)."""
PCR_PERIOD = CLOCK * 40 // 1000
TICK = 0.04
"""Seconds without a unit after which `tick` should be called, again and again."""
_JUMP = CLOCK
"""The clock is not counted up to a time that is further away; it is told as a discontinuity."""
_SILENT = LEAD * 3 // 4, CLOCK
"""A track that is behind by so much is silent, and holds the clock back no longer: by the first, which the lead covers,
or where its units are usually late, by `_LATER` as much as they are, but no more than the second."""
_LATER = 2
_FADE = 0.98
"""What is left with each unit of how late they usually are."""
_BODY = TS_PACKET - 4
_DISCONTINUITY, _RANDOM_ACCESS, _HAS_PCR = 0x80, 0x40, 0x10
_STARTS = (b"\0\0\0\1", b"\0\0\1")
_DELIMITERS = {"h264": b"\0\0\0\1\x09\xf0", "h265": b"\0\0\0\1\x46\x01\x50"}
"""For any kind of picture (H.264 §7.3.2.4, H.265 §7.3.2.5)."""
_STREAM_IDS = {"h264": 0xE0, "h265": 0xE0, "aac": 0xC0, "opus": 0xBD}
_ALIGNED = 0x84
"""A unit begins where the PES packet does (§2.4.3.7)."""

CODECS = tuple(_STREAM_IDS)
"""What this muxer carries."""

Buffers = list[bytes | memoryview]


class TsMuxer:
    """Not for two threads at once. `now` is seconds of any one clock."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        """Raises `KeyError` for a codec that is not in `CODECS`."""
        self._index = {track.kind: index for index, track in enumerate(tracks)}
        self._streams = [_Stream(track, FIRST_PID + index) for index, track in enumerate(tracks)]
        # The picture's packets carry the clock, where there is a picture.
        self._carrier = self._streams[self._index.get(MediaKind.VIDEO, 0)]
        self._tables = Tables(tracks, [stream.description for stream in self._streams], self._carrier.pid)
        rate = max((track.frame_rate for track in tracks), default=0.0)
        self._clock = ProgrammeClock(min(MAX_LEAD, max(LEAD, int(1.5 * CLOCK / rate) if rate > 0 else 0)))

    def codec(self, kind: MediaKind) -> str | None:
        """The codec that this programme carries as `kind`, if any."""
        index = self._index.get(kind)
        return None if index is None else self._streams[index].codec

    def mux(self, kind: MediaKind, data: bytes, dts: int, pts: int, keyframe: bool, now: float = 0.0) -> bytes:
        """One access unit (Annex B, ADTS or bare Opus) goes in. Times are ticks of `CLOCK`.

        Returns packets of it, or of sound that had waited, or b"" where it waits itself. Raises `MediaError` for data
        that is not what its codec says.
        """
        stream = self._streams[self._index[kind]]
        payload = stream.checked(data)
        # A stream carries no two units of one track at one time.
        dts = max(dts, stream.newest + 1)
        offset = max(0, pts - dts)
        stream.comes(dts, max(stream.newest for stream in self._streams))
        pcr = self._clock.media(self._slowest(), now)
        out: Buffers = []
        if kind is MediaKind.VIDEO:
            self._send(stream, payload, dts, offset, pcr, out, keyframe=keyframe)
            return b"".join(out)
        waiting = stream.waiting
        if waiting and not waiting.goes_on(len(payload), dts):
            self._send(stream, *waiting.take(), 0, pcr, out)
        enough = waiting.add(payload, dts, duration(stream.codec, data), now)
        # What comes late already is not made later.
        if enough or self._clock.spare(dts, pcr) < HELD:
            self._send(stream, *waiting.take(), 0, pcr, out)
        return b"".join(out)

    @property
    def waits(self) -> int:
        """Bytes of sound that have gone in and not come out."""
        return sum(stream.waiting.size for stream in self._streams)

    def due_in(self, now: float) -> float | None:
        """Seconds until `flush` should be called for sound that waits; None = none does."""
        return next((due for stream in self._streams if (due := stream.waiting.due_in(now)) is not None), None)

    def flush(self, now: float) -> bytes:
        """The packets of all sound that waits."""
        out: Buffers = []
        for stream in self._streams:
            if stream.waiting:
                self._send(stream, *stream.waiting.take(), 0, self._clock.at(now), out)
        return b"".join(out)

    def _send(
        self, stream: _Stream, payload: bytes, dts: int, offset: int, pcr: int, out: Buffers, *, keyframe: bool = False
    ) -> None:
        """One PES packet, and what is due before it. `offset`: ticks from its decode time until it is shown."""
        out += self._tables.due(pcr, keyframe=keyframe)
        jump = self._count_up(pcr, out, whole=stream is not self._carrier)
        clock = self._clock
        due = clock.due(dts, pcr)
        flags = _RANDOM_ACCESS if keyframe else 0
        if stream is self._carrier and pcr != clock.last:
            clock.last = pcr
            stream.unit(payload, due, due + offset, flags | jump, pcr, out)
        else:
            stream.unit(payload, due, due + offset, flags, None, out)

    def tick(self, now: float) -> bytes:
        """The clock alone, where nothing has carried it for a while; b"" while it cannot go on without new media."""
        last, pcr = self._clock.last, self._clock.at(now)
        if last is None or pcr - last < PCR_PERIOD // 2:
            return b""
        out: Buffers = [*self._tables.due(pcr)]
        self._count_up(pcr, out, whole=False)
        self._clock.last = pcr
        out.append(self._carrier.clock_only(pcr, 0))
        return b"".join(out)

    def _slowest(self) -> int:
        """How far the media has come, by the slower track."""
        newest = max(stream.newest for stream in self._streams)
        return min(stream.newest for stream in self._streams if newest - stream.newest < stream.patience)

    def _count_up(self, pcr: int, out: Buffers, *, whole: bool) -> int:
        """Clock packets up to less than a period before `pcr`, or with `whole` up to it, where it is due.

        Returns the flag to give the next one, if there is a jump that is not counted up to.
        """
        clock = self._clock
        last = pcr - PCR_PERIOD if clock.last is None else clock.last
        jump = _DISCONTINUITY if pcr - last > _JUMP else 0
        while not jump and pcr - last > PCR_PERIOD:
            last += PCR_PERIOD
            out.append(self._carrier.clock_only(last, 0))
            clock.last = last
        if whole and pcr - last >= PCR_PERIOD:
            out.append(self._carrier.clock_only(pcr, jump))
            clock.last = pcr
            jump = 0
        return jump


class _Stream:
    """One track's packets."""

    def __init__(self, track: Track, pid: int) -> None:
        self.codec = track.codec
        self.pid = pid
        self.newest = -1 << 40
        """The decode time of the newest unit."""
        self._late = 0.0
        """How much later than the other track its units usually come, ticks."""
        self.description = described(track, pid)
        self.waiting = Gathering()
        self._id = _STREAM_IDS[track.codec]
        self._delimiter = _DELIMITERS.get(track.codec, b"")
        self._counter = 15
        head = 0x4700 | pid >> 8, pid & 0xFF
        self._heads = [struct.pack(">HBB", *head, 0x10 | counter) for counter in range(16)]

    def comes(self, dts: int, newest: int) -> None:
        """A unit of this decode time; the programme has come as far as `newest`."""
        self._late = max(float(newest - dts), self._late * _FADE)
        self.newest = dts

    @property
    def patience(self) -> float:
        """Ticks that the clock waits for it."""
        least, most = _SILENT
        return min(most, max(least, _LATER * self._late))

    def checked(self, data: bytes) -> bytes:
        """A unit as a stream carries it. Raises `MediaError`."""
        if self._delimiter:
            if not data.startswith(_STARTS):
                raise MediaError(f"expected {self.codec} in Annex B, which begins with a start code")
            return data if data.startswith(self._delimiter[:5]) else self._delimiter + data
        if self.codec == "aac":
            if len(data) <= 7 or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
                raise MediaError("expected AAC with an ADTS header, and something behind it")
            return data
        if not data:
            raise MediaError("expected an Opus packet, got nothing")
        # Opus control header: its length in bytes of 255 and a last one.
        return b"\x7f\xe0" + b"\xff" * (len(data) // 255) + bytes((len(data) % 255,)) + data

    def unit(self, payload: bytes, dts: int, pts: int, flags: int, pcr: int | None, out: Buffers) -> None:
        """One PES packet (§2.4.3.6) in as many packets as it needs."""
        both = pts != dts
        times = _time(0x30, pts) + _time(0x10, dts) if both else _time(0x20, pts)
        size = 3 + len(times) + len(payload)
        # 0 = not told, which only pictures may say: they can be longer than 16 bits count.
        size = size if size <= 0xFFFF else 0
        told = 0xC0 if both else 0x80
        head = struct.pack(">4sHBBB", b"\0\0\1" + bytes((self._id,)), size, _ALIGNED, told, len(times))
        pes = memoryview(head + times + payload)
        field = b""
        if pcr is not None:
            field = bytes((flags | _HAS_PCR,)) + _pcr(pcr)
        elif flags:
            field = bytes((flags,))
        at = self._packet(0x40, field, pes, out)
        heads, counter, end = self._heads, self._counter, len(pes)
        while end - at >= _BODY:
            counter = counter + 1 & 0x0F
            out += (heads[counter], pes[at : at + _BODY])
            at += _BODY
        self._counter = counter
        if at < end:
            self._packet(0, b"", pes[at:], out)

    def clock_only(self, pcr: int, flags: int) -> bytes:
        """A packet with nothing but the clock, which does not count (§2.4.3.3)."""
        field = (bytes((flags | _HAS_PCR,)) + _pcr(pcr)).ljust(_BODY - 1, b"\xff")
        return struct.pack(">BHBB", 0x47, self.pid, 0x20 | self._counter, len(field)) + field

    def _packet(self, start: int, field: bytes, data: memoryview, out: Buffers) -> int:
        """One packet with an adaptation field, if that has something to say or to fill up. Returns how much it took."""
        room = _BODY - (1 + len(field) if field else 0)
        taken = min(room, len(data))
        adaptation = b""
        if field or taken < room:
            length = _BODY - 1 - taken
            adaptation = bytes((length,)) + (field or b"\0"[:length]).ljust(length, b"\xff")
        self._counter = self._counter + 1 & 0x0F
        control = (0x30 if adaptation else 0x10) | self._counter
        out += (struct.pack(">BBBB", 0x47, start | self.pid >> 8, self.pid & 0xFF, control) + adaptation, data[:taken])
        return taken


def _time(mark: int, ticks: int) -> bytes:
    """PTS or DTS: 33 bits between marker bits (§2.4.3.7)."""
    ticks &= (1 << 33) - 1
    return struct.pack(">BHH", mark | ticks >> 29 & 0x0E | 1, (ticks >> 14 & 0xFFFE) | 1, (ticks << 1 & 0xFFFE) | 1)


def _pcr(ticks: int) -> bytes:
    """33 bits of 90 kHz, six that are set, nine of 27 MHz, which we leave at 0 (§2.4.3.5)."""
    return ((ticks & (1 << 33) - 1) << 15 | 0x3F << 9).to_bytes(6, "big")
