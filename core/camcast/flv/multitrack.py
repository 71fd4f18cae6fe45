"""Several pictures, or several sounds, in one stream of tags (Enhanced RTMP v2, "Multitrack Streaming").

Track 0 is sent as if it were alone, so that whoever knows no tracks shows it. A unit of another track is a tag of its
own, of the type OneTrack: `1FFF 0110` (sound `1001 0101`) ‖ `0000 PPPP` ‖ FourCC ‖ track ‖ what stands behind the
FourCC otherwise. Nothing is gained by putting several into one tag (ManyTracks), as each comes when its camera sends
it; `unpack` reads them all.
"""

from __future__ import annotations

import attrs

from camcast.errors import MediaError
from camcast.flv.fourcc import ENHANCED_AUDIO, ENHANCED_VIDEO, AudioPacketType, MultitrackType, VideoPacketType
from camcast.media import MediaKind, Tag, TagType

MAX_TRACKS = 8
"""Of one kind in one connection: each takes a chunk stream, of which some peers keep few."""
TRACK_FORM = "enhanced"
"""Name of the form that tags of tracks other than 0 are made from."""
_START = 5
"""Bytes up to the end of the FourCC."""
_MAX_HEADS = 1024
_MULTITRACK = {MediaKind.VIDEO: VideoPacketType.MULTITRACK, MediaKind.AUDIO: AudioPacketType.MULTITRACK}
_KINDS = {TagType.VIDEO: MediaKind.VIDEO, TagType.AUDIO: MediaKind.AUDIO}


def one_track(start: bytes, kind: MediaKind, number: int) -> bytes:
    """What stands for `start`, the first bytes of an Enhanced body or all of it, in track `number`.

    Raises `MediaError` for a legacy body, which has no room for a track, and `ValueError` for a number above 255.
    """
    first = start[0] if start else 0
    enhanced = first & ENHANCED_VIDEO if kind is MediaKind.VIDEO else first >> 4 == ENHANCED_AUDIO
    if not enhanced or len(start) < _START:
        raise MediaError(
            f"only Enhanced bodies can say which track they are of, got one that begins with {start[:_START].hex(' ')}"
        )
    how = MultitrackType.ONE_TRACK << 4 | first & 0x0F
    return bytes((first & 0xF0 | _MULTITRACK[kind], how)) + start[1:_START] + bytes((number,)) + start[_START:]


@attrs.define(eq=False)
class TrackTags:
    """Makes the tags of one track, other than 0, from those that it would have alone."""

    number: int
    _heads: dict[bytes, bytes] = attrs.field(factory=dict, init=False)

    def of(self, tag: Tag) -> Tag | None:
        """`tag` as one of this track, with the same body where that is a packet's payload; None for script data, which
        tells of a whole stream. The tag's `packet` is left out: what is counted is track 0's."""
        kind = _KINDS.get(tag.type)
        if kind is None:
            return None
        if not tag.head:
            return Tag(tag.type, tag.time, b"", one_track(tag.body, kind, self.number), tag.keyframe, track=self.number)
        head = self._heads.get(tag.head)
        if head is None:
            if len(self._heads) >= _MAX_HEADS:
                self._heads.clear()
            head = self._heads[tag.head] = one_track(tag.head, kind, self.number)
        return Tag(tag.type, tag.time, head, tag.body, tag.keyframe, track=self.number)
