"""The fallback to H.264 over time: an H.265 camera to three outputs that take only H.264.

The camera flashes and beeps together once a second. What arrives is decoded: how far apart are flash and beep, at worst
and at the end against the beginning? How many transcoders ran for the three outputs, and was there none after the last?
With Opus as the camera's sound, that is transcoded as well.

    python -m bench.fallback [--minutes 10] [--sound opus]
"""

from __future__ import annotations

import argparse
import asyncio
import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import av
import numpy as np
import numpy.typing as npt
from tests.media import RECIPES, made

from camcast import CameraConfig, Config, Engine, SessionConfig, SourceConfig, StreamConfig
from camcast.config import TargetConfig
from camcast.media import TagType
from camcast.stream.renditions import LINGER
from camcast.testing.recording import Recording
from camcast_rtmp.receiver import Receiver

OUTPUTS = 3
SECONDS, RATE, SAMPLES = 10, 25, 48_000
SIZE = (320, 240)
LONG = 0.2
"""Seconds that flash and beep last."""
LEVEL = 0.5
SETTLED = 2500
"""ms after which a recording is looked at: its beginning is squeezed."""
MAX_OFFSET = 40.0
"""ms that sound and picture may be apart."""


@attrs.frozen
class Result:
    """What one run showed. Offsets are ms, beep after flash."""

    pairs: int
    """Flashes with their beeps."""
    worst: float
    """The largest distance of the two."""
    drift: float
    """The last ten offsets against the first ten."""
    transcoders: tuple[int, ...]
    """Running with three outputs, two, one, none."""
    expected: int
    """How many transcoders all outputs together need."""
    dropped: int
    """Frames that anything dropped on the way."""

    @property
    def good(self) -> bool:
        return (
            self.pairs > 0
            and self.worst < MAX_OFFSET
            and self.transcoders == (self.expected,) * OUTPUTS + (0,)
            and not self.dropped
        )


def run(minutes: float = 10, sound: str = "aac") -> Result:
    """Run for so long. Needs an event loop of its own."""
    return asyncio.run(measure(minutes * 60, sound))


async def measure(seconds: float, sound: str = "aac") -> Result:
    """The same inside a running loop. `sound`: what the camera sends, "aac" or "opus"."""
    async with Receiver() as receiver:
        sessions = tuple(
            SessionConfig(
                camera_id=0,
                output=f"out{number}",
                targets=[TargetConfig(url=receiver.url("live", f"out{number}"), server="h264-aac")],
            )
            for number in range(OUTPUTS)
        )
        source = SourceConfig(type="file", url=str(made(f"flash_hevc_{sound}")), options={"loop": True})
        stream = StreamConfig(source=source, sessions=sessions)
        async with Engine(Config(cameras=(CameraConfig(camera_id=0, streams=(stream,)),))) as engine:
            for session in sessions:
                await receiver.recording(session.output, timeout=20)
            await asyncio.sleep(seconds)
            transcoders = []
            for session in sessions:
                transcoders.append(engine.stats().streams[0].transcoders)
                await engine.remove_output(session.key)
            await _until(lambda: not engine.stats().streams[0].transcoders, LINGER + 5)
            transcoders.append(engine.stats().streams[0].transcoders)
            dropped = sum(engine.stats().streams[0].dropped.values())
        recordings = [receiver.of(session.output)[0] for session in sessions]
        await asyncio.to_thread(_same, recordings)
        flashes, beeps = await asyncio.to_thread(_onsets, recordings[0].flv())
    offsets = [min((beep - flash for beep in beeps), key=abs) for flash in flashes if flash < beeps[-1] - 500]
    return Result(
        pairs=len(offsets),
        worst=max(map(abs, offsets), default=float("inf")),
        drift=float(np.median(offsets[-10:]) - np.median(offsets[:10])) if offsets else float("inf"),
        transcoders=tuple(transcoders),
        expected=1 if sound == "aac" else 2,
        dropped=dropped,
    )


async def _until(condition: Callable[[], object], timeout: float) -> None:
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110  figures raise no event
            await asyncio.sleep(0.05)


