"""Parses H.264 access units (ITU-T H.264 §7.3.1, §7.4.1).

Rules: a keyframe is an IDR picture. Cameras that never send one mark their entry points by a recovery point SEI
with an I slice: those count as keyframes until the first IDR comes, and again after three of them in a row
without an IDR. Recovery points of periodic intra refresh (P slices, a count above 0) count after a while without,
and where there never was an IDR, pictures of I slices that nothing marks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from camcast.bitstream.bits import BitReader, unescape
from camcast.bitstream.parser import NalParser
from camcast.bitstream.sei import messages
from camcast.bitstream.syntax import (
    BAD,
    DISPOSABLE,
    DROP,
    KEEP,
    KEY,
    REFERENCE,
    SEI,
    SET,
    NalSyntax,
    ParameterSet,
)
from camcast.errors import MediaError
from camcast.media import MediaKind, Track
from camcast_h264.record import read_record, write_record
from camcast_h264.sps import parse_sps

SPS, PPS = 7, 8
_SLICE, _IDR, _SEI = 1, 5, 6
_RECOVERY_POINT = 6
_I_SLICES = (2, 4, 7, 9)
_PATIENCE = 3
_HEADER_BYTES = 32
"""Enough of a slice or SEI message for the few numbers at its start."""


def _role(first: int) -> int:
    kind = first & 0x1F
    if first & 0x80:
        return BAD
    if 1 <= kind <= 4:
        return REFERENCE if first & 0x60 else DISPOSABLE
    return {_IDR: KEY, _SEI: SEI, SPS: SET, PPS: SET, 9: DROP, 10: DROP, 11: DROP, 12: DROP}.get(kind, KEEP)


SYNTAX = NalSyntax.build(
    type_of=lambda first: first & 0x1F,
    role_of=_role,
    header_size=1,
    set_types=(SPS, PPS),
    dropped={9: "aud", 10: "end", 11: "end", 12: "filler"},
)


class H264Parser(NalParser):
    """Packets of one H.264 track, from Annex B or from sizes of any width."""

    syntax = SYNTAX

    def __init__(self, extradata: bytes = b"") -> None:
        self._recovery_points = _PATIENCE
        super().__init__(extradata)

    def read_record(self, record: bytes) -> tuple[int, list[bytes]]:
        return read_record(record)

    def read_set(self, nal: bytes) -> ParameterSet:
        if nal[0] & 0x1F == SPS:
            return ParameterSet(SPS, parse_sps(nal).id, nal)
        bits = BitReader(unescape(nal[:_HEADER_BYTES]), 8)
        return ParameterSet(PPS, bits.ue(255), nal, bits.ue(31))

    def make_track(self, sets: Mapping[int, Sequence[bytes]]) -> Track:
        sps = parse_sps(sets[SPS][0])
        return Track(
            kind=MediaKind.VIDEO,
            codec="h264",
            config=write_record(sets[SPS], sets[PPS], sps),
            width=sps.width,
            height=sps.height,
            frame_rate=sps.frame_rate,
            profile=sps.profile,
            reorder=sps.reorder,
            details={**sps.colour.details(sps.bit_depth_luma), "reorder_stated": sps.reorder_stated},
        )

    def starts_here(self, units: Sequence[bytes], seen: int) -> bool:
        if seen & KEY:
            self._recovery_points = 0
            return True
        if not seen & SEI or not _is_recovery_point(units):
            return False
        self._recovery_points = min(self._recovery_points + 1, _PATIENCE + 1)
        return self._recovery_points > _PATIENCE

    def passes_by(self, payload: bytes) -> bool:
        position, end = 0, len(payload)
        while position + 5 < end:
            if payload[position + 4] & 0x1F == _SLICE:
                return _PREDICTED[payload[position + 5]]
            position += 4 + int.from_bytes(payload[position : position + 4], "big")
        return False

    def intra_here(self, units: Sequence[bytes]) -> bool:
        return _is_intra(units)

    def recovers_here(self, units: Sequence[bytes]) -> bool:
        return any(_recovery_count(unit) is not None for unit in units if SYNTAX.roles[unit[0]] == SEI)


def _is_recovery_point(units: Sequence[bytes]) -> bool:
    """Whether decoding that starts here shows right pictures at once (recovery_frame_cnt 0, only I slices)."""
    # Slices first: that is the cheaper question, and mostly the answer.
    return _is_intra(units) and any(_recovery_count(unit) == 0 for unit in units if SYNTAX.roles[unit[0]] == SEI)


def _is_intra(units: Sequence[bytes]) -> bool:
    """Whether a picture has only I slices."""
    try:
        return all(_slice_type(unit) in _I_SLICES for unit in units if SYNTAX.roles[unit[0]] & (REFERENCE | DISPOSABLE))
    except MediaError:
        return False


def _recovery_count(sei: bytes) -> int | None:
    """In how many pictures all is right, by a recovery point in this SEI unit (§D.2.8); None without one."""
    try:
        for kind, payload in messages(sei, header_size=1):
            if kind == _RECOVERY_POINT:
                return BitReader(payload).ue()
    except MediaError:
        return None
    return None


def _slice_type(unit: bytes) -> int:
    bits = BitReader(unescape(unit[:_HEADER_BYTES]), 8)
    bits.ue()
    return bits.ue()


def _predicts(first: int) -> bool:
    """Whether `first`, the byte behind a slice's header, says that the slice is a picture's first and no I slice."""
    try:
        bits = BitReader(bytes((first,)))
        return bits.ue() == 0 and bits.ue() not in _I_SLICES
    except MediaError:
        return False


_PREDICTED = tuple(_predicts(first) for first in range(256))
