"""A rendition: the stream in the codecs and form that some attempts need, and the hub that feeds them.

Tracks that are copied pass straight through; those that are transcoded come from the stream's transcoders, which
other renditions share; silence is made here. The hub exists as soon as every wanted track is known.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from camcast.encode.silence import Silence
from camcast.encode.transcoders import Taker, Transcoders
from camcast.errors import CamcastError, EncoderError, MediaError
from camcast.flv.packer import TagPacker, to_ms
from camcast.group import Group
from camcast.host import PluginHost
from camcast.kinds import Payload
from camcast.media import MediaKind, Packet, Track, Unit
from camcast.native.states import RenditionState
from camcast.stream.hub import Hub, Packer
from camcast.stream.negotiation import COPY, NONE, SILENT, RenditionKey
from camcast.stream.present import Present

log = logging.getLogger(__name__)

AUDIO_PATIENCE_MS = 2000
"""Media time after which a declared sound track that brings nothing is gone without."""


class PacketPacker:
    """For transports that take packets: nothing to make."""

    def headers(self, time: int) -> Sequence[Unit]:
        return ()

    def change(self, track: Track, time: int) -> Sequence[Unit]:
        return ()

    def unit(self, packet: Packet) -> Unit:
        return packet

    def end(self) -> Sequence[Unit]:
        return ()


class FlvPacker(TagPacker):
    """The tag packer under the hub's names."""

    unit = TagPacker.tag


class RenditionUser(Protocol):
    """Who publishes a rendition: an attempt. All calls on the loop; they return at once."""

    def rendition_failed(self, error: CamcastError) -> None:
        """Nothing more will come of it."""

    def tracks_changed(self) -> None:
        """The stream has other tracks, or has ended: what is published may be outdated."""


class RenditionOwner(Protocol):
    """What a rendition tells whoever keeps it."""

    def failed(self, rendition: Rendition, error: CamcastError) -> None:
        """A transcoder has given up."""

    def outdated(self, rendition: Rendition) -> None:
        """A track has come for which it is too late."""


