"""What a loss of power may leave on a disk, of what it was told: pure.

What was written before a flush that has been answered is there. Of what came after it, each write is there, is not, or
is there in part, sector by sector, in whatever order the disk liked: that is all that a disk promises.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import attrs

from tests.faults.disk import FLUSH, RECORD

SECTOR = 4096
"""Bytes that a disk writes whole or not at all, as those of today do. ext4 relies on it: its superblock has 1,024
bytes with its checksum at the end, and half of a new one with half of an old one is none that can be mounted."""


@attrs.frozen
class Told:
    """One thing that the disk was told."""

    end: int
    """Bytes of the log up to its end."""
    flush: bool
    offset: int
    data: bytes = attrs.field(repr=False)


def parsed(log: bytes) -> list[Told]:
    """All of it, in order."""
    found, at = [], 0
    while at < len(log):
        what, offset, size = RECORD.unpack_from(log, at)
        at += RECORD.size + size
        found.append(Told(at, what == FLUSH, offset, log[at - size : at]))
    return found


def in_order(base: bytes, told: list[Told], count: int) -> bytes:
    """The disk after the first `count`: cut at a write, and nothing of what followed."""
    image = bytearray(base)
    for one in told[:count]:
        image[one.offset : one.offset + len(one.data)] = one.data
    return bytes(image)


def out_of_order(base: bytes, told: list[Told], count: int, chance: Random) -> bytes:
    """The disk after `count`, where of those behind the last flush some are there, some are not, and some in part."""
    flushed = max((number + 1 for number, one in enumerate(told[:count]) if one.flush), default=0)
    image = bytearray(in_order(base, told, flushed))
    for one in told[flushed:count]:
        for offset, sector in _kept(one, chance):
            image[offset : offset + len(sector)] = sector
    return bytes(image)


def _kept(one: Told, chance: Random) -> Iterator[tuple[int, bytes]]:
    part = chance.choice((0.0, 0.5, 1.0))
    for at in range(0, len(one.data), SECTOR):
        if chance.random() < part:
            yield one.offset + at, one.data[at : at + SECTOR]
