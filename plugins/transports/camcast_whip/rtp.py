"""RTP packets of one track (RFC 3550), and what the receiver has told of them (RTCP).

Rules: sequence numbers begin at random in the lower half, because a wrap among the first packets breaks SRTP's
guess of the rollover. A receiver report acknowledges everything up to the highest sequence number it has seen;
what it lost before that is lost, but the link works. No I/O here, and times are passed in.
"""

from __future__ import annotations

import random
import struct
from collections import deque
from collections.abc import Sequence

import attrs

from camcast_whip.repeats import HEADER, MARKER, Repeats

MUCH_LOST = 0.15
"""Share of packets that a report says are lost, with which repeats hardly make pictures whole."""
LOSSY = 3
"""Such reports in a row, about a second each: what a link loses that was away for a moment is in one or two."""
MAX_UNACKNOWLEDGED = 8192
"""Units remembered until a report covers them."""

_NTP_TO_UNIX = 2_208_988_800
"""Seconds from 1900 to 1970."""
_VERSION = 0x80
_EXTENSION = 0x10


def ntp_time(seconds: float) -> int:
    """The 64 bits of NTP time (RFC 5905 §6) for seconds since 1970. They begin anew in February 2036."""
    return int((seconds + _NTP_TO_UNIX) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


@attrs.frozen(kw_only=True)
class Parameters:
    """What offer and answer agreed on for one track."""

    ssrc: int
    payload_type: int
    clock_rate: int
    mid: str
    mid_extension: int = 0
    """Number of the header extension that carries `mid` (RFC 9143); 0 = not agreed on."""
    wide_extension: int = 0
    """Likewise a number that counts all packets of the connection (`transport_wide.py`)."""
    repeat_ssrc: int = 0
    repeat_payload_type: int = 0
    """0 = repeats go as they were (RFC 4588 not agreed on)."""


@attrs.frozen
class Report:
    """What a receiver report says, in the receiver's words (RFC 3550 §6.4.1)."""

    fraction_lost: int
    packets_lost: int
    highest_sequence: int
    jitter: int
    last_report: int
    delay: int


class RtpStream:
    """Makes the packets of one track and keeps account of them."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.packets_sent = 0
        self.bytes_sent = 0
        """Of media, without headers: the octet count of sender reports."""
        self.acked = 0
        """Bytes of units, as the transport counts them, that reports cover."""
        self.lost = 0
        """Of these, bytes that did not come, about."""
        self.trip: float | None = None
        """Seconds that the newest answer took; None = not known yet."""
        self.packets_lost = 0
        self.fraction_lost = 0.0
        self.jitter = 0.0
        """Seconds."""
        self.round_trip = 0.0
        """Seconds, a moving average; 0 = not known yet."""
        self.lossy = 0
        """Reports in a row that say that much was lost."""
        self.reports = 0
        self.last_timestamp: int | None = None
        self._sequence = random.randrange(1 << 15)
        self._origin = random.getrandbits(32)
        self._marks: deque[tuple[int, int]] = deque(maxlen=MAX_UNACKNOWLEDGED)
        self._handed = 0
        self._wide = False
        """Whether it is told by each packet what came."""
        self._first, self._extension = _VERSION, b""
        elements = b""
        if parameters.wide_extension:
            # The first, as its number is put in where the packet is sent (`transport_wide.NUMBER_AT`).
            elements += bytes((parameters.wide_extension << 4 | 1, 0, 0))
        if parameters.mid_extension:
            name = parameters.mid.encode()
            elements += bytes((parameters.mid_extension << 4 | len(name) - 1,)) + name
        if elements:
            elements += bytes(-len(elements) % 4)
            self._first |= _EXTENSION
            self._extension = struct.pack("!HH", 0xBEDE, len(elements) // 4) + elements
        self.start = HEADER.size + len(self._extension)
        """Bytes in front of what a packet carries."""
        self.repeats = Repeats(parameters.repeat_ssrc, parameters.repeat_payload_type, self.start)

    def packets(self, payloads: Sequence[bytes], ticks: int, size: int) -> list[bytes]:
        """One unit of `size` bytes as RTP packets; the marker stands on the last. `ticks` are of the track's clock."""
        ssrc, kind = self.parameters.ssrc, self.parameters.payload_type
        timestamp = (self._origin + ticks) & 0xFFFFFFFF
        sequence, first, extension = self._sequence, self._first, self._extension
        made: list[bytes] = []
        last = len(payloads) - 1
        for index, payload in enumerate(payloads):
            header = HEADER.pack(first, kind | MARKER if index == last else kind, sequence, timestamp, ssrc)
            packet = b"".join((header, extension, payload))
            made.append(packet)
            sequence = sequence + 1 & 0xFFFF
            self.bytes_sent += len(payload)
        self.repeats.keep(self._sequence, made)
        self.packets_sent += len(made)
        self._sequence = sequence
        self.last_timestamp = timestamp
        self._handed += size
        if len(self._marks) == MAX_UNACKNOWLEDGED:
            self._marks.popleft()
        self._marks.append((self.packets_sent, self._handed))
        return made

    def leave_out(self, size: int) -> None:
        """A unit that is not sent; it counts as acknowledged with the one before it."""
        self._handed += size
        if self._marks:
            self._marks[-1] = (self._marks[-1][0], self._handed)
        else:
            self.acked = self._handed

    def timestamp(self, ticks: int) -> int:
        """The RTP timestamp of a time on the track's clock."""
        return (self._origin + ticks) & 0xFFFFFFFF

    @property
    def outstanding(self) -> bool:
        """Whether something was sent that nobody has confirmed."""
        return bool(self._marks)

    def reported(self, report: Report, ntp: int) -> bool:
        """Take a receiver report in; `ntp` is now. True when it acknowledges all that is due, or something new."""
        self.reports += 1
        self.packets_lost = report.packets_lost
        self.fraction_lost = report.fraction_lost / 256
        self.lossy = self.lossy + 1 if self.fraction_lost >= MUCH_LOST else 0
        self.repeats.scarce = self.impaired
        self.jitter = report.jitter / self.parameters.clock_rate
        if report.last_report:
            # In 1/65536 s, modulo 2^32; a negative result is the peer's fault or a clock that was set.
            elapsed = ((ntp >> 16) - report.last_report - report.delay) & 0xFFFFFFFF
            if elapsed < 1 << 31:
                measured = self.trip = elapsed / 65536
                self.round_trip = measured if not self.round_trip else self.round_trip * 0.8 + measured * 0.2
        before = self.acked
        new = self._reach(report.highest_sequence)
        if new and not self._wide:
            self.lost += round((self.acked - before) * self.fraction_lost)
        return bool(new) or (new is not None and not self._marks)

    def answered(self, newest: int, lost: int) -> bool:
        """It is known of all packets up to number `newest` whether they came; `lost` bytes did not. True when that is
        something new."""
        self._wide = True
        self.lost += lost
        return bool(self._reach(newest))

    @property
    def told(self) -> bool:
        """Whether the receiver says what came, in whatever way."""
        return self._wide or self.reports > 0

    @property
    def impaired(self) -> bool:
        """Whether so much is lost, and has been for so long, that the receiver can hardly show a picture."""
        return self.lossy >= LOSSY

    def confirm(self) -> bool:
        """All that was sent counts as received. True when that is something new."""
        return self._acknowledge(self.packets_sent)

    def _reach(self, number: int) -> bool | None:
        """All up to sequence number `number` is acknowledged; None = it has not been sent."""
        behind = (self._sequence - 1 - number) & 0xFFFF
        if behind >= 1 << 15 or behind >= self.packets_sent:
            return None
        return self._acknowledge(self.packets_sent - behind)

    def _acknowledge(self, count: int) -> bool:
        """The first `count` packets have arrived or are lost for good."""
        new = False
        while self._marks and self._marks[0][0] <= count:
            self.acked = self._marks.popleft()[1]
            new = True
        return new
