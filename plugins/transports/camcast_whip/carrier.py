"""What of one attempt lives on the WHIP thread: the HTTP session, the peer, the tracks, and what waits for the socket.

`prepare` → `publish` → `feed` … → `close`. All methods are called on that thread's loop.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from functools import partial

from camcast.errors import MediaError, NetworkError, TransportError
from camcast.media import MediaKind, Packet, Track
from camcast.target import Target
from camcast_whip.counters import Counters
from camcast_whip.endpoint import Endpoint
from camcast_whip.liveness import Liveness
from camcast_whip.media_clock import MediaClock
from camcast_whip.names import Names
from camcast_whip.negotiation import Agreed, Negotiation
from camcast_whip.options import Place, WhipOptions
from camcast_whip.peer import Peer
from camcast_whip.pictures import Pictures
from camcast_whip.reports import Reports
from camcast_whip.rtp import Parameters
from camcast_whip.track import CLOCK_RATES, REPORT_EVERY, OutgoingTrack
from camcast_whip.transport_wide import Numbering

_CLOSE_DEADLINE = 1.4


class Carrier:
    """One attempt. `lost`, `note` and `keyframe_wanted` tell the engine's side and return at once."""

    def __init__(
        self,
        target: Target,
        options: WhipOptions,
        place: Place,
        names: Names,
        counters: Counters,
        *,
        lost: Callable[[TransportError], None],
        note: Callable[[str, str], None],
        keyframe_wanted: Callable[[], None],
    ) -> None:
        self._packet_size = options.packet_size
        self._counters = counters
        self._lost = lost
        self._note = note
        self._keyframe_wanted = keyframe_wanted
        self._loop = asyncio.get_running_loop()
        self._cname = secrets.token_hex(8)
        self._endpoint = Endpoint(place, target, names, options.session_hosts)
        self._negotiation = Negotiation(
            target, options, self._endpoint, names, self._cname, note=note, ended=self._ended, heard=self._consented
        )
        self._peer: Peer | None = None
        self._tracks: dict[MediaKind, OutgoingTrack] = {}
        self._pictures: Pictures | None = None
        self.liveness = Liveness(self._loop.time())
        self._clock = MediaClock()
        self._numbering = Numbering()
        self._reports = Reports(counters)
        self._refused_bytes = 0
        self._reporter: asyncio.TimerHandle | None = None
        self._wide = False
        """Whether the server tells by each packet what came: then its usual reports say less."""
        self._wait_keyframe = False
        self._closed = False

    @property
    def findings(self) -> tuple[str, ...]:
        """What the endpoint's first answer showed, for people."""
        return self._endpoint.findings

    async def prepare(self) -> None:
        """Reach the server. Raises `TransportError`."""
        await self._negotiation.prepare()

    # --- publishing -----------------------------------------------------------------------------------------

    async def publish(self, tracks: Sequence[Track]) -> None:
        """Offer, POST, and connect. Raises `TransportError`; `Moved` when the server is elsewhere."""
        agreed = await self._negotiation.run(tracks)
        assert self._negotiation.peer is not None
        self._begin(self._negotiation.peer, agreed)
        self._reporter = self._loop.call_later(REPORT_EVERY / 2, self._report)

    def _begin(self, peer: Peer, agreed: Sequence[Agreed]) -> None:
        self._peer = peer
        self.liveness = Liveness(self._loop.time())
        frame_rate = 0.0
        send: Callable[[bytes], None] = self._send
        for one in agreed:
            track, own, theirs = one.track, one.own, one.theirs
            if not theirs.payload_type:
                unseen = track.kind is MediaKind.VIDEO
                self._counters.blind |= unseen
                then = ", and nobody sees anything" if unseen else ""
                self._note("whip_track_refused", f"the server does not take {track.codec}: it goes on without{then}")
                continue
            if own.profiles and theirs.profile != own.profiles[0]:
                self._note(
                    "whip_profile",
                    f"the server agreed to H.264 {theirs.profile} only, the stream is "
                    f"{track.profile or own.profiles[0]}: if the picture stays black, encode with profile baseline",
                )
            if theirs.one_unit:
                self._note(
                    "whip_one_unit",
                    "the server asks for one unit of H.264 in each packet (packetization-mode=0), in which no larger "
                    "one fits: it is sent in fragments, as offered, which servers take that say so",
                )
            outgoing = OutgoingTrack(
                track.kind,
                track.codec,
                Parameters(
                    ssrc=own.ssrc,
                    payload_type=theirs.payload_type,
                    clock_rate=CLOCK_RATES[track.kind],
                    mid=own.mid,
                    mid_extension=theirs.mid_extension,
                    wide_extension=theirs.wide_extension,
                    repeat_ssrc=own.repeat_ssrc,
                    repeat_payload_type=theirs.repeat_payload_type,
                ),
                self._packet_size,
                send=self._send,
                keyframe_wanted=self._asked_for_keyframe,
                heard=partial(self._reported, track.kind),
                offence=peer.gate.refuse,
            )
            if theirs.wide_extension:
                outgoing.send = partial(self._send_numbered, outgoing.stream.start)
            peer.listen(own.ssrc, outgoing)
            self._tracks[track.kind] = outgoing
            if track.kind is MediaKind.VIDEO:
                frame_rate, send = track.frame_rate, outgoing.send
        peer.hear(self._answered)
        self._pictures = Pictures(send, lambda: peer.unsent, self._counters, frame_rate)

    def _ended(self, reason: str) -> None:
        if not self._closed:
            self._lost(NetworkError(reason, stage="streaming"))

    # --- media ------------------------------------------------------------------------------------------------

    def feed(self, packet: Packet, time: int) -> None:
        """Send one unit: sound at once, a picture at its pace."""
        counters, size = self._counters, len(packet.payload)
        track = self._tracks.get(packet.track.kind)
        if track is None or self._pictures is None or self._closed:
            counters.refused_packets += 1
            counters.gone += size
            self._refused_bytes += size
            self._count_acked()
            return
        video = track.kind is MediaKind.VIDEO
        if track.codec != packet.track.codec:
            self._drop(track, packet, "unknown_packets")
            return
        if self._pictures.full:
            self._drop(track, packet, "overflow_packets")
            return
        if video and self._wait_keyframe and not packet.keyframe:
            self._drop(track, packet, "keyframe_awaited_packets")
            return
        if not any(other.stream.outstanding for other in self._tracks.values()):
            self.liveness.resumed(self._loop.time())
        try:
            packets = track.packets(packet, time)
        except MediaError:
            self._drop(track, packet, "damaged_packets")
            return
        self._clock.follow(time, self._loop.time())
        if not video:
            for one in packets:
                track.send(one)
            counters.gone += size
            return
        self._wait_keyframe = False
        self._pictures.add(packets, size, time)

    def _send(self, packet: bytes) -> None:
        try:
            assert self._peer is not None
            self._peer.send(packet)
        except LookupError:
            pass  # the path has just closed, which its owner is told by itself

    def _send_numbered(self, start: int, packet: bytes) -> None:
        self._send(self._numbering.number(packet, len(packet) - start, self._loop.time()))

    def _drop(self, track: OutgoingTrack, packet: Packet, reason: str) -> None:
        counters = self._counters
        if not getattr(counters, reason) and reason != "keyframe_awaited_packets":
            self._note(f"whip_{reason}", f"a {packet.track.codec} packet was left out ({reason})")
        setattr(counters, reason, getattr(counters, reason) + 1)
        counters.gone += len(packet.payload)
        track.stream.leave_out(len(packet.payload))
        self._count_acked()
        if track.kind is MediaKind.VIDEO and not packet.disposable and not self._wait_keyframe:
            self._wait_keyframe = True
            self._keyframe_wanted()

    # --- RTCP -------------------------------------------------------------------------------------------------

    def _report(self) -> None:
        self._reporter = self._loop.call_later(REPORT_EVERY, self._report)
        for track in self._tracks.values():
            if track.stream.packets_sent:
                self._send_rtcp(track.report(self._cname, self._clock.time(self._loop.time())))

    def _send_rtcp(self, packet: bytes) -> None:
        try:
            assert self._peer is not None
            self._peer.send_rtcp(packet)
        except LookupError:
            pass

    def _answered(self, body: bytes) -> None:
        try:
            answered = self._numbering.take(body, self._loop.time())
        except ValueError:
            return  # one that cannot be read says nothing, as if it had been lost
        if answered is None:
            return
        self._wide = True
        streams = [track.stream for track in self._tracks.values()]
        outcomes = [(stream, answered.tracks.get(stream.parameters.ssrc)) for stream in streams]
        # Each is asked: it takes in what it is told.
        new = [stream.answered(told.newest, told.lost) for stream, told in outcomes if told is not None]
        if any(new):
            self.liveness.heard(self._loop.time())
        self._count_acked()
        self._tell(answered.trip)

    def _tell(self, trip: float | None) -> None:
        if trip is not None:
            self._reports.add(self._loop.time(), sum(track.stream.lost for track in self._tracks.values()), trip)

    def _reported(self, kind: MediaKind) -> None:
        self.liveness.heard(self._loop.time())
        self._count_acked()
        if not self._wide and (kind is MediaKind.VIDEO or MediaKind.VIDEO not in self._tracks):
            self._tell(self._tracks[kind].stream.trip)
        impaired = any(track.stream.impaired for track in self._tracks.values())
        if impaired and not self._counters.impaired:
            share = max(track.stream.fraction_lost for track in self._tracks.values())
            self._note(
                "whip_losses",
                f"{share:.0%} of the packets are lost on the way, more than can be made good: pictures are missing "
                "there. The link may be too thin for the stream",
            )
        self._counters.impaired = impaired

    def _consented(self) -> None:
        streams = [track.stream for track in self._tracks.values()]
        if any(stream.told for stream in streams):
            return  # what it tells says more
        self.liveness.heard(self._loop.time())
        for stream in streams:
            stream.confirm()
        self._count_acked()

    def _count_acked(self) -> None:
        self._counters.acked = self._refused_bytes + sum(track.stream.acked for track in self._tracks.values())

    def _asked_for_keyframe(self) -> None:
        self._counters.keyframe_requests += 1
        self._keyframe_wanted()

    # --- the end ----------------------------------------------------------------------------------------------

    def figures(self) -> dict[str, float]:
        """Figures of the protocol's own."""
        streams = [track.stream for track in self._tracks.values()]
        video = self._tracks.get(MediaKind.VIDEO) or next(iter(self._tracks.values()), None)
        found: dict[str, float] = {
            "packets_sent": sum(stream.packets_sent for stream in streams),
            "packets_lost": sum(stream.packets_lost for stream in streams),
            "packets_resent": sum(stream.repeats.given for stream in streams),
            "resends_refused": sum(stream.repeats.refused for stream in streams),
            "receiver_reports": sum(stream.reports for stream in streams),
            "packets_answered": self._numbering.answered,
            "foreign_datagrams_dropped": self._peer.dropped if self._peer is not None else 0,
        }
        if (expires := self._endpoint.certificate_expires) is not None:
            found["certificate_expires"] = expires
        if video is not None:
            found["rtt_ms"] = video.stream.round_trip * 1000
            found["jitter_ms"] = video.stream.jitter * 1000
            found["loss_percent"] = video.stream.fraction_lost * 100
        return found

    async def close(self) -> None:
        """Say goodbye on both ways at once and free everything, within `_CLOSE_DEADLINE`."""
        if self._closed:
            return
        self._closed = True
        if self._pictures is not None:
            self._pictures.close()
        if self._reporter is not None:
            self._reporter.cancel()
        for track in self._tracks.values():
            if track.stream.packets_sent:
                self._send_rtcp(track.goodbye(self._cname, self._clock.time(self._loop.time())))
        try:
            async with asyncio.timeout(_CLOSE_DEADLINE):
                await asyncio.gather(self._negotiation.end_peer(), self._endpoint.delete(), return_exceptions=True)
        except TimeoutError:
            self._note("whip_close", "closing took too long and was cut short")
