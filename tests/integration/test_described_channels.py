"""Sound whose frames describe their channels (ADTS, channel configuration 0), from a file to what receivers decode."""

from __future__ import annotations

import asyncio
from pathlib import Path

import av

from tests.cameras.files import run
from tests.integration.test_odd_servers import ended, running
from tests.media import made
from tests.servers.nginx import Nginx
from tests.servers.srt import LiveTransmit


def quad(folder: Path) -> Path:
    """A transport stream with four channels. Its first frame of sound alone says which."""
    path = folder / "quad.ts"
    sound = (
        "-f",
        "lavfi",
        "-i",
        "anoisesrc=d=4:r=48000",
        "-filter_complex",
        "[1:a]pan=quad|c0=c0|c1=c0|c2=c0|c3=c0[a]",
    )
    run("-i", made("h264_aac"), *sound, "-map", "0:v", "-map", "[a]", "-c:v", "copy", "-c:a", "aac", path)
    return path


def check(path: Path) -> None:
    with av.open(str(path)) as received:
        sound = received.streams.audio[0]
        frames = list(received.decode(sound))
    assert {len(frame.layout.channels) for frame in frames} == {4}
    # Of four seconds; what came before the server had answered is not among them.
    assert sum(frame.samples for frame in frames) > 48_000


async def test_by_rtmp(nginx: Nginx, tmp_path: Path) -> None:
    async with running(tmp_path, nginx.url("cam"), loop=False, clip=quad(tmp_path)) as process:
        status, log = await ended(process)
    assert status == 0, log
    check(await asyncio.to_thread(nginx.recording, "cam"))


async def test_by_srt(tmp_path: Path) -> None:
    with LiveTransmit(tmp_path / "server") as server:
        async with running(tmp_path, server.url(), loop=False, clip=quad(tmp_path)) as process:
            status, log = await ended(process)
        assert status == 0, log
        check(await asyncio.to_thread(server.received))
