"""One segment: packets into a fragmented MP4 or a Matroska file, by FFmpeg. Blocks: on a thread only.

Nothing is written but whole fragments (clusters), in one go each, so a file that is not finished plays up to its last.
FFmpeg's streams need a codec to be made of; an encoder's stands in, unopened, and is given the track's own parameters.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from camcast.media import NS_PER_MS, MediaKind, Packet, Track
from camcast.pyav.decoder import layout_name
from camcast_record.durable import DurableFile

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
_TAGS = {"h265": "hvc1"}
"""By codec: what it is called in an MP4 where FFmpeg's own choice (`hev1`, ISO/IEC 14496-15 8.4.1) is played by
everything but Apple's players, which want the parameter sets in front."""
_TIME_BASE = Fraction(1, 1000)
_WAITS = "200000"
"""µs that one track's packets wait in the muxer for the other's."""


class SegmentWriter:
    """One file, from its first packet to its end. `fragment`: seconds of media in a fragment."""

    def __init__(self, path: Path, container: str, tracks: Sequence[Track], fragment: float) -> None:
        self.path = path
        self.frames = 0
        self.file = DurableFile(path)
        try:
            self._out = _opened(self.file, container, fragment)
            self._streams = _streams(self._out, tracks)
        except BaseException:
            self.file.close()
            path.unlink(missing_ok=True)
            raise
        self._last: dict[MediaKind, int] = {}
        self._zero: int | None = None

    def write(self, packet: Packet, time: int) -> None:
        """`time`: its decode time in ms, on any one timeline. Raises `OSError`."""
        kind = packet.track.kind
        if self._zero is None:
            self._zero = time
        # Sound that belongs in front of the picture that the file begins with is squeezed in, one tick apart.
        dts = max(time - self._zero, self._last.get(kind, -1) + 1)
        self._last[kind] = dts
        unit = av.Packet(packet.payload)
        unit.stream = self._streams[kind]
        unit.time_base = _TIME_BASE
        unit.dts = dts
        unit.pts = max(dts, dts + (packet.pts - packet.dts) // NS_PER_MS)
        unit.is_keyframe = packet.keyframe
        self._out.mux_one(unit)
        self.frames += 1

    def finish(self, *, sync: bool) -> None:
        """Write what is left, have the disk take it with `sync`, and close.

        Raises `OSError`; the file is closed all the same, and cut to what is whole.
        """
        try:
            self._out.close()
            self.file.mark()
            if sync:
                self.file.sync()
        finally:
            # A muxer that could not write lets go of its memory only when it is closed; it has been.
            if self.file.failed is not None:
                self.file.cut()
            self.file.close()


def _opened(file: DurableFile, container: str, fragment: float) -> OutputContainer:
    options = {"max_interleave_delta": _WAITS, "flush_packets": "1"}
    if container == "mp4":
        # Times stand in the fragments alone, none in an edit list at the front that nobody could write yet. Without
        # frag_discont each track would begin at 0, whichever is later.
        options |= {
            "movflags": "empty_moov+default_base_moof+frag_keyframe+frag_discont",
            "use_editlist": "0",
            "avoid_negative_ts": "disabled",
            "frag_duration": str(round(fragment * 1e6)),
        }
    else:
        options["cluster_time_limit"] = str(round(fragment * 1000))
    return av.open(file, "w", format=container, container_options=options)


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
        stream.time_base = _TIME_BASE
        made[track.kind] = stream
    return made
