"""Push access units that are encoded already: here those of a file; yours come from an encoder or a network.

    python examples/push_packets.py clip.mp4

Nothing is encoded: each access unit goes out as it is. Set CAMCAST_URL to an RTMP address to send it there; otherwise a
receiver inside this program takes it.
"""

from __future__ import annotations

import asyncio
import os
import sys

import av
from av.bitstream import BitStreamFilterContext

from camcast import CameraConfig, Config, Engine, SessionConfig, SourceConfig, StreamConfig
from camcast_rtmp.receiver import Receiver

SECONDS = 4.0
CODECS = {"h264": "h264", "hevc": "h265"}
"""FFmpeg's names of codecs, and camcast's."""


def config(url: str, codec: str) -> Config:
    stream = StreamConfig(
        name="main",
        source=SourceConfig(type="push", options={"video": codec}),
        sessions=(SessionConfig(camera_id=0, url=url),),
    )
    return Config(cameras=(CameraConfig(camera_id=0, name="file", streams=(stream,)),))


async def publish(path: str, url: str) -> None:
    with av.open(path) as file:
        picture = file.streams.video[0]
        codec = CODECS.get(picture.codec_context.name)
        if codec is None:
            sys.exit(f"{path} holds {picture.codec_context.name}: expected a file with H.264 or H.265")
        # In MP4 the parameter sets stand apart; each keyframe needs them before it (Annex B).
        annexb = BitStreamFilterContext(f"{picture.codec_context.name}_mp4toannexb", picture)
        async with Engine(config(url, codec)) as engine:
            feed = engine.push(0, 0)
            await feed.ready()
            loop = asyncio.get_running_loop()
            begun, pushed, refused = loop.time(), 0, 0
            for unit in (unit for packet in file.demux(picture) for unit in annexb.filter(packet)):
                # Times are nanoseconds; those of files are counted in a unit of their own.
                pts, dts = (float((time or 0) * (unit.time_base or 0)) for time in (unit.pts, unit.dts))
                if dts > SECONDS:
                    break
                await asyncio.sleep(max(0.0, begun + dts - loop.time()))
                # False means that it was not taken, and is counted: go on with the next.
                refused += not feed.packet(bytes(unit), pts=int(pts * 1e9), dts=int(dts * 1e9))
                pushed += 1
            (metrics,) = engine.stats().sessions
            print(f"pushed {pushed} access units, {refused} refused; the session is {metrics.state.value}")


async def main(path: str) -> None:
    if url := os.environ.get("CAMCAST_URL"):
        await publish(path, url)
        return
    async with Receiver() as receiver:
        await publish(path, receiver.url("live", "mine"))
        (recording,) = receiver.of("mine")
        print(f"received {len(recording.tags)} tags, {recording.size} bytes")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1]))
