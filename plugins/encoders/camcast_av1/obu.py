"""OBUs, the units of an AV1 stream (AV1 specification §5.3, low-overhead format §5.2).

    forbidden 1 = 0 ‖ type 4 ‖ extension 1 ‖ has_size 1 ‖ reserved 1
    [extension: temporal id 3 ‖ spatial id 2 ‖ reserved 3] ‖ [has_size: size leb128] ‖ payload

Only the last OBU of a block may go without its size. Everything is bounded: a size that points beyond the data
is damage.
"""

from __future__ import annotations

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


Unit = tuple[int, int, int, int, int, bool]
"""One OBU of a block: type, where its header starts, where its payload starts, one past its end, its extension byte
(-1 without one), and whether it has a size. A bare tuple, since several are made for each frame."""


def split(data: bytes) -> list[Unit]:
    """The OBUs of a block, in order; raises `MediaError`."""
    units: list[Unit] = []
    position, end = 0, len(data)
    while position < end:
        if len(units) == MAX_OBUS:
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
        stop = end
        if first & _HAS_SIZE:
            size, position = leb128(data, position)
            stop = position + size
            if stop > end:
                raise MediaError(f"truncated OBU: its size field says {size} bytes, {end - position} are left")
        units.append((first >> 3, start, position, stop, extension, first & _HAS_SIZE != 0))
        position = stop
    return units


def spatial_id(extension: int) -> int:
    """The spatial layer that an extension byte names."""
    return extension >> 3 & 3


def leb128(data: bytes, position: int) -> tuple[int, int]:
    """A number of at most 32 bits in at most 8 bytes (§4.10.5), and where it ends; raises `MediaError`."""
    value = shift = 0
    try:
        while shift < 56:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value > 0xFFFFFFFF:
                    raise MediaError(f"leb128 number {value} exceeds 32 bits")
                return value, position
            shift += 7
    except IndexError:
        pass
    raise MediaError(f"unfinished leb128 number before byte {position}")


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
