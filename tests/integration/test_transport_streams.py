"""What strict decoders want of a transport stream (TR 101 290), of what came to an SRT receiver."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import av
import pytest

from tests.cameras.files import run
from tests.integration.test_odd_servers import ended, running
from tests.servers.srt import LiveTransmit
from tests.tr101290 import check

PCR_WITHIN = 0.1
"""Seconds; TR 101 290 priority 2. It was 0.221 at five pictures a second."""


def clip(folder: Path, rate: int, b_frames: int, sound: bool) -> Path:
    path = folder / "clip.mp4"
    media = ["-f", "lavfi", "-i", f"testsrc=s=320x240:r={rate}:d=5"]
    codec = ["-c:v", "libx264", "-g", str(rate), "-bf", str(b_frames), "-pix_fmt", "yuv420p"]
    if sound:
        media += ["-f", "lavfi", "-i", "sine=d=5:r=48000"]
        codec += ["-c:a", "aac"]
    run(*media, *codec, path)
    return path


async def sent(folder: Path, path: Path) -> Path:
    """What a server has of a clip that is played once."""
    with LiveTransmit(folder / "server") as server:
        async with running(folder, server.url(), loop=False, clip=path) as process:
            status, log = await ended(process)
        assert status == 0, log
        return await asyncio.to_thread(server.received)


@pytest.mark.parametrize(("rate", "b_frames", "sound"), [(5, 0, True), (25, 2, True)], ids=["slow", "B-frames"])
async def test_what_arrives_breaks_no_decoder(rate: int, b_frames: int, sound: bool, tmp_path: Path) -> None:
    path = await asyncio.to_thread(clip, tmp_path, rate, b_frames, sound)
    received = await sent(tmp_path, path)
    report = check(received.read_bytes(), pcr_within=PCR_WITHIN)
    assert report.errors == []
    with av.open(str(received)) as container:
        assert container.streams.video[0].codec.name == "h264"
        times = [frame.time for frame in container.decode(video=0)]
    # How much of the clip is over before there is a connection is the machine's affair; from then on none is missing.
    assert len(times) >= 2 * rate
    assert all(later is not None and time is not None and later - time < 1.5 / rate for time, later in pairwise(times))


async def test_sound_that_pauses_stops_neither_the_clock_nor_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    media = ("-f", "lavfi", "-i", "testsrc=s=320x240:r=25:d=8", "-f", "lavfi", "-i", "sine=d=8:r=48000")
    codec = ("-c:v", "libx264", "-g", "25", "-bf", "0", "-pix_fmt", "yuv420p", "-c:a", "aac")
    pause = ("-af", "aselect='not(between(t,3,6))'")
    await asyncio.to_thread(run, *media, *codec, *pause, path)
    received = await sent(tmp_path, path)
    report = check(received.read_bytes(), pcr_within=PCR_WITHIN)
    assert [error for error in report.errors if not error.startswith("2.5 PTS: PID 0x101: a step of 3")] == []
