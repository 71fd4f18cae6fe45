"""OBUs, the units of an AV1 stream (AV1 specification §5.3, low-overhead format §5.2).

    forbidden 1 = 0 ‖ type 4 ‖ extension 1 ‖ has_size 1 ‖ reserved 1
    [extension: temporal id 3 ‖ spatial id 2 ‖ reserved 3] ‖ [has_size: size leb128] ‖ payload

Only the last OBU of a block may go without its size. Everything is bounded: a size that points beyond the data
is damage.
"""

from __future__ import annotations

import attrs

from camcast.errors import MediaError

MAX_OBUS = 4200
"""In one temporal unit: 4096 tiles in groups of one, and some for the rest."""

SEQUENCE_HEADER = 1
TEMPORAL_DELIMITER = 2
FRAME_HEADER = 3
METADATA = 5
FRAME = 6
REDUNDANT_FRAME_HEADER = 7
TILE_LIST = 8
PADDING = 15

_HAS_EXTENSION = 0x04
_HAS_SIZE = 0x02


@attrs.define(eq=False)
class Obu:
    """One unit: where it stands in the block it came in."""

    type: int
    start: int
    """Of the header. `payload` is where its payload begins, `end` one past it."""
    payload: int
    end: int
    extension: int = -1
    """The extension byte; -1 without one."""
    sized: bool = True

    @property
    def spatial_id(self) -> int:
        return self.extension >> 3 & 3 if self.extension >= 0 else 0


def split(data: bytes) -> list[Obu]:
    """The OBUs of a block, in order; raises `MediaError`."""
    obus: list[Obu] = []
    position, end = 0, len(data)
    while position < end:
        if len(obus) == MAX_OBUS:
            raise MediaError(f"more than {MAX_OBUS} OBUs in one temporal unit")
        start, first = position, data[position]
        if first & 0x80:
            raise MediaError(f"OBU header {first:#04x} at byte {position}: its first bit must be 0")
        position += 1
        extension = -1
        if first & _HAS_EXTENSION:
            if position >= end:
                raise MediaError("OBU ends before its extension")
            extension = data[position]
            position += 1
        sized = bool(first & _HAS_SIZE)
        stop = end
        if sized:
            size, position = leb128(data, position)
            stop = position + size
            if stop > end:
                raise MediaError(f"truncated OBU: its size field says {size} bytes, {end - position} are left")
        obus.append(Obu(first >> 3, start, position, stop, extension, sized))
        position = stop
    return obus


def leb128(data: bytes, position: int) -> tuple[int, int]:
    """A number of at most 32 bits in at most 8 bytes (§4.10.5), and where it ends; raises `MediaError`."""
    value = 0
    for index, byte in enumerate(data[position : position + 8]):
        value |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            if value > 0xFFFFFFFF:
                raise MediaError(f"leb128 number {value} exceeds 32 bits")
            return value, position + index + 1
    raise MediaError(f"unfinished leb128 number at byte {position}")


def write_leb128(value: int) -> bytes:
    """`value` in as few bytes as it takes."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def build(kind: int, payload: bytes | memoryview, extension: int = -1) -> bytes:
    """One OBU with its size."""
    first = kind << 3 | _HAS_SIZE | (_HAS_EXTENSION if extension >= 0 else 0)
    head = bytes((first,)) if extension < 0 else bytes((first, extension))
    return head + write_leb128(len(payload)) + payload
