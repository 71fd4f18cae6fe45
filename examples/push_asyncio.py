"""Push pictures that your own asyncio program makes.

    python examples/push_asyncio.py

Set CAMCAST_URL to an RTMP address to send them there; otherwise a receiver inside this program takes them.
"""

from __future__ import annotations

import asyncio
import os

import numpy as np

from camcast import CameraConfig, Config, EncoderConfig, Engine, SessionConfig, SourceConfig, StreamConfig
from camcast_rtmp.receiver import Receiver

WIDTH, HEIGHT, FPS, SECONDS = 640, 360, 25, 4


def picture(number: int) -> np.ndarray:
    """Your picture: here a square that moves, in blue, green and red."""
    image = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    left = number * 6 % (WIDTH - 80)
    image[140:220, left : left + 80] = (40, 200, 250)
    return image


def config(url: str) -> Config:
    stream = StreamConfig(
        source=SourceConfig(type="push", options={"video": "raw", "format": "bgr24"}),
        encoder=EncoderConfig(width=WIDTH, height=HEIGHT, framerate=FPS, bitrate_kbps=800),
        sessions=(SessionConfig(camera_id=0, stream_id=0, url=url),),
    )
    return Config(cameras=(CameraConfig(camera_id=0, name="mine", streams=(stream,)),))


async def publish(url: str) -> None:
    async with Engine(config(url)) as engine:
        feed = engine.push(0, 0)
        await feed.ready()
        refused = 0
        for number in range(FPS * SECONDS):
            refused += not feed.frame(picture(number))
            await asyncio.sleep(1 / FPS)
        metrics = engine.stats().sessions[0]
        print(f"pushed {FPS * SECONDS} pictures, {refused} refused; the session is {metrics.state.value}")


async def main() -> None:
    if url := os.environ.get("CAMCAST_URL"):
        await publish(url)
        return
    async with Receiver() as receiver:
        await publish(receiver.url("live", "mine"))
        (recording,) = receiver.of("mine")
        print(f"received {len(recording.tags)} tags, {recording.size} bytes")


if __name__ == "__main__":
    asyncio.run(main())
