"""The demo's films: four from a folder, or four made on the spot."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from camcast.errors import CamcastError

PREFERRED = ("bigbuckbunny.mp4", "carphone_pristine.mp4", "bikes.mp4", "carphone_distorted.mp4")
SUFFIXES = (".mp4", ".mkv", ".flv", ".ts", ".mov")
SIZES = ((640, 360), (320, 180), (640, 480), (320, 240))


def demo_clips(folder: Path | None, made: Path) -> list[Path]:
    """Four films: from `folder`, else made in `made`. Raises `CamcastError` where the folder holds none."""
    if folder is None:
        return [_make(made / f"film{number}.mp4", *size, number) for number, size in enumerate(SIZES)]
    if all((folder / name).is_file() for name in PREFERRED):
        return [folder / name for name in PREFERRED]
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise CamcastError(f"no film in {folder}; expected files ending in {', '.join(SUFFIXES)}")
    return [found[number % len(found)] for number in range(4)]


def _make(path: Path, width: int, height: int, seed: int, *, seconds: int = 4, fps: int = 25) -> Path:
    """A drifting pattern, in whatever format this container has as its default."""
    import av
    import numpy as np

    x, y = np.meshgrid(np.arange(width), np.arange(height))
    with av.open(str(path), "w") as container:
        stream = container.add_stream(container.default_video_codec, rate=fps)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = width, height, "yuv420p", fps
        for number in range(seconds * fps):
            wave = np.sin(x / 40 + number / 8 + seed) + np.cos(y / 30 - number / 11)
            picture = np.stack([100 + 60 * wave, 120 + 40 * np.roll(wave, seed * 7, 1), 130 - 50 * wave], axis=2)
            frame = av.VideoFrame.from_ndarray(picture.astype(np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
