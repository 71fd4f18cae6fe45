"""The transcoders of one stream: one for each track and codec that is wanted, shared by all who want it.

    packet of the stream -> Transcoder -> its takers, one for each rendition

A transcoder starts with its first taker and stops with its last. It begins at once where the present group of
pictures is known; a taker that joins later is given the transcoder's own group.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import attrs

from camcast.contracts import Handover
from camcast.encode.smaller import AS_IT_IS, Smaller
from camcast.encode.transcoding import Transcoder
from camcast.errors import CamcastError
from camcast.group import Group
from camcast.host import PluginHost
from camcast.media import MediaKind, Packet

log = logging.getLogger(__name__)

MAX_PRIME = 300
"""Packets of a group that are decoded to begin in its middle; in a longer one it is quicker to wait or ask for a
keyframe."""


@attrs.frozen(eq=False)
class Taker:
    """Who takes a transcoder's packets. `failed` is called with the reason, after which nothing more comes."""

    packet: Callable[[Packet], object]
    failed: Callable[[CamcastError], object]


@attrs.define(eq=False)
class Shared:
    """One running transcoder and those who take from it."""

    transcoder: Transcoder | None = None
    takers: tuple[Taker, ...] = ()
    group: Group = attrs.field(factory=Group)

    def deliver(self, packet: Packet) -> None:
        if packet.track.kind is MediaKind.VIDEO:
            self.group.add(packet)
        for taker in self.takers:
            _give(taker, packet)

    def failed(self, error: CamcastError) -> None:
        for taker in self.takers:
            taker.failed(error)


def _give(taker: Taker, packet: Packet) -> None:
    try:
        taker.packet(packet)
    except CamcastError as error:
        taker.failed(error)


class Transcoders:
    """All transcoders of one stream. All calls on the loop."""

    def __init__(
        self,
        host: PluginHost,
        handover: Handover,
        *,
        label: str,
        note: Callable[[str, str], object],
        dropped: Callable[[MediaKind, str, int], object],
        ask_source: Callable[[], object],
    ) -> None:
        """`ask_source` is called when a transcoder has to wait for a keyframe."""
        self._host = host
        self._handover = handover
        self._label = label
        self._note = note
        self._dropped = dropped
        self._ask_source = ask_source
        self._bitrate = 0
        """bit/s that pictures are to have; 0 = as whoever comes first says. `_smaller`: what they are at the most."""
        self._smaller = AS_IT_IS
        self.running: dict[tuple[MediaKind, str], Shared] = {}
        """By kind and codec."""

    def packet(self, packet: Packet) -> None:
        """One packet of the stream, for whatever transcodes its track."""
        for (kind, _), shared in tuple(self.running.items()):
            if kind is packet.track.kind and shared.transcoder is not None:
                shared.transcoder.put(packet)

    def join(self, kind: MediaKind, codec: str, taker: Taker, *, group: Sequence[Packet], bitrate: int) -> None:
        """Take what `codec` is made of the track of this kind. `group`: the stream's present group of pictures.

        `bitrate` in bit/s is that of whoever comes first; 0 = chosen by the size.
        """
        shared = self.running.get((kind, codec))
        if shared is not None:
            shared.takers = (*shared.takers, taker)
            for packet in shared.group.packets:
                _give(taker, packet)
            if kind is MediaKind.VIDEO and not shared.group.packets and shared.transcoder is not None:
                shared.transcoder.request_keyframe()
            return
        shared = self.running[kind, codec] = Shared(takers=(taker,))
        shared.transcoder = Transcoder(
            self._host,
            codec,
            self._handover,
            name=f"{self._label}-{codec}",
            bitrate=bitrate if kind is MediaKind.VIDEO else 0,
            implementation="auto",
            on_packet=shared.deliver,
            on_error=shared.failed,
            on_drop=self._dropped,
            note=self._note,
        )
        if kind is MediaKind.VIDEO:
            # Whoever comes first may be back after a while, over a link that is as thin as it was.
            shared.transcoder.make(self._smaller)
            if self._bitrate:
                shared.transcoder.set_bitrate(self._bitrate)
            if 0 < len(group) <= MAX_PRIME:
                shared.transcoder.prime(group)
            else:
                self._ask_source()

    def leave(self, kind: MediaKind, codec: str, taker: Taker) -> None:
        """Take no more; the last one stops the transcoder, without waiting for it."""
        shared = self.running.get((kind, codec))
        if shared is None or taker not in shared.takers:
            return
        shared.takers = tuple(other for other in shared.takers if other is not taker)
        if not shared.takers and shared.transcoder is not None:
            del self.running[kind, codec]
            shared.transcoder.close()

    def get(self, kind: MediaKind, codec: str) -> Transcoder | None:
        """The running transcoder of that kind to that codec."""
        shared = self.running.get((kind, codec))
        return shared.transcoder if shared is not None else None

    def set_bitrate(self, bitrate: int) -> bool:
        """bit/s for every transcoded picture; False = none is."""
        self._bitrate = bitrate
        found = [s.transcoder for (kind, _), s in self.running.items() if kind is MediaKind.VIDEO]
        for transcoder in found:
            if transcoder is not None:
                transcoder.set_bitrate(bitrate)
        return bool(found)

    def make(self, smaller: Smaller) -> bool:
        """Make every transcoded picture no larger than this; False = none is."""
        self._smaller = smaller
        found = [s.transcoder for (kind, _), s in self.running.items() if kind is MediaKind.VIDEO]
        for transcoder in found:
            if transcoder is not None:
                transcoder.make(smaller)
        return bool(found)

    def adopt(self, bitrate: int) -> None:
        """Be configured with so many bit/s for every transcoded picture from now on; 0 = chosen by its size."""
        self._bitrate = 0
        for (kind, _), shared in self.running.items():
            if kind is MediaKind.VIDEO and shared.transcoder is not None:
                shared.transcoder.adopt(bitrate)

    def close(self) -> None:
        """Stop all, without waiting for them."""
        running, self.running = self.running, {}
        for shared in running.values():
            shared.takers = ()
            if shared.transcoder is not None:
                shared.transcoder.close()
