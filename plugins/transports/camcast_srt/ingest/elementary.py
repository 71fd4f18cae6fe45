"""One PID's packets put together to what was packed (PES, ISO/IEC 13818-1 §2.4.3.6): access units, mostly. Pure.

A picture's length is not told, as a rule: it is whole when the next one begins. Some encoders tell it, which 16 bits
are too few for, and so put a large one into several packets, of which only the first has a time; others do so with its
slices. What begins without a time goes on with the picture before it.
"""

from __future__ import annotations

from collections.abc import Callable

from camcast.media import MediaKind
from camcast_srt.ingest.programme import Elementary
from camcast_srt.psi import TS_PACKET

MAX_UNIT = 8 << 20
"""Bytes; a keyframe of 8K has 2 MB."""
LARGE = 60_000
"""Bytes of a picture whose length is told, from which on more of it may come: those who split fill their packets."""
LOSS, DAMAGED, SCRAMBLED, TOO_LARGE = "ts loss", "damaged", "scrambled", "too large"
_HEAD = 6
_HEADER = 9
"""Bytes up to the end of PES_header_data_length."""
_NO_MEDIA = frozenset((0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF))
"""stream_id of what has no header of the usual form: maps, padding, private data, control (table 2-21)."""

Take = Callable[[Elementary, bytes, int | None, int | None, float], object]
"""Track, data, PTS and DTS in ticks of 90 kHz modulo 2**33 (DTS None = as PTS), and when the last of it came."""


class PesReader:
    """Of one track. `lost` is told why something is missing."""

    def __init__(self, track: Elementary, take: Take, lost: Callable[[Elementary, str], object]) -> None:
        self.track = track
        self._take = take
        self._lost = lost
        self._body = bytearray()
        self._open = False
        """Whether what comes belongs to what has begun."""
        self._end = 0
        """Bytes at which it is whole; 0 = when the next begins."""
        self._may_go_on = False
        """Whether what has been told to be whole may yet go on."""
        self._counter: int | None = None
        self._repeated = False
        self._came = 0.0
        """When the last of what has begun did, which is long before it is known to be whole where a track pauses."""

    def feed(self, data: bytes, at: int, now: float, *, jumps: bool) -> None:
        """The packet at `at`, which comes `now` (s). `jumps`: its counter may not go on from the last one
        (discontinuity_indicator)."""
        second, fourth = data[at + 1], data[at + 3]
        if second & 0x80:
            self._missing(DAMAGED)
            return
        if not fourth & 0x10:
            return
        begin, end = at + 4, at + TS_PACKET
        if fourth & 0x20:
            begin += 1 + data[begin]
            if begin > end:
                self._missing(DAMAGED)
                return
        counter, last = fourth & 0x0F, self._counter
        if last is not None and counter != (last + 1 & 0x0F) and not jumps:
            if counter == last and not self._repeated:
                # Each may be sent twice (§2.4.3.3).
                self._repeated = True
                return
            self._missing(LOSS)
        self._counter, self._repeated = counter, False
        if fourth & 0xC0:
            self._missing(SCRAMBLED)
            return
        if second & 0x40:
            self._starts(data[begin:end])
        elif self._open:
            self._body += data[begin:end]
        self._came = now
        if len(self._body) > MAX_UNIT:
            self._missing(TOO_LARGE)
        elif self._end and len(self._body) >= self._end and not self._may_go_on:
            self.finish()

    def finish(self) -> None:
        """What has begun is whole, or never will be."""
        if not self._open:
            return
        body, end = bytes(self._body), self._end
        self._close()
        if body[3] in _NO_MEDIA:
            return
        begin = _HEADER + body[8] if len(body) >= _HEADER else len(body)
        if begin >= len(body) or len(body) < end or body[6] & 0xC0 != 0x80:
            self._lost(self.track, DAMAGED)
            return
        if body[6] & 0x30:
            self._lost(self.track, SCRAMBLED)
            return
        told = body[7] >> 6
        pts = _time(body, 9) if told & 2 and body[8] >= 5 else None
        dts = _time(body, 14) if told == 3 and body[8] >= 10 else None
        self._take(self.track, body[begin : end or len(body)], pts, dts, self._came)

    def _starts(self, first: bytes) -> None:
        """The first bytes of a PES packet."""
        if len(first) < _HEAD or first[:3] != b"\0\0\1":
            self.finish()
            self._lost(self.track, DAMAGED)
            return
        length = first[4] << 8 | first[5]
        if self._open and self.track.kind is MediaKind.VIDEO and _is_without_time(first):
            if self._end:
                del self._body[self._end :]
            begin = _HEADER + first[8]
            self._end = len(self._body) + _HEAD + length - begin if length else 0
            self._body += first[begin:]
        else:
            self.finish()
            self._open, self._end = True, _HEAD + length if length else 0
            self._body += first
        self._may_go_on = length >= LARGE and self.track.kind is MediaKind.VIDEO

    def _missing(self, why: str) -> None:
        """Nothing more comes of what has begun. A gap behind something whole is one too."""
        self._close()
        self._lost(self.track, why)

    def _close(self) -> None:
        self._open, self._end = False, 0
        self._body.clear()


def _is_without_time(first: bytes) -> bool:
    """Whether it is the whole header of one that carries media and says nothing of when."""
    return len(first) >= _HEADER and first[3] not in _NO_MEDIA and first[6] & 0xC0 == 0x80 and not first[7] & 0x80


def _time(body: bytes, at: int) -> int:
    """33 bits between marker bits (§2.4.3.7)."""
    return (
        (body[at] & 0x0E) << 29
        | body[at + 1] << 22
        | (body[at + 2] & 0xFE) << 14
        | body[at + 3] << 7
        | body[at + 4] >> 1
    )
