"""From the picture's making to a player that has decoded it: test picture → camcast → nginx-rtmp → PyAV.

The picture carries its number and the wall clock in it; the player, a process of its own, reads them.

    python -m bench.end_to_end [--seconds 10]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attrs
import av

from bench.server import APP, BenchServer
from camcast import Engine
from camcast.events import SessionState
from camcast.testing import strip


@attrs.frozen
class Delay:
    """ms from making to decoded, and pictures missing between the first and the last that were seen."""

    p50: float
    p99: float
    max: float
    pictures: int
    missing: int


def measure(server: BenchServer, seconds: float) -> Delay:
    """Play a stream of its own for `seconds`, after two of settling."""
    url = server.url("e2e", app=APP)
    camera = subprocess.Popen([sys.executable, "-m", "bench.end_to_end", "--camera", url], stdout=subprocess.PIPE)
    try:
        assert camera.stdout is not None
        camera.stdout.readline()
        return _play(url, seconds)
    finally:
        camera.kill()
        camera.wait()


def _play(url: str, seconds: float) -> Delay:
    options = {"fflags": "nobuffer", "flags": "low_delay", "analyzeduration": "0", "probesize": "1024"}
    seen: list[tuple[int, float]] = []
    with av.open(url, options={**options, "rtmp_live": "live", "rtmp_buffer": "0"}) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_type = "SLICE"
        begun = time.monotonic()
        for frame in container.decode(stream):
            now = time.time() * 1000
            mark = strip.read(frame)
            since = time.monotonic() - begun
            if mark is not None and since > 2:
                seen.append((mark.number, now - mark.wall_ms))
            if since > seconds + 2:
                break
    delays = sorted(delay for _, delay in seen)
    missing = seen[-1][0] - seen[0][0] + 1 - len(seen)
    return Delay(
        statistics.median(delays),
        delays[int((len(delays) - 1) * 0.99)],
        delays[-1],
        pictures=len(seen),
        missing=missing,
    )


async def _camera(url: str) -> None:
    stream = {
        "stream_id": 0,
        "name": "main",
        "source": {"type": "testsrc"},
        "encoder": {"type": "H264_CBR", "width": 640, "height": 360, "framerate": 30, "bitrate": 1000},
        "rtmp": {"url": url},
    }
    config = {"cameras": [{"camera_id": 0, "name": "clock", "streams": [stream]}]}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(config, file)
        file.flush()
        engine = Engine.from_file(Path(file.name))
    async with engine:
        session = next(iter(engine.sessions))
        while session.state is not SessionState.CONNECTED:  # noqa: ASYNC110 - a measurement, not the engine
            await asyncio.sleep(0.05)
        print("ready", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=10)
    arguments.add_argument("--camera")
    options = arguments.parse_args()
    if options.camera:
        logging.basicConfig(level=logging.ERROR)
        asyncio.run(_camera(options.camera))
        return
    with tempfile.TemporaryDirectory() as folder, BenchServer(Path(folder) / "nginx") as server:
        found = measure(server, options.seconds)
    print(
        f"end to end: p50 {found.p50:.0f} ms, p99 {found.p99:.0f} ms, max {found.max:.0f} ms; "
        f"{found.pictures} pictures, {found.missing} missing"
    )


if __name__ == "__main__":
    main()
