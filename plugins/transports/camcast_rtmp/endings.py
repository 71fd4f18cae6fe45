"""The end-of-sequence tags that a clean ending sends, so that players know that nothing more comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from camcast.errors import CamcastError
from camcast.kinds import CodecKind
from camcast.media import MediaKind, TagType, Track

_TYPES = {MediaKind.VIDEO: TagType.VIDEO, MediaKind.AUDIO: TagType.AUDIO}


def endings(
    tracks: Sequence[Track], sent: Mapping[TagType, tuple[int, int]], codec: Callable[[str], CodecKind]
) -> list[tuple[TagType, int, bytes]]:
    """(type, time, body) for each track that was sent. `sent` holds the last tag's first byte and time by type."""
    found = []
    for track in tracks:
        type = _TYPES[track.kind]
        if type not in sent:
            continue
        first, time = sent[type]
        try:
            forms = codec(track.codec).flv.values()
        except CamcastError:
            continue
        for form in forms:
            if form.end and _enhanced(type, form.end[0]) == _enhanced(type, first):
                found.append((type, time, form.end))
                break
    return found


def _enhanced(type: TagType, first: int) -> bool:
    """Whether a tag body that begins with this byte is in an Enhanced form (Enhanced RTMP v2)."""
    return first >= 0x80 if type is TagType.VIDEO else first >> 4 == 9
