"""Speed alone: takes the packets of NAL units straight from the receive buffer, as long as they come in order.

One look at the bytes tells that a packet is the next one of its track, and mostly also that it is nothing but the next
piece of the unit being collected. Whatever is not exactly so is left to `rtp.py` and the depacketiser, which would
have come to the same result in five times the time.
"""

from __future__ import annotations

from struct import Struct

from .depacketise.common import NEARLY_FULL, NalAssembler
from .native import RunState, extension
from .rtp import RtpReceiver

_DOLLAR = 0x24 << 8
_VERSION = 0x80 << 8
"""2, without padding, extension or CSRCs."""
_SIZE = 19
"""Interleaved header 4, RTP header 12, and the first 3 bytes of the payload."""
MAX_FED = 32
"""Packets in one call that need more than a look; then whoever reads looks at the time."""
_look = Struct("!HHHHIIBBB").unpack_from
"""Mark and channel, size, version and payload type, sequence, time, source, the payload's first bytes."""


class FragmentRun(RunState):
    """Asked at each frame of its channel."""

    def __init__(self, receiver: RtpReceiver, assembler: NalAssembler) -> None:
        self._receiver = receiver
        self.use(assembler)

    def use(self, assembler: NalAssembler | None) -> None:
        """From now on the packets are for this one; None = for none that can take them so."""
        self._assembler = assembler
        if assembler is not None:
            self._mask, self._kind, self._header = assembler.fragment_mark
            self._slices = assembler.first_slices

    def take(self, view: memoryview, at: int, end: int, channel: int, arrival: int) -> int:
        """Take the frame that begins at `at`, and those that follow, if they are what they mostly are. Returns where
        the first byte lies that is not ours."""
        receiver, assembler = self._receiver, self._assembler
        if assembler is None:
            return at
        unit = assembler.collected
        if receiver.held or len(unit) >= NEARLY_FULL:
            return at
        mask, kind, header = self._mask, self._kind, self._header
        expected = begun = receiver.expected
        ssrc = receiver.ssrc
        frame = _DOLLAR | channel
        plain = _VERSION | receiver.payload_type
        marked = plain | 0x80
        skip = 16 + header
        timestamp, is_open = assembler.timestamp, assembler.started >= 0
        fed = 0
        while fed < MAX_FED and end - at >= _SIZE:
            mark, size, start, sequence, time, source, byte, second, third = _look(view, at)
            stop = at + 4 + size
            if (
                sequence != expected
                or source != ssrc
                or (start != plain and start != marked)
                or stop > end
                or size < 15
                or mark != frame
                # The end of a cycle is counted elsewhere.
                or sequence == 0xFFFF
            ):
                break
            expected += 1
            flags = second if header == 2 else third
            if is_open and flags < 0x40 and time == timestamp and start == plain and byte & mask == kind and size > 15:
                unit += view[at + skip : stop]
                assembler.ended = False
            else:
                receiver.arrival = arrival
                fed += 1
                assembler.feed(view[at + 16 : stop], time, start == marked)
                unit, timestamp, is_open = assembler.collected, assembler.timestamp, assembler.started >= 0
            at = stop
        if expected != begun:
            receiver.received += expected - begun
            receiver.expected = expected
            receiver.arrival = arrival
        return at


take_in_python = FragmentRun.take
"""The Python form, also where the C form runs: a test holds the two against each other."""

if extension is not None:
    extension.setup(take_in_python, NEARLY_FULL)
    FragmentRun.take = extension.RunState.take  # type: ignore[method-assign]
