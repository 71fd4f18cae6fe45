"""Outputs that share one uplink's budget, measured where they arrive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

from camcast import CameraConfig, Config, Engine, SessionConfig, SourceConfig, StreamConfig, SystemConfig
from camcast.config import Adapt, EncoderConfig, UplinkConfig
from camcast.media import NS_PER_MS, NS_PER_S, TagType
from camcast.session.metrics import SessionMetrics
from camcast.session.share import BUDGET
from camcast.testing.recording import Recording
from camcast.workers.remote import RemoteCamera
from camcast_rtmp.receiver import Receiver
from tests.far.test_far_thinning import clip
from tests.integration.kit import balance, until

LIMIT, FULL, LEAST = 2200, 900, 150
"""kbit/s: of the uplink, of each picture that is encoded here, and the least of one."""
SETTLED = 4.0
"""Seconds until all have come down: a keyframe of the smaller stream is waited for, and encoders follow."""
MEASURED = 6.0
WINDOW = 2 * NS_PER_S
"""Of two groups of pictures."""


def encoded(number: int, receiver: Receiver, priority: int) -> CameraConfig:
    session = SessionConfig(
        url=receiver.url("live", f"cam{number}"),
        adapt=Adapt(min=LEAST, max=FULL),
        uplink="lte",
        priority=priority,
    )
    encoder = EncoderConfig(type="H264_CBR", width=320, height=240, framerate=15, bitrate_kbps=FULL, gop=1.0)
    source = SourceConfig(type="testsrc", options={"pattern": "moving"})
    return CameraConfig(camera_id=number, streams=(StreamConfig(source=source, encoder=encoder, sessions=(session,)),))


def copied(number: int, receiver: Receiver, priority: int) -> CameraConfig:
    session = SessionConfig(
        url=receiver.url("live", f"cam{number}"),
        adapt=Adapt(down_to=("sub",), then="keyframes"),
        uplink="lte",
        priority=priority,
    )
    main, sub = (
        StreamConfig(
            name=name,
            source=SourceConfig(type="file", url=str(clip(name)), options={"loop": True}),
            sessions=(session,) if name == "main" else (),
        )
        for name in ("main", "sub")
    )
    return CameraConfig(camera_id=number, streams=(main, sub))


def config(receiver: Receiver, workers: int = 1) -> Config:
    """The important one first, which could have all that it wants."""
    return Config(
        system=SystemConfig(workers=workers, uplinks={"lte": UplinkConfig(limit=LIMIT)}),
        cameras=(
            encoded(0, receiver, 100),
            encoded(1, receiver, 10),
            copied(2, receiver, 20),
            encoded(3, receiver, 10),
        ),
    )


def arrived(one: Recording) -> Iterator[tuple[int, int]]:
    """When each tag came, had this machine never stood still (its time, by the least late of them), and its bytes."""
    zero = min((at - tag.time * NS_PER_MS for tag, at in zip(one.tags, one.arrivals, strict=True)), default=0)
    return ((zero + tag.time * NS_PER_MS, len(tag.body)) for tag in one.tags)


def most(recordings: Sequence[Recording], since: int) -> float:
    """kbit/s of all together in the worst window."""
    came = sorted((at, size) for one in recordings for at, size in arrived(one) if at >= since)
    worst = within = first = 0
    for arrival, size in came:
        within += size
        while came[first][0] <= arrival - WINDOW:
            within -= came[first][1]
            first += 1
        worst = max(worst, within)
    return worst * 8 / (WINDOW / NS_PER_S) / 1000


async def measure(receiver: Receiver) -> tuple[float, float]:
    """kbit/s of all in the worst window, and on average of the important one."""
    await until(lambda: len(receiver.live()) == 4 and all(one.size > 30_000 for one in receiver.live()))
    await asyncio.sleep(SETTLED)
    since = time.monotonic_ns()
    await asyncio.sleep(MEASURED)
    size = sum(size for at, size in arrived(receiver.of("cam0")[0]) if at >= since)
    return most(receiver.recordings, since), size * 8 / MEASURED / 1000


def came(engine: Engine, receiver: Receiver, number: int) -> int:
    """Pictures of a camera that arrived."""
    frames = (one.frames(engine.host.codecs.values()) for one in receiver.of(f"cam{number}"))
    return sum(frame.type is TagType.VIDEO for one in frames for frame in one)


def left_out(one: SessionMetrics) -> int:
    return sum(count for what, count in one.dropped.items() if what.startswith("video"))


async def test_four_outputs_stay_below_one_budget_and_the_important_one_keeps_its_picture() -> None:
    async with Receiver() as receiver:
        async with Engine(config(receiver)) as engine:
            worst, gate_rate = await measure(receiver)
            gate, yard, hall, lane = engine.sessions.metrics()
            (uplink,) = engine.stats().uplinks
            engine.sessions.find(camera_id=0)[0].pause()
            await until(lambda: engine.sessions.find(camera_id=1)[0].metrics.bitrate_target > 600_000)
        balance(engine)
        assert worst <= LIMIT
        assert uplink.sent <= uplink.budget == uplink.limit == LIMIT * 1000
        assert uplink.outputs == 4
        assert gate.bitrate_target == FULL * 1000
        assert gate_rate > 0.6 * FULL
        # A change of share reaches each with its own next look.
        assert all(LEAST * 1000 <= one.bitrate_target < 0.6 * FULL * 1000 for one in (yard, lane))
        assert (hall.picture, hall.picture_reason) == ("sub", BUDGET)
        assert all(one.uplink == "lte" and one.uplink_share for one in (gate, yard, hall, lane))
        for number, one in enumerate(engine.sessions.metrics()):
            assert one.video_sent + one.replayed == came(engine, receiver, number)
            # The larger stream's pictures while the smaller one's are sent.
            assert one.video_offered == one.video_sent + left_out(one)
            assert number == 2 or not one.frames_dropped


async def test_two_processes_share_one_budget() -> None:
    async with Receiver() as receiver:
        async with Engine(config(receiver, workers=2)) as engine:
            away = {one.camera_id for one in engine.cameras if isinstance(one, RemoteCamera)}
            assert len(away) == 2
            worst, gate_rate = await measure(receiver)
            gate, yard, hall, lane = engine.sessions.metrics()
            (uplink,) = engine.stats().uplinks
        assert worst <= LIMIT
        assert (uplink.outputs, uplink.budget) == (4, LIMIT * 1000)
        assert gate.bitrate_target == FULL * 1000
        assert gate_rate > 0.6 * FULL
        assert max(yard.bitrate_target, lane.bitrate_target) < 0.6 * FULL * 1000
        assert hall.picture == "sub"
        for number, one in enumerate(engine.sessions.metrics()):
            assert one.video_sent + one.replayed == came(engine, receiver, number)
            assert one.video_offered == one.video_sent + left_out(one)
