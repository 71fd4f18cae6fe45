"""FFmpeg as an RTMP server and player in one: it takes one publisher, decodes all that comes, and says what it saw.

It is the release that imageio-ffmpeg brings, in a process of its own: neither camcast's code nor PyAV's FFmpeg.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import attrs
import av
import imageio_ffmpeg
import numpy as np

from camcast.testing import strip
from tests.servers.process import ServerProcess, free_port

_QUIET = 0.02
"""Root mean square below which sound counts as silence; the clips' tone has 0.17."""
_INPUT = re.compile(r"Stream #0:\d+.*?: (Video|Audio): (.+)")
_SHOWN = re.compile(r"\[Parsed_showinfo[^\]]*\] n: *\d+ .*? fmt:(\S+) .*? s:(\d+)x(\d+)")
"""Before it is scaled to the size of the first picture, as raw video has one size."""


_READER = ThreadPoolExecutor(1)
"""Not on the loop, and one after the other: cameras and engines that play meanwhile are not held up."""


@attrs.frozen
class Picture:
    """A decoded picture. Times are seconds from the first medium that came."""

    time: float
    format: str
    """FFmpeg's name of its pixel format."""
    size: tuple[int, int]
    number: int | None
    """What the strip in the picture says."""
    luma: float
    """Its mean."""


@attrs.frozen
class Sound:
    """A decoded block of sound."""

    time: float
    seconds: float
    rate: int
    channels: int
    loud: bool


@attrs.define
class Seen:
    pictures: list[Picture] = attrs.field(factory=list)
    sound: list[Sound] = attrs.field(factory=list)
    inputs: list[str] = attrs.field(factory=list)
    """The streams in FFmpeg's own words: codec, pixel format, colours, size."""
    log: str = attrs.field(default="", repr=False)

    @property
    def numbers(self) -> list[int | None]:
        return [picture.number for picture in self.pictures]

    @property
    def seconds_of_sound(self) -> float:
        return sum(block.seconds for block in self.sound)


class Viewer(ServerProcess):
    """Listens on `url()` for one publisher. `seen()` ends it when the publisher has gone."""

    def __init__(self, directory: Path, *, loglevel: str = "info") -> None:
        super().__init__(directory)
        self._out = directory / "seen.nut"
        self._loglevel = loglevel

    def url(self, name: str = "any") -> str:
        return f"rtmp://{self.address}/live/{name}"

    def command(self) -> list[str]:
        return [
            imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-y", "-loglevel", self._loglevel,
            "-threads", "1", "-copyts", "-listen", "1", "-i", self.url(),
            "-map", "0:v?", "-map", "0:a?", "-fps_mode", "passthrough", "-enc_time_base", "1/1000",
            "-vf", "showinfo=checksum=0", "-c:v", "rawvideo", "-pix_fmt", "gray", "-c:a", "pcm_s16le",
            "-f", "nut", str(self._out),
        ]  # fmt: skip

    def start(self, *, timeout: float = 20.0) -> Self:
        """On another port, where somebody has taken its own meanwhile: dozens of them begin at once."""
        for _ in range(3):
            try:
                return super().start(timeout=timeout)
            except AssertionError:
                if "Address already in use" not in self.log_text:
                    raise
            self.log.unlink()
            self.port = free_port()
        return super().start(timeout=timeout)

    async def seen(self, timeout: float = 20.0) -> Seen:
        """All that was decoded, once the publisher has gone, or none has come within `timeout` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self.running:  # noqa: ASYNC110  a process ends without telling the loop
                    await asyncio.sleep(0.02)
        await asyncio.to_thread(self.stop)
        seen = Seen(log=self.log_text)
        head = seen.log.partition("Output #0")[0]
        seen.inputs = [f"{kind.lower()}: {told}" for kind, told in _INPUT.findall(head)]
        if self._out.exists() and self._out.stat().st_size:
            loop = asyncio.get_running_loop()
            # Where it was ended before it had written a head, nothing was shown.
            with contextlib.suppress(av.error.InvalidDataError):
                await loop.run_in_executor(_READER, _read, self._out, seen)
        return seen

    async def ready(self) -> Self:
        """Start it without holding the loop."""
        return await asyncio.to_thread(self.start)


def _read(path: Path, seen: Seen) -> None:
    shown = iter(_SHOWN.findall(seen.log))
    with av.open(str(path)) as container:
        for frame in container.decode():
            assert frame.pts is not None
            assert frame.time_base is not None
            time = float(frame.pts * frame.time_base)
            if isinstance(frame, av.VideoFrame):
                mark = strip.read(frame)
                luma = float(np.mean(frame.to_ndarray()))
                # A line of the log may be cut in two by another thread's.
                name, width, height = next(shown, ("", "0", "0"))
                size = (int(width), int(height))
                seen.pictures.append(Picture(time, name, size, mark.number if mark else None, luma))
            else:
                assert isinstance(frame, av.AudioFrame)
                samples = frame.to_ndarray().astype(np.float64) / 32768
                loud = float(np.sqrt(np.mean(samples**2))) > _QUIET if samples.size else False
                seconds = frame.samples / frame.sample_rate
                seen.sound.append(Sound(time, seconds, frame.sample_rate, frame.layout.nb_channels, loud))
