"""What a camera costs: CPU of one core and memory per 1080p30 camera of 4 Mbit/s over RTSP, and the delay we add.

A real server (GStreamer) plays one clip to all cameras. Ways to take it:

    null    our source on one loop, its packets thrown away: what RTSP costs alone
    pyav    FFmpeg's RTSP demuxer through PyAV, a thread a camera, packets thrown away
    rtmp    the whole engine, RTSP in and RTMP out, to a real nginx
    ffmpeg  `ffmpeg -rtsp_transport tcp -i … -c copy -f flv rtmp://…`, a process a camera, to the same nginx

Delay is from the camera's own time of a picture (by its sender reports) to our hand-over, beyond that of the stream's
quickest picture; it holds the server's own unsteadiness too. Reach: at 16 cameras at most half of ffmpeg's CPU a
stream and a tenth of its memory; p99 of the delay at most 20 ms.

    python -m bench.rtsp [--ways null pyav rtmp ffmpeg] [--cameras 1 4 16 64] [--seconds 10]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import psutil
from tests.media import made
from tests.plugins.rtsp_kit import find_codec
from tests.plugins.source_kit import DirectHandover
from tests.servers.gst_rtsp import GstRtsp, loop
from tests.servers.nginx import Nginx

from camcast import Engine
from camcast.contracts import SourceContext
from camcast.media import NS_PER_S, MediaKind, Packet
from camcast_rtsp.options import RtspOptions
from camcast_rtsp.source import RtspSource

FPS = 30
WARM_UP = 9.0
"""Seconds until all have joined and the first sender reports have come."""
NTP_EPOCH = 2_208_988_800 * NS_PER_S
"""1900 to 1970."""


class NullSink:
    """Counts, and notes how old each picture is by the camera's clock."""

    def __init__(self) -> None:
        self.packets = 0
        self.ages: list[float] = []
        self.source: RtspSource | None = None

    def packet(self, packet: Packet) -> None:
        self.packets += 1
        if packet.track.kind is MediaKind.VIDEO and self.source is not None:
            wall = self.source._media[0].receiver.clock.wall
            if wall is not None:
                self.ages.append((time.time_ns() + NTP_EPOCH - (packet.pts - wall)) / 1e6)

    def tracks(self, tracks: object) -> None: ...

    def frame(self, frame: object) -> None: ...

    def discontinuity(self) -> None: ...

    def dropped(self, kind: MediaKind, reason: str, count: int = 1) -> None: ...


class Meter:
    """CPU and frames between two moments, of this process."""

    def start(self, frames: int) -> None:
        self._cpu, self._wall, self._frames = time.process_time(), time.monotonic(), frames

    def result(self, frames: int, cameras: int, ages: list[float]) -> dict[str, float]:
        wall = time.monotonic() - self._wall
        ages.sort()
        return {
            "cpu": 100 * (time.process_time() - self._cpu) / wall / cameras,
            "fps": (frames - self._frames) / wall / cameras,
            "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "p99": ages[len(ages) * 99 // 100] if ages else float("nan"),
        }


async def null(url: str, cameras: int, seconds: float) -> dict[str, float]:
    sinks = [NullSink() for _ in range(cameras)]
    tasks = []
    for number, sink in enumerate(sinks):
        sink.source = RtspSource(
            SourceContext(
                url=url,
                options=RtspOptions(),
                camera_id=number,
                stream_id=0,
                stream_name="main",
                camera_name="",
                codec=find_codec,
                handover=DirectHandover(),
                log=logging.getLogger("bench"),
            )
        )
        tasks.append(asyncio.ensure_future(sink.source.run(sink)))
    await asyncio.sleep(WARM_UP)
    for sink in sinks:
        sink.ages.clear()
    meter = Meter()
    meter.start(sum(sink.packets for sink in sinks))
    await asyncio.sleep(seconds)
    ages = [age - min(sink.ages) for sink in sinks for age in sink.ages]
    result = meter.result(sum(sink.packets for sink in sinks), cameras, ages)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return result


def pyav(url: str, cameras: int, seconds: float) -> dict[str, float]:
    counts = [0] * cameras

    def read(number: int) -> None:
        with av.open(url, options={"rtsp_transport": "tcp"}) as container:
            for packet in container.demux(video=0):
                bytes(packet)
                counts[number] += 1

    for number in range(cameras):
        threading.Thread(target=read, args=(number,), daemon=True).start()
    time.sleep(WARM_UP)
    meter = Meter()
    meter.start(sum(counts))
    time.sleep(seconds)
    return meter.result(sum(counts), cameras, [])


