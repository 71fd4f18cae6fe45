"""What many test pictures cost in threads: one that paints and one that encodes, not as many as the machine has."""

from __future__ import annotations

from pathlib import Path

import pytest

from camcast import CameraConfig, Config, EncoderConfig, Engine, SessionConfig, SourceConfig, StreamConfig
from camcast_rtmp.receiver import Receiver
from tests.integration.kit import until

CAMERAS = 8


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.mark.parametrize(("kind", "most"), [("H264_CBR", 2), ("H265_CBR", 3)])
async def test_a_small_picture_takes_no_threads_for_its_parts(kind: str, most: int) -> None:
    """libx265 keeps one of its own whatever it is told."""
    encoder = EncoderConfig(type=kind, width=320, height=180, framerate=5)
    async with Receiver() as receiver:
        cameras = tuple(
            CameraConfig(
                camera_id=number,
                streams=(
                    StreamConfig(
                        source=SourceConfig(type="testsrc"),
                        encoder=encoder,
                        sessions=(SessionConfig(camera_id=number, url=receiver.url("live", f"cam{number}")),),
                    ),
                ),
            )
            for number in range(CAMERAS)
        )
        before = threads()
        async with Engine(Config(cameras=cameras)) as engine:
            await until(lambda: all(one.metrics.frames_sent > 2 for one in engine.sessions), timeout=60)
            # A few more for looking names up and the like, whatever the number of cameras.
            assert threads() - before <= most * CAMERAS + 6
