"""H.264 (RFC 6184): single NAL units, STAP-A and FU-A, that is packetization modes 0 and 1.

Interleaved mode (2) is not known to be sent by any camera; its packets count as damaged. Types that mean nothing (0,
30, 31) hold nothing that is missed.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping

from .common import Bytes, Damage, NalAssembler

STAP_A, FU_A = 24, 28
_INTERLEAVED = (25, 26, 27, 29)
"""STAP-B, MTAP16, MTAP24, FU-B."""
_START = b"\x00\x00\x00\x01"


class H264Depacketiser(NalAssembler):
    fragment_mark = (0x1F, FU_A, 2)

    def _take(self, payload: Bytes) -> None:
        first = payload[0]
        kind = first & 0x1F
        if kind == FU_A:
            if len(payload) < 2:
                return
            second = payload[1]
            if second & 0x80:
                self._open(bytes((first & 0xE0 | second & 0x1F,)), payload[2:])
            else:
                self._more(payload[2:])
            if second & 0x40:
                self._close()
        elif kind < STAP_A:
            # 0 is what a start code begins with.
            self._whole(payload)
        elif kind == STAP_A:
            self._aggregate(payload)
        elif kind in _INTERLEAVED:
            raise Damage

    def _aggregate(self, payload: Bytes) -> None:
        at, end = 1, len(payload)
        while at + 2 < end:
            stop = at + 2 + (payload[at] << 8 | payload[at + 1])
            if stop > end:
                raise Damage
            self._whole(payload[at + 2 : stop])
            at = stop

    def _begins(self, header: int, first: int) -> bool | None:
        kind = header & 0x1F
        if 1 <= kind <= 5:
            # first_mb_in_slice is 0 when its Exp-Golomb code is the single bit 1.
            return kind in (1, 2, 5) and first >= 0x80
        return True if 6 <= kind <= 9 else None

    def _is_slice(self, header: int) -> bool:
        return 1 <= header & 0x1F <= 5


def parameter_sets(parameters: Mapping[str, str]) -> bytes:
    """Annex B of what the SDP brings (§8.1 sprop-parameter-sets); b"" when missing or garbled."""
    return annexb(parameters.get("sprop-parameter-sets", ""))


def annexb(text: str) -> bytes:
    """Base64 units between commas, behind start codes. A garbled one is left out: the stream brings its own."""
    units = []
    for part in text.split(","):
        try:
            unit = b64decode(part.strip() + "=" * (-len(part.strip()) % 4), validate=True)
        except (Base64Error, ValueError):
            continue
        if unit:
            units.append(_START + unit.removeprefix(_START))
    return b"".join(units)
