"""Short clips in memory, as a camera's encoder makes them: each picture carries its number, the tone is steady.

Pictures are 160x96 at 25 a second unless told otherwise, which costs a few milliseconds a clip.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from io import BytesIO

import attrs
import av
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from camcast.bitstream.audio_format import format_audio
from camcast.pyav import scheduling
from camcast.testing import strip
from tests.cameras import kept

FPS = 25
STEP = 1000 // FPS
"""ms between pictures."""
SIZE = (160, 96)

os.environ.setdefault("SVT_LOG", "1")
_X265_QUIET = "log-level=none:pools=none:frame-threads=1"
PQ = "hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400:master-display="
PQ += "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
HLG = "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"


@attrs.frozen
class Unit:
    """One access unit. Times are ms from the clip's beginning; `pts` of a first picture in display order is 0."""

    data: bytes = attrs.field(repr=False)
    dts: int
    pts: int
    keyframe: bool


@attrs.frozen
class Clip:
    """One track's units in decode order: Annex B, temporal units, bare frames."""

    codec: str
    """camcast's name of it."""
    units: tuple[Unit, ...] = attrs.field(repr=False)
    config: bytes = attrs.field(default=b"", repr=False)
    rate: int = 0
    channels: int = 0
    samples: int = 0
    """In one unit of sound."""

    @property
    def told(self) -> bytes:
        """What a codec's parser is told in advance."""
        return self.config or (format_audio(self.rate, self.channels) if self.rate else b"")


def video(
    codec: str,
    *,
    frames: int = 24,
    first: int = 0,
    size: tuple[int, int] = SIZE,
    gop: int = 12,
    b_frames: int = 0,
    colour: str = "",
    pixel_format: str = "",
    fps: int = FPS,
    bitrate: int = 500_000,
    options: Mapping[str, str] | None = None,
) -> Clip:
    """`colour`: "" for ordinary colours, "pq" or "hlg". `first`: the first picture's number."""
    asked = (codec, frames, first, size, gop, b_frames, colour, pixel_format, fps, bitrate)
    return _kept(_video, *asked, tuple(sorted((options or {}).items())))


@cache
def _kept(make: Callable[..., Clip], *asked: object) -> Clip:
    with scheduling.kept():
        return kept.value((make.__name__, *asked), lambda: make(*asked))


def _video(
    codec: str,
    frames: int,
    first: int,
    size: tuple[int, int],
    gop: int,
    b_frames: int,
    colour: str,
    pixel_format: str,
    fps: int,
    bitrate: int,
    options: tuple[tuple[str, str], ...],
) -> Clip:
    if codec == "vp9" and colour:
        return _vp9_hdr(frames, first, size, gop, colour, fps)
    name, settings = _encoder(codec, colour, b_frames, gop)
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height = size
    context.pix_fmt = pixel_format or ("yuv420p10le" if colour else _FORMATS.get(codec, "yuv420p"))
    context.time_base, context.framerate = Fraction(1, fps), Fraction(fps)
    context.gop_size, context.max_b_frames = gop, b_frames
    if codec != "av1":
        context.bit_rate = bitrate
    context.thread_count = 1
    if colour:
        context.color_primaries, context.colorspace = 9, 9
        context.color_trc = 16 if colour == "pq" else 18
    context.options = {**settings, **dict(options)}
    packets = []
    for number in range(frames):
        frame = av.VideoFrame.from_ndarray(picture(first + number, size), format="yuv420p")
        frame = frame.reformat(format=context.pix_fmt)
        frame.pts, frame.time_base = number, Fraction(1, fps)
        packets += context.encode(frame)
    packets += context.encode(None)
    # SVT-AV1 and libvpx tell no decode time where it is the display time.
    shown = [packet.pts for packet in packets if packet.pts is not None]
    first_shown = min(shown)
    units = []
    for packet in packets:
        assert packet.pts is not None
        dts = packet.pts if packet.dts is None else packet.dts
        units.append(
            Unit(
                bytes(packet),
                (dts - first_shown) * 1000 // fps,
                (packet.pts - first_shown) * 1000 // fps,
                bool(packet.is_keyframe),
            )
        )
    return Clip(codec, tuple(units), bytes(context.extradata or b""))


_FORMATS = {"mjpeg": "yuvj420p"}


