"""Which track's packets come on which interleaved channel (RFC 2326 §10.12): what the camera's answers say, until its
media says otherwise. No I/O.

Cameras exist that give two tracks one channel, that send on the channels that they were asked for whatever they answer,
or the other way round, or that swap RTP and RTCP. A payload type tells whose packet it is; a track that has brought
something stays where it is. As soon as all tracks are heard, a channel that carries one of them is its own, for speed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .interleave import Deinterleaver
from .track import TrackReceiver

SETTLED = 256
"""Packets after which a track that has brought none is waited for no longer."""
OTHERS = "its media comes on other channels than its answers to SETUP say"
MIXED = "its reports come among its media"
_HEADER = 12
"""Bytes of an RTP packet, at least."""
_REPORTS = range(200, 208)
"""Second bytes of RTCP packets, by which they are told from RTP where both share a channel (RFC 5761 §4)."""


class Channels:
    """Of one connection: sets the handlers of `incoming`. `tell` is told what is odd."""

    def __init__(self, incoming: Deinterleaver, tell: Callable[[str], object]) -> None:
        self._incoming = incoming
        self._tell = tell
        self._tracks: list[TrackReceiver] = []
        self._said: dict[int, list[TrackReceiver]] = {}
        """By RTP channel: the tracks that come there, by the camera's words."""
        self._asked: dict[int, TrackReceiver] = {}
        """By RTP channel: the track that was asked for there."""
        self._reporting: dict[int, list[TrackReceiver]] = {}
        """By RTCP channel: the tracks that report there, by the camera's words."""
        self._heard: dict[int, list[TrackReceiver]] = {}
        """By channel: the tracks that do come there."""
        self._routed = 0
        self._settled = False
        incoming.on_unknown = self._unknown

    def expect(self, track: TrackReceiver, said: tuple[int, int], asked: tuple[int, int]) -> None:
        """A track is set up: the pair of channels (RTP, RTCP) that the camera gives it, and that it was asked for."""
        self._tracks.append(track)
        self._asked[asked[0]] = track
        if said[0] in self._said:
            self._tell(f"it gives two tracks the same channel ({said[0]})")
        self._said.setdefault(said[0], []).append(track)
        self._reporting.setdefault(said[1], []).append(track)
        for channel in said:
            self._route(channel)

    def _route(self, channel: int) -> None:
        """Every packet of this channel is looked at."""
        self._incoming.handlers[channel] = partial(self._take, channel)
        self._incoming.runs.pop(channel, None)

    def _unknown(self, channel: int, packet: memoryview, arrival: int) -> bool:
        """A frame of a channel that nobody was given; whether it was somebody's."""
        kind = _kind(packet)
        if self._tracks and kind >= 0 and (kind in _REPORTS or self._newcomer(channel, kind & 0x7F)):
            self._take(channel, packet, arrival)
            return True
        return False

    def _take(self, channel: int, packet: memoryview, arrival: int) -> None:
        kind = _kind(packet)
        track = self._owner(channel, kind) if kind >= 0 else None
        if track is None:
            for each in self._about(channel) if kind in _REPORTS else ():
                each.rtcp(packet, arrival)
            return
        heard = self._heard.setdefault(channel, [])
        new = track not in heard
        if new:
            heard.append(track)
            if track not in self._said.get(channel, ()):
                self._tell(OTHERS)
                self._route(channel)
        track.rtp(packet, arrival)
        self._routed += 1
        if new if self._settled else self._routed >= SETTLED or all(each.receiver.received for each in self._tracks):
            self._settle()

    def _owner(self, channel: int, kind: int) -> TrackReceiver | None:
        """Whose packet it is, by its second byte; None = nobody's, or a report."""
        payload_type = kind & 0x7F
        here: tuple[TrackReceiver, ...] = (*self._heard.get(channel, ()), *self._said.get(channel, ()))
        for track in here:
            if payload_type in track.ways:
                return track
        newcomer = self._newcomer(channel, payload_type)
        if newcomer is not None or kind in _REPORTS:
            return newcomer
        # A type that its description does not name: the track itself must judge.
        return here[0] if here else None

    def _about(self, channel: int) -> list[TrackReceiver]:
        """Whom reports on this channel may concern. They name the source that they are about; where a camera gives
        several tracks one name, or that is not known yet, the channel tells."""
        sources = {each.receiver.ssrc for each in self._tracks}
        if None not in sources and len(sources) == len(self._tracks):
            return self._tracks
        return self._reporting.get(channel) or self._heard.get(channel) or self._tracks

    def _newcomer(self, channel: int, payload_type: int) -> TrackReceiver | None:
        """A track that has brought nothing yet and may be the one that begins here."""
        silent = [each for each in self._tracks if payload_type in each.ways and not each.receiver.received]
        asked = self._asked.get(channel)
        return asked if asked in silent else next(iter(silent), None)

    def _settle(self) -> None:
        """Channels that carry one track are left to it."""
        self._settled = True
        for channel, heard in self._heard.items():
            if len(heard) == 1:
                track = heard[0]
                track.on_foreign = partial(self._foreign, channel)
                self._incoming.handlers[channel] = track.rtp
                if track.run is not None:
                    self._incoming.runs[channel] = track.run.take

    def _foreign(self, channel: int, payload_type: int) -> None:
        """On a channel that was left to one track comes what is not its own."""
        if payload_type | 0x80 in _REPORTS:
            self._tell(MIXED)
            self._route(channel)
        elif self._newcomer(channel, payload_type) is not None:
            self._route(channel)


def _kind(packet: memoryview) -> int:
    """Its second byte; -1 = it is no packet: cameras exist that send frames with nothing in them."""
    kind = packet[1] if len(packet) > 1 else -1
    return kind if len(packet) >= _HEADER or kind in _REPORTS else -1
