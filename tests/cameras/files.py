"""Files as people have them, made by FFmpeg's program when they are needed: numbered pictures, a tone from 1 s on."""

from __future__ import annotations

import subprocess
import wave
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from tests.cameras import clips

FRAMES = 75
FPS = 25
TONE = 1.0
"""Seconds of silence before the tone."""
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25")
X264_B = ("-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-bf", "2", "-x264-params", "scenecut=0:b-adapt=0")
X265_B = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=3:keyint=25:b-adapt=0")
AAC = ("-c:a", "aac", "-b:a", "64k")
FRAGMENTED = ("-movflags", "frag_keyframe+empty_moov+default_base_moof")


def run(*arguments: str | Path, pictures: bytes = b"") -> None:
    """FFmpeg's program with these arguments."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, input=pictures, check=False, timeout=60, capture_output=True)
    assert not done.returncode, done.stderr.decode(errors="replace")[-1000:]


@cache
def raw(frames: int = FRAMES, size: tuple[int, int] = clips.SIZE) -> bytes:
    return b"".join(clips.picture(number, size).tobytes() for number in range(frames))


def tone(path: Path, seconds: float, rate: int = 48_000) -> Path:
    """A WAV: silence, then 440 Hz."""
    time = np.arange(round(seconds * rate)) / rate
    samples = np.where(time >= TONE, np.sin(2 * np.pi * 440 * time) * 8000, 0).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.tobytes())
    return path


def make(
    path: Path, *arguments: str, frames: int = FRAMES, sound: bool = True, size: tuple[int, int] = clips.SIZE
) -> Path:
    """A file from the pictures, and the tone where there is `sound`, made with these arguments."""
    head: Sequence[str | Path] = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{size[0]}x{size[1]}")
    head = (*head, "-r", str(FPS), "-i", "-")
    if sound:
        head = (*head, "-i", tone(path.with_suffix(".tone.wav"), frames / FPS), "-map", "0:v", "-map", "1:a")
    run(*head, *arguments, path, pictures=raw(frames, size))
    return path
