"""Several streams of a camera in one RTMP connection, as FFmpeg and others read it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import av
import pytest

from camcast import (
    CameraConfig,
    Engine,
    PluginHost,
    RetryPolicy,
    SessionConfig,
    SourceConfig,
    StreamConfig,
    TargetConfig,
)
from camcast.bitstream.nal import split_prefixed
from camcast.events import Note
from camcast.flv.unpack import Part, Piece, Unpacker
from camcast.kinds import CodecKind
from camcast.media import TagType
from camcast.session.metrics import SessionMetrics
from camcast.session.session import Session
from camcast.testing.recording import Recording
from camcast_rtmp.receiver import Receiver
from tests.compare import Media, Unit
from tests.integration.air import of, on_air
from tests.integration.kit import balance, engine, until
from tests.media import made
from tests.servers.nginx import Nginx
from tests.servers.nms import NodeMediaServer
from tests.servers.stream_reader import Listener, Player

MAIN, SUB = "h264_aac", "h264_aac_mono_16k"
SOUND = "aac_only"
PARAMETERS = {7, 8}
PLAYS = {Nginx: "play: name='gate'", NodeMediaServer: "start play /live/gate"}
"""What servers say when somebody plays."""


@pytest.fixture
def every(tmp_path: Path) -> Iterator[Listener]:
    """FFmpeg's RTMP server, which keeps all tracks."""
    server = Listener(tmp_path)
    server.every = True
    server.start()
    yield server
    server.stop()


def source(name: str) -> SourceConfig:
    return SourceConfig(type="file", url=str(made(name)), options={"loop": True})


def camera(url: str, *, server: str = "ffmpeg", main: str = MAIN, sub: str = SUB, **settings: Any) -> CameraConfig:
    """With two streams, of which the first one's output sends both."""
    output = SessionConfig(targets=(TargetConfig(url=url, server=server),), tracks=("main", "sub"), **settings)
    streams = (StreamConfig(source=source(main), sessions=(output,)), StreamConfig(source=source(sub)))
    return CameraConfig(camera_id=0, name="gate", streams=streams)


def only(running: Engine) -> Session:
    (one,) = running.sessions
    assert isinstance(one, Session)
    return one


def balanced(running: Engine) -> None:
    """Also of each further track."""
    balance(running)
    figures = only(running).metrics.tracks
    for name in {key.rpartition(": ")[0] for key in figures}:
        assert figures[f"{name}: offered"] == figures[f"{name}: sent"] + figures[f"{name}: dropped"]


def picture(data: bytes) -> str:
    """By what a picture is, without its parameter sets, which may be repeated."""
    units = [unit for unit in split_prefixed(data) if unit[0] & 0x1F not in PARAMETERS]
    return hashlib.sha256(b"".join(bytes(unit) for unit in units)).hexdigest()


@cache
def pictures(name: str) -> list[str]:
    with av.open(str(made(name))) as container:
        return [picture(bytes(packet)) for packet in container.demux(video=0) if packet.size]