def _encoder(codec: str, colour: str, b_frames: int, gop: int) -> tuple[str, dict[str, str]]:
    x265 = [_X265_QUIET, f"bframes={b_frames}:b-adapt=0:keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0"]
    if colour:
        x265.append(PQ if colour == "pq" else HLG)
    match codec:
        case "h264":
            x264 = f"scenecut=0:keyint={gop}:min-keyint={gop}:bframes={b_frames}:b-adapt=0:open-gop=0:sliced-threads=0"
            tune = {} if b_frames else {"tune": "zerolatency"}
            return "libx264", {"preset": "ultrafast", **tune, "x264-params": x264, "forced-idr": "1"}
        case "h265":
            return "libx265", {"preset": "ultrafast", "x265-params": ":".join(x265)}
        case "av1":
            return "libsvtav1", {"preset": "10", "crf": "35", "svtav1-params": "lp=1:pred-struct=1:scd=0"}
        case "vp9":
            return "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
        case "vp8":
            return "libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
        case _:
            return codec, {}


def ffmpeg(pictures: bytes, size: tuple[int, int], fps: int, arguments: Sequence[str], form: str) -> bytes:
    """What FFmpeg's program makes of yuv420p pictures, for what PyAV's build cannot encode."""
    head = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{size[0]}x{size[1]}", "-r", str(fps), "-i", "-"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *head, *arguments, "-f", form, "-"]
    return subprocess.run(command, input=pictures, capture_output=True, check=True, timeout=60).stdout


def _vp9_hdr(frames: int, first: int, size: tuple[int, int], gop: int, colour: str, fps: int) -> Clip:
    raw = b"".join(picture(first + number, size).tobytes() for number in range(frames))
    transfer = "smpte2084" if colour == "pq" else "arib-std-b67"
    options = ["-pix_fmt", "yuv420p10le", "-c:v", "libvpx-vp9", "-profile:v", "2", "-deadline", "realtime"]
    options += ["-cpu-used", "8", "-lag-in-frames", "0", "-g", str(gop), "-b:v", "500k", "-color_trc", transfer]
    options += ["-color_primaries", "bt2020", "-colorspace", "bt2020nc"]
    with av.open(BytesIO(ffmpeg(raw, size, fps, options, "ivf")), "r") as container:
        packets = [(bytes(packet), bool(packet.is_keyframe)) for packet in container.demux() if packet.size]
    units = (Unit(data, n * 1000 // fps, n * 1000 // fps, key) for n, (data, key) in enumerate(packets))
    return Clip("vp9", tuple(units))


def picture(number: int, size: tuple[int, int] = SIZE) -> npt.NDArray[np.uint8]:
    """yuv420p: a gradient that moves, and the number."""
    width, height = size
    luma = np.empty((height, width), np.uint8)
    luma[:] = (np.arange(width)[None, :] + 2 * number + np.arange(height)[:, None]) % 160 + 48
    strip.write(luma, number, 0)
    chroma = np.full((height // 2, width), 128, np.uint8)
    return np.concatenate([luma, chroma])


_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def sound(
    codec: str, *, seconds: float = 1.0, rate: int = 48_000, channels: int = 2, start: float = 0.0, config: bool = True
) -> Clip:
    """A tone of 440 Hz from `start` (s) on, silence before. `codec`: FFmpeg's name of the encoder."""
    return _kept(_sound, codec, seconds, rate, channels, start, config)


def _sound(codec: str, seconds: float, rate: int, channels: int, start: float, config: bool) -> Clip:
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout = rate, _LAYOUTS[channels]
    formats = context.codec.audio_formats
    assert formats
    context.format = formats[0]
    context.time_base = Fraction(1, rate)
    if codec not in ("pcm_alaw", "pcm_mulaw", "pcm_s16be"):
        context.bit_rate = 64_000 * channels
    context.open()
    block = context.frame_size or rate // 50
    resampler = av.AudioResampler(format=context.format.name, layout=context.layout.name, rate=rate, frame_size=block)
    packets = []
    for begin in range(0, round(seconds * rate), block):
        time = (begin + np.arange(block)) / rate
        wave = np.where(time >= start, np.sin(2 * np.pi * 440 * time) * 8000, 0).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(wave, channels)[None, :], format="s16", layout=context.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
        for piece in resampler.resample(frame):
            packets += context.encode(piece)
    packets += context.encode(None)
    units = []
    for number, packet in enumerate(packets):
        time_ms = number * block * 1000 // rate
        units.append(Unit(bytes(packet), time_ms, time_ms, True))
    return Clip(codec, tuple(units), bytes(context.extradata or b"") if config else b"", rate, channels, block)
