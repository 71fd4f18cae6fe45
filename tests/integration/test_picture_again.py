"""Where a viewer can begin again: pictures come back after a reconnect also where the source never sends a keyframe.

Engines with real files and scripted cameras; what is asserted is what the receiver got, and what the session says.
"""

from __future__ import annotations

import io
import time
from functools import partial

import attrs
import av

from camcast import CameraConfig, SourceConfig, StreamConfig
from camcast.events import SessionState
from camcast.media import TagType
from camcast.session.health import Health
from camcast.testing import strip
from camcast.testing.recording import Recording
from camcast_rtmp.receiver import Receiver
from tests.cameras import clips, rtp
from tests.cameras.script import NEVER, Script
from tests.cameras.server import Camera
from tests.faults.proxy import FaultProxy
from tests.integration.air import chain, on_air, only, stable
from tests.integration.kit import camera, until
from tests.media import made

CYCLE = 25
"""Pictures in which intra refresh has gone over the whole picture."""
JOINED = 10
ACCEPTED = 4 * CYCLE
"""Pictures after which a stream that is reset is none that was refused at its start (three seconds)."""
REFRESH = {"x264-params": f"intra-refresh=1:keyint={CYCLE}:scenecut=0:bframes=0:sliced-threads=0"}
SOON = 8.0
"""Seconds within which a receiver has pictures again, on a busy machine too. Nothing came for ever."""


def refreshed() -> clips.Clip:
    """What refreshes its picture bit by bit; whoever joins never sees a keyframe."""
    clip = clips.video("h264", frames=750, gop=CYCLE, options=REFRESH)
    later = clip.units[JOINED:]
    units = [attrs.evolve(unit, dts=unit.dts - later[0].dts, pts=unit.pts - later[0].dts) for unit in later]
    return attrs.evolve(clip, units=tuple(units))


def shows(recording: Recording, count: int) -> bool:
    """The header of the sequence is one of so many."""
    return recording.counts[TagType.VIDEO] >= count


def numbers(recording: Recording) -> list[int]:
    """Of the pictures that a decoder shows right."""
    with av.open(io.BytesIO(recording.flv()), "r") as container:
        marks = [strip.read(frame) for frame in container.decode(video=0)]
    return [mark.number for mark in marks if mark is not None]


async def test_intra_refresh_is_shown_again_after_a_reconnect() -> None:
    script = Script([rtp.video_track(refreshed())], beginning=NEVER)
    async with Camera(script) as source, Receiver() as receiver:
        stream = StreamConfig(
            source=SourceConfig(type="rtsp", url=source.url), sessions=(chain(receiver.url("live", "cam0")),)
        )
        async with on_air(CameraConfig(camera_id=0, streams=(stream,))) as (running, _):
            first = await receiver.recording("cam0", timeout=20)
            await receiver.until(partial(shows, first, ACCEPTED), timeout=20)
            await stable(running)
            for again in (1, 2):
                receiver.drop(reset=True)
                second = await receiver.recording("cam0", again, timeout=10)
                await until(partial(shows, second, 2), timeout=SOON)
                await until(partial(shows, second, ACCEPTED), timeout=20)
                await until(lambda: only(running).health is Health.HEALTHY)
                await stable(running)
        right = numbers(receiver.of("cam0")[-1])
        assert len(right) > CYCLE // 2
        assert right == sorted(set(right))


async def test_sound_alone_is_not_healthy_where_there_is_a_picture() -> None:
    """The link has room for the sound, and a picture hardly ever fits."""
    async with Receiver(keep=0) as receiver:
        # With a larger one the kernel tells of room again only once in several seconds.
        with FaultProxy((receiver.host, receiver.port), receive_buffer=16_384) as proxy:
            config = chain(f"rtmp://{proxy.address}/live/cam0", stall_timeout=4.0)
            async with on_air(camera(0, made("camera_1080p"), config)) as (running, _):
                one = only(running)
                await stable(running)
                await until(lambda: one.health is Health.HEALTHY)
                proxy.rate_up = 250_000

                def acknowledges_and_is_not_well() -> bool:
                    acknowledges = one.active is not None and one.active.acknowledged(time.monotonic())
                    return acknowledges and one.health is Health.UNHEALTHY

                await until(acknowledges_and_is_not_well, timeout=30)
                assert one.state is SessionState.CONNECTED
                assert one.metrics.dropped["video: link behind"] > 30
                proxy.rate_up = None
                await until(lambda: one.health is Health.HEALTHY, timeout=30)
                assert one.metrics.attempts == 1
