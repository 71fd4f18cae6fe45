"""RTP (RFC 3550 §5.1): headers, sequence, loss. No I/O, no clock of its own.

In order is the fast path and touches nothing. A packet from the future waits, copied, until the gap is filled, `HOLD`
has passed or `MAX_HELD` packets wait; then the gap is loss. A leap of more than `MAX_DROPOUT` (or another SSRC)
counts only when the next packet continues it (§A.1), since one stray packet must not throw the stream off; then the
packet that leapt was none, and is delivered, too. Another SSRC whose numbers go on is the same stream under another
name. Where two senders speak at once (old servers go on sending to a viewer that has gone), the second one is kept to.

Over a connection that keeps their order a camera may turn out not to count its packets (`numbering.Numbering`): then
nothing is made of their numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from struct import Struct

import attrs

from camcast.media import NS_PER_MS

from .native import ReceiverState
from .numbering import Numbering

MAX_DROPOUT = 3000
MAX_MISORDER = 100
MAX_HELD = 128
HOLD = 80 * NS_PER_MS
RIVAL = 2000 * NS_PER_MS
"""So long after another sender took over, packets of the one before tell that both go on."""
MAX_WAIT = 3600 * 1000 * NS_PER_MS
"""Longer than anything is ever held."""

HEADER = Struct("!BBHII")
_unpack = HEADER.unpack_from

OnPacket = Callable[[memoryview | bytes, int, bool], None]
"""(payload, timestamp, marker)."""


@attrs.define(eq=False)
class _Held:
    payload: bytes
    timestamp: int
    marker: bool
    arrival: int


def payload_bounds(packet: memoryview | bytes, first: int) -> tuple[int, int] | None:
    """Where the payload lies in a packet with CSRCs, extension or padding; None = damaged."""
    size = len(packet)
    start = 12 + 4 * (first & 0x0F)
    if first & 0x10:
        if start + 4 > size:
            return None
        start += 4 + 4 * (packet[start + 2] << 8 | packet[start + 3])
    end = size
    if first & 0x20:
        padding = packet[size - 1]
        # Cameras exist that set the bit and pad nothing: what cannot be padding is none.
        if start + padding <= size:
            end -= padding
    return (start, end) if start <= end else None


class RtpReceiver(ReceiverState):
    """One track's packets in order. `on_lost(n)` comes before the packet that follows the gap."""

    def __init__(
        self,
        payload_type: int,
        on_packet: OnPacket,
        on_lost: Callable[[int], None],
        on_other: Callable[[int], bool] = lambda payload_type: False,
        on_unnumbered: Callable[[], object] | None = None,
    ) -> None:
        """`on_other` is asked about packets of another payload type: True = from now on it is that one. `on_unnumbered`
        is told that packets are not numbered; None = they may come in any order, so that cannot be known."""
        self.counts: Counter[str] = Counter()
        self.ssrc: int | None = None
        self.received = 0
        self.lost = 0
        self.cycles = 0
        self.arrival = 0
        """When the packet came that is being delivered, or was last; ns, 0 = none yet."""
        self.payload_type = payload_type
        self._on_packet = on_packet
        self._on_lost = on_lost
        self._on_other = on_other
        self.expected = 0
        self.held: dict[int, _Held] = {}
        self._leap: tuple[int, int, int, _Held] | None = None
        """A packet that may begin something new: who sent it, which number would continue it, how many packets had
        come before, and the packet."""
        self._on_unnumbered = on_unnumbered
        self._numbering = Numbering()
        self._astray = 0
        """Packets that were delivered though they did not follow the one before at once."""
        self._left: tuple[int, int] | None = None
        """The sender that another one followed last, and when."""

    @property
    def highest(self) -> int:
        """Extended highest sequence number received (RFC 3550 §6.4.1)."""
        return (self.cycles << 16) + ((self.expected - 1) & 0xFFFF) & 0xFFFFFFFF

    def feed(self, packet: memoryview | bytes, arrival: int) -> None:
        """One packet as it came. Damaged and foreign ones are counted and left out."""
        if len(packet) < 12:
            self.counts["damaged"] += 1
            return
        first, second, sequence, timestamp, ssrc = _unpack(packet)
        if first == 0x80:
            payload = packet[12:]
        else:
            bounds = payload_bounds(packet, first) if first & 0xC0 == 0x80 else None
            if bounds is None:
                self.counts["damaged"] += 1
                return
            payload = packet[bounds[0] : bounds[1]]
        if second & 0x7F != self.payload_type:
            if not self._on_other(second & 0x7F):
                self.counts["other payload type"] += 1
                return
            self.payload_type = second & 0x7F
        if sequence == self.expected and ssrc == self.ssrc:
            # As _deliver does, without the call.
            self.expected = sequence + 1 & 0xFFFF
            if sequence == 0xFFFF:
                self.cycles += 1
            self.received += 1
            self.arrival = arrival
            if payload:
                self._on_packet(payload, timestamp, second >= 0x80)
            else:
                self.counts["empty"] += 1
            if self.held:
                self._release(arrival)
        else:
            self._out_of_order(payload, sequence, timestamp, second >= 0x80, ssrc, arrival)

    def tick(self, now: int) -> None:
        """Give up gaps that have lasted too long. For when no packet comes."""
        if self.held:
            self._release(now)

    def finish(self) -> None:
        """Nothing more comes: all gaps are loss."""
        self.tick(self.arrival + MAX_WAIT)

    def hand_to(self, on_packet: OnPacket) -> None:
        """From now on to this one."""
        self._on_packet = on_packet

    def _deliver(self, payload: memoryview | bytes, sequence: int, timestamp: int, marker: bool, arrival: int) -> None:
        self.expected = sequence + 1 & 0xFFFF
        if sequence == 0xFFFF:
            self.cycles += 1
        self.received += 1
        self._astray += 1
        self.arrival = arrival
        if payload:
            self._on_packet(payload, timestamp, marker)
        else:
            self.counts["empty"] += 1

    def _out_of_order(
        self, payload: memoryview | bytes, sequence: int, timestamp: int, marker: bool, ssrc: int, arrival: int
    ) -> None:
        if self.ssrc is None:
            self.ssrc = ssrc
            self._deliver(payload, sequence, timestamp, marker, arrival)
            return
        if self._on_unnumbered is not None and ssrc == self.ssrc and self._is_unnumbered(sequence, timestamp, marker):
            self._deliver(payload, sequence, timestamp, marker, arrival)
            return
        ahead = (sequence - self.expected) & 0xFFFF
        if ssrc == self.ssrc and ahead <= MAX_DROPOUT:
            if sequence in self.held:
                self.counts["duplicate"] += 1
                return
            self._leap = None
            self.held[sequence] = _Held(bytes(payload), timestamp, marker, arrival)
            self.counts["reordered"] += 1
            self._release(arrival)
        elif ssrc == self.ssrc and 0x10000 - ahead <= MAX_MISORDER:
            self.counts["late or duplicate"] += 1
        elif self._is_rival(ssrc, arrival):
            self.counts["another sender"] += 1
        elif ssrc != self.ssrc and not ahead:
            self.ssrc = ssrc
            self.counts["renamed"] += 1
            self._deliver(payload, sequence, timestamp, marker, arrival)
        elif self._leap is not None and self._leap[:3] == (ssrc, sequence, self.received):
            self._restart(ssrc, self._leap[3], (sequence - 1) & 0xFFFF)
            self._deliver(payload, sequence, timestamp, marker, arrival)
        else:
            held = _Held(bytes(payload), timestamp, marker, arrival)
            self._leap = (ssrc, (sequence + 1) & 0xFFFF, self.received, held)
            self.counts["stray"] += 1

    def _is_unnumbered(self, sequence: int, timestamp: int, marker: bool) -> bool:
        """Whether numbers have told nothing for long enough, now that one more comes that was not expected."""
        numbering, used = self._numbering, self._numbering.used
        numbering.unexpected(sequence, timestamp, marker, self.received - self._astray)
        if used and not numbering.used:
            self.counts["restart"] += 1
            lost = len(self.held) + 1
            self.held.clear()
            self._leap = None
            self._lose(lost)
            assert self._on_unnumbered is not None
            self._on_unnumbered()
        return not numbering.used

    def _is_rival(self, ssrc: int, arrival: int) -> bool:
        """Whether a packet is of a sender that was left for the present one, which goes on."""
        if self._left is None or ssrc != self._left[0]:
            return False
        if arrival - self._left[1] > RIVAL or arrival - self.arrival > RIVAL:
            self._left = None
            return False
        self._left = (ssrc, arrival)
        return True

    def _restart(self, ssrc: int, first: _Held, sequence: int) -> None:
        """The sender has begun anew, with this packet of this number: what was waiting is void."""
        self.counts["restart"] += 1
        lost = len(self.held) + 1
        self.held.clear()
        self._leap = None
        if self.ssrc is not None and ssrc != self.ssrc:
            self._left = (self.ssrc, first.arrival)
        self.ssrc = ssrc
        self.cycles = 0
        self._lose(lost)
        self._deliver(first.payload, sequence, first.timestamp, first.marker, first.arrival)

    def _release(self, now: int) -> None:
        """Deliver what has become due; a gap that cannot wait any longer is loss."""
        held = self.held
        while held:
            found = held.pop(self.expected, None)
            if found is None:
                oldest = next(iter(held.values())).arrival
                if len(held) < MAX_HELD and now - oldest < HOLD:
                    return
                following = min(held, key=lambda sequence: (sequence - self.expected) & 0xFFFF)
                gap = (following - self.expected) & 0xFFFF
                if following < self.expected:
                    self.cycles += 1
                self._lose(gap)
                self.expected = following
                found = held.pop(following)
            self._deliver(found.payload, self.expected, found.timestamp, found.marker, found.arrival)

    def _lose(self, count: int) -> None:
        self.lost += count
        self._on_lost(count)
