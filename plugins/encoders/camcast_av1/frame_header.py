"""The first bits of a frame header: can a decoder start here, does any other frame refer to it (AV1 spec §5.9.2)."""

from __future__ import annotations

from enum import IntEnum

import attrs

from camcast.errors import MediaError
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
    intra: bool = False
    """An intra-only frame: it refers to no other, but renews only some of the references."""


_EXISTING = FrameHeader(key=False, shown=True, referred=False, existing=True)
_KEY = FrameHeader(key=True, shown=True, referred=True)
_FRAMES = {
    (shown, referred): FrameHeader(key=False, shown=bool(shown), referred=referred)
    for shown in (0, 1)
    for referred in (False, True)
}
_INTRA = {(shown, referred): attrs.evolve(frame, intra=True) for (shown, referred), frame in _FRAMES.items()}
_KEY_TYPE = int(FrameType.KEY)
_WITHOUT_MODEL = 16
"""Bytes that hold all fields read here, without and with the times of a decoder model (32 times 32 bits)."""
_WITH_MODEL = 160


def parse_frame_header(block: bytes, begin: int, end: int, sequence: SequenceHeader, extension: int) -> FrameHeader:
    """Read the beginning of a frame header's or frame's payload, `block[begin:end]`; `extension` is the OBU's.

    Raises `MediaError` when it ends early. Once a frame, so the bits are taken from one number here: a reader's
    method calls cost several µs.
    """
    if sequence.still:
        return _KEY
    limit = begin + (_WITH_MODEL if sequence.decoder_model else _WITHOUT_MODEL)
    window = block[begin : end if end < limit else limit]
    bits, left = int.from_bytes(window, "big"), len(window) * 8
    try:
        left -= 4
        first = bits >> left
        if first & 8:
            return _EXISTING
        frame_type, shown = first >> 1 & 3, first & 1
        if frame_type == _KEY_TYPE and shown:
            return _KEY
        referred = _refreshes(bits, left, sequence, frame_type, shown, extension) != 0
    except ValueError:
        raise MediaError(f"frame header of {end - begin} bytes ends early") from None
    if frame_type == _KEY_TYPE:
        return FrameHeader(key=False, shown=False, referred=referred, hidden_key=True)
    return (_INTRA if frame_type == FrameType.INTRA_ONLY else _FRAMES)[shown, referred]


def _refreshes(bits: int, left: int, sequence: SequenceHeader, frame_type: int, shown: int, extension: int) -> int:
    """refresh_frame_flags of a frame that is no shown key frame; `left` bits are still to be read.

    Raises `ValueError` (of a negative shift) at the end of the bits.
    """
    if frame_type == FrameType.SWITCH:
        return _ALL_FRAMES
    if not shown:
        left -= 1
    elif sequence.decoder_model and not sequence.equal_picture_interval:
        left -= sequence.presentation_time_bits
    left -= 2
    error_resilient = bits >> left + 1 & 1
    screen_content = sequence.screen_content
    if screen_content == SELECT:
        left -= 1
        screen_content = bits >> left & 1
    if screen_content and sequence.integer_motion == SELECT:
        left -= 1
    left -= sequence.frame_id_bits + 1 + sequence.order_hint_bits
    if frame_type == FrameType.INTER and not error_resilient:
        left -= 3
    if sequence.decoder_model:
        left -= 1
        if bits >> left & 1:
            left -= _removal_times(sequence, extension)
    left -= 8
    return bits >> left & 0xFF


def _removal_times(sequence: SequenceHeader, extension: int) -> int:
    """How many bits the buffer removal times of the operating points take."""
    temporal_id, spatial_id = (extension >> 5, extension >> 3 & 3) if extension >= 0 else (0, 0)
    told = [
        has_model and (not layers or (layers >> temporal_id & 1 and layers >> (spatial_id + 8) & 1))
        for layers, has_model in sequence.operating_points
    ]
    return sequence.removal_time_bits * sum(map(bool, told))