def _same(recordings: list[Recording]) -> None:
    """What one transcoder made is the same in all outputs. Raises `RuntimeError`."""
    bodies = [[tag.body for tag in one.tags if tag.type is TagType.VIDEO] for one in recordings]
    everything = set(bodies[0])
    for other in bodies[1:]:
        strange = [body for body in other[len(other) // 2 : -RATE] if body not in everything]
        if strange:
            raise RuntimeError(f"{len(strange)} of {len(other)} pictures are in one output and not in another")


def _onsets(flv: bytes) -> tuple[list[float], list[float]]:
    """When flashes and beeps begin, ms."""
    flashes, beeps = [], []
    dark, quiet_since = True, 0.0
    with av.open(io.BytesIO(flv), "r") as container:
        for frame in container.decode(video=0, audio=0):
            assert isinstance(frame, av.VideoFrame | av.AudioFrame)
            time = (frame.time or 0.0) * 1000
            if isinstance(frame, av.VideoFrame):
                bright = float(frame.to_ndarray()[: frame.height].mean()) > 128
                if bright and dark:
                    flashes.append(time)
                dark = not bright
                continue
            loud = np.flatnonzero(np.abs(frame.to_ndarray()[0]) > LEVEL / 2)
            if not len(loud):
                continue
            first = time + loud[0] * 1000 / frame.sample_rate
            if first - quiet_since > 300:
                beeps.append(first)
            quiet_since = time + loud[-1] * 1000 / frame.sample_rate
    return [time for time in flashes if time > SETTLED], [time for time in beeps if time > SETTLED - 500]


def _clip(path: Path, codec: str) -> None:
    """A dark picture that flashes, and silence that beeps, in the first fifth of each second."""
    with av.open(str(path), "w") as out:
        picture = out.add_stream("libx265", rate=RATE, options={"preset": "ultrafast", "x265-params": "log-level=1"})
        sound = out.add_stream(codec, rate=SAMPLES, layout="mono")
        assert isinstance(picture, av.VideoStream)
        assert isinstance(sound, av.AudioStream)
        picture.width, picture.height = SIZE
        picture.pix_fmt = "yuv420p"
        picture.bit_rate, picture.gop_size = 400_000, RATE
        for number in range(SECONDS * RATE):
            out.mux(picture.encode(_picture(number)))
            out.mux(sound.encode(_sound(number)))
        out.mux(picture.encode(None))
        out.mux(sound.encode(None))


def _picture(number: int) -> av.VideoFrame:
    width, height = SIZE
    luma = np.full((height, width), 200 if number % RATE < LONG * RATE else 30, np.uint8)
    luma[: height // 8, : number % RATE * width // RATE] = 120
    frame = av.VideoFrame.from_ndarray(
        np.concatenate([luma, np.full((height // 2, width), 128, np.uint8)]), format="yuv420p"
    )
    frame.pts, frame.time_base = number, Fraction(1, RATE)
    return frame


def _sound(number: int) -> av.AudioFrame:
    count = SAMPLES // RATE
    time = (number * count + np.arange(count)) / SAMPLES
    wave: npt.NDArray[Any] = np.where(time % 1 < LONG, LEVEL * 1.6 * np.sin(2 * np.pi * 1000 * time), 0)
    frame = av.AudioFrame.from_ndarray(wave.astype(np.float32)[None, :], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = SAMPLES, number * count, Fraction(1, SAMPLES)
    return frame


RECIPES["flash_hevc_aac"] = (".mp4", lambda path: _clip(path, "aac"))
RECIPES["flash_hevc_opus"] = (".mkv", lambda path: _clip(path, "libopus"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--sound", choices=("aac", "opus"), default="aac")
    asked = parser.parse_args()
    result = run(asked.minutes, asked.sound)
    print(f"{result.pairs} flashes: beep at most {result.worst:.1f} ms away, drift {result.drift:+.1f} ms")
    print(f"transcoders with 3, 2, 1, 0 outputs: {result.transcoders}; frames dropped: {result.dropped}")
    print("pass" if result.good else "FAIL")
    raise SystemExit(not result.good)


if __name__ == "__main__":
    main()
