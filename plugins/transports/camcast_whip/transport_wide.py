"""What came of all packets of a connection, as the receiver tells several times a second: "transport-cc"
(draft-holmer-rmcat-transport-wide-cc-extensions-01).

Each packet carries a number of its own, whatever track it is of, repeats as well. The receiver answers with lists of
numbers: came, or did not. When each came is in there too, and not used: how late an answer is says as much. No I/O
here, and times are passed in.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Sequence

import attrs

URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
TRANSPORT_FEEDBACK, FORMAT = 205, 15
"""RTCP's type, and what of it (RFC 4585 §6.2) such an answer is."""
NUMBER_AT = 17
"""Where the number stands in a packet: behind RTP's header, that of its extensions (RFC 8285 §4.2), and its own."""
MAX_SENT = 8192
"""Packets remembered until they are answered for; 3 s of 30 Mbit/s."""

_START = struct.Struct("!HHI")
_CHUNK = struct.Struct("!H")


@attrs.frozen
class Feedback:
    """One answer: of the packet with number `first`, and of each after it, whether it came."""

    first: int
    came: Sequence[bool]


def read(data: bytes) -> Feedback:
    """The body of an answer, behind the two SSRCs. Raises `ValueError`."""
    if len(data) < _START.size:
        raise ValueError("transport-wide feedback is too short")
    first, count, _ = _START.unpack_from(data)
    if count > MAX_SENT:
        raise ValueError(f"transport-wide feedback is about {count} packets, more than are remembered")
    came: list[bool] = []
    at = _START.size
    while len(came) < count:
        if at + _CHUNK.size > len(data):
            raise ValueError("transport-wide feedback ends within its list")
        (chunk,) = _CHUNK.unpack_from(data, at)
        at += _CHUNK.size
        if not chunk & 0x8000:
            # One status, and how many packets have it.
            came += [bool(chunk >> 13 & 3)] * min(chunk & 0x1FFF, count - len(came))
        elif chunk & 0x4000:
            came += [bool(chunk >> shift & 3) for shift in range(12, -1, -2)]
        else:
            came += [bool(chunk >> shift & 1) for shift in range(13, -1, -1)]
    return Feedback(first, came[:count])


def separate(data: bytes) -> tuple[bytes, list[bytes]]:
    """A compound RTCP packet (RFC 3550 §6.1) without such answers, and their bodies."""
    rest, bodies, at = [], [], 0
    while at + 4 <= len(data):
        end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == TRANSPORT_FEEDBACK and data[at] & 0x1F == FORMAT:
            bodies.append(data[at + 12 : end])
        else:
            rest.append(data[at:end])
        at = end
    return b"".join((*rest, data[at:])), bodies


@attrs.frozen
class Sent:
    """One packet that was sent."""

    number: int
    ssrc: int
    sequence: int
    size: int
    """Of what it carries."""
    at: float
    """Seconds."""
    again: bool
    """It has been sent before, as it is."""


@attrs.define
class Outcome:
    """What one answer tells of one track."""

    newest: int
    """The highest sequence number that it covers."""
    lost: int = 0
    """Bytes that did not come."""


@attrs.frozen
class Answered:
    """What one answer tells."""

    tracks: dict[int, Outcome]
    """By SSRC. Repeats say nothing of them."""
    trip: float | None
    """Seconds from the sending of the newest packet that came to now; None = none did."""


class Numbering:
    """Of one connection."""

    def __init__(self) -> None:
        self.answered = 0
        """Packets of which it is known whether they came."""
        self._next = 0
        self._sent: deque[Sent] = deque(maxlen=MAX_SENT)
        self._newest: dict[int, int] = {}
        """Sequence numbers, by SSRC."""

    def number(self, packet: bytes, size: int, now: float) -> bytes:
        """`packet` with the next number; it carries `size` bytes, and goes out `now`."""
        number, self._next = self._next, self._next + 1 & 0xFFFF
        sequence, ssrc = int.from_bytes(packet[2:4], "big"), int.from_bytes(packet[8:12], "big")
        again = (sequence - self._newest.get(ssrc, sequence - 1) - 1 & 0xFFFF) >= 1 << 15
        if not again:
            self._newest[ssrc] = sequence
        self._sent.append(Sent(number, ssrc, sequence, size, now, again))
        return b"".join((packet[:NUMBER_AT], _CHUNK.pack(number), packet[NUMBER_AT + 2 :]))

    def take(self, data: bytes, now: float) -> Answered | None:
        """The body of one answer, as `answer`. Raises `ValueError`.

        A few bytes may make a list of thousands: it is read only where it is about packets that wait for an answer.
        """
        if len(data) >= _START.size:
            first, count, _ = _START.unpack_from(data)
            if not self._waits(first + count):
                return None
        return self.answer(read(data), now)

    def answer(self, feedback: Feedback, now: float) -> Answered | None:
        """Take one answer in; None = it says nothing new, or of packets that were not sent."""
        sent, came = self._sent, feedback.came
        end = feedback.first + len(came) & 0xFFFF
        if not self._waits(end):
            return None
        tracks: dict[int, Outcome] = {}
        trip: float | None = None
        while sent and sent[0].number != end:
            one = sent.popleft()
            self.answered += 1
            at = one.number - feedback.first & 0xFFFF
            # Where answers get lost, nobody knows of those that they were about.
            known = at < len(came)
            if known and came[at]:
                trip = now - one.at
            if not one.again:
                outcome = tracks.setdefault(one.ssrc, Outcome(one.sequence))
                outcome.newest = one.sequence
                outcome.lost += one.size if known and not came[at] else 0
        return Answered(tracks, trip)

    def _waits(self, end: int) -> bool:
        """Whether the packets in front of number `end` have been sent, and one of them at least waits for an answer."""
        sent = self._sent
        return bool(sent) and 0 < (end - sent[0].number & 0xFFFF) <= len(sent)
