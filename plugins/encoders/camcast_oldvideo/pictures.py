"""A look at a coded picture: whether a decoder can begin there, and its size where the header has it. No I/O."""

from __future__ import annotations

import attrs

from camcast.bitstream.bits import BitReader
from camcast.errors import MediaError

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@attrs.frozen
class Picture:
    keyframe: bool
    width: int = 0
    """0 = not looked for. Likewise `height`."""
    height: int = 0
    bidirectional: bool = False
    """It refers to a picture that is shown after it."""


def jpeg(data: bytes) -> Picture:
    """ITU-T T.81 §B.2.2: the frame header."""
    if data[:2] != b"\xff\xd8":
        raise MediaError(f"not a JPEG picture: it begins with {data[:2].hex(' ')}")
    at = 2
    while at + 9 < len(data):
        if data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker in _START_OF_FRAME:
            return Picture(
                True, int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
            )
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise MediaError("a JPEG picture without a frame header")


def mpeg4(data: bytes) -> Picture:
    """ISO 14496-2 §6.2.5: vop_coding_type behind the start code of a video object plane."""
    at = data.find(b"\0\0\1\xb6")
    if at < 0:
        raise MediaError("no video object plane in an MPEG-4 access unit")
    kind = data[at + 4] >> 6
    return Picture(kind == 0, bidirectional=kind == 2)


def mpeg2(data: bytes) -> Picture:
    """ISO 13818-2 §6.2.3: picture_coding_type; the size from a sequence header."""
    at = data.find(b"\0\0\1\0")
    if at < 0:
        raise MediaError("no picture in an MPEG access unit")
    kind = data[at + 5] >> 3 & 7
    keyframe, bidirectional = kind == 1, kind == 3
    sequence = data.find(b"\0\0\1\xb3", 0, at)
    if sequence < 0:
        return Picture(keyframe, bidirectional=bidirectional)
    size = int.from_bytes(data[sequence + 4 : sequence + 7], "big")
    return Picture(keyframe, size >> 12, size & 0xFFF, bidirectional)


def h263(data: bytes) -> Picture:
    """ITU-T H.263 §5.1: PTYPE, or PLUSPTYPE's picture type."""
    bits = BitReader(data[:16])
    if bits.u(22) != 0x20:
        raise MediaError("no picture start code in an H.263 picture")
    bits.skip(8 + 2 + 3)
    source = bits.u(3)
    if source != 7:
        return Picture(not bits.flag())
    if bits.u(3) == 1:
        bits.skip(18)
    return Picture(bits.u(3) == 0)


def sorenson(data: bytes) -> Picture:
    """Adobe FLV 10.1, E.4.3.2 (H263VIDEOPACKET)."""
    bits = BitReader(data[:16])
    if bits.u(17) != 1:
        raise MediaError("no picture start code in a Sorenson picture")
    bits.skip(5 + 8)
    size = bits.u(3)
    width = height = 0
    if size < 2:
        width, height = (bits.u(8 << size), bits.u(8 << size))
    return Picture(bits.u(2) == 0, width, height)


def vp8(data: bytes) -> Picture:
    """RFC 6386 §9.1: the frame tag, and behind it in keyframes the start code and the size."""
    if data[0] & 1:
        return Picture(False)
    if data[3:6] != b"\x9d\x01\x2a":
        raise MediaError("a VP8 keyframe without its start code")
    return Picture(True, int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF)
