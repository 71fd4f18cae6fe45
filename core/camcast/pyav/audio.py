"""An audio encoder of FFmpeg's as `contracts.Encoder`.

Rules: packets are timed by counting samples from an anchor, so rounding never adds up. The anchor follows the
frames' own timestamps by at most 0.2 % of the time that passes: a camera's sound clock that drifts stays in step
with its picture for hours, and jitter does no harm. A step of more than 100 ms moves the anchor at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import attrs

from camcast.contracts import CodecParser, EncoderSettings
from camcast.errors import EncoderError, MediaError
from camcast.media import NS_PER_MS, NS_PER_S, Frame, Packet, Track
from camcast.pyav.decoder import layout_name, reason

if TYPE_CHECKING:
    import av

_STEP = 100 * NS_PER_MS
_SLEW = 500
"""The anchor moves by at most 1/500 of a frame's duration."""


@attrs.frozen(kw_only=True)
class AudioEncoding:
    """How to drive one of FFmpeg's encoders."""

    name: str
    parser: Callable[[bytes], CodecParser]
    """Is given the encoder's extradata."""
    options: Callable[[EncoderSettings], Mapping[str, str]] = lambda settings: {}
    sample_rates: tuple[int, ...] = ()
    """What it takes; empty = any. The nearest above the settings' is used."""
    default_bitrate: Callable[[int, int], int] = lambda rate, channels: 64_000 * channels
    max_channels: int = 2
    needs: str = ""


class AvAudioEncoder:
    """One opened encoder, with the resampling it needs. Raises `EncoderError`."""

    def __init__(self, encoding: AudioEncoding, settings: EncoderSettings) -> None:
        self._encoding = encoding
        self._settings = settings
        self._bitrate = settings.bitrate
        self._context: av.AudioCodecContext | None = None
        self._resampler: Any = None
        self._parser: CodecParser | None = None
        self._extradata = b""
        self._closed = False
        self._anchor: int | None = None
        self._expected = 0
        self._samples = 0
        self._rate = settings.sample_rate
        self._arrival = 0
        self._raw_track: Track | None = None
        self._track: Track | None = None
        if settings.sample_rate and settings.channels:
            self._open(settings.sample_rate, settings.channels)

    def encode(self, frame: Frame) -> list[Packet]:
        import av

        data = frame.data
        if self._closed:
            raise EncoderError(f"{self._encoding.name} is closed")
        if not isinstance(data, av.AudioFrame):
            raise EncoderError(f"{self._encoding.name} encodes sound, not {type(data).__name__}")
        if self._context is None:
            self._open(
                self._settings.sample_rate or data.sample_rate, self._settings.channels or data.layout.nb_channels
            )
        self._follow(frame.pts, data.samples * NS_PER_S // max(data.sample_rate, 1))
        self._arrival = frame.arrival
        # The resampler counts for itself; what it is told must be gapless.
        data.pts = None
        return self._run(data)

    def flush(self) -> list[Packet]:
        packets = self._run(None)
        self._context = None
        self._anchor = None
        return packets

    def request_keyframe(self) -> None:
        """Every audio packet is one."""

    def set_bitrate(self, bitrate: int) -> None:
        """Takes effect where the library allows it while running; harmless elsewhere."""
        self._bitrate = bitrate
        if self._context is not None:
            self._context.bit_rate = bitrate

    def close(self) -> None:
        self._closed = True
        self._context = None

    def _open(self, rate: int, channels: int) -> None:
        import av
        from av.audio.resampler import AudioResampler

        encoding = self._encoding
        channels = min(channels, encoding.max_channels)
        if encoding.sample_rates and rate not in encoding.sample_rates:
            rate = min((r for r in encoding.sample_rates if r >= rate), default=max(encoding.sample_rates))
        try:
            context = av.CodecContext.create(encoding.name, "w")
            assert isinstance(context, av.AudioCodecContext)
            context.sample_rate = rate
            context.layout = layout_name(channels)
            formats = context.codec.audio_formats
            if formats:
                context.format = formats[0]
            context.time_base = Fraction(1, rate)
            context.bit_rate = self._bitrate or encoding.default_bitrate(rate, channels)
            context.options = dict(encoding.options(self._settings))
            context.open()
            self._resampler = AudioResampler(
                format=context.format, layout=context.layout, rate=rate, frame_size=context.frame_size or None
            )
        except (av.error.FFmpegError, ValueError, TypeError) as error:
            needs = f"; it needs {encoding.needs}" if encoding.needs else ""
            text = f"{encoding.name} does not open for {rate} Hz, {channels} channels: {reason(error)}{needs}"
            raise EncoderError(text) from error
        self._context, self._rate, self._samples = context, rate, 0
        extradata = context.extradata or b""
        if self._parser is None or extradata != self._extradata:
            self._extradata = extradata
            self._parser = encoding.parser(extradata)

    def _follow(self, pts: int, duration: int) -> None:
        """Move the anchor towards what this frame says; `_expected` is where it would begin without drift."""
        if self._anchor is None:
            self._anchor = self._expected = pts
        error = pts - self._expected
        slew = duration // _SLEW
        shift = error if abs(error) > _STEP else max(-slew, min(error, slew))
        self._anchor += shift
        self._expected += shift + duration

    def _run(self, data: av.AudioFrame | None) -> list[Packet]:
        import av

        context = self._context
        if context is None:
            return []
        packets: list[Packet] = []
        try:
            for block in self._resampler.resample(data):
                block.pts, block.time_base = self._samples, context.time_base
                self._samples += block.samples
                packets += map(self._packet, self._heard(context.encode(block)))
            if data is None:
                packets += map(self._packet, self._heard(context.encode(None)))
        except av.error.EOFError:
            return packets
        except (av.error.FFmpegError, ValueError) as error:
            raise EncoderError(f"{self._encoding.name} failed: {reason(error)}") from error
        except MediaError as error:
            raise EncoderError(f"{self._encoding.name} made something unreadable: {error}") from error
        return packets

    def _heard(self, packets: Sequence[av.Packet[Any]]) -> Iterator[av.Packet[Any]]:
        """Without what an encoder puts before the first sample to warm up the decoder ("priming").

        It would lie before the stream's first time, where a live stream has no place: two packets would share one.
        """
        assert self._context is not None
        size = self._context.frame_size or 1
        return (packet for packet in packets if (packet.pts or 0) + size > 0)

    def _packet(self, data: av.Packet[Any]) -> Packet:
        assert self._anchor is not None
        assert self._parser is not None
        pts = self._anchor + (data.pts or 0) * NS_PER_S // self._rate
        packet = self._parser.parse(bytes(data), pts, pts, self._arrival)
        if packet is None:
            raise EncoderError(f"{self._encoding.name} made a packet of an unknown format")
        if packet.track is not self._raw_track:
            self._raw_track = packet.track
            self._track = attrs.evolve(packet.track, bitrate=self._bitrate or packet.track.bitrate)
        assert self._track is not None
        packet.track = self._track
        return packet
