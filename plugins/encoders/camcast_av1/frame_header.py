"""The first bits of a frame header: can a decoder start here, does any other frame refer to it (AV1 spec §5.9.2)."""

from __future__ import annotations

from enum import IntEnum

import attrs

from camcast.bitstream.bits import BitReader
from camcast_av1.sequence_header import SELECT, SequenceHeader

_ALL_FRAMES = 0xFF


class FrameType(IntEnum):
    """frame_type."""

    KEY = 0
    INTER = 1
    INTRA_ONLY = 2
    SWITCH = 3


@attrs.frozen
class FrameHeader:
    """What one frame header says."""

    key: bool
    """A key frame that is shown: a decoder can start here."""
    shown: bool
    referred: bool
    """Later frames may refer to it."""
    existing: bool = False
    """Only shows a frame that came before. Of a hidden key frame this renews all references."""
    hidden_key: bool = False


_EXISTING = FrameHeader(key=False, shown=True, referred=False, existing=True)


def parse_frame_header(payload: bytes, sequence: SequenceHeader, extension: int) -> FrameHeader:
    """Read the beginning of a frame header's or frame's payload; `extension` is the OBU's, -1 without one."""
    if sequence.still:
        return FrameHeader(key=True, shown=True, referred=True)
    bits = BitReader(payload)
    if bits.flag():
        return _EXISTING
    frame_type, shown = bits.u(2), bits.flag()
    if frame_type == FrameType.KEY and shown:
        return FrameHeader(key=True, shown=True, referred=True)
    return FrameHeader(
        key=False,
        shown=shown,
        referred=_refreshes(bits, sequence, frame_type, shown, extension) != 0,
        hidden_key=frame_type == FrameType.KEY,
    )


def _refreshes(bits: BitReader, sequence: SequenceHeader, frame_type: int, shown: bool, extension: int) -> int:
    """refresh_frame_flags, for all but shown key frames."""
    if frame_type == FrameType.SWITCH:
        return _ALL_FRAMES
    if not shown:
        bits.skip(1)
    elif sequence.decoder_model and not sequence.equal_picture_interval:
        bits.skip(sequence.presentation_time_bits)
    error_resilient = bits.flag()
    bits.skip(1)
    screen_content = bits.u(1) if sequence.screen_content == SELECT else sequence.screen_content
    if screen_content and sequence.integer_motion == SELECT:
        bits.skip(1)
    bits.skip(sequence.frame_id_bits)
    bits.skip(1)
    bits.skip(sequence.order_hint_bits)
    intra = frame_type in (FrameType.KEY, FrameType.INTRA_ONLY)
    if not intra and not error_resilient:
        bits.skip(3)
    if sequence.decoder_model and bits.flag():
        _skip_removal_times(bits, sequence, extension)
    return bits.u(8)


def _skip_removal_times(bits: BitReader, sequence: SequenceHeader, extension: int) -> None:
    temporal_id, spatial_id = (extension >> 5, extension >> 3 & 3) if extension >= 0 else (0, 0)
    for layers, has_model in sequence.operating_points:
        if has_model and (not layers or (layers >> temporal_id & 1 and layers >> (spatial_id + 8) & 1)):
            bits.skip(sequence.removal_time_bits)
