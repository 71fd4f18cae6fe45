"""Parameter sets in a decoder configuration record: a 16-bit size before each (ISO 14496-15 §5.3.3.1, §8.3.3.1)."""

from __future__ import annotations

from collections.abc import Iterable

from camcast.errors import MediaError


def sized(units: Iterable[bytes]) -> bytes:
    """The units as they stand in a record. Each is shorter than 64 KiB."""
    return b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


def read_sized(record: bytes, position: int, count: int, name: str) -> tuple[list[bytes], int]:
    """`count` units that begin at `position`, and where they end. `name` is the record's. Raises `MediaError`."""
    units = []
    for _ in range(count):
        start = position + 2
        stop = start + int.from_bytes(record[position:start], "big")
        if start > len(record) or stop > len(record):
            raise MediaError(f"{name} record of {len(record)} bytes ends inside a parameter set")
        if stop == start:
            raise MediaError(f"{name} record holds an empty parameter set")
        units.append(record[start:stop])
        position = stop
    return units, position