async def rtmp(url: str, target: str, cameras: int, seconds: float) -> dict[str, float]:
    config = {
        "system": {"max_cameras": cameras},
        "rtmp": {"url_template": target + "{camera_id}"},
        "cameras": [
            {
                "camera_id": number,
                "name": f"c{number}",
                "streams": [{"stream_id": 0, "name": "main", "source": {"type": "rtsp", "url": url}}],
            }
            for number in range(cameras)
        ],
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(config, file)
        file.flush()
        engine = Engine.from_file(file.name)
    async with engine:
        await asyncio.sleep(WARM_UP)
        meter = Meter()
        meter.start(_sent(engine))
        await asyncio.sleep(seconds)
        return meter.result(_sent(engine), cameras, [])


def _sent(engine: Engine) -> int:
    return sum(session.video_sent for session in engine.stats().sessions)


def ffmpeg(url: str, target: str, cameras: int, seconds: float) -> dict[str, float]:
    program = imageio_ffmpeg.get_ffmpeg_exe()
    take = ["-nostdin", "-loglevel", "quiet", "-rtsp_transport", "tcp", "-i", url]
    give = ["-c", "copy", "-f", "flv"]
    children = [psutil.Popen([program, *take, *give, f"{target}f{number}"]) for number in range(cameras)]
    time.sleep(WARM_UP + 3)

    def used() -> float:
        return float(sum(sum(child.cpu_times()[:2]) for child in children if child.is_running()))

    before, begun = used(), time.monotonic()
    time.sleep(seconds)
    result = {
        "cpu": 100 * (used() - before) / (time.monotonic() - begun) / cameras,
        "rss": sum(child.memory_info().rss for child in children if child.is_running()) / 1e6,
        "fps": FPS * sum(child.is_running() and child.status() != "zombie" for child in children) / cameras,
        "p99": float("nan"),
    }
    for child in children:
        child.kill()
        child.wait()
    return result


def measure(way: str, url: str, target: str, cameras: int, seconds: float) -> dict[str, float]:
    """In a process of its own, so that no way pays for another's memory."""
    if way == "ffmpeg":
        return ffmpeg(url, target, cameras, seconds)
    command = [sys.executable, "-m", "bench.rtsp", "--worker", way, url, target, str(cameras), str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=seconds + 90)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def work(way: str, url: str, target: str, cameras: int, seconds: float) -> None:
    logging.basicConfig(level=logging.ERROR)
    result: Any
    match way:
        case "null":
            result = asyncio.run(null(url, cameras, seconds))
        case "pyav":
            result = pyav(url, cameras, seconds)
        case _:
            result = asyncio.run(rtmp(url, target, cameras, seconds))
    print(json.dumps(result), flush=True)
    os._exit(0)  # PyAV's reading threads never end.


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--ways", nargs="+", default=["null", "pyav", "rtmp", "ffmpeg"])
    arguments.add_argument("--cameras", nargs="+", type=int, default=[1, 4, 16, 64])
    arguments.add_argument("--seconds", type=float, default=10)
    arguments.add_argument("--worker", nargs=5)
    options = arguments.parse_args()
    if options.worker:
        way, url, target, cameras, seconds = options.worker
        work(way, url, target, int(cameras), float(seconds))
    with tempfile.TemporaryDirectory() as folder:
        mount = loop(made("camera_1080p"), "h264", FPS, Path(folder) / "units")
        with GstRtsp(Path(folder) / "camera", {"/cam": mount}) as camera, Nginx(Path(folder) / "nginx") as nginx:
            print(
                "| way | cameras | CPU, % of a core a stream | frames/s | RSS, MB | RSS, MB a stream | p99 delay, ms |"
            )
            print("|---|---|---|---|---|---|---|")
            for cameras in options.cameras:
                for way in options.ways:
                    got = measure(way, camera.url("/cam"), nginx.url("x", app="live"), cameras, options.seconds)
                    print(
                        f"| {way} | {cameras} | {got['cpu']:.2f} | {got['fps']:.1f} | {got['rss']:.0f} "
                        f"| {got['rss'] / cameras:.1f} | {got['p99']:.1f} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
