"""How old a picture is when a browser shows it: WHEP on the loopback, read from the strip in the test picture.

The engine draws, encodes and serves; Debian's chromium plays. From drawing to the screen's canvas, in ms by one clock:
encoding, the engine, the network, the browser's jitter buffer and its decoder are all in it.

    python -m bench.browser [--pictures 100] [--size 1280 720] [--fps 25]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
from pathlib import Path

from tests.integration.kit import connected, drawn, engine
from tests.page.watching import blank, shot, watch
from tests.servers.chromium import Chromium
from tests.servers.process import free_port

from camcast import SessionConfig
from camcast.config import TargetConfig

AIM = 500
"""ms that are aimed at."""


async def measure(pictures: int, width: int, height: int, fps: int) -> list[float]:
    """Ages of so many pictures, ms."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, Chromium(Path(folder)) as browser:
        async with browser.page() as page, blank() as site:
            target = TargetConfig(url=f"whep://127.0.0.1:{port}/gate", options={"origins": [site]})
            session = SessionConfig(camera_id=0, output="browser", targets=(target,))
            camera = drawn(0, session, tone=440, width=width, height=height, framerate=fps, bitrate_kbps=2000, gop=2.0)
            async with engine(camera) as running:
                await connected(running)
                await page.go(site)
                status = await watch(page, f"http://127.0.0.1:{port}/gate")
                assert status == 201, f"the output answered {status}"
                await page.until("video.getVideoPlaybackQuality().totalVideoFrames > 50")
                return [(await shot(page))[1] for _ in range(pictures)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--size", type=int, nargs=2, default=(1280, 720))
    parser.add_argument("--fps", type=int, default=25)
    given = parser.parse_args()
    width, height = given.size
    before = os.getloadavg()[0]
    ages = sorted(asyncio.run(measure(given.pictures, width, height, given.fps)))
    print(f"{len(ages)} pictures of {width}x{height}, {given.fps}/s, load {before:.1f} before")
    print(f"median {statistics.median(ages):.0f} ms, p95 {ages[len(ages) * 95 // 100]:.0f} ms, worst {ages[-1]:.0f} ms")
    print(f"aim: below {AIM} ms: {'reached' if ages[len(ages) * 95 // 100] < AIM else 'missed'} (p95)")


if __name__ == "__main__":
    main()
