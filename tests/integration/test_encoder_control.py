"""Encoders steered while they run, and what comes of it at the receiver."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import Any

import attrs
import pytest

from camcast import CameraConfig, Config, Engine, SessionConfig, SystemConfig
from camcast.errors import ConfigError
from camcast.events import SourceNote
from camcast.media import TagType
from camcast.testing.recording import ReceivedFrame, Recording
from camcast.workers.remote import RemoteCamera
from camcast_rtmp.receiver import Receiver
from tests.integration.air import CODECS, of, on_air
from tests.integration.kit import camera, drawn, engine
from tests.integration.test_fallback import takes_h264_only
from tests.media import made

RATE = 600


def hard_to_encode(number: int, session: SessionConfig, **encoder: Any) -> CameraConfig:
    """The test picture in motion all over, so that an encoder needs all the `RATE` (kbit/s) that it may take."""
    made_up = drawn(number, session, **{"bitrate_kbps": RATE, **encoder})
    stream = made_up.streams[0]
    source = attrs.evolve(stream.source, options={"pattern": "moving"})
    return attrs.evolve(made_up, streams=(attrs.evolve(stream, source=source),))


def pictures(recording: Recording) -> list[ReceivedFrame]:
    return [frame for frame in recording.frames(CODECS) if frame.type is TagType.VIDEO]


def kbits(frames: list[ReceivedFrame]) -> float:
    """Mean rate by the stream's own time."""
    return sum(len(frame.payload) for frame in frames[:-1]) * 8 / (frames[-1].time - frames[0].time)


async def span(receiver: Receiver, recording: Recording, ms: int, skip: int) -> list[ReceivedFrame]:
    """The pictures of the next `ms`, after `skip` ms in which a change takes hold."""
    await receiver.until(lambda: recording.tags)
    begin = recording.tags[-1].time + skip
    await receiver.until(lambda: recording.tags[-1].time > begin + ms, timeout=20)
    return [frame for frame in pictures(recording) if begin <= frame.time <= begin + ms]


TYPES = ("H264_CBR", "H264_VBR", "H265_CBR")


async def test_the_bitrate_changes_while_it_runs() -> None:
    async with Receiver() as receiver:
        cameras = []
        for number, name in enumerate(TYPES):
            session = SessionConfig(camera_id=number, url=receiver.url("live", name))
            cameras.append(hard_to_encode(number, session, type=name))
        async with on_air(*cameras) as (running, _):
            recordings = [await receiver.recording(name) for name in TYPES]
            controls = list(running.cameras)

            async def rates(kbit: int, skip: int, ms: int) -> list[float]:
                for number, one in enumerate(controls):
                    assert kbit == RATE or one.set_bitrate(0, kbit), TYPES[number]
                spans = [span(receiver, recording, ms, skip) for recording in recordings]
                return [kbits(frames) for frames in await asyncio.gather(*spans)]

            before = await rates(RATE, 1000, 1000)
            low = await rates(200, 1500, 2000)
            after = await rates(RATE - 1, 1500, 1500)
            with pytest.raises(ValueError, match="expected kbit/s, at least 1"):
                controls[0].set_bitrate(0, 0)
    for number, name in enumerate(TYPES):
        told = f"{name}: {before[number]:.0f}, {low[number]:.0f}, {after[number]:.0f} kbit/s"
        # On a busy machine pictures are left out before they are encoded, and the rate is lower by them.
        assert RATE * 0.5 < before[number] < RATE * 1.5, told
        assert 100 < low[number] < 0.75 * min(before[number], after[number], 400), told
        assert RATE * 0.5 < after[number] < RATE * 1.5, told
        # Nothing is lost or out of order on the way, whether the encoder was reopened or not.
        shown = pictures(recordings[number])[30:]
        assert all(0 < later.time - frame.time < 200 for frame, later in pairwise(shown))


