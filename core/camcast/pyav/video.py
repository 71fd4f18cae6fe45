"""A video encoder of FFmpeg's as `contracts.Encoder`.

Rules:
- The library counts in ticks of one nominal frame; which ns each tick stands for is remembered, so that packets
  leave with exactly the timestamps that frames came with, and rate control sees real time when frames are missing.
- Keyframes come every `gop` seconds of time, not of frames, in closed groups, and when asked for.
- The bitrate changes live where the library can (`live_bitrate`, constant bitrate): it is opened at the upper limit
  and lowered. Elsewhere it is reopened at the next keyframe that is due, and timestamps go on.
- What comes out goes through the codec's own parser, like a camera's.
- `encode` writes pts and picture type into the frame it is given: one frame must not be in two encoders at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import attrs

from camcast.contracts import CodecParser, Encoder, EncoderSettings
from camcast.errors import EncoderError, MediaError
from camcast.media import RAW, Frame, MediaKind, Packet, Track
from camcast.pyav import scheduling
from camcast.pyav.decoder import reason
from camcast.pyav.ticks import Ticks

if TYPE_CHECKING:
    import av

CBR, VBR, AVBR = "cbr", "vbr", "avbr"
_DEFAULT_RATE = 30.0
_BITS_PER_PIXEL = 0.07
_MIN_BITRATE = 64_000
_UNSPECIFIED, _BT709 = 2, 1
"""Colour code points (ITU-T H.273)."""
_LIMITED, _FULL = 1, 2
"""FFmpeg's colour ranges."""


@attrs.frozen(kw_only=True)
class VideoEncoding:
    """How to drive one of FFmpeg's encoders."""

    name: str
    parser: Callable[[bytes], CodecParser]
    options: Callable[[EncoderSettings, int], Mapping[str, str]]
    """(settings, limit in bit/s) → the encoder's own options; rate limits are added for it."""
    pixel_formats: tuple[str, ...] = ("yuv420p",)
    """What it takes; the first is used where the settings' format is not among them."""
    live_bitrate: bool = False
    """Whether a lower `bit_rate` takes effect while it runs (constant bitrate only)."""
    constant_quality: bool = False
    """Whether "avbr" is a quality with a cap (the options set the quality) rather than an average."""
    needs: str = ""
    """What it takes to run, for the error: "an NVIDIA GPU and its driver"."""


