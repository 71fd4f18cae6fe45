"""AV1 (AOM's RTP payload format, version 1.0): aggregation header, OBU elements, fragments.

    Z: continues an OBU ‖ Y: will be continued ‖ W 2: elements (0 = each has a size) ‖ N: new sequence ‖ 3 unused

OBUs travel without their size fields; they get them back, so a temporal unit is in the low-overhead format
(AV1 §5.2). Temporal delimiters and tile lists are dropped (§5). FFmpeg's packetiser now and then says W = 1 and puts a
size in front of the only element all the same.
"""

from __future__ import annotations

from .common import DAMAGED, LOSS, MAX_UNIT, TOO_LARGE, Bytes, Damage, UnitSink

_SEQUENCE_HEADER, _TEMPORAL_DELIMITER, _TILE_LIST = 1, 2, 8
_HAS_SIZE, _HAS_EXTENSION = 0x02, 0x04
_FORBIDDEN, _RESERVED = 0x80, 0x01
_KNOWN = frozenset((1, 3, 4, 5, 6, 7, 15))
"""OBU types that are sent (§6.2.2)."""
MAX_LEB = 4
"""Bytes of a size that can make sense here."""


class Av1Depacketiser:
    def __init__(self, sink: UnitSink) -> None:
        self._sink = sink
        self._unit = bytearray()
        self._fragment: bytearray | None = None
        self._timestamp = -1
        self._broken = ""
        self._suspect = False
        self._sized = False
        """Sizes have stood where none should."""

    def feed(self, payload: Bytes, timestamp: int, marker: bool) -> None:
        if timestamp != self._timestamp:
            if self._unit or self._broken or self._fragment is not None:
                self._flush()
            self._timestamp = timestamp
        try:
            self._take(payload)
        except Damage:
            self._broken = self._broken or DAMAGED
            self._fragment = None
        if marker:
            self._flush()

    def lost(self, count: int) -> None:
        # Nothing in a later packet says whether the temporal unit's beginning was in the gap.
        if self._unit or self._fragment is not None:
            self._broken = LOSS
            self._fragment = None
        self._suspect = True

    def _take(self, payload: Bytes) -> None:
        head = payload[0]
        continues, goes_on, count = head & 0x80, head & 0x40, head >> 4 & 3
        if self._suspect:
            # N marks the first packet of a coded video sequence, which begins a temporal unit.
            if not head & 0x08 or self._unit:
                self._broken = LOSS
            self._suspect = False
        elements = _elements(payload, count)
        if count == 1 and not continues and not goes_on and elements:
            elements = [self._unsized(elements[0])]
        for number, element in enumerate(elements):
            if number == 0 and continues:
                if self._fragment is None:
                    self._broken = self._broken or DAMAGED
                    self._fragment = bytearray()
                self._fragment += element
            else:
                if self._fragment is not None:
                    raise Damage
                self._fragment = bytearray(element)
            if len(self._fragment) + len(self._unit) > MAX_UNIT:
                self._broken = TOO_LARGE
                self._fragment.clear()
                self._unit.clear()
            if number < len(elements) - 1 or not goes_on:
                self._finish(self._fragment)
                self._fragment = None

    def _unsized(self, element: Bytes) -> Bytes:
        """An element without the size that should not stand in front of it."""
        if len(element) < 3 or not (self._sized or not _may_begin(element[0])):
            return element
        try:
            size, at = _leb128(element, 0)
        except Damage:
            return element
        if at + size != len(element) or at == len(element) or not _may_begin(element[at]):
            return element
        self._sized = True
        self._sink.odd("its AV1 has sizes where its packets say that there are none")
        return element[at:]

    def _finish(self, obu: bytearray) -> None:
        if self._broken:
            self._unit.clear()
            return
        if not obu:
            return
        if obu[0] & 0x80:
            raise Damage
        kind = obu[0] >> 3 & 15
        if kind in (_TEMPORAL_DELIMITER, _TILE_LIST):
            return
        header = 2 if obu[0] & _HAS_EXTENSION else 1
        if len(obu) < header:
            raise Damage
        if obu[0] & _HAS_SIZE:
            # Senders should leave it out (§5); where it is, it must be right, but for padding.
            size, at = _leb128(bytes(obu[: header + MAX_LEB]), header)
            if at + size > len(obu) or any(obu[at + size :]):
                raise Damage
            self._unit += obu[: at + size]
            return
        obu[0] |= _HAS_SIZE
        self._unit += obu[:header]
        self._unit += leb128(len(obu) - header)
        self._unit += obu[header:]

    def _flush(self) -> None:
        if self._fragment is not None and not self._broken:
            self._broken = DAMAGED
        if self._broken:
            self._sink.missing(self._broken)
        elif self._unit:
            self._sink.unit(bytes(self._unit), self._timestamp)
        self._unit = bytearray()
        self._fragment = None
        self._broken = ""
        self._suspect = False


def _may_begin(first: int) -> bool:
    """Whether an OBU begins with this byte."""
    return not first & (_FORBIDDEN | _RESERVED) and first >> 3 & 15 in _KNOWN


def _elements(payload: Bytes, count: int) -> list[Bytes]:
    """The OBU elements behind the aggregation header."""
    found: list[Bytes] = []
    at, end = 1, len(payload)
    while at < end:
        if count and len(found) == count - 1:
            found.append(payload[at:])
            return found
        size, at = _leb128(payload, at)
        if at + size > end:
            raise Damage
        found.append(payload[at : at + size])
        at += size
    if found and count and len(found) != count:
        raise Damage
    return found


def _leb128(data: Bytes, at: int) -> tuple[int, int]:
    value = 0
    for number in range(MAX_LEB):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << 7 * number
        if byte < 0x80:
            return value, at
    raise Damage


def leb128(value: int) -> bytes:
    """AV1 §4.10.5."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
