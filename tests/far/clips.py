"""Clips of three bitrates, each picture different, a keyframe a second: what came is known by its picture's number."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from tests.compare import Media, fingerprint
from tests.media import ROOT, encode, made_by

FPS = 25
GOP = 1.0
"""Seconds from keyframe to keyframe."""
LONGEST = 24
"""Seconds of the clips that tests use; none takes longer."""


@attrs.frozen
class Grade:
    """A stream's size. `bitrate`: bit/s, of picture, sound and what RTMP adds."""

    bitrate: float
    size: tuple[int, int]
    video: int


GRADES = {
    "small": Grade(0.3e6, (320, 240), 160_000),
    "medium": Grade(2.5e6, (1280, 720), 2_300_000),
    "large": Grade(20e6, (1920, 1080), 19_700_000),
}


def clip(name: str, seconds: int) -> Path:
    """The grade's clip; made once and kept."""
    grade = GRADES[name]
    folder = ROOT / ".cache" / f"far-{made_by(Path(__file__))}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{seconds}.mp4"
    with (folder / f"{path.stem}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            partial = path.with_name(f"partial-{path.name}")
            rate = str(grade.video)
            options = {"preset": "ultrafast", "tune": "zerolatency", "nal_hrd": "cbr", "maxrate": rate, "bufsize": rate}
            encode(
                partial,
                size=grade.size,
                fps=FPS,
                seconds=seconds,
                bitrate=grade.video,
                gop=GOP,
                video_options={**options, "keyint_min": str(round(GOP * FPS)), "sc_threshold": "0"},
                noise=40 if name == "large" else 12,
            )
            os.replace(partial, path)
    return path


def numbers(path: Path) -> Mapping[bytes, int]:
    """Which picture of the clip it is, by its fingerprint."""
    found = {fingerprint(unit): number for number, unit in enumerate(Media.read(path).video)}
    assert max(found.values()) == len(found) - 1, "two pictures of the clip are the same"
    return found
