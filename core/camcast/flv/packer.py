"""A rendition's packer: packets become tags, once for all sessions.

Order of the start: metadata, audio header, colour information, video header (as OBS sends it). A tag's time is
the packet's dts in ms, its composition time ms(pts) - ms(dts), both rounded by themselves, so that what a
player adds up is exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from camcast.flv.metadata import colour_reset, metadata_tag
from camcast.kinds import FlvForm
from camcast.media import NS_PER_MS, MediaKind, Packet, Tag, TagType, Track
from camcast.native.states import PackerState

_HALF_MS = NS_PER_MS // 2
_MAX_HEADS = 1024
"""Heads remembered per track. Composition times repeat, so a handful is all there ever is."""

_TAG_TYPES = {MediaKind.AUDIO: TagType.AUDIO, MediaKind.VIDEO: TagType.VIDEO}
_VIDEO = MediaKind.VIDEO


def to_ms(ns: int) -> int:
    """Nanoseconds as whole ms, halves up."""
    return (ns + _HALF_MS) // NS_PER_MS


class TagPacker(PackerState):
    """Makes the tags of one rendition: at most one video and one audio track, each in its chosen form."""

    def __init__(
        self, tracks: Sequence[Track], forms: Mapping[MediaKind, FlvForm], *, encoder: str = "camcast"
    ) -> None:
        """`forms` holds the FLV form for each track's kind of media; `encoder` names the program in the metadata."""
        self._tracks = {track.kind: track for track in tracks}
        self._forms = {kind: forms[kind] for kind in self._tracks}
        self._encoder = encoder
        self.time = 0
        """Of the last packet, ms."""
        self._video_heads: dict[int, bytes] = {}
        self._audio_heads: dict[int, bytes] = {}

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks as they are now."""
        return tuple(self._tracks.values())

    def heads(self, kind: MediaKind) -> dict[int, bytes]:
        """Heads by composition time in ms, shifted left by one, | keyframe; filled by `tag`, the same for ever."""
        return self._video_heads if kind is _VIDEO else self._audio_heads

    def headers(self, time: int) -> list[Tag]:
        """All that has to precede the first packet, at `time` (ms)."""
        tags = [self._metadata(time)]
        for kind in (MediaKind.AUDIO, MediaKind.VIDEO):
            if kind in self._tracks:
                # A zero-length message ends the session on some servers.
                tags += [Tag(_TAG_TYPES[kind], time, b"", body) for body in self._bodies(kind) if body]
        return tags

    def tag(self, packet: Packet) -> Tag:
        """The packet as a tag; the body is the packet's payload itself. Raises `MediaError` (composition time)."""
        track = packet.track
        kind = track.kind
        keyframe = packet.keyframe
        # to_ms, written out: this is the hot path.
        time = (packet.dts + _HALF_MS) // NS_PER_MS
        composition = (packet.pts + _HALF_MS) // NS_PER_MS - time
        heads = self._video_heads if kind is _VIDEO else self._audio_heads
        key = composition << 1 | keyframe
        head = heads.get(key)
        if head is None:
            if len(heads) >= _MAX_HEADS:
                heads.clear()
            head = heads[key] = self._forms[kind].head(self._tracks[kind], keyframe, composition)
        self.time = time
        if kind is _VIDEO:
            return Tag(TagType.VIDEO, time, head, packet.payload, keyframe, packet)
        return Tag(TagType.AUDIO, time, head, packet.payload, True, packet)

    def change(self, track: Track, time: int) -> list[Tag]:
        """New metadata and headers for a track whose parameters changed, to precede its next packet at `time` (ms).

        Only those whose bytes changed: some servers take a repeated header for an error. Empty when FLV has
        nothing to tell.
        """
        kind = track.kind
        metadata, (colour, header) = self._metadata(time), self._bodies(kind)
        self._tracks[kind] = track
        (self._video_heads if kind is _VIDEO else self._audio_heads).clear()
        new_metadata, (new_colour, new_header) = self._metadata(time), self._bodies(kind)
        tags = []
        if new_metadata.body != metadata.body:
            tags.append(new_metadata)
        if new_colour != colour:
            tags.append(Tag(_TAG_TYPES[kind], time, b"", new_colour or colour_reset(colour)))
        if new_header and new_header != header:
            tags.append(Tag(_TAG_TYPES[kind], time, b"", new_header))
        return tags

    def end(self) -> list[Tag]:
        """The end-of-sequence tags, at the time of the last packet."""
        return [
            Tag(_TAG_TYPES[kind], self.time, b"", form.end)
            for kind, form in sorted(self._forms.items(), key=lambda item: item[0] is _VIDEO)
            if form.end
        ]

    def _metadata(self, time: int) -> Tag:
        return metadata_tag(self.tracks, self._forms, time, self._encoder)

    def _bodies(self, kind: MediaKind) -> tuple[bytes, bytes]:
        """Colour information and sequence header; b"" where there is none."""
        track, form = self._tracks[kind], self._forms[kind]
        return form.colour(track) if form.colour else b"", form.header(track)
