"""What of one attempt lives on the WHIP thread: the HTTP session, the peer, the tracks, and the queue to the socket.

`prepare` → `publish` → `feed` … → `close`. All methods are called on that thread's loop.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Sequence

from camcast.errors import MediaError, NetworkError, RefusedError, TransportError
from camcast.media import MediaKind, Packet, Track
from camcast.target import Target
from camcast_whip.answer import Answer, read_answer
from camcast_whip.counters import Counters
from camcast_whip.endpoint import Endpoint, Opened
from camcast_whip.liveness import Liveness
from camcast_whip.names import Names
from camcast_whip.offer import OfferedTrack, offered, write_offer
from camcast_whip.options import IceServer, Place, WhipOptions
from camcast_whip.pacer import Pacer
from camcast_whip.peer import Peer, local_addresses
from camcast_whip.rtp import Parameters
from camcast_whip.track import CLOCK_RATES, OutgoingTrack

REPORT_EVERY = 1.0
QUEUE_LIMIT = 8 << 20
"""Bytes of packets waiting for their time. The outlet holds back long before; this is the last bound."""
SOCKET_LIMIT = 1 << 20
_SOCKET_WAIT = 0.01
_GATHER_DEADLINE = 4.0
_CLOSE_DEADLINE = 1.4
_FRAME = 1 / 30
"""Seconds that a picture lasts where nothing tells."""
_CLOCK_FOLLOWS = 0.01
_CLOCK_JUMPS = 0.5


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
        self._target = target
        self._options = options
        self._names = names
        self._counters = counters
        self._lost = lost
        self._note = note
        self._keyframe_wanted = keyframe_wanted
        self._loop = asyncio.get_running_loop()
        self._endpoint = Endpoint(place, target, names, options.session_hosts)
        self._named_servers: tuple[IceServer, ...] = ()
        self._peer: Peer | None = None
        self._tracks: dict[MediaKind, OutgoingTrack] = {}
        self._cname = secrets.token_hex(8)
        self.liveness = Liveness(self._loop.time())
        self._pacer = Pacer()
        self._queue: deque[tuple[list[bytes], int]] = deque()
        self._sent_of_first = 0
        self._queued_bytes = 0
        self._refused_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._reporter: asyncio.TimerHandle | None = None
        self._wait_keyframe = False
        self._frame = _FRAME
        self._last_time: int | None = None
        self._clock: float | None = None
        self._closed = False

    async def prepare(self) -> None:
        """Reach the server. Raises `TransportError`."""
        servers = await self._endpoint.options()
        if servers is None:
            self._note("whip_no_options", "the server gave no answer to OPTIONS; the offer is posted all the same")
        elif self._options.link_ice_servers:
            self._named_servers = servers

    # --- publishing -----------------------------------------------------------------------------------------

    async def publish(self, tracks: Sequence[Track]) -> None:
        """Offer, POST, and connect. Raises `TransportError`; `Moved` when the server is elsewhere."""
        servers = self._options.ice_servers + self._named_servers
        late = await self._publish_once(tracks, servers, patient=not servers)
        if late:
            # They came with the answer, and without them there was no path: once more, with them.
            await self._publish_once(tracks, late, patient=False)
        self._reporter = self._loop.call_later(REPORT_EVERY / 2, self._report)

    async def _publish_once(
        self, tracks: Sequence[Track], servers: Sequence[IceServer], *, patient: bool
    ) -> tuple[IceServer, ...]:
        """One offer. Returns ICE servers to try again with, if the answer named some and there is no path without."""
        timeout = self._target.connect_timeout
        peer = await self._gather(servers)
        offer = offered(tracks)
        opened = await self._endpoint.publish(write_offer(offer, self._local, self._cname))
        answer = self._read(opened, offer)
        if opened.elsewhere:
            self._note(
                "whip_session_elsewhere",
                f"the server names another host, {opened.elsewhere}, for ending the session; it is not asked unless "
                '"session_hosts" in the options names it',
            )
        elif not opened.session_url:
            self._note("whip_no_location", "the server named no session URL, so the session cannot be ended cleanly")
        candidates = answer.candidates + await self._names.candidates(answer.named)
        late = opened.ice_servers if patient and self._options.link_ice_servers else ()
        try:
            async with asyncio.timeout(timeout / 2 if late else timeout):
                await peer.connect(answer, candidates)
        except (TimeoutError, NetworkError) as error:
            if late:
                await self._end_peer()
                return late
            if isinstance(error, NetworkError):
                raise
            raise NetworkError(
                f"the server agreed, but no media path to it within {timeout:g} s "
                f"({len(candidates)} addresses tried): is UDP blocked?",
                stage="publish",
            ) from None
        self._begin(peer, tracks, offer, answer)
        return ()

    async def _gather(self, servers: Sequence[IceServer]) -> Peer:
        place = self._names.first
        servers = await self._names.servers(servers)
        target = self._target
        peer: Peer

        def ended(reason: str) -> None:
            if peer is self._peer and not self._closed:
                self._lost(NetworkError(reason, stage="streaming"))

        try:
            self._peer = peer = Peer(
                local_addresses(target.bind, target.ip_family, place),
                servers,
                relay_only=self._options.relay_only,
                ended=ended,
                heard=self._consented,
            )
            async with asyncio.timeout(min(_GATHER_DEADLINE, target.connect_timeout)):
                self._local = await peer.gather()
        except TimeoutError:
            raise NetworkError("the ICE servers did not answer in time", stage="publish") from None
        except (OSError, ValueError) as error:
            raise NetworkError(f"cannot open a socket for media ({type(error).__name__})", stage="publish") from None
        if not self._local.candidates:
            raise NetworkError(
                "there is no local address to send from" if not self._options.relay_only else "no TURN server answered",
                stage="publish",
            )
        return peer

    def _read(self, opened: Opened, offer: Sequence[OfferedTrack]) -> Answer:
        try:
            return read_answer(opened.answer, offer)
        except ValueError as error:
            text = self._target.words(str(error))
            raise RefusedError(f"the answer cannot be used: {text}", stage="publish") from None

    def _begin(self, peer: Peer, tracks: Sequence[Track], offer: Sequence[OfferedTrack], answer: Answer) -> None:
        self.liveness = Liveness(self._loop.time())
        for track, own, theirs in zip(tracks, offer, answer.tracks, strict=True):
            if not theirs.payload_type:
                self._note("whip_track_refused", f"the server does not take {track.codec}: it goes on without")
                continue
            if own.profiles and theirs.profile != own.profiles[0]:
                self._note(
                    "whip_profile",
                    f"the server agreed to H.264 {theirs.profile} only, the stream is "
                    f"{track.profile or own.profiles[0]}: if the picture stays black, encode with profile baseline",
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
                    repeat_ssrc=own.repeat_ssrc,
                    repeat_payload_type=theirs.repeat_payload_type,
                ),
                self._options.packet_size,
                send=self._send,
                keyframe_wanted=self._asked_for_keyframe,
                heard=self._reported,
            )
            peer.listen(own.ssrc, outgoing)
            self._tracks[track.kind] = outgoing
            if track.kind is MediaKind.VIDEO and track.frame_rate > 0:
                self._frame = 1 / track.frame_rate

    # --- media ------------------------------------------------------------------------------------------------

    def feed(self, packet: Packet, time: int) -> None:
        """Send one unit: sound at once, a picture at its pace."""
        counters, size = self._counters, len(packet.payload)
        track = self._tracks.get(packet.track.kind)
        if track is None or self._closed:
            counters.refused_packets += 1
            counters.gone += size
            self._refused_bytes += size
            self._count_acked()
            return
        video = track.kind is MediaKind.VIDEO
        if track.codec != packet.track.codec:
            self._drop(track, packet, "unknown_packets")
            return
        if self._queued_bytes > QUEUE_LIMIT:
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
        self._follow(time)
        if not video:
            for one in packets:
                self._send(one)
            counters.gone += size
            return
        self._wait_keyframe = False
        if self._last_time is not None and 0 < time - self._last_time < 1000:
            self._frame = (time - self._last_time) / 1000
        self._last_time = time
        self._queue.append((packets, size))
        self._queued_bytes += size
        counters.queued_packets += len(packets)
        if len(self._queue) == 1:
            self._pacer.picture(len(packets), self._frame)
            if self._timer is None:
                self._pump()

    def _pump(self) -> None:
        self._timer = None
        queue, peer, counters = self._queue, self._peer, self._counters
        if self._closed or peer is None:
            return
        if peer.unsent > SOCKET_LIMIT:
            self._timer = self._loop.call_later(_SOCKET_WAIT, self._pump)
            return
        allowed = self._pacer.allowed(self._loop.time())
        while queue and allowed > 0:
            packets, size = queue[0]
            at = self._sent_of_first
            some = packets[at : at + allowed]
            for one in some:
                self._send(one)
            allowed -= len(some)
            self._pacer.take(len(some))
            counters.queued_packets -= len(some)
            self._sent_of_first = at + len(some)
            if self._sent_of_first == len(packets):
                queue.popleft()
                self._sent_of_first = 0
                self._queued_bytes -= size
                counters.gone += size
                if queue:
                    self._pacer.picture(len(queue[0][0]), self._frame)
        if queue:
            self._timer = self._loop.call_later(self._pacer.wait, self._pump)

    def _send(self, packet: bytes) -> None:
        try:
            assert self._peer is not None
            self._peer.send(packet)
        except LookupError:
            pass  # the path has just closed, which its owner is told by itself

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

    def _follow(self, time: int) -> None:
        """Keep account of what the media's time is now; the same for both tracks, so that they stay in step."""
        difference = self._loop.time() - time / 1000
        if self._clock is None or abs(difference - self._clock) > _CLOCK_JUMPS:
            self._clock = difference
        else:
            self._clock += (difference - self._clock) * _CLOCK_FOLLOWS

    def _media_time(self) -> float:
        return (self._loop.time() - (self._clock or 0.0)) * 1000

    def _report(self) -> None:
        self._reporter = self._loop.call_later(REPORT_EVERY, self._report)
        for track in self._tracks.values():
            if track.stream.packets_sent:
                self._send_rtcp(track.report(self._cname, self._media_time()))

    def _send_rtcp(self, packet: bytes) -> None:
        try:
            assert self._peer is not None
            self._peer.send_rtcp(packet)
        except LookupError:
            pass

    def _reported(self) -> None:
        self.liveness.heard(self._loop.time())
        self._count_acked()

    def _consented(self) -> None:
        streams = [track.stream for track in self._tracks.values()]
        if any(stream.reports for stream in streams):
            return  # its reports say more
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
            "packets_resent": sum(stream.repeats for stream in streams),
            "resends_refused": sum(stream.repeats_refused for stream in streams),
            "receiver_reports": sum(stream.reports for stream in streams),
            "foreign_datagrams_dropped": self._peer.dropped if self._peer is not None else 0,
        }
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
        for timer in (self._timer, self._reporter):
            if timer is not None:
                timer.cancel()
        for track in self._tracks.values():
            if track.stream.packets_sent:
                self._send_rtcp(track.goodbye(self._cname, self._media_time()))
        try:
            async with asyncio.timeout(_CLOSE_DEADLINE):
                await asyncio.gather(self._end_peer(), self._endpoint.delete(), return_exceptions=True)
        except TimeoutError:
            self._note("whip_close", "closing took too long and was cut short")
        finally:
            self._queue.clear()

    async def _end_peer(self) -> None:
        peer, self._peer = self._peer, None
        if peer is not None:
            await peer.close()
        await self._endpoint.delete()
