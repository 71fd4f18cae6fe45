"""FFmpeg's containers for tracks that nobody encodes here.

FFmpeg's streams need a codec to be made of; an encoder's stands in, unopened, and is given the track's own parameters.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av

from camcast.media import MediaKind, Track
from camcast.pyav.decoder import layout_name

if TYPE_CHECKING:
    from av.container import OutputContainer

ENCODERS = {
    "h264": "libx264",
    "h265": "libx265",
    "av1": "libsvtav1",
    "vp9": "libvpx-vp9",
    "aac": "aac",
    "opus": "libopus",
    "mp3": "libmp3lame",
}
"""By codec, all that both containers carry: what FFmpeg calls the encoder whose stream stands in."""
TIME_BASE = Fraction(1, 1000)
_TAGS = {"h265": "hvc1"}
"""By codec: what it is called in an MP4 where FFmpeg's own choice (`hev1`, ISO/IEC 14496-15 8.4.1) is played by
everything but Apple's players, which want the parameter sets in front."""


def opened(
    target: io.IOBase, container: str, tracks: Sequence[Track], begin: float, options: Mapping[str, str]
) -> tuple[OutputContainer, dict[MediaKind, Any]]:
    """A container that is written into `target`, and its streams. `begin`: `time.time()` at its 0."""
    out = av.open(target, "w", format=container, container_options=dict(options))
    out.metadata["creation_time"] = datetime.fromtimestamp(begin, UTC).isoformat()
    return out, _streams(out, tracks)


def _streams(out: OutputContainer, tracks: Sequence[Track]) -> dict[MediaKind, Any]:
    scratch = av.open(io.BytesIO(), "w", format="matroska")
    tags = _TAGS if out.format.name == "mp4" else {}
    made: dict[MediaKind, Any] = {}
    for track in tracks:
        rate = round(track.frame_rate) or 25 if track.kind is MediaKind.VIDEO else track.sample_rate
        template: Any = scratch.add_stream(ENCODERS[track.codec], rate=rate)
        stream: Any = out.add_stream_from_template(template)
        context = stream.codec_context
        if track.config:
            context.extradata = track.config
        if track.codec in tags:
            context.codec_tag = tags[track.codec]
        if track.kind is MediaKind.VIDEO:
            context.width, context.height = track.width, track.height
        else:
            context.sample_rate = track.sample_rate
            context.layout = layout_name(track.channels)
        stream.time_base = TIME_BASE
        made[track.kind] = stream
    return made
