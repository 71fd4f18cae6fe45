"""What was sent, kept for a receiver that misses it: as it was, or as a stream of its own (RFC 4588)."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

HISTORY = 1024
"""Packets kept; a power of two."""
REPEATS_PER_SECOND = 1000
"""A receiver that asks for more costs other streams time."""
SCARCE = 0.1
"""Of what is sent, that is repeated at most on a link that has lost much for long. On one with six tenths of what its
stream needs three repeats were asked for with each packet, which took the room of the sound as well."""
FEW = 20
"""Repeats in a second that are always given."""

HEADER = struct.Struct("!BBHII")
"""RTP's fixed header (RFC 3550 §5.1): flags, marker and payload type, sequence number, timestamp, SSRC."""
MARKER = 0x80
_SEQUENCE = struct.Struct("!H")


class Repeats:
    """Of one track. `ssrc` and `payload_type` are those of the repeats' own stream; type 0 = they go as they were.

    `start`: bytes in front of the payload, the header with its extension.
    """

    def __init__(self, ssrc: int, payload_type: int, start: int) -> None:
        self.given = 0
        self.refused = 0
        """Too old, or asked for too often."""
        self.scarce = False
        """Whether repeats make nothing good any more."""
        self._ssrc = ssrc
        self._payload_type = payload_type
        self._start = start
        self._sequence = random.randrange(1 << 15)
        self._history: list[bytes | None] = [None] * HISTORY
        self._since = 0.0
        self._now = 0
        self._kept = 0
        self._usual = 0.0
        """Packets a second that were sent in the last second."""

    def keep(self, sequence: int, packets: Sequence[bytes]) -> None:
        """`packets` have been sent, the first under the number `sequence`."""
        self._kept += len(packets)
        for packet in packets:
            self._history[sequence & HISTORY - 1] = packet
            sequence += 1

    @property
    def _most(self) -> float:
        """Repeats in this second."""
        return max(FEW, SCARCE * self._usual) if self.scarce else REPEATS_PER_SECOND

    def packet(self, sequence: int, now: float) -> bytes | None:
        """The packet that the receiver misses (RFC 4585 §6.2.1), or None when it is too old or asked for too often."""
        if now - self._since >= 1.0:
            self._usual = self._kept / (now - self._since)
            self._since, self._now, self._kept = now, 0, 0
        packet = self._history[sequence & HISTORY - 1]
        known = packet is not None and _SEQUENCE.unpack_from(packet, 2)[0] == sequence & 0xFFFF
        if packet is None or not known or self._now >= self._most:
            self.refused += 1
            return None
        self._now += 1
        self.given += 1
        if not self._payload_type:
            return packet
        first, kind, _, timestamp, _ = HEADER.unpack_from(packet)
        header = HEADER.pack(first, kind & MARKER | self._payload_type, self._sequence, timestamp, self._ssrc)
        self._sequence = self._sequence + 1 & 0xFFFF
        extension, payload = packet[HEADER.size : self._start], packet[self._start :]
        return b"".join((header, extension, _SEQUENCE.pack(sequence & 0xFFFF), payload))
