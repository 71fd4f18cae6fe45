"""The API in one page: a URL template, a session with a failover chain, and what became of it.

    python examples/api.py

Set CAMCAST_URL to an RTMP address to send there; otherwise a receiver inside this program takes the stream.
"""

from __future__ import annotations

import asyncio
import os

from camcast import (
    CameraConfig,
    Config,
    EncoderConfig,
    Engine,
    RetryPolicy,
    SessionConfig,
    SourceConfig,
    StreamConfig,
    UrlTemplate,
)
from camcast.events import Connected, SessionKey
from camcast_rtmp.receiver import Receiver


async def publish(server: str) -> None:
    template = UrlTemplate(server + "/cam{camera_id}_{stream_name}")
    primary = template.expand({"camera_id": 0, "stream_name": "main"})

    picture = StreamConfig(
        stream_id=0,
        name="main",
        source=SourceConfig(type="testsrc", options={"tone": 440}),
        encoder=EncoderConfig(type="H264_CBR", width=640, height=360, framerate=25, bitrate_kbps=800),
    )
    async with Engine(Config(cameras=(CameraConfig(camera_id=0, name="gate", streams=(picture,)),))) as engine:
        session = engine.sessions.create_session(
            SessionConfig(
                camera_id=0,
                stream_id=0,
                stream_name="main",
                urls=[primary, primary.replace("/cam", "/backup_cam")],
                retry_policy=RetryPolicy(max_attempts=10, initial_delay=1.0, max_delay=60.0),
            )
        )
        async for event in engine.events():
            print(event.text)
            if isinstance(event, Connected):
                break
        await asyncio.sleep(3)
        assert engine.sessions.get(SessionKey(0, 0, "rtmp")) is session
        metrics = session.metrics
        print(f"{metrics.label}: {metrics.state.value}, {metrics.video_sent} pictures, {metrics.audio_sent} of sound")
        await engine.sessions.delete_session(session.key)
        print(f"{len(engine.sessions)} sessions left, {engine.sessions.totals().frames_dropped} frames dropped")


async def main() -> None:
    if url := os.environ.get("CAMCAST_URL"):
        await publish(url)
        return
    async with Receiver() as receiver:
        await publish(receiver.url("live"))
        print("received:", ", ".join(f"{r.name} ({len(r.tags)} tags)" for r in receiver.recordings))


if __name__ == "__main__":
    asyncio.run(main())
