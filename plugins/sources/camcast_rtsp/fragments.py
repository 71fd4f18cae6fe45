"""Speed alone: takes the middles of a fragmented NAL unit straight from the receive buffer.

Most packets of most cameras are such middles. One look at the bytes tells that a packet is the next one of its
track, of the same picture, and nothing but a piece of the unit being collected; whatever is not exactly so is left to
`rtp.py` and the depacketiser, which would have come to the same result in five times the time.
"""

from __future__ import annotations

from struct import Struct

from .depacketise.common import NEARLY_FULL, NalAssembler
from .rtp import RtpReceiver

_DOLLAR = 0x24
_SIZE = 19
"""Interleaved header 4, RTP header 12, and the first 3 bytes of the payload."""
_look = Struct("!BBHBBHIIBBB").unpack_from


class FragmentRun:
    """Called behind each frame of its channel: passes over the middles that follow at once."""

    def __init__(self, receiver: RtpReceiver, assembler: NalAssembler) -> None:
        self._receiver = receiver
        self._assembler = assembler
        self._mask, self._kind, self._header = assembler.fragment_mark

    def __call__(self, view: memoryview, at: int, end: int, channel: int, arrival: int) -> int:
        """Where the first byte lies that is not ours."""
        receiver, assembler = self._receiver, self._assembler
        unit = assembler.collected
        if assembler.started < 0 or receiver.held or len(unit) >= NEARLY_FULL:
            return at
        mask, kind, header = self._mask, self._kind, self._header
        expected, ssrc, payload_type = receiver.expected, receiver.ssrc, receiver.payload_type
        timestamp = assembler.timestamp
        begun = expected
        while end - at >= _SIZE:
            mark, which, size, first, second, sequence, time, source, byte, middle, last = _look(view, at)
            stop = at + 4 + size
            if (
                sequence != expected
                or time != timestamp
                or second != payload_type
                or byte & mask != kind
                or (middle if header == 2 else last) >= 0x40
                or stop > end
                or size <= 15
                or source != ssrc
                or first != 0x80
                or which != channel
                or mark != _DOLLAR
                # The end of a cycle is counted elsewhere.
                or sequence == 0xFFFF
            ):
                break
            unit += view[at + 16 + header : stop]
            expected += 1
            at = stop
        if expected != begun:
            receiver.received += expected - begun
            receiver.expected = expected
            receiver.arrival = arrival
        return at