class Rendition(RenditionState):
    """One rendition, for all who want the same."""

    def __init__(
        self,
        key: RenditionKey,
        tracks: Sequence[Track],
        host: PluginHost,
        transcoders: Transcoders,
        owner: RenditionOwner,
    ) -> None:
        self.key = key
        self.hub: Hub | None = None
        self.ready: asyncio.Future[Hub] = asyncio.get_running_loop().create_future()
        self.users: tuple[RenditionUser, ...] = ()
        self.closed = False
        self._sources = {track.kind: track.codec for track in tracks}
        self._host = host
        self._owner = owner
        self._shared = transcoders
        self._taker = Taker(self._deliver, lambda error: owner.failed(self, error))
        self._tracks: dict[MediaKind, Track] = {}
        self._silence: Silence | None = None
        self._transcoded: dict[MediaKind, str] = {}
        self._first_ms: int | None = None
        self._early = Group()
        """The picture while the sound is still unknown."""
        self._copied: set[MediaKind] = set()
        self.straight: set[Track] = set()
        """Tracks whose packets go on to the hub as they are; another set whenever that may have changed."""
        for kind, codec in ((MediaKind.VIDEO, key.video), (MediaKind.AUDIO, key.audio)):
            source = next((track for track in tracks if track.kind is kind), None)
            if codec.startswith(f"{SILENT}:"):
                self._silence = Silence(host.codec(codec.partition(":")[2]))
                self._tracks[kind] = self._silence.track
            elif codec == COPY and source is not None:
                self._copied.add(kind)
            elif codec not in (COPY, NONE) and source is not None:
                self._transcoded[kind] = codec
        self._wanted = self._copied | set(self._transcoded) | set(self._tracks)

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks as published, picture first."""
        return tuple(self._tracks[kind] for kind in MediaKind if kind in self._tracks)

    def begin(self, present: Present, bitrate: int) -> None:
        """Begin with the stream's present group of pictures, so that nobody waits for the next keyframe.

        `bitrate`: bit/s for a picture that is transcoded; 0 = chosen by its size.
        """
        if present.sound is not None:
            self.packet(present.sound)
        for packet in present.group.packets:
            self.packet(packet)
        if self.hub is not None and MediaKind.AUDIO in self._copied:
            self.hub.group.sounds = present.group.sounds
        for kind, codec in self._transcoded.items():
            self._shared.join(kind, codec, self._taker, group=present.group.packets, bitrate=bitrate)

    def packet(self, packet: Packet) -> None:
        """Take one packet of the stream, on the hub's timeline."""
        if packet.track in self.straight and self.hub is not None:
            self.hub.packet(packet)
        elif packet.track.kind in self._copied:
            self._deliver(packet)

    def request_keyframe(self) -> bool:
        """Ask the transcoder; False = the picture is copied, so ask the source."""
        transcoder = self._shared.get(MediaKind.VIDEO, self.key.video)
        if transcoder is None:
            return False
        transcoder.request_keyframe()
        return True

    def fits(self, codecs: Mapping[MediaKind, str]) -> bool:
        """Whether what it copies is still of the codec that it began with; a track that is missing may come back."""
        return all(codecs.get(kind, codec) == codec for kind, codec in self._sources.items() if kind in self._copied)

    def fail(self, error: CamcastError) -> None:
        """Nothing more will come: whoever waits for the hub, and every attempt in it, is told."""
        if not self.ready.done():
            self.ready.set_exception(error)
            self.ready.exception()  # somebody may or may not wait; unasked, it is no news
        for user in self.users:
            user.rendition_failed(error)

    def packer(self) -> Packer:
        """Another one, for its tracks as they are now. Raises `EncoderError` for a form that a codec does not have."""
        return PacketPacker() if self.key.payload is Payload.PACKETS else self._flv_packer()

    def close(self) -> None:
        """Take nothing more."""
        for kind, codec in self._transcoded.items():
            self._shared.leave(kind, codec, self._taker)
        self.closed = True
        if not self.ready.done():
            # Not cancelled: that would look as if whoever waits for it had been.
            self.ready.set_exception(MediaError("the stream was stopped or changed before it could be published"))
            self.ready.exception()

    def _deliver(self, packet: Packet) -> None:
        kind = packet.track.kind
        known = self._tracks.get(kind)
        if known is not packet.track:
            if known is None and kind is MediaKind.VIDEO and not packet.keyframe:
                return
            if known is not None and known.codec != packet.track.codec:
                raise MediaError(
                    f"the {kind.value} changed from {known.codec} to {packet.track.codec}, so it must be published anew"
                )
            self._tracks[kind] = packet.track
            if self.hub is not None:
                if known is None:
                    del self._tracks[kind]
                    self._owner.outdated(self)
                    return
                self.hub.change(packet.track, to_ms(packet.dts))
        if self.hub is not None:
            if self._silence is None and kind in self._copied:
                self.straight = {track for track in self._tracks.values() if track.kind in self._copied}
            self._feed(packet)
            return
        if kind is MediaKind.VIDEO:
            self._early.add(packet)
        if self._open(to_ms(packet.dts)):
            for early in self._early.packets or [packet]:
                self._feed(early)
            self._early = Group()

    def _feed(self, packet: Packet) -> None:
        assert self.hub is not None
        if self._silence is not None and packet.track.kind is MediaKind.VIDEO:
            for silent in self._silence.until(packet.dts, packet.arrival):
                self.hub.packet(silent)
        self.hub.packet(packet)

    def _open(self, time: int) -> bool:
        """Make the hub once all wanted tracks are known, or the sound has kept us waiting for too long."""
        if self._first_ms is None:
            self._first_ms = time
        missing = self._wanted - set(self._tracks)
        late = time - self._first_ms >= AUDIO_PATIENCE_MS
        if missing and not (late and MediaKind.VIDEO not in missing):
            return False
        if MediaKind.VIDEO in self._tracks and not self._early.packets:
            return False
        self.hub = Hub(self.packer())
        if not self.ready.done():
            self.ready.set_result(self.hub)
        return True

    def _flv_packer(self) -> FlvPacker:
        names = {MediaKind.VIDEO: self.key.video_form, MediaKind.AUDIO: self.key.audio_form}
        forms = {}
        for kind, track in self._tracks.items():
            known = self._host.codec(track.codec).flv
            if names[kind] not in known:
                raise EncoderError(
                    f'{track.codec} has no FLV form "{names[kind]}"; it has {", ".join(known) or "none"}'
                )
            forms[kind] = known[names[kind]]
        return FlvPacker(self.tracks, forms)
