"""H.264 (RFC 6184): single NAL units, aggregates and fragments.

The forms of interleaved mode (STAP-B, MTAP16, MTAP24, FU-B) are read like those of the other modes, whatever their
numbers: units still come in decoding order from every camera that is known to send them. Types that mean nothing (0,
30, 31) hold nothing that is missed.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping

from .common import Bytes, Damage, NalAssembler

STAP_A, FU_A = 24, 28
_AGGREGATES = {STAP_A: (1, 0), 25: (3, 0), 26: (3, 3), 27: (3, 4)}
"""STAP-A, STAP-B, MTAP16, MTAP24: where the first unit's size stands, and how many bytes stand behind each size."""
_FRAGMENTS = {FU_A: 2, 29: 4}
"""FU-A, FU-B: where the data begins; only the first fragment of a unit is an FU-B."""
_START = b"\x00\x00\x00\x01"


class H264Depacketiser(NalAssembler):
    fragment_mark = (0x1F, FU_A, 2)

    def _take(self, payload: Bytes) -> None:
        first = payload[0]
        kind = first & 0x1F
        if kind in _FRAGMENTS:
            if len(payload) < 2:
                return
            second, data = payload[1], payload[_FRAGMENTS[kind] :]
            if second & 0x80:
                self._open(bytes((first & 0xE0 | second & 0x1F,)), data)
            else:
                self._more(data)
            if second & 0x40:
                self._close()
        elif kind < STAP_A:
            # 0 is what a start code begins with.
            self._whole(payload)
        elif kind in _AGGREGATES:
            self._aggregate(payload, *_AGGREGATES[kind])

    def _aggregate(self, payload: Bytes, at: int, behind: int) -> None:
        end = len(payload)
        while at + 2 + behind < end:
            stop = at + 2 + behind + (payload[at] << 8 | payload[at + 1])
            if stop > end:
                raise Damage
            self._whole(payload[at + 2 + behind : stop])
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
