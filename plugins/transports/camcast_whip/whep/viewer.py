"""One viewer: a media path, and the tracks as this viewer numbers them. On the WHIP thread."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Sequence

from camcast.errors import NetworkError
from camcast.media import MediaKind
from camcast_kit_http.asked import is_loopback
from camcast_whip.counters import Counters
from camcast_whip.media_clock import MediaClock
from camcast_whip.offer import Local
from camcast_whip.options import IceServer
from camcast_whip.peer import Peer
from camcast_whip.pictures import Pictures
from camcast_whip.rtp import Parameters
from camcast_whip.track import CLOCK_RATES, REPORT_EVERY, OutgoingTrack
from camcast_whip.whep.answer import sources, write_answer
from camcast_whip.whep.figures import Figures
from camcast_whip.whep.group import Unit
from camcast_whip.whep.offer import Offer

GATHER_WITHIN = 4.0
CONNECT_WITHIN = 10.0
"""Seconds from the answer to a media path."""
CLOSE_WITHIN = 0.8
MAX_CANDIDATES = 16
"""Of one viewer, in its offer and later on together: each has us send checks to an address of its choice."""


class Viewer:
    """`answer` → `connect` → `begin` → `feed` … → `close`. `ended` is called once when it has gone by itself."""

    def __init__(
        self,
        offer: Offer,
        addresses: Sequence[str],
        servers: Sequence[IceServer],
        figures: Figures,
        *,
        packet_size: int,
        ended: Callable[[Viewer], None],
        keyframe_wanted: Callable[[], None],
    ) -> None:
        self.key = secrets.token_hex(16)
        """Its place below the output's path, which nobody can guess."""
        self.live = False
        self._offer = offer
        self._packet_size = packet_size
        self._figures = figures
        self._ended = ended
        self._keyframe_wanted = keyframe_wanted
        self._cname = secrets.token_hex(8)
        self._own = sources(len(offer.taken))
        self._candidates = list(offer.remote.candidates[:MAX_CANDIDATES])
        self._peer = Peer(
            addresses,
            servers,
            relay_only=False,
            ended=lambda reason: self._gone(),
            heard=lambda: None,
            controlling=False,
        )
        self._tracks: dict[MediaKind, OutgoingTrack] = {}
        self._pictures: Pictures | None = None
        self._clock = MediaClock()
        self._reporter: asyncio.TimerHandle | None = None
        self._wait_keyframe = True
        self._closed = False

    async def answer(self, announce: Sequence[str]) -> str:
        """Open the sockets; the SDP answer. Raises `NetworkError`."""
        try:
            async with asyncio.timeout(GATHER_WITHIN):
                local = await self._peer.gather()
        except TimeoutError:
            raise NetworkError("the ICE servers did not answer in time") from None
        except (OSError, ValueError) as error:
            raise NetworkError(f"cannot open a socket for media ({type(error).__name__})") from None
        told = Local(
            username=local.username,
            password=local.password,
            fingerprint=local.fingerprint,
            candidates=(*local.candidates, *announced(local.candidates, announce)),
        )
        return write_answer(self._offer, self._own, told, self._cname)

    async def connect(self) -> None:
        """Returns once media can flow. Raises `NetworkError`."""
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                await self._peer.connect(self._offer.remote, self._candidates, more=True)
        except TimeoutError:
            raise NetworkError(f"no media path to the viewer within {CONNECT_WITHIN:g} s") from None

    async def learn(self, username: str, candidates: Sequence[str]) -> bool:
        """Further candidates. False: they are of another ICE session, which would be a restart."""
        if username and username != self._offer.remote.username:
            return False
        new = [one for one in candidates if one not in self._candidates][: MAX_CANDIDATES - len(self._candidates)]
        self._candidates += new
        await self._peer.learn(new)
        return True

    def begin(self, replay: Sequence[tuple[Unit, int]]) -> None:
        """Watch from now on, first what has been since the last keyframe."""
        frame_rate = 0.0
        for (mid, taken), own in zip(self._offer.taken, self._own, strict=True):
            track = taken.track
            outgoing = OutgoingTrack(
                track.kind,
                track.codec,
                Parameters(
                    ssrc=own.ssrc,
                    payload_type=taken.payload_type,
                    clock_rate=CLOCK_RATES[track.kind],
                    mid=mid,
                    mid_extension=taken.mid_extension,
                    repeat_ssrc=own.repeat_ssrc,
                    repeat_payload_type=taken.repeat_payload_type,
                ),
                self._packet_size,
                send=self._send,
                keyframe_wanted=self._keyframe_wanted,
                heard=lambda: None,
                offence=self._peer.gate.refuse,
            )
            self._peer.listen(own.ssrc, outgoing)
            self._tracks[track.kind] = outgoing
            if track.kind is MediaKind.VIDEO:
                frame_rate = track.frame_rate
        self._pictures = Pictures(self._send, lambda: self._peer.unsent, Counters(), frame_rate)
        self.live = True
        self._reporter = asyncio.get_running_loop().call_later(REPORT_EVERY / 2, self._report)
        for unit, time in replay:
            self.feed(unit, time)

    def feed(self, unit: Unit, time: int) -> None:
        """One unit that has been cut; `time` is that of its decoding, in milliseconds."""
        packet, parts = unit.packet, unit.parts
        track = self._tracks.get(packet.track.kind)
        if track is None or self._pictures is None or parts is None or track.codec != packet.track.codec:
            return
        if track.kind is not MediaKind.VIDEO:
            self._clock.follow(time, asyncio.get_running_loop().time())
            for one in track.wrapped(parts, packet, time):
                self._send(one)
            return
        if self._pictures.full:
            self._figures.overflow_units += 1
            self._wait_keyframe = self._wait_keyframe or not packet.disposable
            return
        if self._wait_keyframe and not packet.keyframe:
            return
        self._wait_keyframe = False
        self._clock.follow(time, asyncio.get_running_loop().time())
        self._pictures.add(track.wrapped(parts, packet, time), len(packet.payload), time)

    async def close(self) -> None:
        """Say goodbye and free everything, within `CLOSE_WITHIN`."""
        if self._closed:
            return
        self._closed, self.live = True, False
        if self._pictures is not None:
            self._pictures.close()
        if self._reporter is not None:
            self._reporter.cancel()
        for track in self._tracks.values():
            self._figures.packets_resent += track.stream.repeats.given
            if track.stream.packets_sent:
                self._send_rtcp(track.goodbye(self._cname, self._clock.time(asyncio.get_running_loop().time())))
        try:
            async with asyncio.timeout(CLOSE_WITHIN):
                await self._peer.close()
        except TimeoutError:
            return  # its sockets are closed when the peer is forgotten

    def _gone(self) -> None:
        if not self._closed:
            self._ended(self)

    def _send(self, packet: bytes) -> None:
        with contextlib.suppress(LookupError):  # the path has just closed, which its owner is told by itself
            self._peer.send(packet)
            self._figures.packets_sent += 1

    def _report(self) -> None:
        now = asyncio.get_running_loop().time()
        self._reporter = asyncio.get_running_loop().call_later(REPORT_EVERY, self._report)
        for track in self._tracks.values():
            if track.stream.packets_sent:
                self._send_rtcp(track.report(self._cname, self._clock.time(now)))

    def _send_rtcp(self, packet: bytes) -> None:
        with contextlib.suppress(LookupError):
            self._peer.send_rtcp(packet)


def announced(candidates: Sequence[str], addresses: Sequence[str]) -> list[str]:
    """Our own candidates as they are reached from outside, at `addresses` of the same version: the first of each,
    one that is just for this machine last."""
    made: list[str] = []
    every = [(number, candidate.split()) for number, candidate in enumerate(candidates)]
    every.sort(key=lambda one: is_loopback(one[1][4]))
    for address in addresses:
        for number, words in every:
            if words[7] == "host" and (":" in words[4]) == (":" in address):
                # Another foundation and a lower priority: to those on the same network our own address is nearer.
                made.append(" ".join([f"a{number}", words[1], words[2], str(int(words[3]) - 1), address, *words[5:]]))
                break
    return made
