"""Cameras over several processes, run and seen as one engine."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from attrs import evolve

from camcast import CameraConfig, Config, Engine, SessionConfig, SlateConfig, SourceConfig, StreamConfig, SystemConfig
from camcast.events import Connected, Event, SessionState, WorkerRestarted
from camcast.media import TagType
from camcast.workers import pulse
from camcast.workers.remote import RemoteCamera
from camcast_rtmp.receiver import Receiver
from tests.integration.kit import camera, until
from tests.media import made


def sharded(receiver: Receiver, cameras: int, workers: int = 2) -> Config:
    clip = made("h264_aac")
    return Config(
        system=SystemConfig(workers=workers, max_cameras=64),
        cameras=tuple(
            camera(number, clip, SessionConfig(camera_id=number, url=receiver.url("live", f"cam{number}")))
            for number in range(cameras)
        ),
    )


def remote(engine: Engine) -> list[RemoteCamera]:
    return [one for one in engine.cameras if isinstance(one, RemoteCamera)]


async def test_two_processes_are_one_engine() -> None:
    async with Receiver() as receiver:
        async with Engine(sharded(receiver, 4)) as engine:
            events: list[Event] = []
            reader = asyncio.create_task(_collect(engine, events))
            assert len(remote(engine)) == 2
            assert {one.worker.name for one in remote(engine)} == {"worker 1"}
            await until(lambda: all(one.state is SessionState.CONNECTED for one in engine.sessions))
            await until(lambda: all(one.metrics.video_sent > 30 for one in engine.sessions))
            assert {event.label for event in events if isinstance(event, Connected)} == {
                f"cam{number}_main" for number in range(4)
            }
            stats = engine.stats()
            assert len(stats.sessions) == len(stats.streams) == 4
            assert stats.totals.active == 4
            far = remote(engine)[0].camera_id
            before = remote(engine)[0].worker.stats
            await engine.refresh()
            assert remote(engine)[0].worker.stats is not before
            (one,) = engine.sessions.find(camera_id=far)
            one.pause()
            await until(lambda: one.state is SessionState.DISCONNECTED)
            one.resume()
            await until(lambda: one.state is SessionState.CONNECTED)
            await engine.remove_camera(far)
            await until(lambda: len(receiver.live()) == 3)
            assert len(engine.sessions) == 3
            assert await engine.reload(engine.config) == [f"camera {far} added"]
            await until(lambda: len(receiver.live()) == 4)
        await reader
        await receiver.until(lambda: not receiver.live())
        assert all(recording.clean for recording in receiver.recordings)


async def test_a_worker_that_is_killed_comes_back_with_its_cameras() -> None:
    async with Receiver() as receiver:
        async with Engine(sharded(receiver, 2)) as engine:
            events: list[Event] = []
            reader = asyncio.create_task(_collect(engine, events))
            (far,) = remote(engine)
            near = next(one for one in engine.cameras if one is not far)
            await until(lambda: len(receiver.live()) == 2)
            await until(lambda: far.streams[0].metrics.video_received > 30)
            before = engine.stats().totals
            os.kill(far.worker.pid, signal.SIGKILL)
            await until(lambda: len(receiver.of(f"cam{far.camera_id}")) == 2)
            # The dead worker's figures stay in the totals.
            await until(lambda: engine.stats().totals.attempts == before.attempts + 1)
            assert engine.stats().totals.bytes_sent >= before.bytes_sent
            recording = receiver.of(f"cam{far.camera_id}")[1]
            await until(lambda: recording.counts[TagType.VIDEO] > 20)
            assert [event.cameras for event in events if isinstance(event, WorkerRestarted)] == [(far.camera_id,)]
            assert len(receiver.of(f"cam{near.camera_id}")) == 1
        await reader


async def test_a_stream_in_another_process_is_restarted_by_itself() -> None:
    async with Receiver() as receiver:
        config = sharded(receiver, 2)
        async with Engine(config) as engine:
            (far,) = remote(engine)
            await until(lambda: len(receiver.live()) == 2)
            cameras = tuple(
                evolve(one, streams=(evolve(one.streams[0], slate=SlateConfig(after=30)),))
                if one.camera_id == far.camera_id
                else one
                for one in config.cameras
            )
            assert await engine.reload(evolve(config, cameras=cameras)) == [
                f"stream cam{far.camera_id}_main restarted (slate)"
            ]
            assert remote(engine) == [far]
            await until(lambda: len(receiver.of(f"cam{far.camera_id}")) == 2 and len(receiver.live()) == 2)
            assert len(receiver.of(f"cam{1 - far.camera_id}")) == 1
            bare = evolve(cameras[far.camera_id], streams=())
            both = tuple(bare if one.camera_id == far.camera_id else one for one in cameras)
            assert await engine.reload(evolve(config, cameras=both)) == [
                f"camera {far.camera_id} restarted (the kinds of its sources)"
            ]
            await until(lambda: len(receiver.live()) == 1)


@pytest.mark.parametrize("moves", [False, True])
async def test_a_camera_that_is_added_again_while_it_is_being_removed_is_whole(
    monkeypatch: pytest.MonkeyPatch, moves: bool
) -> None:
    """Home, or in the same process as before, where there is as much to do at home."""
    monkeypatch.setattr(pulse, "SILENCE", 60.0)  # that it is held up is no fault here
    async with Receiver() as receiver:
        cameras = tuple(camera(number, made("h264_aac")) for number in range(1 if moves else 2))
        async with Engine(Config(system=SystemConfig(workers=2), cameras=cameras)) as engine:
            (far,) = remote(engine)
            await until(lambda: far.streams[0].metrics.video_received > 0, 60)
            # It takes its time.
            os.kill(far.worker.pid, signal.SIGSTOP)
            try:
                removing = asyncio.create_task(engine.remove_camera(0))
                while engine.cameras.get(0) is not None:  # noqa: ASYNC110  at its very moment
                    await asyncio.sleep(0)
                await engine.add_camera(cameras[0])
                assert not removing.done()
            finally:
                os.kill(far.worker.pid, signal.SIGCONT)
            await removing
            assert isinstance(engine.cameras.require(0), RemoteCamera) is not moves
            session = engine.sessions.create_session(SessionConfig(camera_id=0, url=receiver.url("live", "cam0")))
            await until(lambda: session.state is SessionState.CONNECTED, 60)
            if not moves:
                os.kill(far.worker.pid, signal.SIGKILL)
                await until(lambda: len(receiver.of("cam0")) == 2, 60)


async def test_what_this_program_feeds_stays_here() -> None:
    from camcast.workers.sharding import stays_at_home

    push = CameraConfig(camera_id=9, streams=(StreamConfig(source=SourceConfig(type="push")),))
    engine = Engine(Config())
    assert stays_at_home(push, engine.host) == 'its source "push" is fed by this program'
    assert stays_at_home(camera(0, "clip.mp4"), engine.host) is None


async def test_the_cap_on_connects_holds_over_all_processes() -> None:
    """Eight sessions in two processes, five connects a second: the last begins 1.4 s after the first."""
    async with Receiver() as receiver:
        config = sharded(receiver, 8)
        times: list[float] = []
        receiver.on_connect = lambda app, info: times.append(asyncio.get_running_loop().time())
        async with Engine(evolve(config, system=evolve(config.system, max_connects_per_second=5))) as engine:
            await until(lambda: all(one.state is SessionState.CONNECTED for one in engine.sessions))
        assert len(times) == 8
        assert max(times) - min(times) >= 7 / 5 - 0.2


async def _collect(engine: Engine, events: list) -> None:  # type: ignore[type-arg]
    async for event in engine.events():
        events += [event]
