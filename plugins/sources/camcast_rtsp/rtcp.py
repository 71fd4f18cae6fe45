"""RTCP (RFC 3550 §6, RFC 4585 §6.3.1): the sender's clock and good-bye read, receiver reports and PLI written."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

import attrs

from camcast.media import NS_PER_S

SENDER_REPORT, RECEIVER_REPORT, DESCRIPTION, GOODBYE, PAYLOAD_FEEDBACK = 200, 201, 202, 203, 206
_PICTURE_LOSS = 1

_MICROSECONDS = 1_000_000
"""A fraction below this is that of the first quarter of a millisecond, or none: RFC 5905 §6 counts in 2**-32 s."""

_ERA = 1 << 32
"""Seconds after which NTP's begin anew, first on 7 February 2036: the lower half of them is that of the next era, as no
clock shows 1968 (RFC 4330 §3)."""

_SENDER_INFO = Struct("!IIII")
_PACKET = Struct("!BBH")


@attrs.frozen
class SenderReport:
    """The moment `ntp` (ns since 1900, the sender's wall clock) is the RTP time `timestamp`."""

    ssrc: int
    ntp: int
    timestamp: int
    middle: int
    """The NTP time's middle 32 bits, to be sent back."""
    tells_time: bool = True
    """Its wall clock is known to less than a second. Firmware exists that leaves the fraction out, or puts microseconds
    there; all zero is a camera that does not know the time."""


@attrs.frozen
class Goodbye:
    ssrcs: tuple[int, ...]


def parse(data: memoryview | bytes) -> Iterator[SenderReport | Goodbye]:
    """What concerns us in a compound packet. Stops quietly where it is damaged."""
    at = 0
    while at + 4 <= len(data):
        first, kind, words = _PACKET.unpack_from(data, at)
        stop = at + 4 + 4 * words
        if first & 0xC0 != 0x80 or stop > len(data):
            return
        if kind == SENDER_REPORT and words >= 6:
            ssrc, seconds, fraction, timestamp = _SENDER_INFO.unpack_from(data, at + 4)
            era = 0 if seconds & 0x80000000 else _ERA
            ntp = (era + seconds) * NS_PER_S + (fraction * NS_PER_S >> 32)
            middle = (seconds & 0xFFFF) << 16 | fraction >> 16
            yield SenderReport(ssrc, ntp, timestamp, middle, fraction >= _MICROSECONDS)
        elif kind == GOODBYE:
            count = min(first & 0x1F, words)
            yield Goodbye(tuple(int.from_bytes(data[at + 4 + 4 * i : at + 8 + 4 * i], "big") for i in range(count)))
        at = stop


@attrs.define
class Reporter:
    """Makes one track's receiver reports."""

    ssrc: int
    """Ours."""
    _lost: int = 0
    _received: int = 0
    _report: SenderReport | None = None
    _reported_at: int = 0

    def heard(self, report: SenderReport, now: int) -> None:
        self._report, self._reported_at = report, now

    def receiver_report(self, about: int, highest: int, received: int, lost: int, now: int) -> bytes:
        """A compound packet: the report and who sends it."""
        lost_now, received_now = lost - self._lost, received - self._received
        self._lost, self._received = lost, received
        total = lost_now + received_now
        fraction = min(255, lost_now * 256 // total) if total and lost_now > 0 else 0
        middle = delay = 0
        if self._report is not None:
            middle = self._report.middle
            delay = min((now - self._reported_at) * 65536 // NS_PER_S, 0xFFFFFFFF)
        report = Struct("!BBHIIIIIII").pack(
            0x81, RECEIVER_REPORT, 7, self.ssrc, about, fraction << 24 | min(lost, 0x7FFFFF), highest, 0, middle, delay
        )
        return report + self._description()

    def picture_loss(self, about: int) -> bytes:
        """A compound packet that asks for a keyframe."""
        empty = Struct("!BBHI").pack(0x80, RECEIVER_REPORT, 1, self.ssrc)
        ask = Struct("!BBHII").pack(0x80 | _PICTURE_LOSS, PAYLOAD_FEEDBACK, 2, self.ssrc, about)
        return empty + self._description() + ask

    def _description(self) -> bytes:
        # CNAME "camcast": 2 + 7 bytes, then at least one zero to the next multiple of 4.
        items = b"\x01\x07camcast" + bytes(3)
        return Struct("!BBHI").pack(0x81, DESCRIPTION, 1 + len(items) // 4, self.ssrc) + items
