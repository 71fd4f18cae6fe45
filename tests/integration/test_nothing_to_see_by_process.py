"""`camcast run` whose server gets sound and no picture: it is told, and nobody calls it healthy meanwhile."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from camcast.media import TagType
from camcast_rtmp.receiver import Receiver
from tests.faults.proxy import FaultProxy
from tests.integration.test_odd_servers import running
from tests.media import encode
from tests.servers.process import free_port


async def ended(process: asyncio.subprocess.Process) -> tuple[dict[str, Any], str]:
    """The session's figures, and what was logged."""
    process.terminate()
    out, log = await asyncio.wait_for(process.communicate(), 40)
    (session,) = json.loads(out)["sessions"]
    return session, log.decode()


async def said(process: asyncio.subprocess.Process, text: str) -> list[str]:
    """The log up to a line with `text`."""
    assert process.stderr is not None
    lines: list[str] = []
    async with asyncio.timeout(60):
        while not lines or text not in lines[-1]:
            lines.append((await process.stderr.readline()).decode())
            assert lines[-1], lines
    return lines


async def test_while_a_keyframe_is_waited_for_sound_flows_and_it_is_told_and_not_healthy(tmp_path: Path) -> None:
    """Forty seconds from keyframe to keyframe, nothing is replayed, and the server comes when the first is over."""
    clip, port = tmp_path / "rare.mp4", free_port()
    await asyncio.to_thread(encode, clip, seconds=44, gop=40.0, video_options={"sc_threshold": "0"})
    output = {"url": f"rtmp://127.0.0.1:{port}/live/cam", "replay": "off", "retry_policy": {"max_delay": 1}}
    async with running(tmp_path, "", loop=True, clip=clip, outputs={"odd": output}) as process:
        await said(process, "next try in")
        async with Receiver(port=port) as receiver:
            recording = await receiver.recording("cam", timeout=40)
            (*_, told) = await said(process, "no keyframe has come for 2 s")
            await receiver.until(lambda: recording.counts[TagType.AUDIO] > 50, timeout=20)
            pictures = recording.counts[TagType.VIDEO]
            session, _ = await ended(process)
    assert pictures <= 1, "its header only"
    assert "sound goes out alone until then" in told
    assert (session["state"], session["healthy"]) == ("connected", False)


async def test_where_sound_alone_fits_through_the_link_it_is_not_healthy(tmp_path: Path) -> None:
    async with Receiver(keep=0) as receiver:
        with FaultProxy((receiver.host, receiver.port), receive_buffer=16_384) as proxy:
            url = f"rtmp://{proxy.address}/live/cam"
            async with running(tmp_path, url, loop=True, clip="camera_1080p", stall_timeout=4) as process:
                recording = await receiver.recording("cam", timeout=40)
                await receiver.until(lambda: recording.counts[TagType.VIDEO] > 100, timeout=40)
                proxy.rate_up = 250_000
                log = await said(process, "not well: cam0_main/odd")
                session, _ = await ended(process)
    assert not [line for line in log if "stalled" in line]
    assert (session["state"], session["healthy"], session["attempts"]) == ("connected", False, 1)
    assert session["dropped"]["video: link behind"] > 30
