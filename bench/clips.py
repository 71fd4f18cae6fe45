"""Clips that are sent: like a good camera's at several bitrates, and one with B-frames and rare keyframes.

Each is 10 s long. For programs that cannot loop there is a long form, the same packets over and over in one file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import imageio_ffmpeg
from tests.media import MADE, RECIPES, encode, made

from camcast.host import PluginHost
from camcast.media import Packet, Track
from camcast_file.shared import Clip, load

FPS = 30
LONG_SECONDS = 90
MAIN = "camera_1080p"
"""4 Mbit/s, 1080p30, a keyframe each 2 s, AAC."""


def _camera(path: Path, *, megabits: int) -> None:
    rate = f"{megabits}M"
    encode(
        path,
        size=(1920, 1080) if megabits > 1 else (960, 540),
        fps=FPS,
        seconds=10,
        bitrate=megabits * 1_000_000,
        gop=2,
        noise=6,
        video_options={
            "preset": "ultrafast",
            "tune": "zerolatency",
            "nal_hrd": "cbr",
            "maxrate": rate,
            "bufsize": rate,
        },
    )


def _b_frames(path: Path) -> None:
    encode(
        path,
        size=(1920, 1080),
        fps=FPS,
        seconds=10,
        bitrate=4_000_000,
        gop=10,
        noise=6,
        b_frames=2,
        video_options={
            "preset": "ultrafast",
            "bf": "2",
            "b-adapt": "0",
            "sc_threshold": "0",
            "maxrate": "4M",
            "bufsize": "8M",
        },
    )


RECIPES["camera_1m"] = (".mp4", partial(_camera, megabits=1))
RECIPES["camera_20m"] = (".mp4", partial(_camera, megabits=20))
RECIPES["camera_b_long_gop"] = (".mp4", _b_frames)

TITLES = {
    MAIN: "4 Mbit/s",
    "camera_1m": "1 Mbit/s",
    "camera_20m": "20 Mbit/s",
    "camera_b_long_gop": "4 Mbit/s, B-frames, 10 s GOP",
}


def loaded(name: str) -> tuple[tuple[Track, ...], tuple[Packet, ...], int]:
    """Tracks, packets of one pass in decode order, and the length of a pass in ns."""
    clip: Clip = load(made(name), PluginHost().codec)
    return clip.tracks, clip.packets, clip.start(1)


def long(name: str) -> Path:
    """The clip as one file of `LONG_SECONDS`, its packets repeated."""
    path = MADE / f"{name}-{LONG_SECONDS}s.mp4"
    source = made(name)
    with _alone(path.with_suffix(".lock")):
        if not path.exists():
            partial_path = path.with_name(f"partial-{path.name}")
            _repeat(source, partial_path)
            os.replace(partial_path, path)
    return path


def _repeat(source: Path, path: Path) -> None:
    program = imageio_ffmpeg.get_ffmpeg_exe()
    loops = ("-stream_loop", str(LONG_SECONDS // 10 - 1), "-i", str(source))
    subprocess.run([program, "-nostdin", "-loglevel", "error", "-y", *loops, "-c", "copy", str(path)], check=True)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
