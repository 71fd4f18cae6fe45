"""The fallback to H.264 over time: an H.265 camera to three outputs that take only H.264.

The camera flashes and beeps together once a second. What arrives is decoded: how far apart are flash and beep, at worst
and at the end against the beginning? How many transcoders ran for the three outputs, and was there none after the last?
With Opus as the camera's sound, that is transcoded as well.

    python -m bench.fallback --minutes 10 [--sound opus]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import attrs
import av
import numpy as np
import numpy.typing as npt
from tests.media import RECIPES, made

from bench import long
from bench.peers import Peer
from bench.report import Row
from bench.watch import Watch
from camcast import CameraConfig, Config, Engine, SessionConfig, SourceConfig, StreamConfig
from camcast.config import TargetConfig
from camcast.stream.renditions import LINGER

OUTPUTS = 3
SECONDS, RATE, SAMPLES = 10, 25, 48_000
SIZE = (320, 240)
LONG = 0.2
"""Seconds that flash and beep last."""
LEVEL = 0.5
SETTLED = 2500
"""ms after which a recording is looked at: its beginning is squeezed."""
EDGE = 1000
"""ms at the beginning of a later piece that may hold half a flash."""
MAX_OFFSET = 40.0
"""ms that sound and picture may be apart."""
PIECE = 60.0
"""Seconds that are taken from the receiver and looked at together."""


@attrs.frozen
class Piece:
    """What a piece showed. Offsets are ms, beep after flash."""

    at: float
    """Seconds into the run, of its end."""
    pairs: int
    """Flashes with their beeps."""
    worst: float
    """The largest distance of the two."""
    middle: float
    """The median of the offsets."""
    transcoders: int


class Fallback:
    """One run; its figures may be asked for at any time. `sound`: what the camera sends, "aac" or "opus"."""

    def __init__(self, seconds: float, sound: str = "aac") -> None:
        self.seconds = seconds
        self.sound = sound
        self.expected = 1 if sound == "aac" else 2
        """How many transcoders all outputs together need."""
        self.watch = Watch()
        self.pieces: list[Piece] = []
        self.transcoders: tuple[int, ...] = ()
        """Running with three outputs, two, one, none; known at the end."""
        self.dropped = 0
        """Frames that anything dropped on the way."""

    async def run(self) -> None:
        """Until the time is over or it is cancelled."""
        with tempfile.TemporaryDirectory() as folder, Peer() as peer:
            self.watch = Watch(lambda: [peer.pid])
            sessions = tuple(
                SessionConfig(
                    camera_id=0,
                    output=f"out{number}",
                    targets=[TargetConfig(url=peer.url(f"out{number}"), server="h264-aac")],
                )
                for number in range(OUTPUTS)
            )
            source = SourceConfig(type="file", url=str(made(f"flash_hevc_{self.sound}")), options={"loop": True})
            stream = StreamConfig(source=source, sessions=sessions)
            async with Engine(Config(cameras=(CameraConfig(camera_id=0, streams=(stream,)),))) as engine:
                await _until(lambda: len(peer.ask("counts")) == OUTPUTS, 20)
                self.watch.start()
                watching = asyncio.create_task(self.watch.run())
                try:
                    while (left := self.seconds - self.watch.seconds) > 0:
                        await asyncio.sleep(min(PIECE, left))
                        await self._take(engine, peer, Path(folder))
                finally:
                    watching.cancel()
                self.transcoders = await self._end(engine, sessions)

    async def _take(self, engine: Engine, peer: Peer, folder: Path) -> None:
        await asyncio.to_thread(peer.ask, "take", folder)
        stats = engine.stats().streams[0]
        files = [folder / f"out{number}.flv" for number in range(OUTPUTS)]
        await asyncio.to_thread(_same, files)
        flashes, beeps = await asyncio.to_thread(_onsets, files[0], EDGE if self.pieces else SETTLED)
        offsets = [min((beep - flash for beep in beeps), key=abs) for flash in flashes if flash < beeps[-1] - 500]
        self.dropped = sum(stats.dropped.values())
        self.pieces.append(
            Piece(
                at=self.watch.seconds,
                pairs=len(offsets),
                worst=max(map(abs, offsets), default=float("inf")),
                middle=median(offsets) if offsets else float("inf"),
                transcoders=stats.transcoders,
            )
        )

    async def _end(self, engine: Engine, sessions: Sequence[SessionConfig]) -> tuple[int, ...]:
        """Take the outputs away one by one."""
        found = []
        for session in sessions:
            found.append(engine.stats().streams[0].transcoders)
            await engine.remove_output(session.key)
        await _until(lambda: not engine.stats().streams[0].transcoders, LINGER + 5)
        return (*found, engine.stats().streams[0].transcoders)

    # --- figures

    @property
    def pairs(self) -> int:
        return sum(piece.pairs for piece in self.pieces)

    @property
    def worst(self) -> float:
        return max((piece.worst for piece in self.pieces), default=float("inf"))

    @property
    def drift(self) -> float:
        """ms between the middles of the last piece and of the first."""
        return self.pieces[-1].middle - self.pieces[0].middle if self.pieces else 0.0

    @property
    def trouble(self) -> list[str]:
        """Why the run has failed; empty = it has not."""
        found = []
        if self.pieces and not self.worst < MAX_OFFSET:
            found.append(f"sound and picture are {self.worst:.0f} ms apart, {MAX_OFFSET:g} at most")
        if any(not piece.pairs for piece in self.pieces):
            found.append("a piece without a flash and a beep")
        expected = (self.expected,) * OUTPUTS + (0,)
        if self.transcoders not in ((), expected):
            found.append(f"transcoders {self.transcoders}, expected {expected}")
        if self.dropped:
            found.append(f"{self.dropped} frames dropped")
        return [*found, *self.watch.trouble()]

    def rows(self) -> list[Row]:
        return [
            {
                "minute": round(piece.at / 60, 1),
                "flashes_with_beeps": piece.pairs,
                "farthest_apart_ms": round(piece.worst, 1),
                "middle_ms": round(piece.middle, 1),
                "transcoders": piece.transcoders,
            }
            for piece in self.pieces
        ]

    def summary(self) -> Row:
        return {
            "seconds": round(self.watch.seconds),
            "sound": self.sound,
            "pairs": self.pairs,
            "farthest_apart_ms": round(self.worst, 1),
            "drift_ms": round(self.drift, 1),
            "transcoders_with_3_2_1_0_outputs": self.transcoders,
            "dropped": self.dropped,
            **self.watch.row(),
            "trouble": self.trouble,
        }


async def _until(condition: Callable[[], object], timeout: float) -> None:
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110  figures raise no event
            await asyncio.sleep(0.05)


def _same(files: Sequence[Path]) -> None:
    """What one transcoder made is the same in all outputs. Raises `RuntimeError`."""
    bodies = [_pictures(file) for file in files]
    everything = set(bodies[0])
    for other in bodies[1:]:
        # Pieces begin and end with a keyframe, which may be another one.
        strange = [body for body in other[len(other) // 2 : -3 * RATE] if body not in everything]
        if strange:
            raise RuntimeError(f"{len(strange)} of {len(other)} pictures are in one output and not in another")


def _pictures(file: Path) -> list[bytes]:
    with av.open(str(file)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def _onsets(file: Path, skip: float) -> tuple[list[float], list[float]]:
    """When flashes and beeps begin, ms; those within `skip` ms of the beginning are left out."""
    flashes, beeps = [], []
    dark, quiet_since, begin = True, float("-inf"), None
    with av.open(str(file)) as container:
        for frame in container.decode(video=0, audio=0):
            assert isinstance(frame, av.VideoFrame | av.AudioFrame)
            time = (frame.time or 0.0) * 1000
            begin = time if begin is None else begin
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
    since = (begin or 0.0) + skip
    return [time for time in flashes if time > since], [time for time in beeps if time > since - 500]


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


_NOTE = """An H.265 camera that flashes and beeps together each second, to three outputs that take H.264 only. Pieces of
a minute are decoded: how far each beep is from its flash, at worst and in the middle."""


def main() -> int:
    parser = long.arguments(__doc__, hours=1.0)
    parser.add_argument("--sound", choices=("aac", "opus"), default="aac")
    options = parser.parse_args()
    return long.go("soak-fallback", "Fallback", Fallback(long.seconds(options), options.sound), _NOTE)


if __name__ == "__main__":
    sys.exit(main())
