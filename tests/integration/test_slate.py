"""A still picture while the camera is gone: no gap, no step back, and away at the camera's next keyframe."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import attrs
import av
import pytest

from camcast import CameraConfig, Config, EncoderConfig, Engine, SessionConfig, SourceConfig, StreamConfig
from camcast.config import SlateConfig, TargetConfig
from camcast.events import SourceNote
from camcast.media import MediaKind, TagType
from camcast_rtmp.receiver import Receiver
from tests.compare import Media
from tests.integration.air import only
from tests.integration.kit import balance, connected, until
from tests.media import made


@pytest.mark.parametrize("picture", ["card", "last", "image"])
async def test_the_platform_sees_an_unbroken_stream(picture: str, tmp_path: Path) -> None:
    clip = Media.read(made("h264_aac_ts"))
    image = tmp_path / "slate.png"
    if picture == "image":
        from PIL import Image

        Image.new("RGB", (64, 64), (200, 30, 30)).save(image)
    async with Receiver() as receiver:
        stream = StreamConfig(
            source=SourceConfig(type="push", options={"video": "h264", "audio": "aac"}),
            encoder=EncoderConfig(gop=1.0),
            slate=SlateConfig(picture=picture, image=str(image) if picture == "image" else None, after=0.4),
            sessions=(SessionConfig(camera_id=0, url=receiver.url("live", "cam0"), idle_timeout=5),),
        )
        config = Config(cameras=(CameraConfig(camera_id=0, name="Gate 4", streams=(stream,)),))
        async with Engine(config) as engine:
            notes: list[str] = []
            watcher = asyncio.create_task(_notes(engine, notes))
            feed = engine.push(0, 0)
            await feed.ready()
            await _play(feed, clip, 40)
            await connected(engine)
            (recording,) = receiver.recordings
            before = recording.counts[TagType.VIDEO]
            await until(lambda: recording.counts[TagType.VIDEO] > before + 25)
            sound = recording.counts[TagType.AUDIO]
            await until(lambda: recording.counts[TagType.AUDIO] > sound + 10)
            await _play(feed, clip, 40)
            await until(lambda: notes[-1:] == ["slate_off"])
            one = only(engine)
            assert one.recorder.moves == 0
        await watcher
        balance(engine)
    assert notes == ["slate_on", "slate_off"]
    assert len(receiver.recordings) == 1
    for kind in (TagType.VIDEO, TagType.AUDIO):
        times = [tag.time for tag in recording.tags if tag.type is kind]
        assert times == sorted(times)
        assert max(after - before for before, after in itertools.pairwise(times)) < 1500
    path = tmp_path / "received.flv"
    path.write_bytes(recording.flv())
    with av.open(str(path)) as container:
        pictures = [frame.to_ndarray(format="rgb24").mean(axis=(0, 1)) for frame in container.decode(video=0)]
    assert len(pictures) == recording.counts[TagType.VIDEO] - _headers(recording)
    if picture == "image":
        assert any(red > 50 > blue for red, _green, blue in pictures)


def _headers(recording) -> int:  # type: ignore[no-untyped-def]
    return sum(tag.type is TagType.VIDEO and tag.body[1] != 1 for tag in recording.tags)


async def _play(feed, clip: Media, pictures: int) -> None:  # type: ignore[no-untyped-def]
    """Push so many pictures with their sound, at their pace."""
    units = sorted(
        clip.video[:pictures] + [u for u in clip.audio if u.dts < clip.video[pictures].dts], key=lambda u: u.dts
    )
    loop = asyncio.get_running_loop()
    start, first = loop.time(), units[0].dts
    for unit in units:
        await asyncio.sleep(max(0.0, start + (unit.dts - first) / 1000 - loop.time()))
        kind = MediaKind(unit.kind)
        assert feed.packet(unit.data, kind=kind, pts=round(unit.pts * 1e6), dts=round(unit.dts * 1e6))


async def _notes(engine: Engine, notes: list[str]) -> None:
    async for event in engine.events():
        notes += [event.code] if isinstance(event, SourceNote) and event.code.startswith("slate") else []


@pytest.mark.parametrize(("clip_name", "sound"), [("h264_pcma", "g711a"), ("h264_opus", "opus"), ("h264_mp3", "mp3")])
async def test_the_slate_has_sound_whatever_the_camera_sends(clip_name: str, sound: str) -> None:
    """The camera's own format goes silent, so that a transcoder behind it, and the server, go on hearing."""
    clip = Media.read(made("h264_aac_ts"))
    first = clip.video[0].dts
    clip.audio = [attrs.evolve(u, dts=u.dts + first, pts=u.pts + first) for u in Media.read(made(clip_name)).audio]
    async with Receiver() as receiver:
        target = TargetConfig(url=receiver.url("live", "cam0"), audio="aac")
        stream = StreamConfig(
            source=SourceConfig(type="push", options={"video": "h264", "audio": sound}),
            encoder=EncoderConfig(gop=1.0),
            slate=SlateConfig(after=0.4),
            sessions=(SessionConfig(camera_id=0, targets=(target,), idle_timeout=5),),
        )
        async with Engine(Config(cameras=(CameraConfig(camera_id=0, name="Gate 4", streams=(stream,)),))) as engine:
            feed = engine.push(0, 0)
            await feed.ready()
            await _play(feed, clip, 40)
            await connected(engine)
            await until(lambda: engine.sessions.find()[0].metrics.audio_sent > 20, timeout=20)
            (recording,) = receiver.recordings
            video, heard = recording.counts[TagType.VIDEO], recording.counts[TagType.AUDIO]
            await until(lambda: recording.counts[TagType.VIDEO] > video + 25)
            assert recording.counts[TagType.AUDIO] > heard + 20
        balance(engine)
