"""Each codec from a camera through the engine to real servers, frame for frame by hash, also where it changes in
mid-stream."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import av
import pytest

from camcast import Engine, SessionConfig, SourceConfig, StreamConfig
from camcast.config import CameraConfig, TargetConfig
from camcast.events import SourceNote
from camcast.media import NS_PER_S, MediaKind
from camcast_rtmp.receiver import Receiver
from tests.compare import Media, Unit, compare, demux
from tests.integration.air import CODECS, FAST, of, on_air
from tests.integration.kit import balance, camera, engine, sent, until
from tests.media import RECIPES, encode, made
from tests.servers.nginx import Nginx
from tests.servers.nms import NodeMediaServer
from tests.servers.stream_reader import Listener

CLIPS = ("h264_b_aac", "hevc_b_aac", "hevc10_aac", "av1_opus", "vp9_opus", "h264_pcma")


def same(name: str, got: Path | Media) -> None:
    """Every unit from the second keyframe on; at the first, a session that begins in mid-stream is squeezed."""
    # Blocks of an uncompressed tone are alike, so their place, and with it their time, cannot be told.
    compare(made(name), got, loop=True, from_keyframe=1, times=name != "h264_pcma")


def to(url: str, server: str, number: int) -> SessionConfig:
    return SessionConfig(camera_id=number, targets=[TargetConfig(url=url, server=server)])


async def test_every_codec_to_node_media_server(node_media_server: NodeMediaServer) -> None:
    cameras = [
        camera(number, made(name), to(node_media_server.url(name), "node-media-server", number))
        for number, name in enumerate(CLIPS)
    ]
    async with engine(*cameras) as running:
        await sent(running, 90)
    balance(running)
    for name in CLIPS:
        same(name, await asyncio.to_thread(node_media_server.recording, name))


async def test_every_codec_to_ffmpeg(tmp_path: Path) -> None:
    with ExitStack() as stack:
        listeners = [stack.enter_context(Listener(tmp_path / name)) for name in CLIPS]
        cameras = [
            camera(number, made(name), to(listeners[number].url(name), "ffmpeg", number))
            for number, name in enumerate(CLIPS)
        ]
        async with engine(*cameras) as running:
            await sent(running, 90)
        balance(running)
        for name, listener in zip(CLIPS, listeners, strict=True):
            same(name, await asyncio.to_thread(listener.received))


async def test_what_nginx_can_take(nginx: Nginx) -> None:
    names = ("h264_b_aac", "h264_pcma", "h264_mp3")
    cameras = [camera(n, made(name), to(nginx.url(name), "nginx-rtmp", n)) for n, name in enumerate(names)]
    async with engine(*cameras) as running:
        await sent(running, 75)
    balance(running)
    for name in names:
        same(name, await asyncio.to_thread(nginx.recording, name))


# --- changes in mid-stream ----------------------------------------------------------------------------------

CHANGES = {
    "h264": ("libx264", "mp4", {"preset": "veryfast"}),
    "h265": ("libx265", "mp4", {"preset": "ultrafast", "x265-params": "log-level=1:info=0"}),
    "av1": ("libsvtav1", "mp4", {"preset": "12"}),
}
SIZES = ((320, 240), (480, 270))
FORMATS = ((48_000, "stereo"), (16_000, "mono"))


def changed(codec: str, index: int) -> Path:
    """A second and a half in one of two sizes and sound formats."""
    library, suffix, options = CHANGES[codec]
    name = f"change_{codec}_{index}"
    rate, layout = FORMATS[index]
    RECIPES.setdefault(
        name,
        (
            f".{suffix}",
            lambda path: encode(
                path,
                video=library,
                size=SIZES[index],
                seconds=1.5,
                b_frames=0,
                video_options=options,
                rate=rate,
                layout=layout,
            ),
        ),
    )
    return made(name)


def units(path: Path, start: int) -> Iterator[tuple[MediaKind, bytes, int, int]]:
    """Everything of a clip in order of decoding, begun at `start` ns: as a camera's own framing would bring it."""
    with av.open(str(path)) as clip:
        filters = {}
        for stream in clip.streams:
            name = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}.get(stream.codec_context.name)
            filters[stream.index] = av.BitStreamFilterContext(name, stream) if name else None
        packets = sorted(
            (packet for packet in clip.demux() if packet.size),
            key=lambda packet: packet.dts * packet.time_base,  # type: ignore[operator]
        )
        for packet in packets:
            pts, dts = (start + round(t * packet.time_base * NS_PER_S) for t in (packet.pts, packet.dts))  # type: ignore[operator]
            kind = MediaKind(packet.stream.type)
            bsf = filters[packet.stream.index]
            for out in bsf.filter(packet) if bsf else [packet]:
                yield kind, adts(packet, bytes(out)) if kind is MediaKind.AUDIO else bytes(out), dts, pts