class AvVideoEncoder:
    """One opened encoder. Raises `EncoderError`."""

    def __init__(self, encoding: VideoEncoding, settings: EncoderSettings) -> None:
        self._encoding = encoding
        self._settings = settings
        self._rate = _fraction(settings.frame_rate or _DEFAULT_RATE)
        self._gop = max(1, round(settings.gop * self._rate))
        self._extradata = b""
        self._parser = encoding.parser(b"")
        self._ticks = Ticks(self._rate, self._gop)
        self._last_key = 0
        self._key_wanted = False
        self._reopen_wanted = False
        self._fresh = True
        self._closed = False
        self._colour: tuple[int, ...] = ()
        self._raw_track: Track | None = None
        self._track: Track | None = None
        self._bitrate = settings.bitrate
        self._limit = max(settings.max_bitrate, settings.bitrate)
        self._context: av.VideoCodecContext | None = None
        self._size = (settings.width & ~1, settings.height & ~1)
        if all(self._size):
            self._open()

    # --- contracts.Encoder --------------------------------------------------------------------------------

    def encode(self, frame: Frame) -> list[Packet]:
        import av

        data = frame.data
        if self._closed:
            raise EncoderError(f"{self._encoding.name} is closed")
        if not isinstance(data, av.VideoFrame):
            raise EncoderError(f"{self._encoding.name} encodes pictures, not {type(data).__name__}")
        self._prepare(data)
        if self._context is None:
            raise EncoderError(f"{self._encoding.name} is not open")
        tick = self._ticks.take(frame.pts, frame.arrival)
        packets: list[Packet] = []
        due = self._fresh or tick - self._last_key >= self._gop or self._key_wanted
        if due and self._reopen_wanted:
            packets = self._drain()
            self._open()
        matrix = _BT709 if data.format.is_rgb else None
        picture = data.reformat(*self._size, self._context.pix_fmt, dst_colorspace=matrix)
        picture.pts, picture.time_base = tick, self._context.time_base
        # A decoded picture brings its own type along, which encoders take for an order.
        kinds = av.video.frame.PictureType
        picture.pict_type = kinds.I if due else kinds.NONE
        if due:
            self._last_key, self._key_wanted, self._fresh = tick, False, False
        return packets + self._run(picture)

    def flush(self) -> list[Packet]:
        packets = self._drain()
        self._context = None
        self._fresh = True
        return packets

    def request_keyframe(self) -> None:
        self._key_wanted = True

    def set_bitrate(self, bitrate: int) -> None:
        """Aim at `bitrate` bit/s, at most `max_bitrate` of the settings."""
        if bitrate <= 0:
            raise EncoderError(f"bitrate {bitrate} bit/s: expected a positive number")
        bitrate = min(bitrate, self._limit or bitrate)
        if bitrate == self._bitrate:
            return
        self._bitrate = bitrate
        if self._live and self._context is not None:
            self._context.bit_rate = bitrate
        else:
            self._reopen_wanted = True

    def close(self) -> None:
        self._closed = True
        self._context = None
        self._ticks.clear()

    # --- opening ------------------------------------------------------------------------------------------

    @property
    def _live(self) -> bool:
        return self._encoding.live_bitrate and self._settings.rate_control == CBR

    def _open(self) -> None:
        import av

        encoding, settings = self._encoding, self._settings
        width, height = self._size
        if not self._bitrate:
            self._bitrate = max(_MIN_BITRATE, round(width * height * float(self._rate) * _BITS_PER_PIXEL))
            self._limit = max(self._limit, self._bitrate)
        opened_at = self._limit if self._live else self._bitrate
        options = dict(encoding.options(attrs.evolve(settings, width=width, height=height), opened_at))
        capped = settings.rate_control == AVBR and encoding.constant_quality
        # The peak does not follow the bitrate: it is written into the stream as its level, and a new level would
        # mean new headers for every receiver.
        peak = self._limit
        if settings.rate_control != CBR and not capped:
            peak = self._limit * 3 // 2
        options.setdefault("maxrate", str(peak))
        options.setdefault("bufsize", str(peak if settings.rate_control == CBR else 2 * peak))
        try:
            context = av.CodecContext.create(encoding.name, "w")
            assert isinstance(context, av.VideoCodecContext)
            context.width, context.height = width, height
            context.pix_fmt = _pixel_format(settings.pixel_format, encoding.pixel_formats)
            context.framerate = self._rate
            context.time_base = 1 / self._rate
            context.gop_size = self._gop
            context.max_b_frames = settings.b_frames
            context.flags |= av.codec.context.Flags.closed_gop
            if not capped:
                context.bit_rate = opened_at
            if self._colour:
                context.color_primaries, context.color_trc, context.colorspace, context.color_range = self._colour
            context.options = options
            with scheduling.kept():
                context.open()
        except (av.error.FFmpegError, ValueError, TypeError) as error:
            raise _open_error(encoding, settings, self._size, error) from error
        if opened_at != self._bitrate:
            context.bit_rate = self._bitrate
        if context.extradata and context.extradata != self._extradata:
            self._extradata = context.extradata
            self._parser = encoding.parser(self._extradata)
        self._context = context
        self._reopen_wanted, self._fresh = False, True

    def _prepare(self, data: av.VideoFrame) -> None:
        """Make sure that an encoder is open for this picture, and that it tells the picture's colours."""
        if self._context is not None and self._ticks.last >= 0:
            return
        if not all(self._size):
            self._size = (self._size[0] or data.width & ~1, self._size[1] or data.height & ~1)
        if self._ticks.last < 0:
            colour = _colour(data)
            if colour != self._colour:
                self._colour, self._context = colour, None
        if self._context is None:
            self._open()

    # --- what comes out -----------------------------------------------------------------------------------

    def _run(self, picture: av.VideoFrame | None) -> list[Packet]:
        import av

        if self._context is None:
            return []
        try:
            return [packet for data in self._context.encode(picture) if (packet := self._packet(data)) is not None]
        except av.error.EOFError:
            return []
        except (av.error.FFmpegError, ValueError) as error:
            raise EncoderError(f"{self._encoding.name} failed: {reason(error)}") from error
        except MediaError as error:
            raise EncoderError(f"{self._encoding.name} made something unreadable: {error}") from error

    def _drain(self) -> list[Packet]:
        return self._run(None)

    def _packet(self, data: av.Packet[Any]) -> Packet | None:
        dts, pts, arrival = self._ticks.times(data.pts, data.dts)
        packet = self._parser.parse(bytes(data), dts, pts, arrival)
        if packet is None:
            return None
        if packet.track is not self._raw_track:
            self._raw_track = packet.track
            self._track = attrs.evolve(
                packet.track, bitrate=self._bitrate, frame_rate=packet.track.frame_rate or float(self._rate)
            )
        assert self._track is not None
        packet.track = self._track
        return packet


