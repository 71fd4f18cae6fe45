"""Reads a bit string most significant bit first, as video headers are written.

Rules: `ue`/`se` are Exp-Golomb codes (ISO 14496-10 §9.1); escaped units go through `unescape` first. Reading
past the end is damage, and so is a code longer than 32 bits: no value a header may hold needs more.
"""

from __future__ import annotations

from camcast.errors import MediaError

_MAX_PREFIX = 32


def unescape(nal: bytes) -> bytes:
    """A copy of a NAL unit without its emulation prevention bytes (`00 00 03` → `00 00`)."""
    return nal.replace(b"\x00\x00\x03", b"\x00\x00")


class BitReader:
    """Reads `data` bit by bit from bit `position`. Every method raises `MediaError` at the end of the data."""

    __slots__ = ("_data", "_end", "position")

    def __init__(self, data: bytes, position: int = 0) -> None:
        self._data = data
        self._end = len(data) * 8
        self.position = position

    @property
    def left(self) -> int:
        """Bits not yet read."""
        return self._end - self.position

    def u(self, bits: int) -> int:
        """An unsigned number of `bits` bits; 0 bits are 0."""
        start = self.position
        stop = start + bits
        if stop > self._end:
            raise MediaError(f"header ends early: {bits} bits wanted at bit {start}, {self._end - start} left")
        self.position = stop
        last = (stop + 7) >> 3
        value = int.from_bytes(self._data[start >> 3 : last], "big") >> (last * 8 - stop)
        return value & ((1 << bits) - 1)

    def flag(self) -> bool:
        """One bit."""
        return self.u(1) == 1

    def skip(self, bits: int) -> None:
        """Pass over `bits` bits."""
        if bits > self._end - self.position:
            raise MediaError(f"header ends early: {bits} bits wanted at bit {self.position}, {self.left} left")
        self.position += bits

    def ue(self, limit: int = 0xFFFFFFFE) -> int:
        """An unsigned Exp-Golomb number; above `limit` is damage."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > _MAX_PREFIX:
                raise MediaError(f"Exp-Golomb code longer than {_MAX_PREFIX} bits at bit {self.position}")
        value = (1 << zeros) - 1 + self.u(zeros)
        if value > limit:
            raise MediaError(f"value {value} in a header where at most {limit} is allowed, at bit {self.position}")
        return value

    def se(self) -> int:
        """A signed Exp-Golomb number: 0, 1, -1, 2, -2, …"""
        code = self.ue()
        return (code + 1) >> 1 if code & 1 else -(code >> 1)
