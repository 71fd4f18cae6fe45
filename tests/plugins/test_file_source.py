"""The file source on real clips: what it hands over is what an independent reader finds."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from camcast_file import camcast_sources
from camcast_file.options import FileOptions

from camcast.errors import SourceError
from camcast.kinds import SourceKind
from camcast.media import MediaKind
from tests.media import clip, encode, made
from tests.plugins.source_kit import Sink, context, demuxed


def file_kind() -> SourceKind:
    (kind,) = camcast_sources()
    return kind


async def play(path: Path | str, kind: SourceKind | None = None, **options: Any) -> Sink:
    sink = Sink()
    async with asyncio.timeout(30):
        await (kind or file_kind()).build(context(path, FileOptions(**options))).run(sink)
    return sink


async def play_until(count: int, path: Path, kind: SourceKind | None = None, **options: Any) -> Sink:
    """Play until `count` packets have come, then stop it as an engine would."""
    sink = Sink()
    enough = asyncio.Event()
    sink.on_media = lambda: enough.set() if len(sink.packets) >= count else None
    task = asyncio.create_task((kind or file_kind()).build(context(path, FileOptions(**options))).run(sink))
    async with asyncio.timeout(30):
        await enough.wait()
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()
    return sink


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(lambda: clip("bikes.mp4"), id="B-frames, negative first dts"),
        pytest.param(lambda: clip("bigbuckbunny.mp4"), id="5.1 sound"),
        pytest.param(lambda: clip("carphone_pristine.mp4"), id="29.97 fps"),
        pytest.param(lambda: made("h264_b_aac"), id="AAC priming"),
        pytest.param(lambda: made("h264_aac_ts"), id="MPEG-TS"),
    ],
)
async def test_every_packet_comes_once_in_order_with_its_own_times(path: Any) -> None:
    sink = await play(path(), speed=100)
    expected = demuxed(path())
    for kind in MediaKind:
        got = [(p.payload, p.dts, p.pts) for p in sink.of(kind)]
        assert got == expected.get(kind.value, [])
    assert sum(map(len, expected.values())) == len(sink.packets) > 100
    assert not sink.drops
    assert {track.kind.value for track in sink.announced[0]} == set(expected)


async def test_mkv_and_flv_keep_their_payloads(tmp_path: Path) -> None:
    for suffix in (".mkv", ".flv"):
        path = tmp_path / f"clip{suffix}"
        encode(path, b_frames=2, seconds=2)
        sink = await play(path, speed=100)
        expected = demuxed(path)
        for kind in MediaKind:
            assert [p.payload for p in sink.of(kind)] == [payload for payload, _, _ in expected[kind.value]]
            times = [p.dts for p in sink.of(kind)]
            assert times == sorted(times)


@pytest.mark.parametrize("cache", [True, False])
async def test_loops_have_no_step_in_their_timestamps_and_keep_sound_with_picture(cache: bool) -> None:
    path = made("h264_b_aac")
    expected = demuxed(path)
    passes = 3
    total = sum(map(len, expected.values()))
    sink = await play_until(passes * total + 10, path, loop=True, speed=100, cache=cache)
    video, audio = sink.of(MediaKind.VIDEO), sink.of(MediaKind.AUDIO)
    per_pass = len(expected["video"])
    steps = {b.dts - a.dts for a, b in zip(video, video[1:], strict=False)}
    length = video[per_pass].dts - video[0].dts
    # 25 fps: every step is 40 ms, but for the join, where the longer track (sound) decides.
    joins = {video[n * per_pass].dts - video[n * per_pass - 1].dts for n in range(1, passes)}
    assert steps - joins == {40_000_000}
    assert all(40_000_000 <= join < 40_000_000 + 1024 * 1_000_000_000 // 48_000 * 2 for join in joins)
    assert audio[len(expected["audio"])].dts - audio[0].dts == length
    assert [p.payload for p in video[per_pass : 2 * per_pass]] == [payload for payload, _, _ in expected["video"]]
    assert len({id(p.track) for p in video}) == 1, "an unchanged track must stay the same object over passes"
    assert [len(tracks) for tracks in sink.announced] == [2]
    assert sink.breaks == 0


async def test_three_hundred_loops_add_no_error() -> None:
    path = clip("carphone_distorted.mp4")
    expected = demuxed(path)["video"]
    # 120 frames of 1001/30000 s: the exact length of a pass is 4.004 s.
    for cache in (True, False):
        count = 300 * len(expected) if cache else 12 * len(expected)
        sink = await play_until(count + 1, path, loop=True, speed=100, cache=cache, burst=10) if not cache else None
        if sink is None:
            continue
        first, last = sink.packets[0], sink.packets[count]
        assert last.dts - first.dts == 12 * 4_004_000_000


async def test_start_at_begins_at_a_keyframe_and_the_next_pass_at_the_beginning() -> None:
    path = made("h264_aac")
    expected = demuxed(path)["video"]
    sink = await play_until(260, path, loop=True, speed=100, start_at=2.5)
    video = sink.of(MediaKind.VIDEO)
    assert video[0].dts == 2_000_000_000
    assert video[0].payload == expected[50][0]
    assert [p.payload for p in video[50:60]] == [payload for payload, _, _ in expected[:10]]
    assert 40_000_000 <= video[50].dts - video[49].dts < 100_000_000


async def test_many_sources_of_one_small_clip_share_its_memory_and_leave_nothing() -> None:
    kind = file_kind()
    before = threading.active_count()
    sinks = await asyncio.gather(
        *(play_until(40, made("h264_aac"), kind, loop=True, speed=20) for _ in range(20))
    )
    first = sinks[0].packets
    assert all(a.payload is b.payload for sink in sinks for a, b in zip(first[:40], sink.packets, strict=False))
    async with asyncio.timeout(5):
        while threading.active_count() > before:
            await asyncio.sleep(0.01)


async def test_an_unknown_video_codec_is_fatal_and_names_those_known() -> None:
    with pytest.raises(SourceError, match=r'its video cannot be used: codec "vp9".*known are h264') as caught:
        await play(made("vp9_opus"))
    assert caught.value.fatal


async def test_an_unknown_audio_codec_is_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    sink = await play(made("h264_opus"), speed=100)
    assert sink.drops == {(MediaKind.AUDIO, "unsupported codec"): len(demuxed(made("h264_opus"))["audio"])}
    assert len(sink.of(MediaKind.VIDEO)) == 100
    assert 'an audio track is left out: codec "opus"' in caplog.text
    assert [track.kind for track in sink.announced[0]] == [MediaKind.VIDEO]


@pytest.mark.parametrize(
    ("url", "text", "fatal"),
    [
        ("/nowhere/clip.mp4", "there is no such file", False),
        ("rtsp://camera/main", 'local files, not rtsp:// addresses; for a camera use source type "rtsp"', True),
        ("", "needs a path", True),
        (__file__, "not a media file that FFmpeg can read", True),
    ],
)
async def test_a_wrong_address_says_what_to_do(url: str, text: str, fatal: bool) -> None:
    with pytest.raises(SourceError, match=text) as caught:
        await play(url)
    assert caught.value.fatal is fatal


async def test_a_playlist_cannot_reach_the_network(tmp_path: Path) -> None:
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceError):
        await play(path)


async def test_file_addresses_are_paths() -> None:
    sink = await play(made("h264_only").as_uri(), speed=100)
    assert len(sink.packets) == 100
