"""A decoder of FFmpeg's as `contracts.Decoder`.

Rules: timestamps stay ns all the way. Decoding is single-picture (slice threads only), so that no frame waits for
its successors. A packet that cannot be decoded raises `MediaError` and the next one may do well; a library
that fails raises `EncoderError`.
"""

from __future__ import annotations

from collections import OrderedDict
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from camcast.errors import EncoderError, MediaError
from camcast.media import NS_PER_S, RAW, Frame, MediaKind, Packet, Track

if TYPE_CHECKING:
    import av

_NS = Fraction(1, NS_PER_S)
MAX_PIXELS = 8192 * 4608
"""Of one picture; 8K has 7680×4320. A few bytes can say that a picture has gigabytes."""
_REMEMBERED = 256
"""Arrivals kept for packets whose pictures are still inside: far more than any reordering."""


class AvDecoder:
    """Decodes one track's packets. `name` is FFmpeg's name of the decoder. Raises `EncoderError`."""

    def __init__(self, track: Track, name: str, *, threads: int = 0) -> None:
        """`threads` is a number of slice threads; 0 lets FFmpeg choose."""
        self._name = name
        self._threads = threads
        self._less: dict[str, str] = {}
        """FFmpeg's options for what may be left out."""
        self._track = track
        self._arrivals: OrderedDict[int, int] = OrderedDict()
        self._raw: Track | None = None
        self._next_pts = 0
        self._context: av.VideoCodecContext | av.AudioCodecContext | None = self._open(track)

    def decode(self, packet: Packet) -> list[Frame]:
        """Frames that became ready. Raises `MediaError` for a damaged packet, `EncoderError` for a failure."""

        if self._context is None:
            raise EncoderError(f"decoder {self._name} is closed")
        frames: list[Frame] = []
        if packet.track is not self._track:
            if packet.track.config != self._track.config:
                frames += self.flush()
                self._context = self._open(packet.track)
            self._track = packet.track
        data = padded(packet.payload)
        data.pts, data.dts, data.time_base = packet.pts, packet.dts, _NS
        self._arrivals[packet.pts] = packet.arrival
        while len(self._arrivals) > _REMEMBERED:
            self._arrivals.popitem(last=False)
        return frames + self._run(data)

    def flush(self) -> list[Frame]:
        """The frames still inside. The decoder goes on with the next keyframe."""
        if self._context is None:
            return []
        try:
            return self._run(None)
        finally:
            self._context.flush_buffers()

    def take_less(self) -> None:
        """As `TakesLess`. A fourth of the price is what smooths the edges of blocks, which nobody sees then."""
        self._threads, self._less = 1, {"skip_loop_filter": "all"}
        self._context = self._open(self._track)

    def close(self) -> None:
        self._context = None
        self._arrivals.clear()

    def create(self, track: Track) -> av.CodecContext:
        """A context that is not open. Overridden where a name does not tell all that the decoder has to know."""
        import av

        return av.CodecContext.create(self._name, "r")

    def _open(self, track: Track) -> av.VideoCodecContext | av.AudioCodecContext:
        import av

        if track.width * track.height > MAX_PIXELS:
            raise EncoderError(
                f"pictures of {track.width}x{track.height} are not decoded: expected at most {MAX_PIXELS // 10**6} "
                "million points; publish them as they are, or set a smaller size in the camera"
            )
        try:
            context = self.create(track)
            if track.config:
                context.extradata = track.config
            if isinstance(context, av.VideoCodecContext):
                # FFmpeg's own bound, for what the track does not say and for what changes later.
                context.options = {"max_pixels": str(MAX_PIXELS), **self._less}
                context.thread_type = "SLICE"
                context.thread_count = self._threads
                if not track.reorder:
                    context.flags |= av.codec.context.Flags.low_delay
            elif isinstance(context, av.AudioCodecContext):
                context.sample_rate = track.sample_rate or 8000
                context.layout = layout_name(track.channels or 1)
            else:
                raise EncoderError(f"{self._name} decodes neither video nor audio")
            context.open()
        except (av.error.FFmpegError, ValueError) as error:
            raise EncoderError(f"decoder {self._name} does not open: {reason(error)}") from error
        return context

    def _run(self, data: av.Packet[Any] | None) -> list[Frame]:
        import av

        context = self._context
        if context is None:
            return []
        try:
            return [self._frame(frame) for frame in context.decode(data)]
        except av.error.InvalidDataError as error:
            raise MediaError(f"decoder {self._name} cannot read a packet: {reason(error)}") from error
        except av.error.EOFError:
            return []
        except (av.error.FFmpegError, ValueError) as error:
            raise EncoderError(f"decoder {self._name} failed: {reason(error)}") from error

    def _frame(self, data: av.VideoFrame | av.AudioFrame) -> Frame:
        import av

        pts = self._next_pts if data.pts is None else data.pts
        data.pts, data.time_base = pts, _NS
        if isinstance(data, av.AudioFrame):
            duration = data.samples * NS_PER_S // max(data.sample_rate, 1)
            track = self._audio_track(data.sample_rate, data.layout.nb_channels)
        else:
            duration = round(NS_PER_S / self._track.frame_rate) if self._track.frame_rate else 0
            track = self._video_track(data.width, data.height)
        self._next_pts = pts + duration
        return Frame(track, pts, data, self._arrivals.pop(pts, 0))

    def _video_track(self, width: int, height: int) -> Track:
        raw = self._raw
        if raw is None or (raw.width, raw.height) != (width, height):
            rate = self._track.frame_rate
            raw = Track(kind=MediaKind.VIDEO, codec=RAW, width=width, height=height, frame_rate=rate)
            self._raw = raw
        return raw

    def _audio_track(self, rate: int, channels: int) -> Track:
        raw = self._raw
        if raw is None or (raw.sample_rate, raw.channels) != (rate, channels):
            raw = self._raw = Track(kind=MediaKind.AUDIO, codec=RAW, sample_rate=rate, channels=channels)
        return raw


def padded(data: bytes) -> av.Packet[Any]:
    """A packet with zeros behind its data, as FFmpeg's decoders need it: they read beyond the end.

    PyAV makes one of bytes without copying them, and what stands behind those in memory is anything.
    """
    import av

    packet = av.Packet(len(data))
    packet.update(data)
    return packet


def reason(error: Exception) -> str:
    """FFmpeg's words for what went wrong, without PyAV's wrapping."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def layout_name(channels: int) -> str:
    """FFmpeg's usual layout for so many channels."""
    return {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}.get(
        channels, f"{channels}c"
    )