def probe_video(
    encoding: VideoEncoding,
    settings: EncoderSettings | None = None,
    opened: Callable[[VideoEncoding, EncoderSettings], Encoder] = AvVideoEncoder,
) -> None:
    """Encode one small grey picture for real. Raises `EncoderError` with the reason."""
    import av

    settings = settings or EncoderSettings(width=640, height=360, frame_rate=30.0, bitrate=1_000_000)
    encoder = opened(encoding, settings)
    try:
        data = av.VideoFrame(settings.width, settings.height, "yuv420p")
        for plane in data.planes:
            plane.update(b"\x80" * plane.buffer_size)
        raw = Track(kind=MediaKind.VIDEO, codec=RAW, width=settings.width, height=settings.height)
        if not encoder.encode(Frame(raw, 0, data)) + encoder.flush():
            raise EncoderError(f"{encoding.name} opens but gives no picture; {_needs(encoding)}")
    finally:
        encoder.close()


def _open_error(
    encoding: VideoEncoding, settings: EncoderSettings, size: tuple[int, int], error: Exception
) -> EncoderError:
    import av

    if isinstance(error, av.codec.codec.UnknownCodecError):
        return EncoderError(f"this build of FFmpeg has no encoder {encoding.name}; {_needs(encoding)}")
    wanted = f"{size[0]}x{size[1]} {settings.pixel_format}, {settings.rate_control}, {settings.bitrate} bit/s"
    return EncoderError(f"{encoding.name} does not open for {wanted}: {reason(error)}; {_needs(encoding)}")


def _colour(data: av.VideoFrame) -> tuple[int, ...]:
    """Primaries, transfer, matrix and range to tell; () where the picture says nothing. RGB is converted to BT.709."""
    if data.format.is_rgb:
        return (_BT709, _BT709, _BT709, _LIMITED)
    points = (int(data.color_primaries), int(data.color_trc), int(data.colorspace))
    if int(data.color_range) != _FULL and all(point in (0, _UNSPECIFIED) for point in points):
        return ()
    return (*points, int(data.color_range))


def _needs(encoding: VideoEncoding) -> str:
    return f"it needs {encoding.needs}" if encoding.needs else "check the encoder's options"


def _pixel_format(wanted: str, offered: tuple[str, ...]) -> str:
    if wanted in offered:
        return wanted
    deep = "10" in wanted
    return next((name for name in offered if ("10" in name) == deep), offered[0])


def _fraction(rate: float) -> Fraction:
    """Frames per second as the fraction that is meant: 29.97 is 30000/1001."""
    meant = round(rate * 1.001)
    if abs(rate * 1.001 - meant) < 0.002 and abs(rate - round(rate)) > 0.005:
        return Fraction(meant * 1000, 1001)
    return Fraction(rate).limit_denominator(1001)
