"""The RTSP source behind a relay that loses, reorders, repeats, chops and falsifies a real server's media."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from struct import pack_into, unpack_from
from typing import Any

import pytest
from tests.compare import Media, compare
from tests.media import encode, made
from tests.plugins.rtsp_kit import Run, running
from tests.servers.gst_rtsp import GstRtsp, loop, play
from tests.servers.rtp_relay import RtpRelay, Spoil

from camcast.media import MediaKind, Packet


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 s with a keyframe every half second, large enough for fragments."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    encode(path, seconds=2, gop=0.5, bitrate=1_500_000, video_options={"preset": "ultrafast", "tune": "zerolatency"})
    return path


@pytest.fixture(scope="module")
def camera(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GstRtsp]:
    folder = tmp_path_factory.mktemp("camera")
    mounts = {"/cam": play(clip, "h264", "aac"), "/live": loop(made("h264_only"), "h264", 25, folder / "units")}
    with GstRtsp(folder, mounts) as server:
        yield server


async def through(relay: RtpRelay, **options: Any) -> Run:
    async with relay, running(relay.url("/cam"), **options) as run:
        assert "RTCP BYE" in str(await run.failure())
        return run


def whole(clip: Path, run: Run) -> None:
    assert not run.sink.drops
    sent, got = Media.read(clip), run.media
    result = compare(sent, got, times=False, whole=False)
    assert not result.missing_head.get("video")
    assert result.missing_tail == {"video": 0, "audio": 0}


def every(number: int, channel: int = 0) -> Spoil:
    """Loses every so manieth packet of a channel."""
    count = 0

    def spoil(which: int, packet: bytes) -> list[bytes]:
        nonlocal count
        count += which == channel
        return [] if which == channel and count % number == 0 else [packet]

    return spoil


def falsified(change: object) -> Spoil:
    """`change(sequence, timestamp, ssrc, count)` for each packet of video; of its RTCP only BYE passes."""
    count = 0

    def spoil(channel: int, packet: bytes) -> list[bytes]:
        nonlocal count
        if channel == 1:
            return [packet] if b"\x81\xcb" in packet else []
        if channel == 0:
            count += 1
            changed = bytearray(packet)
            values = change(*unpack_from("!HII", packet, 2), count)  # type: ignore[operator]
            pack_into("!HII", changed, 2, *(value & mask for value, mask in zip(values, _MASKS, strict=True)))
            return [bytes(changed)]
        return [packet]

    return spoil


_MASKS = (0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


async def test_loss_is_counted_and_the_picture_is_back_at_the_next_keyframe(camera: GstRtsp, clip: Path) -> None:
    run = await through(RtpRelay(camera.port, every(37)))
    sent = Media.read(clip).video
    numbers = {unit.data[-40:]: number for number, unit in enumerate(sent)}
    got = [numbers[packet.payload[-40:]] for packet in run.video]
    jumps = [later for earlier, later in pairwise(got) if later != earlier + 1]
    assert len(jumps) >= 2
    assert all(sent[number].keyframe for number in jumps)
    drops = run.sink.drops
    assert drops[MediaKind.VIDEO, "rtp loss"] >= len(jumps)
    # Every picture has come or is counted; a gap may hide how many were lost in it.
    left_out = drops[MediaKind.VIDEO, "rtp loss"] + drops[MediaKind.VIDEO, "until keyframe"]
    assert len(got) + left_out <= len(sent)
    assert len(got) + left_out >= len(sent) - len(jumps)
    assert len(run.sink.of(MediaKind.AUDIO)) >= len(Media.read(clip).audio) - 1
    compare_exact(run, sent)


def compare_exact(run: Run, sent: list) -> None:  # type: ignore[type-arg]
    """Each picture that came is one of those sent, to the last bit of its slices."""
    originals = {unit.data.split(b"\x65\x88", 1)[-1] for unit in sent}
    assert all(packet.payload.split(b"\x65\x88", 1)[-1] in originals for packet in run.video)


async def test_lost_sound_is_counted_and_nothing_else_is_missing(camera: GstRtsp, clip: Path) -> None:
    run = await through(RtpRelay(camera.port, every(10, channel=2)))
    lost = run.sink.drops[MediaKind.AUDIO, "rtp loss"]
    assert 5 <= lost == sum(run.sink.drops.values())
    assert len(run.sink.of(MediaKind.AUDIO)) + lost >= len(Media.read(clip).audio) - 1
    assert len(run.video) == len(Media.read(clip).video)


async def test_reordered_and_repeated_packets_are_put_right(camera: GstRtsp, clip: Path) -> None:
    kept: list[bytes] = []
    count = 0

    def spoil(channel: int, packet: bytes) -> list[bytes]:
        nonlocal count
        if channel != 0:
            return [packet]
        count += 1
        if count % 7 == 3:
            kept.append(packet)
            return []
        if count % 7 == 4:
            return [packet, kept.pop(), packet]
        return [packet]

    run = await through(RtpRelay(camera.port, spoil))
    whole(clip, run)


async def test_frames_in_pieces_and_stray_bytes_between_them(camera: GstRtsp, clip: Path) -> None:
    relays = [
        RtpRelay(camera.port, chop=700),
        *(RtpRelay(camera.port, stray=stray) for stray in (b"\r\n", b"\x00\xff")),
    ]
    for run in await asyncio.gather(*map(through, relays)):
        whole(clip, run)


async def test_sequence_and_timestamp_wrap(camera: GstRtsp, clip: Path) -> None:
    base: list[int] = []

    def change(sequence: int, timestamp: int, ssrc: int, count: int) -> tuple[int, int, int]:
        base[:] = base or [sequence, timestamp]
        return sequence - base[0] - 40, timestamp - base[1] - 45_000, ssrc

    run = await through(RtpRelay(camera.port, falsified(change)))
    whole(clip, run)
    pts = [packet.pts for packet in run.video]
    assert all(abs(later - earlier - 40_000_000) < 1_000_000 for earlier, later in pairwise(pts))


async def test_a_camera_that_starts_anew_goes_on_at_the_next_keyframe(camera: GstRtsp) -> None:
    """Another SSRC, another sequence, time from 0."""

    def change(sequence: int, timestamp: int, ssrc: int, count: int) -> tuple[int, int, int]:
        return (sequence, timestamp, ssrc) if count < 60 else (sequence + 20_000, timestamp + 2**31 + 5, ssrc + 1)

    relay = RtpRelay(camera.port, falsified(change))
    async with relay, running(relay.url("/live")) as run:
        await run.until(lambda: run.sink.drops and run.video[-1].keyframe and len(run.video) > 30, why="back")
        await run.until(lambda: len(run.video) > 60)
    rising(run.video, largest=2.0)


async def test_leaps_of_the_cameras_clock_are_mended(camera: GstRtsp) -> None:
    async def leaping(seconds: int) -> Run:
        def change(sequence: int, timestamp: int, ssrc: int, count: int) -> tuple[int, int, int]:
            return sequence, timestamp + (seconds * 90_000 if count > 60 else 0), ssrc

        relay = RtpRelay(camera.port, falsified(change))
        async with relay, running(relay.url("/live")) as run:
            await run.until(lambda: len(run.video) > 60)
        return run

    for run in await asyncio.gather(*map(leaping, (3600, -3600, 7))):
        rising(run.video, largest=0.5)
        assert not run.sink.drops


async def test_a_clock_at_a_wrong_rate_is_replaced(camera: GstRtsp, caplog: pytest.LogCaptureFixture) -> None:
    async def wrong(factor: int) -> list[Packet]:
        base: list[int] = []

        def change(sequence: int, timestamp: int, ssrc: int, count: int) -> tuple[int, int, int]:
            base[:] = base or [timestamp]
            return sequence, base[0] + (timestamp - base[0]) * factor, ssrc

        relay = RtpRelay(camera.port, falsified(change))
        async with relay, running(relay.url("/live")) as run:
            await run.until(lambda: run.source._memory.told, why="the verdict")
            # What ran ahead is waited for, 5 s at most.
            await run.until(lambda: abs(run.video[-1].dts - run.video[-1].arrival) < 0.3e9, why="real time")
            begun = len(run.video)
            await run.until(lambda: len(run.video) >= begun + 40)
        return run.video[begun + 1 :]

    for packets in await asyncio.gather(*map(wrong, (10, 0))):
        rising(packets, largest=1.5)
        assert 1.0 < (packets[-1].dts - packets[0].dts) / 1e9 < 2.5
    assert caplog.text.count("the clock of its video runs at") == 1
    assert caplog.text.count("the clock of its video stands still from one unit to the next") == 1


async def test_a_session_without_media_is_given_up(camera: GstRtsp) -> None:
    count = 0

    def spoil(channel: int, packet: bytes) -> list[bytes]:
        nonlocal count
        count += channel == 0
        return [packet] if count < 30 or channel == 1 else []

    relay = RtpRelay(camera.port, spoil)
    async with relay, running(relay.url("/live"), no_data_timeout=0.7) as run:
        assert "sent no video for 0.7 s" in str(await run.failure())
        assert run.video


async def test_the_session_is_kept_alive_at_the_servers_own_pace(camera: GstRtsp) -> None:
    def hurry(message: bytes) -> bytes:
        return re.sub(rb"(Session: [^;\r]+)[^\r]*", rb"\1;timeout=1", message)

    relay = RtpRelay(camera.port, rewrite=hurry)
    async with relay, running(relay.url("/live")) as run:
        await run.until(
            lambda: sum(b"GET_PARAMETER" in request and b"Session: " in request for request in relay.requests) >= 2,
            why="keepalives",
        )
        assert not run.task.done()
    assert any(request.startswith(b"TEARDOWN") for request in relay.requests)


def rising(packets: list[Packet], largest: float) -> None:
    """Decode times rise, and no step is larger than so many seconds."""
    steps = [later.dts - earlier.dts for earlier, later in pairwise(packets)]
    assert steps
    assert min(steps) > 0
    assert max(steps) < largest * 1e9
