"""What WebRTC carries of a stream, as browsers have it."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.errors import MisconfiguredError
from camcast.media import MediaKind, Track

_CODECS = {MediaKind.VIDEO: "h264", MediaKind.AUDIO: "opus"}


def check_carried(tracks: Sequence[Track], protocol: str) -> None:
    """Raises `MisconfiguredError` where `tracks` cannot be published by `protocol`, "WHIP" or "WHEP"."""
    unknown = [track.codec for track in tracks if track.codec != _CODECS[track.kind]]
    if unknown:
        raise MisconfiguredError(
            f"{protocol} carries H.264 and Opus; this stream has {', '.join(unknown)}: transcode it", stage="publish"
        )
    if not tracks or len({track.kind for track in tracks}) != len(tracks):
        raise MisconfiguredError(f"{protocol} carries one video track, one audio track or both", stage="publish")
    if any(track.channels > 2 for track in tracks):
        raise MisconfiguredError("WebRTC carries Opus with one or two channels only (RFC 7587)", stage="publish")
