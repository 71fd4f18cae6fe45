"""One track on its way out: units → RTP payloads → packets, and the receiver's RTCP about them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from aiortc.rtp import (
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpByePacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)

from camcast.bitstream.nal import split_prefixed
from camcast.errors import MediaError
from camcast.media import NS_PER_MS, MediaKind, Packet
from camcast.net.allowance import Allowance
from camcast_whip import h264
from camcast_whip.rtp import Parameters, Report, RtpStream, ntp_time

CLOCK_RATES = {MediaKind.VIDEO: 90_000, MediaKind.AUDIO: 48_000}
REPORT_EVERY = 1.0
"""Seconds between two sender reports."""
MAX_PACKET = 1400
"""Bytes that SRTP has room for."""
MISSED_RATE, MISSED_BURST = 10_000, 50_000
"""Packets that a receiver may ask for again in a second, and at once. One that lost two seconds of 20 Mbit/s asks for
4,000, and for what does not come soon, some ten times."""
_KEYFRAME_EVERY = 0.3
"""Seconds between two requests that are passed on; some receivers repeat theirs with every frame."""


def payloads(packet: Packet, packet_size: int) -> list[bytes]:
    """What RTP packets of one unit carry; the same for all who get it. Raises `MediaError`."""
    if packet.track.kind is MediaKind.VIDEO:
        made = h264.payloads(split_prefixed(packet.payload), packet_size)
    else:
        made = [packet.payload] if packet.payload else []
    if not made or max(map(len, made)) > MAX_PACKET:
        raise MediaError(f"a {packet.track.codec} packet of {len(packet.payload)} bytes does not fit into RTP")
    return made


class OutgoingTrack:
    """One track. `send` takes an RTP packet; `keyframe_wanted` and `heard` are called for what the receiver tells,
    `offence` for what no receiver has reason to."""

    def __init__(
        self,
        kind: MediaKind,
        codec: str,
        parameters: Parameters,
        packet_size: int,
        *,
        send: Callable[[bytes], None],
        keyframe_wanted: Callable[[], None],
        heard: Callable[[], None],
        offence: Callable[[str], None],
    ) -> None:
        self.kind = kind
        self.codec = codec
        self.stream = RtpStream(parameters)
        self._ticks_per_ms = parameters.clock_rate // 1000
        self._packet_size = packet_size
        self.send = send
        self._keyframe_wanted = keyframe_wanted
        self._heard = heard
        self._offence = offence
        self._asked_at = 0.0
        self._missed = Allowance(MISSED_BURST, MISSED_RATE)
        # A clock that is set meanwhile must not pull sound and picture apart: RFC 3550 §6.4.1 lets it be elapsed time.
        self._began = time.time() - time.monotonic()

    def packets(self, packet: Packet, time: int) -> list[bytes]:
        """RTP packets of one unit. Raises `MediaError`."""
        return self.wrapped(payloads(packet, self._packet_size), packet, time)

    def wrapped(self, parts: Sequence[bytes], packet: Packet, time: int) -> list[bytes]:
        """RTP packets of one unit that `payloads` has cut; `time` is in milliseconds."""
        ticks = time * self._ticks_per_ms
        if packet.pts != packet.dts:
            ticks += (packet.pts - packet.dts) * self._ticks_per_ms // NS_PER_MS
        return self.stream.packets(parts, ticks, len(packet.payload))

    def report(self, cname: str, media_time: float) -> bytes:
        """A compound sender report (RFC 3550 §6.4.1): the RTP time that belongs to now. `media_time` is ms."""
        stream, ssrc = self.stream, self.stream.parameters.ssrc
        info = RtcpSenderInfo(
            ntp_timestamp=self._ntp(),
            rtp_timestamp=stream.timestamp(round(media_time * self._ticks_per_ms)),
            packet_count=stream.packets_sent & 0xFFFFFFFF,
            octet_count=stream.bytes_sent & 0xFFFFFFFF,
        )
        source = RtcpSourceInfo(ssrc=ssrc, items=[(1, cname.encode())])
        return bytes(RtcpSrPacket(ssrc=ssrc, sender_info=info)) + bytes(RtcpSdesPacket(chunks=[source]))

    def goodbye(self, cname: str, media_time: float) -> bytes:
        return self.report(cname, media_time) + bytes(RtcpByePacket(sources=[self.stream.parameters.ssrc]))

    def _ntp(self) -> int:
        return ntp_time(self._began + time.monotonic())

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        """Called by aiortc's DTLS transport for RTCP about this track."""
        if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            for report in packet.reports:
                if report.ssrc == self.stream.parameters.ssrc:
                    self._reported(report)
        elif isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            now = time.monotonic()
            if not self._missed.take(len(packet.lost), now):
                self._offence(f"the server asks for more than {MISSED_RATE} packets in a second again: cut off")
                return
            for sequence in packet.lost:
                again = self.stream.repeats.packet(sequence, now)
                if again is not None:
                    self.send(again)
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
            now = time.monotonic()
            if self.kind is MediaKind.VIDEO and now - self._asked_at >= _KEYFRAME_EVERY:
                self._asked_at = now
                self._keyframe_wanted()

    def _reported(self, report: Any) -> None:
        alive = self.stream.reported(
            Report(
                fraction_lost=report.fraction_lost,
                packets_lost=report.packets_lost,
                highest_sequence=report.highest_sequence,
                jitter=report.jitter,
                last_report=report.lsr,
                delay=report.dlsr,
            ),
            self._ntp(),
        )
        if alive:
            self._heard()
