"""HDR: what the SPS and two SEI messages say, as Enhanced RTMP's colorInfo object wants it.

Rules: only PQ and HLG pictures have one; ordinary colours need no telling. Mastering display: SEI 137, chromaticity
in 0.00002, luminance in 0.0001 cd/m², primaries in the order green, blue, red (ITU-T H.265 §D.3.28). Content light:
SEI 144 (§D.3.35).
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import unpack
from typing import Any

from camcast.bitstream.sei import messages
from camcast.errors import MediaError
from camcast_h265.sps import HEADER, Sps

PQ, HLG = 16, 18
_MASTERING, _CONTENT_LIGHT = 137, 144
_SEI_TYPES = (39, 40)


def colour_info(sps: Sps) -> dict[str, Any] | None:
    """The colorInfo object as far as the SPS tells it; None for a picture that is not HDR."""
    colour = sps.colour
    if colour.transfer not in (PQ, HLG):
        return None
    return {
        "colorConfig": {
            "bitDepth": sps.bit_depth_luma,
            "colorPrimaries": colour.primaries,
            "transferCharacteristics": colour.transfer,
            "matrixCoefficients": colour.matrix,
        }
    }


def sei_info(units: Sequence[bytes]) -> dict[str, Any]:
    """`hdrCll` and `hdrMdcv`, where an access unit's SEI tells them. Damaged SEI is passed over."""
    found: dict[str, Any] = {}
    for unit in units:
        if unit[0] >> 1 & 0x3F in _SEI_TYPES:
            try:
                for kind, payload in messages(unit, HEADER):
                    if kind == _MASTERING and len(payload) >= 24:
                        found["hdrMdcv"] = _mastering(payload)
                    elif kind == _CONTENT_LIGHT and len(payload) >= 4:
                        most, average = unpack(">HH", payload[:4])
                        found["hdrCll"] = {"maxFall": average, "maxCLL": most}
            except MediaError:
                continue
    return found


def _mastering(payload: bytes) -> dict[str, float]:
    green_x, green_y, blue_x, blue_y, red_x, red_y, white_x, white_y, most, least = unpack(">8H2I", payload[:24])
    points = {
        "redX": red_x, "redY": red_y, "greenX": green_x, "greenY": green_y, "blueX": blue_x, "blueY": blue_y,
        "whitePointX": white_x, "whitePointY": white_y,
    }  # fmt: skip
    return {name: value / 50_000 for name, value in points.items()} | {
        "maxLuminance": most / 10_000,
        "minLuminance": least / 10_000,
    }
