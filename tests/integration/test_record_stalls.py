"""Recordings beside live outputs, on a real file system whose disk stands still for five seconds.

`make record-proof` has sixteen of each, as the requirement says; here are a few.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from camcast.events import Note, SessionState
from camcast.media import TagType
from camcast.testing.recording import Recording
from camcast_rtmp.receiver import Receiver
from tests.faults.disk import Disk
from tests.integration.air import CODECS, chain, of, on_air
from tests.integration.kit import drawn, until
from tests.integration.test_record import pictures, record

STREAMS = int(os.environ.get("CAMCAST_RECORDINGS", "3"))
STALL = 5.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    found = Disk(tmp_path, 256 << 20).create()
    try:
        yield found
    finally:
        found.remove()


@pytest.mark.timeout(240)
async def test_a_disk_that_stands_still_for_five_seconds_costs_no_frame(disk: Disk) -> None:
    for number in range(STREAMS):
        (disk.folder / f"{number}").mkdir()
    async with Receiver() as receiver:
        cameras = [
            drawn(
                number,
                chain(f"rtmp://{receiver.host}:{receiver.port}/live/cam{number}", camera=number),
                record("archive", f"record://{disk.folder}/{number}/a.mp4").evolve(camera_id=number),
            )
            for number in range(STREAMS)
        ]
        async with on_air(*cameras) as (running, events):
            archives = [one for one in running.sessions if one.key.output == "archive"]
            clouds = [one for one in running.sessions if one.key.output != "archive"]
            await until(lambda: all(one.healthy for one in clouds), 60)
            await until(lambda: all(one.metrics.video_sent > 40 for one in archives), 60)
            written = disk.logged
            await until(lambda: disk.logged > written)
            with disk.stall():
                before = [one.metrics.video_sent for one in clouds]
                await asyncio.sleep(STALL)
                after = [one.metrics.video_sent for one in clouds]
                waiting = [one.metrics.transport["waiting_bytes"] for one in archives]
            assert disk.logged > written
            assert all(waiting), "they had to wait, all of them"
            assert min(now - then for now, then in zip(after, before, strict=True)) > 10 * STALL, "nobody else did"
            await until(lambda: all(one.metrics.transport["waiting_bytes"] < 200_000 for one in archives), 60)
            for one in (*archives, *clouds):
                assert one.metrics.frames_dropped == 0
                assert one.state is SessionState.CONNECTED
            assert sum(one.metrics.transport["left_out_frames"] for one in archives) == 0
        await receiver.until(lambda: not receiver.live())
        live = {recording.name: _pictures_of(recording) for recording in receiver.recordings}
    # Many end at once, and an end waits for the disk no longer than 1.6 s; this one is a program, as slow as others.
    assert {note.code for note in of(events, Note)} <= {"record_cut_off"}
    for number in range(STREAMS):
        kept, arrived = pictures(disk.folder / f"{number}"), live[f"cam{number}"]
        both = {*kept} & {*arrived}
        assert len(both) > 20 * STALL
        # One of the two began first, and one ended last; in between both have every picture.
        assert _between(kept, both) == _between(arrived, both)
        assert max(len(kept), len(arrived)) < len(both) + 50


def _between(pictures: list[bytes], both: set[bytes]) -> list[bytes]:
    """From the first that both have to the last; each picture is another."""
    own = [number for number, picture in enumerate(pictures) if picture in both]
    return pictures[own[0] : own[-1] + 1]


def _pictures_of(recording: Recording) -> list[bytes]:
    return [frame.payload for frame in recording.frames(CODECS) if frame.type is TagType.VIDEO]
