"""H.264 access units as RTP payloads (RFC 6184, packetization mode 1).

Rules: a unit that fits is a payload by itself (§5.6); small ones that follow each other share one (STAP-A, §5.7.1);
a larger one is cut into pieces of nearly equal size (FU-A, §5.8), which leave its header byte out. So it is for servers
too that answer with mode 0, as a copied picture cannot be made of units that fit; they take it all the same.
"""

from __future__ import annotations

from collections.abc import Sequence

STAP_A = 24
FU_A = 28
_START, _END = 0x80, 0x40


def payloads(units: Sequence[bytes], limit: int) -> list[bytes]:
    """Payloads of at most `limit` bytes for the NAL units of one access unit. Empty units are left out."""
    made: list[bytes] = []
    small: list[bytes] = []
    room = limit - 1
    for unit in units:
        if not unit:
            continue
        if len(unit) + 2 > room and small:
            made.append(_together(small))
            small, room = [], limit - 1
        if len(unit) > limit:
            made += _pieces(unit, limit)
        elif len(unit) + 2 > room:
            made.append(unit)
        else:
            small.append(unit)
            room -= len(unit) + 2
    if small:
        made.append(_together(small))
    return made


def _together(units: list[bytes]) -> bytes:
    if len(units) == 1:
        return units[0]
    importance = max(unit[0] & 0x60 for unit in units)
    damaged = 0x80 if any(unit[0] & 0x80 for unit in units) else 0
    parts = [bytes((damaged | importance | STAP_A,))]
    for unit in units:
        parts += (len(unit).to_bytes(2, "big"), unit)
    return b"".join(parts)


def _pieces(unit: bytes, limit: int) -> list[bytes]:
    size = len(unit) - 1
    count = -(-size // (limit - 2))
    indicator, kind = unit[0] & 0xE0 | FU_A, unit[0] & 0x1F
    step, larger = divmod(size, count)
    middle = bytes((indicator, kind))
    made: list[bytes] = []
    at = 1
    for index in range(count):
        end = at + step + (index < larger)
        head = middle
        if index == 0:
            head = bytes((indicator, kind | _START))
        elif index == count - 1:
            head = bytes((indicator, kind | _END))
        made.append(head + unit[at:end])
        at = end
    return made