def adts(packet: av.Packet[Any], data: bytes) -> bytes:
    """A frame of AAC-LC with the header that tells its format (ISO 14496-3 1.A.3.2)."""
    context = packet.stream.codec_context
    rate = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000).index(context.sample_rate)
    size = len(data) + 7
    bits = 0xFFF1 << 40 | 1 << 38 | rate << 34 | context.channels << 30 | size << 13 | 0x7FF << 2
    return bits.to_bytes(7) + data  # type: ignore[no-any-return]


async def play(running: Engine, clips: Sequence[Path]) -> None:
    """Push the clips one after the other, in real time, on one timeline."""
    feed = running.push(0, 0)
    await feed.ready()
    started, zero = asyncio.get_running_loop().time(), 0
    for clip in clips:
        for kind, data, dts, pts in units(clip, zero):
            await asyncio.sleep(max(0.0, started + dts / NS_PER_S - asyncio.get_running_loop().time()))
            assert feed.packet(data, kind=kind, pts=pts, dts=dts)
        zero += 1_600_000_000
    feed.end()


@pytest.mark.parametrize("codec", CHANGES)
async def test_changes_of_size_and_of_sound_arrive_as_they_are(codec: str, node_media_server: NodeMediaServer) -> None:
    clips = [changed(codec, index) for index in range(2)]  # made before anything runs on the loop
    source = SourceConfig(type="push", options={"video": codec, "audio": "aac"})
    async with Receiver() as receiver:
        outputs = {
            "nms": (node_media_server.url("cam"), "node-media-server"),
            "ours": (receiver.url("live", "cam"), "camcast"),
        }
        sessions = tuple(
            SessionConfig(camera_id=0, output=name, targets=[TargetConfig(url=url, server=server)])
            for name, (url, server) in outputs.items()
        )
        pushed = CameraConfig(camera_id=0, streams=(StreamConfig(source=source, sessions=sessions),))
        async with engine(pushed) as running:
            await play(running, clips)
            await until(lambda: running.sources_ended)
        balance(running)
        (ours,) = receiver.of("cam")
    sizes = [(told["width"], told["height"]) for told in ours.metadata]
    assert sizes[0] == SIZES[0]
    assert sizes[-1] == SIZES[1]
    assert [told["audiosamplerate"] for told in ours.metadata][-1] == 16_000
    everything = Media.of([unit for clip in clips for unit in demux(str(clip))])
    theirs = await asyncio.to_thread(node_media_server.recording, "cam")
    for got in (Media.read(theirs), Media.of(_through_ffmpeg(ours.flv(), node_media_server.directory / "ours.flv"))):
        result = compare(everything, got, times=False, from_keyframe=1)
        assert result.frames >= 45
        assert not result.missing_tail["video"]
        assert not result.missing_tail["audio"]
    with av.open(str(theirs)) as recording:
        shown = [(picture.width, picture.height) for picture in recording.decode(video=0)]
    assert set(shown) == set(SIZES)
    assert shown == sorted(shown, key=SIZES.index)


async def test_a_stream_that_becomes_another_codec_is_published_anew() -> None:
    async with Receiver() as receiver:
        target = TargetConfig(url=receiver.url("live", "cam"), server="camcast")
        source = SourceConfig(type="push", options={"video": "h264"})
        session = SessionConfig(camera_id=0, targets=[target], retry_policy=FAST)
        async with on_air(CameraConfig(camera_id=0, streams=(StreamConfig(source=source, sessions=(session,)),))) as (
            running,
            events,
        ):
            feed = running.push(0, 0)
            await feed.ready()
            clock = 0
            for codec in ("h264", "h265"):
                for kind, data, dts, pts in [
                    *units(changed(codec, 0), clock),
                    *units(changed(codec, 0), clock + NS_PER_S * 3 // 2),
                ]:
                    if kind is MediaKind.VIDEO:
                        feed.packet(data, codec=codec, pts=pts, dts=dts)
                        await asyncio.sleep(0.02)
                clock += 3 * NS_PER_S
        first, second = receiver.of("cam")
    assert {frame.codec for frame in first.frames(CODECS)} == {"h264"}
    assert {(frame.codec, frame.form) for frame in second.frames(CODECS)} == {("h265", "enhanced")}
    assert [note.message for note in of(events, SourceNote) if note.code == "rendition_failed"] == [
        "the video changed from h264 to h265, so it must be published anew"
    ]


def _through_ffmpeg(flv: bytes, path: Path) -> list[Unit]:
    path.write_bytes(flv)
    return list(demux(str(path)))
