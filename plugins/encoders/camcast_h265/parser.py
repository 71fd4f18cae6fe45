"""Parses H.265 access units (ITU-T H.265 §7.3.1, §7.4.2).

Rules: a keyframe is an IRAP picture (BLA, IDR or CRA, types 16 to 21). A picture is disposable when it is a sub-layer
non-reference picture (even types below 16) of the highest temporal sub-layer: only then nothing refers to it.
Recovery points (periodic intra refresh) count as keyframes after a while without one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

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
from camcast.flv.metadata import COLOUR_INFO
from camcast.media import MediaKind, Track
from camcast_h265.hdr import colour_info, sei_info
from camcast_h265.record import read_record, write_record
from camcast_h265.sps import HEADER, parse_sps, vps_frame_rate

VPS, SPS, PPS = 32, 33, 34
_HEADER_BYTES = 32
_RECOVERY_POINT = 6
_ROLES = {VPS: SET, SPS: SET, PPS: SET, 39: SEI, 40: SEI, 35: DROP, 36: DROP, 37: DROP, 38: DROP}
_LAYERS = "temporal_layers"


def _role(first: int) -> int:
    kind = first >> 1 & 0x3F
    if first & 0x80:
        return BAD
    if kind <= 9:
        return REFERENCE if kind & 1 else DISPOSABLE
    return KEY if 16 <= kind <= 21 else _ROLES.get(kind, KEEP)


SYNTAX = NalSyntax.build(
    type_of=lambda first: first >> 1 & 0x3F,
    role_of=_role,
    header_size=HEADER,
    set_types=(VPS, SPS, PPS),
    dropped={35: "aud", 36: "end", 37: "end", 38: "filler"},
)


class H265Parser(NalParser):
    """Packets of one H.265 track, from Annex B or from sizes of any width."""

    syntax = SYNTAX

    def __init__(self, extradata: bytes = b"") -> None:
        super().__init__(extradata)
        if self._track is not None:
            self._layered = self._track.details[_LAYERS] > 1

    def read_record(self, record: bytes) -> tuple[int, list[bytes]]:
        return read_record(record)

    def read_set(self, nal: bytes) -> ParameterSet:
        kind = nal[0] >> 1 & 0x3F
        if kind == SPS:
            sps = parse_sps(nal)
            return ParameterSet(SPS, sps.id, nal, sps.vps_id)
        bits = BitReader(unescape(nal[:_HEADER_BYTES]), HEADER * 8)
        if kind == VPS:
            return ParameterSet(VPS, bits.u(4), nal)
        return ParameterSet(PPS, bits.ue(63), nal, bits.ue(15))

    def make_track(self, sets: Mapping[int, Sequence[bytes]]) -> Track:
        sps = parse_sps(sets[SPS][0])
        details: dict[str, Any] = {**sps.colour.details(sps.bit_depth_luma), _LAYERS: sps.sub_layers}
        colour = colour_info(sps)
        if colour is not None:
            details[COLOUR_INFO] = colour
        return Track(
            kind=MediaKind.VIDEO,
            codec="h265",
            config=write_record(sets, sps),
            width=sps.width,
            height=sps.height,
            frame_rate=sps.frame_rate or vps_frame_rate(sets[VPS][0]),
            profile=sps.profile,
            reorder=sps.reorder,
            details=details,
        )

    def starts_here(self, units: Sequence[bytes], seen: int) -> bool:
        return bool(seen & KEY) and any(SYNTAX.roles[unit[0]] == KEY and self.in_base_layer(unit) for unit in units)

    def recovers_here(self, units: Sequence[bytes]) -> bool:
        return any(_is_recovery_point(unit) for unit in units if SYNTAX.roles[unit[0]] == SEI)

    def is_disposable(self, nal: bytes) -> bool:
        assert self._track is not None
        return bool(nal[1] & 7 == self._track.details[_LAYERS])

    def in_base_layer(self, nal: bytes) -> bool:
        return not (nal[0] & 1 or nal[1] & 0xF8)

    def enrich(self, track: Track, units: Sequence[bytes]) -> Track:
        """HDR pictures: what SEI tells about the display they were made for."""
        self._layered = track.details[_LAYERS] > 1
        known = track.details.get(COLOUR_INFO)
        if known is None or not (told := sei_info(units)):
            return track
        return attrs.evolve(track, details={**track.details, COLOUR_INFO: {**known, **told}})


def _is_recovery_point(sei: bytes) -> bool:
    """Whether an SEI unit holds a recovery point (§D.3.8)."""
    try:
        return any(kind == _RECOVERY_POINT for kind, _ in messages(sei, HEADER))
    except MediaError:
        return False