async def test_a_copied_picture_has_no_bitrate_to_set_and_a_transcoded_one_has() -> None:
    async with Receiver() as receiver:
        copied = SessionConfig(camera_id=0, output="copied", url=receiver.url("live", "copied"))
        async with on_air(camera(0, made("hevc_aac"), copied)) as (running, _):
            await receiver.recording("copied")
            one = running.cameras.get(0)
            assert one is not None
            assert not one.set_bitrate(0, 200)
            assert not one.request_keyframe(0)
            await running.add_output(takes_h264_only(receiver.url("live", "h264"), "h264"))
            recording = await receiver.recording("h264")
            before = kbits(await span(receiver, recording, 1000, 500))
            assert one.set_bitrate(0, 70)
            assert kbits(await span(receiver, recording, 1500, 1000)) < before * 0.6


@pytest.mark.parametrize("codec", ["h264", "h265"])
async def test_a_keyframe_comes_when_asked_for(codec: str) -> None:
    async with Receiver() as receiver:
        session = SessionConfig(camera_id=0, url=receiver.url("live", "cam"))
        config = drawn(0, session, gop=60.0, type=f"{codec.upper()}_CBR")
        async with on_air(config) as (running, _):
            recording = await receiver.recording("cam")
            await receiver.until(lambda: recording.counts[TagType.VIDEO] > 30)
            assert [frame.keyframe for frame in pictures(recording)].count(True) == 1
            one = running.cameras.get(0)
            assert one is not None
            assert one.request_keyframe(0)
            asked = time.monotonic_ns()
            await receiver.until(lambda: [frame.keyframe for frame in pictures(recording)].count(True) == 2)
        came = next(frame for frame in pictures(recording) if frame.keyframe and frame.arrival > asked)
        assert (came.arrival - asked) / 1e9 < 2


async def test_the_implementation_asked_for_is_taken_and_told() -> None:
    async with Receiver() as receiver:
        session = SessionConfig(camera_id=0, url=receiver.url("live", "cam"))
        async with on_air(drawn(0, session, implementation="libx264")) as (_, events):
            recording = await receiver.recording("cam")
            await receiver.until(lambda: recording.counts[TagType.VIDEO] > 5)
        told = [note.message for note in of(events, SourceNote) if note.code == "encoder_chosen"]
        assert told == ["h264 is encoded by libx264"]


async def test_auto_says_which_hardware_was_not_taken() -> None:
    async with Receiver() as receiver:
        session = SessionConfig(camera_id=0, url=receiver.url("live", "cam"))
        async with on_air(drawn(0, session)) as (running, events):
            recording = await receiver.recording("cam")
            await receiver.until(lambda: recording.counts[TagType.VIDEO] > 5)
            hardware = [kind.name for kind in running.host.encoders.values() if kind.codec == "h264" and kind.hardware]
        (told,) = [note.message for note in of(events, SourceNote) if note.code == "encoder_chosen"]
    assert hardware
    taken = told.split(" is encoded by ")[1].split(" ")[0]
    # On a machine with such hardware that one is taken; those tried before it are named, with a reason if it is another
    # than that there is no such thing.
    assert taken == "libx264" or taken in hardware
    assert taken in hardware or all(name in told.partition("(not taken: ")[2] for name in hardware)


async def test_an_implementation_that_is_not_there_is_named_with_those_that_are() -> None:
    session = SessionConfig(url="rtmp://127.0.0.1/live/cam")
    with pytest.raises(ConfigError) as error:
        engine(drawn(0, session, implementation="libx246"))
    (issue,) = error.value.issues
    assert issue.path == "cameras[0].streams[0].encoder.implementation"
    assert "did you mean" in issue.message
    assert "expected an encoder's name, auto, hardware or software" in issue.message


async def test_a_worker_process_is_steered_too() -> None:
    async with Receiver() as receiver:
        cameras = []
        for number in range(2):
            session = SessionConfig(camera_id=number, url=receiver.url("live", f"cam{number}"))
            cameras.append(hard_to_encode(number, session, gop=60.0))
        async with Engine(Config(system=SystemConfig(workers=2), cameras=tuple(cameras))) as running:
            (far,) = [one for one in running.cameras if isinstance(one, RemoteCamera)]
            recording = await receiver.recording(f"cam{far.camera_id}")
            before = kbits(await span(receiver, recording, 1000, 1000))
            assert far.set_bitrate(0, 200)
            assert far.request_keyframe(0)
            low = await span(receiver, recording, 1500, 1500)
        assert kbits(low) < before * 0.6
        assert [frame.keyframe for frame in pictures(recording)].count(True) == 2
