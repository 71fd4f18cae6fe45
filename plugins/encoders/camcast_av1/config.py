"""av1C, the configuration record (AV1 in ISO Base Media File Format §2.3), and what a track says of its colours.

    81 ‖ profile 3 ‖ level 5 ‖ tier 1 ‖ high bit depth 1 ‖ twelve bit 1 ‖ monochrome 1 ‖ subsampling 2 ‖ sample
    position 2 ‖ 000 ‖ delay present 1 = 0 ‖ 0000 ‖ OBUs: the sequence header, with its size

Servers disconnect when the OBUs are missing or lack sizes, so the record is always built from the sequence header.
"""

from __future__ import annotations

from typing import Any

from camcast.errors import MediaError
from camcast_av1 import obu
from camcast_av1.sequence_header import Colour, SequenceHeader

_MARKER = 0x81
_HEADER_SIZE = 4

_METADATA_CLL = 1
_METADATA_MDCV = 2


def build_av1c(header: SequenceHeader, payload: bytes) -> bytes:
    """The record for a sequence header, `payload` being that OBU's."""
    colour = header.colour
    second = header.profile << 5 | header.level
    third = (
        header.tier << 7
        | (colour.bit_depth > 8) << 6
        | (colour.bit_depth == 12) << 5
        | colour.monochrome << 4
        | colour.subsampling_x << 3
        | colour.subsampling_y << 2
        | colour.sample_position
    )
    return bytes((_MARKER, second, third, 0)) + obu.build(obu.SEQUENCE_HEADER, payload)


def sequence_header_of(config: bytes) -> bytes | None:
    """The sequence header's payload in an av1C or in bare OBUs; None when there is none. Raises `MediaError`."""
    if config[:1] == bytes((_MARKER,)):
        if len(config) < _HEADER_SIZE:
            raise MediaError(f"av1C of {len(config)} bytes: expected at least {_HEADER_SIZE}")
        config = config[_HEADER_SIZE:]
    for kind, _, payload, end, _, _ in obu.split(config):
        if kind == obu.SEQUENCE_HEADER:
            return config[payload:end]
    return None


def colour_object(colour: Colour) -> dict[str, Any]:
    """Enhanced RTMP's colorInfo for a high dynamic range sequence, without the lights of `metadata`."""
    return {
        "colorConfig": {
            "bitDepth": colour.bit_depth,
            "colorPrimaries": colour.primaries,
            "transferCharacteristics": colour.transfer,
            "matrixCoefficients": colour.matrix,
        }
    }


def lights(payload: bytes) -> dict[str, Any]:
    """What a metadata OBU adds to colorInfo: content light level or mastering display (§5.8.3, §5.8.4).

    Empty for other metadata. Chromaticities are 0.16 fixed point, luminances 24.8 and 18.14.
    """
    kind, position = obu.leb128(payload, 0)
    body = payload[position:]
    if kind == _METADATA_CLL and len(body) >= 4:
        return {"hdrCll": {"maxCLL": _number(body, 0, 2), "maxFall": _number(body, 2, 2)}}
    if kind != _METADATA_MDCV or len(body) < 24:
        return {}
    names = ("redX", "redY", "greenX", "greenY", "blueX", "blueY", "whitePointX", "whitePointY")
    mastering = {name: _number(body, 2 * index, 2) / 65536 for index, name in enumerate(names)}
    mastering["maxLuminance"] = _number(body, 16, 4) / 256
    mastering["minLuminance"] = _number(body, 20, 4) / 16384
    return {"hdrMdcv": mastering}


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")
