"""A short stream of any codec: from an installed encoder of ours, or else from FFmpeg's by the codec's names."""

from __future__ import annotations

import contextlib
from functools import cache
from typing import TYPE_CHECKING, Any

import attrs

from camcast.bitstream.audio_format import format_audio
from camcast.contracts import CodecParser
from camcast.errors import CamcastError
from camcast.host import PluginHost
from camcast.kinds import CodecKind
from camcast.media import NS_PER_S, MediaKind, Packet
from camcast.testing.conformance.media import encode, software_encoders, sound
from camcast.testing.conformance.rule import RuleBroken

if TYPE_CHECKING:
    import av

_FORMATS = ((48_000, 2), (8_000, 1), (16_000, 1))


@attrs.frozen
class Sample:
    """What a source hands to a parser: the configuration it has been told, and (data, dts, pts) in ns."""

    config: bytes = attrs.field(repr=False)
    units: tuple[tuple[bytes, int, int], ...] = attrs.field(repr=False)

    def parse(self, parser: CodecParser) -> list[Packet]:
        found = (parser.parse(data, dts, pts, number + 1) for number, (data, dts, pts) in enumerate(self.units))
        return [packet for packet in found if packet is not None]


def sample_of(host: PluginHost, kind: CodecKind) -> Sample:
    """A second of it; raises `RuleBroken` where nothing here makes it."""
    for encoder in software_encoders(host, kind):
        with contextlib.suppress(CamcastError):
            packets = encode(kind, encoder, 1.0)
            units = tuple((packet.payload, packet.dts, packet.pts) for packet in packets)
            return Sample(packets[0].track.config, units)
    for name in (kind.name, *kind.aliases) if kind.media is MediaKind.AUDIO else ():
        for rate, channels in _FORMATS:
            found = _by_ffmpeg(name.lower(), rate, channels)
            if found is not None:
                return found
    raise RuleBroken(f"nothing here makes {kind.name}: give the kit a `sample` of it")


@cache
def _by_ffmpeg(name: str, rate: int, channels: int) -> Sample | None:
    import av
    from av.audio.resampler import AudioResampler

    try:
        context = av.CodecContext.create(name, "w")
        if not isinstance(context, av.AudioCodecContext):
            return None
        context.sample_rate, context.layout = rate, "mono" if channels == 1 else "stereo"
        formats = context.codec.audio_formats
        if formats:
            context.format = formats[0]
        with contextlib.suppress(ValueError):
            context.options = {"strict": "experimental"}
        context.open()
    except (av.error.FFmpegError, ValueError):
        return None
    resampler = AudioResampler(
        format=context.format, layout=context.layout, rate=rate, frame_size=context.frame_size or None
    )
    raw: list[av.Packet[Any]] = []
    samples = 0
    for frame in sound(1.0, rate, channels):
        data = frame.data
        data.pts = None
        for block in resampler.resample(data):  # type: ignore[arg-type]
            block.pts, samples = samples, samples + block.samples
            raw += context.encode(block)
    raw += context.encode(None)
    times = [round((packet.pts or 0) * NS_PER_S / rate) for packet in raw]
    units = tuple((bytes(packet), at, at) for packet, at in zip(raw, times, strict=True) if packet.size)
    return Sample(bytes(context.extradata or b"") or format_audio(rate, channels), units)
