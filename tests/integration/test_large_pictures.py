"""Pictures of more than 4 MB, each a keyframe: as large as the bound on what may wait, and none is left out."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from camcast.media import TagType
from camcast_rtmp.receiver import Receiver
from tests.cameras.files import run
from tests.compare import Media, decoded
from tests.integration.test_odd_servers import running

RATE = 2
"""Pictures a second, 80 Mbit/s: what a machine with other things to do can still carry."""
SOME = 10
KEPT = 32 << 20
"""Bytes of them that are decoded."""


def clip(folder: Path) -> Path:
    path = folder / "intra.mp4"
    noise = ("-f", "lavfi", "-i", f"color=gray:s=1920x1080:r={RATE}:d=4,noise=alls=100:allf=t")
    run(*noise, "-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", "-g", "1", path)
    assert path.stat().st_size > 4 * RATE * 4 * 2**20
    return path


async def test_none_is_left_out(tmp_path: Path) -> None:
    path = await asyncio.to_thread(clip, tmp_path)
    async with Receiver(keep=KEPT) as receiver:
        async with running(tmp_path, receiver.url("live", "cam"), loop=True, clip=path) as process:
            recording = await receiver.recording("cam", timeout=20)
            await receiver.until(lambda: recording.counts[TagType.VIDEO] > SOME, timeout=90)
            process.terminate()
            out, log = await asyncio.wait_for(process.communicate(), 30)
        (session,) = json.loads(out)["sessions"]
    assert process.returncode == 0, log.decode()
    assert session["video_sent"] >= SOME
    # What was on its way at the end may not have been acknowledged any more.
    assert not [reason for reason in session["dropped"] if "lost with" not in reason and "before the" not in reason]
    assert session["attempts"] == 1
    whole = tmp_path / "received.flv"
    whole.write_bytes(recording.flv())
    units = Media.read(whole).video
    assert len(units) > 2
    assert await asyncio.to_thread(decoded, units) == len(units)
