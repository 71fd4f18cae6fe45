"""Another bitrate in the configuration: the encoder follows, up and down, and no session goes off the air."""

from __future__ import annotations

from itertools import pairwise

import attrs
import pytest

from camcast import CameraConfig, Config, Engine, SessionConfig, SystemConfig
from camcast.media import TagType
from camcast.testing.recording import Recording
from camcast_rtmp.receiver import Receiver
from tests.integration.air import on_air
from tests.integration.kit import camera
from tests.integration.test_encoder_control import hard_to_encode, kbits, pictures, span
from tests.integration.test_fallback import takes_h264_only
from tests.media import made

LOW, HIGH = 200, 1500
ON_THE_WAY = 15
"""Pictures that wait in the encoder or on the way, more than at the beginning."""


def lately(recording: Recording) -> float:
    """kbit/s of the last two seconds of media; 0 at the beginning."""
    seen = pictures(recording)
    if not seen or seen[-1].time < 2000:
        return 0.0
    return kbits([frame for frame in seen if frame.time >= seen[-1].time - 2000])


async def follows(receiver: Receiver, recording: Recording, least: float, most: float) -> None:
    """Wait until the rate is between these. A busy machine has pictures of before waiting for its encoder."""
    try:
        await receiver.until(lambda: least < lately(recording) < most, timeout=60)
    except TimeoutError:
        raise AssertionError(f"{lately(recording):.0f} kbit/s, expected {least:.0f} to {most:.0f}") from None


def missing(running: Engine, recording: Recording) -> int:
    """Pictures that came from the source, were not left out for want of time, and are not at the receiver."""
    (stream,) = running.stats().streams
    left_out = sum(count for reason, count in stream.dropped.items() if reason.startswith("video"))
    return stream.video_received - left_out - recording.counts[TagType.VIDEO]


def wanted(running: Engine, *cameras: CameraConfig) -> Config:
    """What runs, but for these cameras."""
    return attrs.evolve(running.config, cameras=cameras)


def at(config: CameraConfig, kbit: int) -> CameraConfig:
    (stream,) = config.streams
    return attrs.evolve(
        config, streams=(attrs.evolve(stream, encoder=attrs.evolve(stream.encoder, bitrate_kbps=kbit)),)
    )


@pytest.mark.parametrize("codec", ["H264_CBR", "H264_VBR", "H265_CBR"])
async def test_an_encoder_follows_and_nothing_is_off_the_air(codec: str) -> None:
    async with Receiver() as receiver:
        session = SessionConfig(camera_id=0, url=receiver.url("live", "cam"))
        config = hard_to_encode(0, session, type=codec, bitrate_kbps=600, b_frames=2)
        async with on_air(config) as (running, _):
            recording = await receiver.recording("cam")
            await span(receiver, recording, 500, 0)
            before = missing(running, recording)
            for kbit, least, most in ((LOW, 0, LOW * 1.6), (HIGH, LOW * 2, HIGH * 2), (LOW, 0, LOW * 1.6)):
                lines = await running.reload(wanted(running, at(config, kbit)))
                assert lines == ["stream cam0_main goes on with another encoder.bitrate"]
                await follows(receiver, recording, least, most)
                # What is aimed at by hand is bounded by what is configured now.
                assert running.cameras.require(0).set_bitrate(0, 10 * kbit)
            await receiver.until(lambda: missing(running, recording) <= before + ON_THE_WAY, timeout=60)
            (metrics,) = running.stats().sessions
        assert metrics.attempts == 1
        assert len(receiver.of("cam")) == 1
        shown = pictures(recording)[30:]
        assert all(later.time > frame.time for frame, later in pairwise(shown))


async def test_a_transcoder_follows_too() -> None:
    async with Receiver() as receiver:
        config = at(camera(0, made("hevc_aac"), takes_h264_only(receiver.url("live", "h264"), "h264")), 70)
        async with on_air(config) as (running, _):
            recording = await receiver.recording("h264")
            await follows(receiver, recording, 0, 250)
            assert await running.reload(wanted(running, at(config, 900)))
            await follows(receiver, recording, 300, 2000)
            (metrics,) = running.stats().sessions
        assert metrics.attempts == 1


async def test_a_worker_process_follows_too() -> None:
    async with Receiver() as receiver:
        cameras = [
            hard_to_encode(number, SessionConfig(camera_id=number, url=receiver.url("live", f"cam{number}")))
            for number in range(2)
        ]
        system = SystemConfig(workers=2)
        async with Engine(Config(system=system, cameras=tuple(cameras))) as running:
            recordings = [await receiver.recording(f"cam{number}", timeout=60) for number in range(2)]
            await span(receiver, recordings[0], 500, 0)
            lines = await running.reload(wanted(running, *(at(one, 100) for one in cameras)))
            assert lines == [f"stream cam{number}_main goes on with another encoder.bitrate" for number in range(2)]
            for recording in recordings:
                await follows(receiver, recording, 0, 300)
                assert recording.counts[TagType.VIDEO]
            assert [one.attempts for one in running.stats().sessions] == [1, 1]
