"""Clips for tests and measurements: real ones from a wheel, and made ones for what those lack.

Made clips are encoded once and kept in `.cache`; tests on several workers share them.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler
from av.container import OutputContainer

from camcast.pyav import scheduling

ROOT = Path(__file__).parent.parent
CLIPS = ROOT / ".cache" / "clips"
RELEASES = f"PyAV {av.__version__} with FFmpeg {av.ffmpeg_version_info}, NumPy {np.__version__}"
"""Of what makes pictures and sound here."""


def made_by(*files: Path) -> str:
    """A name for what these modules and this one make with these releases: who changes any of it gets new clips."""
    return f"{zlib.crc32(b''.join(file.read_bytes() for file in (Path(__file__), *files)) + RELEASES.encode()):08x}"


MADE = ROOT / ".cache" / f"media-{made_by()}"


def clip(name: str) -> Path:
    """A real clip: "bikes.mp4" (B-frames, no sound, 10 s), "bigbuckbunny.mp4" (no B-frames, 5.1 AAC, 5 s, one
    keyframe), "carphone_pristine.mp4" or "carphone_distorted.mp4" (176x144, 29.97 fps, 4 s)."""
    path = CLIPS / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; `make {CLIPS.relative_to(ROOT)}/bikes.mp4` fetches the clips")
    return path


def made(name: str) -> Path:
    """A made clip, by its name in `RECIPES`."""
    suffix, recipe = RECIPES[name]
    path = MADE / f"{name}{suffix}"
    MADE.mkdir(parents=True, exist_ok=True)
    with _alone(MADE / f"{name}.lock"):
        if not path.exists():
            partial = path.with_name(f"partial-{path.name}")
            recipe(partial)
            os.replace(partial, path)
    return path


def encode(
    path: Path,
    *,
    video: str = "libx264",
    size: tuple[int, int] = (320, 240),
    fps: int = 25,
    seconds: float = 4.0,
    bitrate: int = 400_000,
    gop: float = 1.0,
    b_frames: int = 0,
    video_options: dict[str, str] | None = None,
    pixel_format: str = "yuv420p",
    audio: str | None = "aac",
    rate: int = 48_000,
    layout: str = "stereo",
    noise: int = 12,
) -> None:
    """Encode a moving picture with some noise (so that it compresses like a camera's), and a tone."""
    with scheduling.kept(), av.open(str(path), "w") as out:
        picture = _video(out, video, size, fps, bitrate, gop, b_frames, video_options, pixel_format) if video else None
        sound = out.add_stream(audio, rate=rate, layout=layout) if audio else None
        assert sound is None or isinstance(sound, av.AudioStream)
        out.start_encoding()
        tone = _tone(sound.codec_context, rate, layout, seconds) if sound else iter(())
        spoken = 0.0
        for number in range(round(seconds * fps) if picture else 0):
            frame = av.VideoFrame.from_ndarray(_picture(number, *size, noise), format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            assert picture is not None
            out.mux(picture.encode(frame.reformat(format=pixel_format)))
            while sound and spoken <= number / fps and (block := next(tone, None)) is not None:
                spoken = block.time or 0.0
                out.mux(sound.encode(block))
        if sound:
            for block in tone:
                out.mux(sound.encode(block))
        if picture:
            out.mux(picture.encode(None))
        if sound:
            out.mux(sound.encode(None))


def _video(
    out: OutputContainer,
    codec: str,
    size: tuple[int, int],
    fps: int,
    bitrate: int,
    gop: float,
    b_frames: int,
    options: dict[str, str] | None,
    pixel_format: str,
) -> av.VideoStream:
    stream = out.add_stream(codec, rate=fps)
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height = size
    stream.pix_fmt = pixel_format
    stream.bit_rate = bitrate
    stream.gop_size = max(1, round(gop * fps))
    stream.max_b_frames = b_frames
    stream.time_base = Fraction(1, fps)
    stream.options = dict({"preset": "veryfast"} if options is None else options)
    return stream


def _picture(number: int, width: int, height: int, noise: int) -> npt.NDArray[np.uint8]:
    x = np.arange(width, dtype=np.uint16)[None, :]
    y = np.arange(height, dtype=np.uint16)[:, None]
    luma = ((x + 3 * number) // 2 + y // 2) % 220 + 16
    if noise:
        luma = luma + np.random.default_rng(number).integers(0, noise, size=luma.shape, dtype=np.uint16)
    left = (number * 5) % max(1, width - 32)
    luma[height // 3 : height // 3 + 32, left : left + 32] = 235
    chroma = np.full((height // 2, width), 128 + (number * 2) % 40, dtype=np.uint8)
    return np.concatenate([luma.astype(np.uint8), chroma])


def _tone(context: av.AudioCodecContext, rate: int, layout: str, seconds: float) -> Iterator[av.AudioFrame]:
    """Blocks of a 440 Hz tone in the encoder's own sample format and block size."""
    block = context.frame_size or rate // 50
    resampler = AudioResampler(format=context.format.name, layout=layout, rate=rate, frame_size=block)
    channels = context.channels
    for start in range(0, round(seconds * rate), block):
        time = (start + np.arange(block)) / rate
        wave = (np.sin(2 * np.pi * 440 * time) * 8000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(wave, channels)[None, :], format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        yield from resampler.resample(frame)


def _low_delay(**options: str) -> dict[str, str]:
    return {"preset": "veryfast", "tune": "zerolatency", **options}


Recipe = Callable[[Path], None]

RECIPES: dict[str, tuple[str, Recipe]] = {
    "h264_aac": (".mp4", lambda path: encode(path, video_options=_low_delay())),
    "h264_b_aac": (".mp4", lambda path: encode(path, b_frames=2)),
    "aac_only": (".mp4", lambda path: encode(path, video="")),
    "h264_only": (".mp4", lambda path: encode(path, video_options=_low_delay(), audio=None)),
    "h264_aac_ts": (".ts", lambda path: encode(path, b_frames=2)),
    "h264_aac_mono_16k": (".mp4", lambda path: encode(path, b_frames=2, rate=16_000, layout="mono")),
    # What a good IP camera sends; for measurements. 10 s.
    "camera_1080p": (
        ".mp4",
        lambda path: encode(
            path,
            size=(1920, 1080),
            fps=30,
            seconds=10,
            bitrate=4_000_000,
            gop=2,
            noise=6,
            video_options=_low_delay(preset="ultrafast", nal_hrd="cbr", maxrate="4M", bufsize="4M"),
        ),
    ),
    "hevc_aac": (
        ".mp4",
        lambda path: encode(path, video="libx265", video_options={"preset": "ultrafast", "x265-params": "log-level=1"}),
    ),
    "hevc_b_aac": (
        ".mp4",
        lambda path: encode(
            path,
            video="libx265",
            b_frames=2,
            video_options={"preset": "ultrafast", "x265-params": "log-level=1:bframes=2:b-adapt=0"},
        ),
    ),
    "hevc10_aac": (
        ".mp4",
        lambda path: encode(
            path,
            video="libx265",
            pixel_format="yuv420p10le",
            video_options={"preset": "ultrafast", "x265-params": "log-level=1"},
        ),
    ),
    "av1_aac": (".mp4", lambda path: encode(path, video="libsvtav1", video_options={"preset": "12"})),
    "av1_opus": (
        ".mkv",
        lambda path: encode(path, video="libsvtav1", audio="libopus", video_options={"preset": "12"}),
    ),
    "vp9_opus": (
        ".mkv",
        lambda path: encode(
            path,
            video="libvpx-vp9",
            audio="libopus",
            seconds=2,
            video_options={"deadline": "realtime", "cpu-used": "8"},
        ),
    ),
    "h264_opus": (".mkv", lambda path: encode(path, audio="libopus", video_options=_low_delay())),
    "h264_pcma": (".flv", lambda path: encode(path, audio="pcm_alaw", rate=8000, layout="mono")),
    "h264_mp3": (".mkv", lambda path: encode(path, audio="libmp3lame", rate=44_100)),
}


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
