"""`rotate_every` at real servers: the connection is renewed, and no picture is missing or comes twice."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from camcast.config import Schedule, TargetConfig
from camcast.events import AttemptFailed, Connected, Moved, Note, ScheduleChanged, SegmentFinished
from camcast.media import TagType
from camcast.session import supervisor
from camcast.session.health import Health
from camcast.session.timetable import Timetable
from camcast_rtmp.receiver import Receiver
from tests.compare import Media
from tests.core.session.test_timetable import Clock
from tests.integration.air import CODECS, arrived, chain, of, on_air, only, quick_moves, received, recorded
from tests.integration.kit import camera, until
from tests.media import made
from tests.servers.nginx import Nginx
from tests.servers.srt import LiveTransmit

__all__ = ["quick_moves"]

CLIP = "h264_aac"
"""Without B-frames: a replay leaves none of its pictures out."""
EVERY = 2.5
"""Seconds; keyframes come each second."""
SHORT = 1.0
"""Seconds without a picture that a renewal may take, on a machine that does much else."""
TIMES = 2
TAIL = 48
"""Bytes at the end of a picture's data by which it is known: parameter sets stand in front."""


def without_a_break(pictures: Sequence[bytes], publications: int) -> None:
    """They are those of the clip, again and again, each in its place."""
    clip = [unit.data[-TAIL:] for unit in Media.read(made(CLIP)).video]
    assert len(set(clip)) == len(clip)
    places = [clip.index(picture[-TAIL:]) for picture in pictures]
    assert len(places) > EVERY * 25 * publications / 2
    breaks = [(first, then) for first, then in itertools.pairwise(places) if then != (first + 1) % len(clip)]
    assert not breaks


@pytest.mark.usefixtures("quick_moves")
async def test_at_nginx_all_of_it_arrives(tmp_path: Path) -> None:
    with Nginx(tmp_path) as nginx:
        config = chain(nginx.url("cam0"), rotate_every=EVERY)
        async with on_air(camera(0, made(CLIP), config)) as (running, events):
            await until(lambda: len(of(events, Moved)) == TIMES, 60)
            one = only(running)
        await until(lambda: not nginx.publishing("record"))
        files = nginx.recordings("cam0")
        assert len(files) == TIMES + 1
        arrived(one, recorded(files), clean=True)
        files.sort(key=lambda path: path.stat().st_mtime)
        without_a_break([unit.data for path in files for unit in Media.read(path).video], len(files))
    for event in of(events, Moved):
        assert (event.why, event.old) == ("rotate", event.new)
        assert 0 < event.gap < SHORT
        assert event.text.endswith(f"({event.gap * 1000:.0f} ms without a picture)")
    assert not of(events, AttemptFailed)


@pytest.mark.usefixtures("quick_moves")
@pytest.mark.parametrize("targets", [1, 2])
async def test_at_our_receiver_all_of_it_arrives(targets: int) -> None:
    async with Receiver() as receiver:
        urls = [receiver.url("live", f"cam0-{number}") for number in range(targets)]
        config = chain(*urls, rotate_every=EVERY)
        async with on_air(camera(0, made(CLIP), config)) as (running, events):
            await until(lambda: len(of(events, Moved)) == TIMES, 60)
            one = only(running)
        await receiver.until(lambda: not receiver.live())
        assert len(receiver.recordings) == TIMES + 1
        arrived(one, received(receiver.recordings), clean=True)
        pictures = [
            frame.payload
            for recording in receiver.recordings
            for frame in recording.frames(CODECS)
            if frame.type is TagType.VIDEO
        ]
        without_a_break(pictures, len(receiver.recordings))
    moves = of(events, Moved)
    assert [event.why for event in moves] == ["rotate"] * TIMES
    indexes = [event.target_index for event in of(events, Connected)]
    assert indexes == ([0, 0, 0] if targets == 1 else [0, 1, 0])
    assert all((event.gap == 0) is (targets == 2) and event.gap < SHORT for event in moves)
    assert not of(events, AttemptFailed)


@pytest.mark.usefixtures("quick_moves")
async def test_over_srt_it_is_renewed_where_a_server_takes_one_connection(tmp_path: Path) -> None:
    with LiveTransmit(tmp_path, again=True) as server:
        async with on_air(camera(0, made(CLIP), chain(server.url(), rotate_every=EVERY))) as (running, events):
            await until(lambda: len(of(events, Moved)) == TIMES, 60)
            flow = only(running).recorder.flow
        sent = flow.sent.total() + flow.replayed
        # A receiver holds back 0.12 s for what may come late, and may let go of that with the connection.
        await until(lambda: sent - 10 * (TIMES + 1) <= recorded([server.output]).total() <= sent, 20)
    assert all(event.why == "rotate" and 0 < event.gap < 3 * SHORT for event in of(events, Moved))
    assert not of(events, Note)
    assert not of(events, AttemptFailed)


@pytest.mark.usefixtures("quick_moves")
async def test_a_recording_is_rotated_and_ends_with_its_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(supervisor, "Timetable", partial(Timetable, now=clock))
    day = Schedule(timezone="UTC", windows=[{"start": "08:00", "stop": "18:00"}])
    target = TargetConfig(url=f"record://{tmp_path}/%Y%m%d-%H%M%S.mp4", options={"archive": str(tmp_path)})
    async with on_air(camera(0, made(CLIP), chain(target, rotate_every=EVERY, schedule=day))) as (running, events):
        await until(lambda: of(events, ScheduleChanged))
        assert of(events, Connected) == [], "off from the beginning"
        clock.set(8)
        await until(lambda: len(of(events, Moved)) == TIMES, 60)
        clock.set(18)
        await until(lambda: len(of(events, SegmentFinished)) == TIMES + 1)
        files = [Path(event.path) for event in of(events, SegmentFinished)]
        one = only(running)
        assert one.health is Health.SCHEDULED_OFF
        arrived(one, recorded(files), clean=True)
        without_a_break([unit.data for path in files for unit in Media.read(path).video], len(files))
    assert [event.on for event in of(events, ScheduleChanged)] == [False, True, False]
    assert not of(events, AttemptFailed)
