"""Sixteen RTSP cameras for a long time: no frame lost, memory flat, sound and picture in step.

    python -m bench.cameras --minutes 60

The tests run a minute of it.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import attrs
import psutil
from tests.servers.gst_rtsp import GstRtsp

from camcast import CameraConfig, Config, Engine, SessionConfig, SourceConfig, StreamConfig, SystemConfig
from camcast.events import SessionState
from camcast.media import TagType
from camcast_rtmp.receiver import Receiver

CAMERA = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=300 "
    "! rtph264pay name=pay0 pt=96 config-interval=-1 "
    "audiotestsrc is-live=true samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 "
    "! avenc_aac ! rtpmp4gpay name=pay1 pt=97 )"
)


@attrs.define
class Rate:
    """ms per frame by least squares, kept up as frames come; the first second, with its replay, is left out."""

    count: int = 0
    last: int = 0
    _mean_index: float = 0.0
    _mean_time: float = 0.0
    _covariance: float = 0.0
    _variance: float = 0.0

    def add(self, at: int) -> None:
        self.last = at
        if at <= 1000:
            return
        self.count += 1
        step = self.count - self._mean_index
        self._mean_index += step / self.count
        self._mean_time += (at - self._mean_time) / self.count
        self._covariance += step * (at - self._mean_time)
        self._variance += step * (self.count - self._mean_index)

    @property
    def slope(self) -> float:
        return self._covariance / self._variance


@attrs.frozen
class Result:
    """What came of the run. Times are ms."""

    cameras: int
    seconds: float
    pictures: int
    lost_at_source: int
    dropped: int
    missing_at_receiver: int
    widest_drift: float
    """Between sound and picture, over the whole run, of the worst camera."""
    memory_growth: float
    """MB from a quarter of the run to its end."""
    descriptors: tuple[int, int]
    """At the start and after the end."""


async def run(seconds: float, cameras: int = 16) -> Result:
    """Publish from one GStreamer server to a receiver for so many seconds of full traffic."""
    process = psutil.Process()
    mounts = {"/cam": {"launch": CAMERA, "shared": True}}
    with tempfile.TemporaryDirectory() as directory, GstRtsp(Path(directory), mounts) as server:
        descriptors = process.num_fds()
        async with Receiver(keep=0) as receiver:
            rates: defaultdict[tuple[str, TagType], Rate] = defaultdict(Rate)
            receiver.on_tag = lambda recording, kind, at: rates[recording.name, kind].add(at)
            async with Engine(_config(server.url("/cam"), receiver, cameras)) as engine:
                async with asyncio.timeout(60):
                    while not all(one.state is SessionState.CONNECTED for one in engine.sessions):  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
                # A camera joined in mid-picture cannot bring that picture whole.
                await asyncio.sleep(1)
                started, joined = time.monotonic(), _lost(engine)
                await asyncio.sleep(seconds / 4)
                memory = process.memory_info().rss
                await asyncio.sleep(max(0.0, seconds - (time.monotonic() - started)))
                growth = (process.memory_info().rss - memory) / 1e6
                lost = _lost(engine) - joined
            flows = [one.metrics for one in engine.sessions]
            await receiver.until(lambda: not receiver.live())
            arrived = sum(recording.counts[TagType.VIDEO] - 2 for recording in receiver.recordings)
        sent = sum(flow.video_sent + flow.replayed for flow in flows)
        return Result(
            cameras=cameras,
            seconds=seconds,
            pictures=sent,
            lost_at_source=lost,
            dropped=sum(flow.frames_dropped for flow in flows),
            missing_at_receiver=sent - arrived,
            widest_drift=max(
                _drift(rates[f"cam{n}", TagType.VIDEO], rates[f"cam{n}", TagType.AUDIO]) for n in range(cameras)
            ),
            memory_growth=growth,
            descriptors=(descriptors, process.num_fds()),
        )


def _config(camera: str, receiver: Receiver, cameras: int) -> Config:
    return Config(
        system=SystemConfig(max_cameras=cameras),
        cameras=tuple(
            CameraConfig(
                camera_id=number,
                streams=(
                    StreamConfig(
                        source=SourceConfig(type="rtsp", url=camera),
                        sessions=(SessionConfig(camera_id=number, url=receiver.url("live", f"cam{number}")),),
                    ),
                ),
            )
            for number in range(cameras)
        ),
    )


def _lost(engine: Engine) -> int:
    return sum(sum(stream.dropped.values()) for stream in engine.stats().streams)


def _drift(video: Rate, audio: Rate) -> float:
    """How far sound and picture part over the run: the difference of their rates, times its length. ms."""
    return abs(video.slope / 40.0 - audio.slope / (1024 / 48)) * video.last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--cameras", type=int, default=16)
    options = parser.parse_args()
    result = asyncio.run(run(options.minutes * 60, options.cameras))
    for name, value in attrs.asdict(result).items():
        print(f"{name:20} {value}")


if __name__ == "__main__":
    main()
