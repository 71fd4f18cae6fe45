"""Cameras from a configuration, live on real servers, every frame accounted for."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from camcast import Engine, SessionConfig
from camcast.errors import ErrorClass
from camcast.events import AttemptFailed, SessionEvent, SessionState
from camcast.media import MediaKind, TagType
from camcast_rtmp.receiver import Receiver, Refusal
from tests.compare import Media, compare
from tests.integration.air import inner, only
from tests.integration.kit import balance, camera, connected, engine, sent, until
from tests.media import clip, made
from tests.servers.nginx import Nginx
from tests.servers.nms import NodeMediaServer
from tests.servers.process import free_port
from tests.servers.stream_reader import Listener

CLIPS: dict[str, Callable[[], Path]] = {
    "b-frames and sound": lambda: made("h264_b_aac"),
    "no b-frames and sound": lambda: made("h264_aac"),
    "a real clip with b-frames": lambda: clip("bikes.mp4"),
    "a transport stream": lambda: made("h264_aac_ts"),
}


async def test_eight_sessions_to_nginx_and_its_recordings_hold_every_frame(nginx: Nginx) -> None:
    paths = [CLIPS[name]() for name in CLIPS] * 2
    names = [f"cam{number}" for number in range(8)]
    async with engine(
        *(
            camera(number, paths[number], SessionConfig(camera_id=number, url=nginx.url(name)))
            for number, name in enumerate(names)
        )
    ) as running:
        await sent(running, 160)
        assert all(one.state is SessionState.CONNECTED for one in running.sessions)
    balance(running)
    for number, name in enumerate(names):
        received = Media.read(nginx.recording(name))
        compare(paths[number], received, loop=True, from_keyframe=1)
        metrics = [one.metrics for one in running.sessions][number]
        assert metrics.frames_dropped == 0
        assert len(received.video) == metrics.video_sent + metrics.replayed
        assert len(received.audio) == metrics.audio_sent


async def test_the_same_to_node_media_server(node_media_server: NodeMediaServer) -> None:
    path = made("h264_b_aac")
    url = node_media_server.url("cam0")
    async with engine(camera(0, path, SessionConfig(camera_id=0, url=url))) as running:
        await sent(running, 120)
    balance(running)
    compare(path, node_media_server.recording("cam0"), loop=True, from_keyframe=1)


async def test_the_same_to_ffmpegs_listener(listener: Listener) -> None:
    path = made("h264_b_aac")
    async with engine(camera(0, path, SessionConfig(camera_id=0, url=listener.url("cam0")))) as running:
        await sent(running, 120)
    balance(running)
    compare(path, await asyncio.to_thread(listener.received), loop=True, from_keyframe=1)


REFUSALS = {
    "deny publish": ("denied", ErrorClass.REFUSED, "a refused key"),
    "hook says 403": ("hooked", ErrorClass.UNEXPLAINED, "stream key"),
    "unknown application": ("nosuch", ErrorClass.UNEXPLAINED, "application"),
}


async def test_what_nginx_refuses_is_told_apart_and_harms_nobody_else(nginx: Nginx) -> None:
    busy = nginx.url("taken", "live")
    path = made("h264_aac")
    good = camera(0, path, SessionConfig(camera_id=0, url=nginx.url("good")))
    # Another program: one and the same refuses a name that it publishes itself.
    other = camera(0, path, SessionConfig(camera_id=0, url=busy))
    async with engine(good) as running, engine(other) as holder:
        await connected(running)
        await connected(holder)
        events: list[SessionEvent] = []
        reader = asyncio.create_task(_collect(running, events))
        outputs = {
            output: SessionConfig(camera_id=0, output=output, url=url)
            for output, url in {
                **{name: nginx.url("any", app) for name, (app, _, _) in REFUSALS.items()},
                "closed port": f"rtmp://127.0.0.1:{free_port()}/live/key",
                "name in use": busy,
            }.items()
        }
        for config in outputs.values():
            await running.add_output(config)
        failed: dict[str, AttemptFailed] = {}

        def all_failed() -> bool:
            for event in events:
                if isinstance(event, AttemptFailed):
                    failed[event.key.output] = event
            # One that agrees and closes at once may just have been restarted: the second time it has refused.
            return set(failed) >= set(outputs) and failed["deny publish"].error_class is ErrorClass.REFUSED

        await until(all_failed, timeout=20)
        healthy = running.sessions.find(camera_id=0, output="rtmp")[0]
        before = healthy.metrics.video_sent
        await until(lambda: healthy.metrics.video_sent > before + 60)
        assert healthy.metrics.frames_dropped == 0
        assert healthy.state is SessionState.CONNECTED
        for output in outputs:
            one = running.sessions.find(output=output)[0]
            assert one.state in (SessionState.ERROR, SessionState.CONNECTING), output
        for name, (_, error_class, word) in REFUSALS.items():
            assert failed[name].error_class is error_class, f"{name}: {failed[name].error}"
            assert word in failed[name].error, f"{name}: {failed[name].error}"
        assert failed["closed port"].error_class is ErrorClass.NETWORK
        assert "refused" in failed["closed port"].error
        assert failed["name in use"].error_class is ErrorClass.BUSY
        reader.cancel()
    balance(running)
    compare(path, nginx.recording("good"), loop=True, from_keyframe=1)


async def _collect(running: Engine, events: list[SessionEvent]) -> None:
    async for event in running.events():
        events += [event] if isinstance(event, SessionEvent) else []


@pytest.mark.parametrize("silent", ["handshake", "connect", "publish"])
async def test_a_silent_peer_is_given_up_at_the_deadline(silent: str) -> None:
    async with Receiver() as receiver:
        receiver.silent = silent
        from camcast.config import TargetConfig

        target = TargetConfig(url=receiver.url("live", "cam0"), connect_timeout=0.5)
        config = SessionConfig(camera_id=0, targets=[target])
        async with engine(camera(0, made("h264_aac"), config)) as running:
            await until(lambda: [one for one in running.sessions if one.metrics.failed_attempts])
            one = only(running)
            assert one.recorder.errors.keys() == {ErrorClass.NETWORK}
            assert "0.5 s" in one.metrics.last_error


async def test_what_was_sent_is_what_the_receiver_counted() -> None:
    path = made("h264_b_aac")
    async with Receiver() as receiver:
        sessions = [SessionConfig(camera_id=n, url=receiver.url("live", f"cam{n}")) for n in range(4)]
        async with engine(*(camera(n, path, config) for n, config in enumerate(sessions))) as running:
            await sent(running, 60)
        balance(running)
        await receiver.until(lambda: not receiver.live())
        for one in inner(running):
            (recording,) = receiver.of(f"cam{one.key.camera_id}")
            assert recording.clean
            flow = one.recorder.flow
            headers = {TagType.VIDEO: 2, TagType.AUDIO: 1}  # sequence headers, and the picture's end of sequence
            assert recording.counts[TagType.VIDEO] == (
                flow.sent[MediaKind.VIDEO] + flow.replayed + headers[TagType.VIDEO]
            )
            assert recording.counts[TagType.AUDIO] == flow.sent[MediaKind.AUDIO] + headers[TagType.AUDIO]


SECRET = "k?y/with&all#of%it"
PARTS = ("k?y", "all#of%it", "of%it", "with&all", "with%26all", "secretpassword")


@pytest.mark.parametrize("outcome", ["good", "refused", "dead"])
async def test_a_key_never_shows(outcome: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with Receiver() as receiver:
        if outcome == "refused":
            receiver.on_publish = lambda app, key: Refusal("NetStream.Publish.Denied", f"key {key} is not allowed")
        port = receiver.port if outcome != "dead" else free_port()
        url = f"rtmp://127.0.0.1:{port}/live/{SECRET}"
        config = SessionConfig(camera_id=0, urls=[url], output="rtmp")
        async with engine(camera(0, made("h264_aac"), config)) as running:
            one = only(running)
            texts = [repr(config), repr(running.config)]
            if outcome == "good":
                await connected(running)
                assert receiver.recordings[0].key == SECRET
            else:
                await until(lambda: one.metrics.last_error)
            texts += [repr(running.stats()), one.metrics.last_error, one.target_shown]
            texts += [repr(one.active.target), repr(one.active)] if one.active else []
    texts += [record.getMessage() for record in caplog.records]
    texts += [str(record.exc_info) for record in caplog.records if record.exc_info]
    for part in PARTS:
        assert not [text for text in texts if part in text]


@pytest.mark.parametrize("start", [0xFFFFFF - 1500, 2**31 - 1500, 2**32 - 1500])
async def test_timestamps_across_the_wraps(start: int) -> None:
    """A timeline that begins late makes the wire's clock cross 24, 31 and 32 bits soon."""
    async with Receiver() as receiver:
        config = SessionConfig(camera_id=0, url=receiver.url("live", "cam0"))
        async with engine(camera(0, made("h264_aac"), config), first_timestamp=start) as running:
            await sent(running, 75)
        (recording,) = receiver.of("cam0")
    times = [tag.time for tag in recording.tags if tag.type is TagType.VIDEO]
    steps = [(after - before) & 0xFFFFFFFF for before, after in itertools.pairwise(times)]
    assert times[0] == start
    assert sum(steps) >= 2500
    assert set(steps[10:-1]) <= {0, 39, 40, 41}