def sound(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@cache
def sounds(name: str) -> list[str]:
    with av.open(str(made(name))) as container:
        return [sound(bytes(packet)) for packet in container.demux(audio=0) if packet.size]


def run_of(found: list[str], clip: list[str]) -> bool:
    """Whether it is a gapless run of the looped clip."""
    beginnings = [number for number, one in enumerate(clip) if one == found[0]]
    size = len(clip)
    return any(found == [clip[(begin + number) % size] for number in range(len(found))] for begin in beginnings)


def pieces(recording: Recording, codecs: list[CodecKind]) -> list[Piece]:
    """What came of pictures, by our own reader."""
    unpacker = Unpacker(codecs)
    tags = [tag for tag in recording.tags if tag.type is TagType.VIDEO]
    return [piece for tag in tags for piece in unpacker.unpack(tag.type, tag.body)]


def by_track(units: list[Unit]) -> list[list[Unit]]:
    found = defaultdict(list)
    for unit in units:
        found[unit.track].append(unit)
    return list(found.values())


def came(got: Media, metrics: SessionMetrics) -> None:
    """Asserts that every picture and every sound that was sent is there, by hash, and that all are on one clock."""
    tracks = {kind: by_track(units) for kind, units in got.kinds().items()}
    assert [len(found) for found in tracks.values()] == [2, 2]
    for kind, clips, read in (("video", pictures, picture), ("audio", sounds, sound)):
        counts = []
        for name in (MAIN, SUB):
            clip = clips(name)
            hashes = [[read(unit.data) for unit in track] for track in tracks[kind]]
            (mine,) = [found for found in hashes if run_of(found, clip)]
            counts.append(len(mine))
        first = metrics.video_sent + metrics.replayed if kind == "video" else metrics.audio_sent
        assert counts == [first, metrics.tracks["sub: sent" if kind == "video" else "sub (sound): sent"]]
    for found in (*tracks["video"], *tracks["audio"]):
        assert all(before.dts <= after.dts for before, after in pairwise(found))
    # Files are played side by side, so pictures of both arrive together; far apart, a viewer would see it.
    ends = [max(unit.dts for unit in track) for track in tracks["video"]]
    assert abs(ends[0] - ends[1]) < 200


def enough(one: Session, count: int = 60) -> bool:
    return min(one.metrics.tracks[f"{name}: sent"] for name in ("sub", "sub (sound)")) >= count


async def test_ffmpeg_reads_all_tracks_of_one_connection(every: Listener) -> None:
    async with engine(camera(every.url("gate"), sound_tracks=("main", "sub"))) as running:
        one = only(running)
        await until(lambda: enough(one))
    balanced(running)
    came(await asyncio.to_thread(every.received), one.metrics)
    assert one.metrics.frames_dropped == 0


@pytest.mark.parametrize("kind", [Nginx, NodeMediaServer])
async def test_servers_that_know_no_tracks_hand_them_on(kind: type[Nginx | NodeMediaServer], tmp_path: Path) -> None:
    """To whoever plays from the beginning."""
    with kind(tmp_path) as server:
        url = server.url("gate", "live")
        (tmp_path / "player").mkdir()
        player = Player(tmp_path / "player", url)
        player.every = True
        with player:
            await until(lambda: PLAYS[kind] in server.log_text)
            async with engine(camera(url, server="multitrack", sound_tracks=("main", "sub"))) as running:
                one = only(running)
                await until(lambda: enough(one))
            balanced(running)
            metrics = one.metrics
            count = metrics.frames_sent + metrics.replayed
            count += sum(value for key, value in metrics.tracks.items() if key.endswith(": sent"))
            came(await asyncio.to_thread(player.wait_packets, count), metrics)


async def test_who_comes_late_gets_all_of_them_as_well(tmp_path: Path) -> None:
    """nginx keeps the first track's headers for later players, so those of the others are sent again."""
    with Nginx(tmp_path) as server:
        url = server.url("gate", "live")
        (tmp_path / "player").mkdir()
        player = Player(tmp_path / "player", url)
        player.every = True
        async with engine(camera(url, server="multitrack", sound_tracks=("main", "sub"))) as running:
            one = only(running)
            await until(lambda: enough(one, 120))
            with player:
                await until(lambda: PLAYS[Nginx] in server.log_text)

                def whole() -> bool:
                    got = player.so_far().kinds()
                    return all(
                        len(tracks) == 2 and min(map(len, tracks)) >= 60 for tracks in map(by_track, got.values())
                    )

                await until(whole, timeout=40)
                got = await asyncio.to_thread(player.so_far)
        balanced(running)
    for kinds, clips, read in (("video", pictures, picture), ("audio", sounds, sound)):
        for name in (MAIN, SUB):
            hashes = [[read(unit.data) for unit in track] for track in by_track(got.kinds()[kinds])]
            assert sum(run_of(found, clips(name)) for found in hashes) == 1, f"{kinds} of {name}"


async def test_sound_tracks_need_no_picture(every: Listener) -> None:
    """Of an output that has none: they are put side by side by when they came, as pictures are."""
    output = SessionConfig(
        targets=(TargetConfig(url=every.url("gate"), server="ffmpeg"),), sound_tracks=("main", "sub")
    )
    streams = (StreamConfig(source=source(SOUND), sessions=(output,)), StreamConfig(source=source(SUB)))
    async with engine(CameraConfig(camera_id=0, name="gate", streams=streams)) as running:
        one = only(running)
        await until(lambda: one.metrics.tracks["sub (sound): sent"] >= 60)
    balanced(running)
    got = await asyncio.to_thread(every.received)
    assert not got.video
    tracks = by_track(got.audio)
    hashes = [[sound(unit.data) for unit in track] for track in tracks]
    assert [sum(run_of(found, sounds(name)) for found in hashes) for name in (SOUND, SUB)] == [1, 1]
    ends = [max(unit.dts for unit in track) for track in tracks]
    assert abs(ends[0] - ends[1]) < 200


async def test_all_are_there_again_after_a_loss_and_what_was_lost_is_counted() -> None:
    """By what the receiver got: offered = received + drops, of each track."""
    codecs = list(PluginHost().codecs.values())
    async with Receiver() as receiver:
        async with on_air(camera(receiver.url("live", "gate"), server="camcast")) as (running, _):
            one = only(running)
            first = await receiver.recording("gate", timeout=20)
            await until(lambda: one.metrics.tracks["sub: sent"] >= 30)
            receiver.drop(reset=True)
            second = await receiver.recording("gate", 1, timeout=20)
            # What adapting leaves room for: by what its file has, of which a second was seen.
            await until(lambda: one._tracks.rate)
            with av.open(str(made(SUB))) as clip:
                usual = 8 * sum(packet.size for packet in clip.demux(video=0)) / ((clip.duration or 0) / av.time_base)
            assert one._tracks.rate == pytest.approx(usual, rel=0.6)
            begun = one.metrics.tracks["sub: sent"]
            await until(lambda: one.metrics.tracks["sub: sent"] >= begun + 30)
        balanced(running)
        got = [pieces(recording, codecs) for recording in (first, second)]
        for recording in got:
            headers = [piece for piece in recording if piece.track_id == 1 and piece.part is Part.HEADER]
            assert len(headers) == 1, "its own, once a connection"
            of_track = [piece for piece in recording if piece.track_id == 1 and piece.part is Part.FRAME]
            assert of_track[0].keyframe
            assert run_of([picture(piece.payload) for piece in of_track], pictures(SUB))
        received = sum(piece.track_id == 1 and piece.part is Part.FRAME for recording in got for piece in recording)
        sent, lost = one.metrics.tracks["sub: sent"], one.metrics.tracks["sub: dropped"]
        # Of what was under way at the loss nobody can know how much came: 0.3 s of it.
        assert abs(received - sent) <= 8
        assert one.metrics.tracks["sub: offered"] == sent + lost


async def test_a_stream_that_is_not_there_holds_up_nothing(every: Listener, tmp_path: Path) -> None:
    """Its file comes later, and so does its track."""
    late = tmp_path / "late.mp4"
    gate = camera(every.url("gate"))
    often = RetryPolicy(max_attempts=None, max_delay=0.5)
    sub = StreamConfig(source=attrs.evolve(source(SUB), url=str(late), retry_policy=often))
    async with engine(attrs.evolve(gate, streams=(gate.streams[0], sub))) as running:
        one = only(running)
        await until(lambda: one.metrics.video_sent >= 50)
        assert one.healthy
        assert one.metrics.frames_dropped == 0
        assert one.metrics.tracks["sub: offered"] == 0
        late.write_bytes(made(SUB).read_bytes())
        await until(lambda: one.metrics.tracks["sub: sent"] >= 30)
        assert one.metrics.attempts == 1, "the connection is the same"
    balanced(running)
    got = await asyncio.to_thread(every.received)
    assert len(got.audio) == one.metrics.audio_sent


async def test_a_server_that_takes_one_gets_the_first_and_that_is_told(listener: Listener) -> None:
    async with on_air(camera(listener.url("gate"), server="nginx-rtmp")) as (running, events):
        one = only(running)
        await until(lambda: one.metrics.video_sent >= 60)
        assert not any(one.metrics.tracks.values())
    balanced(running)
    got = await asyncio.to_thread(listener.received)
    assert len(got.video) == one.metrics.video_sent + one.metrics.replayed
    assert Counter(note.code for note in of(events, Note))["tracks_not_taken"] == 1
