"""JPEG (RFC 2435): the scan's pieces, from whose headers the whole picture is put together again.

    type-specific 8 ‖ fragment offset 24 ‖ type 8 ‖ Q 8 ‖ width/8 8 ‖ height/8 8 ‖ [restart 32] ‖ [tables] ‖ data

The tables of a Q below 128 are computed (§4.2), those above come with the first packet of each picture and may be
left out when they have not changed. The Huffman tables are always the standard's.
"""

from __future__ import annotations

from struct import pack

from .common import Bytes, Damage, UnitSink
from .pictures import PictureAssembler

_HEADER = 8
_TABLE = 64
"""Bytes of a table of one byte a coefficient."""
_LUMA = (
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61,
    60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113,
    121, 112, 100, 120, 92, 101, 103, 99,
)  # fmt: skip
_CHROMA = (
    17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99,
)  # fmt: skip
"""ITU-T T.81 Annex K.1 in zigzag order."""
_DC = (
    (0, b"\x00\x01\x05\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00", bytes(range(12))),
    (1, b"\x00\x03\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00", bytes(range(12))),
)
_AC_LUMA = bytes.fromhex(
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a"
    "434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9"
    "aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
)
_AC_CHROMA = bytes.fromhex(
    "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a"
    "434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8"
    "a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
)
_AC = (
    (0, b"\x00\x02\x01\x03\x03\x02\x04\x03\x05\x05\x04\x04\x00\x00\x01\x7d", _AC_LUMA),
    (1, b"\x00\x02\x01\x02\x04\x04\x03\x04\x07\x05\x04\x04\x00\x01\x02\x77", _AC_CHROMA),
)
"""Class 0 and 1 (ITU-T T.81 Annex K.3): table, codes of each length, values."""
MAX_SIDE = 65_535


class JpegDepacketiser(PictureAssembler):
    def __init__(self, sink: UnitSink, size: tuple[int, int] = (0, 0)) -> None:
        """`size`: of pictures too large for the header's bytes, as an SDP may tell it (a=x-dimensions)."""
        super().__init__(sink)
        self._size = size
        self._head = b""
        self._tables: dict[int, bytes] = {}
        """The last tables by Q, for packets that leave them out."""

    def _begins(self, payload: Bytes) -> bool:
        return not int.from_bytes(payload[1:4], "big")

    def _take(self, payload: Bytes) -> None:
        if len(payload) < _HEADER:
            raise Damage
        offset, kind, quality = int.from_bytes(payload[1:4], "big"), payload[4], payload[5]
        at = _HEADER
        restart = 0
        if 64 <= kind <= 127:
            restart = payload[at] << 8 | payload[at + 1]
            at += 4
        if not offset:
            tables = b""
            if quality >= 128:
                tables, at = self._given_tables(payload, at, quality)
            else:
                tables = quantised(quality)
            width, height = payload[6] * 8 or self._size[0], payload[7] * 8 or self._size[1]
            if not width or not height or kind & 0x3F > 1:
                raise Damage
            self._unit.clear()
            self._head = header(kind & 1, width, height, tables, restart)
        if offset != len(self._unit):
            raise Damage
        self._unit += payload[at:]

    def _given_tables(self, payload: Bytes, at: int, quality: int) -> tuple[bytes, int]:
        precision, size = payload[at + 1], payload[at + 2] << 8 | payload[at + 3]
        at += 4
        if size:
            tables = bytes(payload[at : at + size])
            if precision or len(tables) != size or size % _TABLE:
                raise Damage
            # Some send a third one, for the second chroma; no component of the types that there are names it.
            self._tables[quality] = (tables * 2)[: 2 * _TABLE]
        if quality not in self._tables:
            raise Damage
        return self._tables[quality], at + size

    def _finished(self) -> bytes:
        end = b"" if self._unit.endswith(b"\xff\xd9") else b"\xff\xd9"
        return self._head + bytes(self._unit) + end


def quantised(quality: int) -> bytes:
    """Both tables for a Q from 1 to 99 (§4.2, Appendix A)."""
    factor = max(1, min(99, quality))
    scale = 5000 // factor if factor < 50 else 200 - factor * 2
    return bytes(max(1, min(255, (value * scale + 50) // 100)) for table in (_LUMA, _CHROMA) for value in table)


def header(kind: int, width: int, height: int, tables: bytes, restart: int) -> bytes:
    """All of a JPEG picture that stands before its scan (Appendix B). `kind` 0 is 4:2:2, 1 is 4:2:0."""
    sampling = 0x22 if kind else 0x21
    out = [b"\xff\xd8"]
    out += [b"\xff\xdb\x00\x43" + bytes((number,)) + tables[64 * number : 64 * number + 64] for number in (0, 1)]
    if restart:
        out.append(b"\xff\xdd\x00\x04" + pack(">H", restart))
    out.append(
        b"\xff\xc0\x00\x11\x08" + pack(">HH", height, width) + bytes((3, 1, sampling, 0, 2, 0x11, 1, 3, 0x11, 1))
    )
    for family, tables_of in ((0, _DC), (1, _AC)):
        for number, lengths, values in tables_of:
            out.append(b"\xff\xc4" + pack(">H", 19 + len(values)) + bytes((family << 4 | number,)) + lengths + values)
    out.append(b"\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00")
    return b"".join(out)
