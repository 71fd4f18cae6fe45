"""From a real RTSP server to a real RTMP server: what is recorded there is what the camera sent, and it comes back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

from tests.compare import Media, compare
from tests.media import made
from tests.servers.gst_rtsp import GstRtsp, loop, play
from tests.servers.nginx import Nginx

from camcast import Engine


async def until(condition: Callable[[], object], why: str, timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, why
        await asyncio.sleep(0.02)


def engine(folder: Path, source: str, target: str) -> Engine:
    stream = {
        "stream_id": 0,
        "name": "main",
        "source": {"type": "rtsp", "url": source, "options": {"no_data_timeout": 1.0}},
        "outputs": {"rtmp": {"url": target}},
    }
    path = folder / "config.json"
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, "name": "gate", "streams": [stream]}]}))
    return Engine.from_file(path)


async def test_a_cameras_pictures_and_sound_arrive_bit_for_bit(nginx: Nginx, tmp_path: Path) -> None:
    with GstRtsp(tmp_path / "camera", {"/cam": play(made("h264_aac"), "h264", "aac")}) as camera:
        running = engine(tmp_path, camera.url("/cam"), nginx.url("cam"))
        async with running:
            await until(lambda: running.stats().streams[0].restarts, "the clip's end")
    received = Media.read(await asyncio.to_thread(nginx.recording, "cam"))
    result = compare(made("h264_aac"), received, times=False, whole=False)
    # Played from its beginning; the file ends while the session may still be connecting again.
    assert result.frames >= 90
    assert not result.missing_head["video"]


async def test_a_camera_that_is_killed_frozen_and_restarted_comes_back_by_itself(nginx: Nginx, tmp_path: Path) -> None:
    mounts = {"/cam": loop(made("h264_only"), "h264", 25, tmp_path / "units")}
    with GstRtsp(tmp_path / "camera", mounts) as camera:
        running = engine(tmp_path, camera.url("/cam"), nginx.url("cam"))
        async with running:

            def sent() -> int:
                return running.stats().sessions[0].video_sent

            def received() -> int:
                return running.stats().streams[0].video_received

            await until(lambda: sent() > 25, "on the air")
            before = received()
            camera.kill()
            await until(lambda: running.stats().streams[0].last_error, "the loss is told")
            camera.start()
            await until(lambda: received() > before + 25, "back after being killed")
            before = received()
            camera.freeze()
            await until(lambda: running.stats().streams[0].restarts >= 2, "the freeze is noticed")
            camera.thaw()
            at = sent()
            await until(lambda: received() > before + 25 and sent() > at + 25, "back after being frozen")
            assert running.stats().sessions[0].retries == 0, "the output did not notice"
