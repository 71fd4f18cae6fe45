"""The file source on real clips: what it hands over is what an independent reader finds."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import av
import pytest
from tests.media import clip, encode, made
from tests.plugins.source_kit import PlainParser, Sink, context, demuxed, find_plain, until

from camcast.errors import MediaError, SourceError
from camcast.host import PluginHost
from camcast.kinds import CodecKind, SourceKind
from camcast.media import MediaKind, Packet, Track
from camcast_file import camcast_sources
from camcast_file.feeds import MemoryFeed
from camcast_file.options import FileOptions
from camcast_file.reader import FileReader
from camcast_file.shared import Shared, load


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


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (
            ".mp4",
            {"video": "libx265", "video_options": {"preset": "ultrafast", "x265-params": "log-level=1:bframes=2"}},
        ),
        (".mp4", {"audio": "libmp3lame"}),
        (".mov", {"audio": "libmp3lame", "b_frames": 2}),
    ],
    ids=["H.265 with B-frames", "MP3 in mp4", "MP3 in mov"],
)
async def test_reading_without_ffmpegs_parsers_where_they_are_not_needed_changes_nothing(
    tmp_path: Path, suffix: str, options: dict[str, Any]
) -> None:
    path = tmp_path / f"clip{suffix}"
    encode(path, seconds=2, **options)
    parts = tmp_path / f"parts{suffix}"
    with (
        av.open(str(path)) as source,
        av.open(str(parts), "w", options={"movflags": "frag_keyframe+empty_moov"}) as out,
    ):
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)
    for one in (path, parts):
        expected = demuxed(one)
        sink = Sink()
        # FFmpeg's decoder for MP3 is named so.
        found = context(one, FileOptions(speed=100), codec=lambda name: find_plain(name.removesuffix("float")))
        async with asyncio.timeout(30):
            await file_kind().build(found).run(sink)
        for kind in MediaKind:
            assert [(p.payload, p.dts, p.pts) for p in sink.of(kind)] == expected[kind.value]
            assert len(expected[kind.value]) >= 50


async def test_mkv_and_flv_keep_their_payloads(tmp_path: Path) -> None:
    for suffix in (".mkv", ".flv"):
        path = tmp_path / f"clip{suffix}"
        encode(path, b_frames=2, seconds=2)
        sink = await play(path, speed=100)
        expected = demuxed(path)
        for kind in MediaKind:
            assert [p.payload for p in sink.of(kind)] == [payload for payload, _, _ in expected[kind.value]]
            assert [p.pts for p in sink.of(kind)] == [pts for _, _, pts in expected[kind.value]]
            times = [p.dts for p in sink.of(kind)]
            assert times == sorted(set(times))
            assert all(p.pts >= p.dts for p in sink.of(kind))


@pytest.mark.parametrize("cache", [True, False])
async def test_loops_have_no_step_in_their_timestamps_and_keep_sound_with_picture(cache: bool) -> None:
    path = made("h264_b_aac")
    expected = demuxed(path)
    passes = 3
    total = sum(map(len, expected.values()))
    sink = await play_until(passes * total + 10, path, loop=True, speed=100, cache=cache)
    video, audio = sink.of(MediaKind.VIDEO), sink.of(MediaKind.AUDIO)
    per_pass = len(expected["video"])
    steps = {b.dts - a.dts for a, b in itertools.pairwise(video)}
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
    count = len(demuxed(path)["video"])
    sink = Sink()
    # 120 pictures of 1001/30000 s: a pass is exactly 4.004 s.
    loaded = await asyncio.to_thread(load, path, find_plain)
    feed = MemoryFeed(loaded, lambda: None, sink.dropped)
    times = [packet.dts for packet in (feed.take() for _ in range(300 * count + 1)) if packet]
    assert times[300 * count] - times[0] == 300 * 4_004_000_000
    assert {b - a for a, b in itertools.pairwise(times)} <= {33_366_666, 33_366_667, 33_366_668}

    reader = FileReader(path, find_plain, loop=True)
    reader.open()
    read: list[int] = []
    while len(read) <= 30 * count:
        read += [packet.dts for packet in reader.read().packets]
    reader.close()
    assert read == times[: len(read)]


async def test_start_at_begins_at_a_keyframe_and_the_next_pass_at_the_beginning() -> None:
    path = made("h264_aac")
    expected = demuxed(path)["video"]
    with av.open(str(path)) as container:
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    start = max(number for number, (_, dts, _) in enumerate(expected) if keys[number] and (dts or 0) <= 2_500_000_000)
    assert 0 < start < 62
    sink = await play_until(260, path, loop=True, speed=100, start_at=2.5)
    video = sink.of(MediaKind.VIDEO)
    left = len(expected) - start
    assert [p.payload for p in video[: left + 10]] == [payload for payload, _, _ in expected[start:] + expected[:10]]
    assert 40_000_000 <= video[left].dts - video[left - 1].dts < 100_000_000


async def test_many_sources_of_one_small_clip_share_its_memory_and_leave_nothing() -> None:
    kind = file_kind()
    before = threading.active_count()
    sinks = await asyncio.gather(*(play_until(40, made("h264_aac"), kind, loop=True, speed=20) for _ in range(20)))
    first = sinks[0].packets
    assert all(a.payload is b.payload for sink in sinks for a, b in zip(first[:40], sink.packets, strict=False))
    await until(lambda: threading.active_count() <= before)


async def test_an_unknown_video_codec_is_fatal_and_names_those_known() -> None:
    with pytest.raises(SourceError, match=r'its video cannot be used: codec "vp9".*known are h264') as caught:
        await play(made("vp9_opus"))
    assert caught.value.fatal


async def test_a_codec_that_ffmpeg_does_not_know_either_is_fatal(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(made("h264_only").read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(SourceError, match="its video cannot be used: FFmpeg does not know its codec") as caught:
        await play(path)
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


async def test_a_hung_disk_ends_its_source_in_time_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    hung, release = threading.Event(), threading.Event()
    kind, real = file_kind(), FileReader.read

    def read(self: FileReader, *args: int) -> Any:
        if self.path.name.startswith("h264_only"):
            hung.set()
            release.wait(30)
        return real(self, *args)

    monkeypatch.setattr(FileReader, "read", read)
    try:
        with monkeypatch.context() as patch:
            patch.setattr("camcast_file.readers.READ_DEADLINE", 1.0)
            stuck = [play(made("h264_only"), kind) for _ in range(3)]
            said = sorted(str(error) for error in await asyncio.gather(*stuck, return_exceptions=True))
        # One read of a file at a time; what waits for it is told the same way as what comes later.
        assert "reading the file took more than" in said[-1]
        assert ["a read of this file hangs" in one for one in said[:-1]] == [True, True]
        assert hung.is_set()
        assert len((await play(made("h264_aac"), kind, speed=100)).of(MediaKind.VIDEO)) == 100
    finally:
        release.set()


async def test_a_source_that_begins_anew_alone_on_a_dead_disk_takes_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    release, shared, codec = threading.Event(), Shared(), PluginHost().codec
    path, begun = made("h264_only"), []

    def load_forever(path: Path, codec: object) -> None:
        begun.append(path)
        release.wait(60)

    async def look() -> object:
        with shared.desk() as desk:
            return await desk.clip(path, codec)

    try:
        with monkeypatch.context() as patch:
            patch.setattr("camcast_file.shared.load", load_forever)
            patch.setattr("camcast_file.readers.READ_DEADLINE", 1.0)
            for _ in range(4):
                with pytest.raises(SourceError, match="is its disk or mount there"):
                    await look()
        assert len(begun) == 1
    finally:
        release.set()
    # It comes back by itself.
    found = None
    async with asyncio.timeout(30):
        while found is None:
            try:
                found = await look()
            except SourceError:
                await asyncio.sleep(0.01)
    assert found


async def test_many_cameras_of_one_clip_on_a_dead_disk_take_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr("camcast_file.shared.load", lambda path, codec: release.wait(30))
    monkeypatch.setattr("camcast_file.readers.READ_DEADLINE", 1.0)
    path, codec = made("h264_only"), PluginHost().codec
    with Shared().desk() as desk:
        try:
            said = await asyncio.gather(
                *(desk.clip(path, codec) for _ in range(50)),
                return_exceptions=True,
            )
            assert all("is its disk or mount there" in str(error) for error in said)
            assert desk.readers.hung == 1
            assert await desk.readers.run(lambda: "read", Path("/good")) == "read"
        finally:
            release.set()


@pytest.mark.parametrize(
    "name",
    ["h264_b_aac", "h264_aac_ts", "hevc_b_aac", "av1_opus", "vp9_opus", "h264_pcma", "h264_mp3", "h264_aac_mono_16k"],
)
async def test_with_the_real_codecs_nothing_is_lost(name: str) -> None:
    sink = Sink()
    source = file_kind().build(context(made(name), FileOptions(speed=100), codec=PluginHost().codec))
    async with asyncio.timeout(30):
        await source.run(sink)
    expected = demuxed(made(name))
    assert sink.drops == {}
    assert {kind.value: len(sink.of(kind)) for kind in MediaKind} == {
        kind: len(found) for kind, found in expected.items()
    }
    for kind in MediaKind:
        assert [p.pts for p in sink.of(kind)] == [pts for _, _, pts in expected[kind.value]]
    (tracks,) = sink.announced
    assert len({id(p.track) for p in sink.packets}) == len(tracks) == 2
    assert sink.of(MediaKind.VIDEO)[0].keyframe
    assert tracks[0].width == sink.of(MediaKind.VIDEO)[0].track.width > 0


@pytest.mark.parametrize("cache", [True, False])
async def test_a_track_that_never_can_be_read_is_told_in_the_words_of_who_tried(cache: bool) -> None:
    class Refusing:
        def __init__(self) -> None:
            self.track: Track | None = None
            self.counts: Counter[str] = Counter()

        def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
            raise MediaError("layer 9 of 3")

    told: list[str] = []
    unreadable = CodecKind(name="aac", media=MediaKind.AUDIO, title="", parser=lambda config: Refusing())
    sink = Sink()
    found = context(
        made("h264_aac"),
        FileOptions(cache=cache, speed=20.0),
        codec=lambda name: unreadable if name == "aac" else find_plain(name),
        note=lambda code, text: told.append(text),
    )
    await file_kind().build(found).run(sink)
    assert [track.kind for track in sink.announced[0]] == [MediaKind.VIDEO]
    assert len([text for text in told if text.endswith("its audio cannot be read so far: layer 9 of 3")]) == 1


@pytest.mark.parametrize("options", [{"loop": True}, {"loop": True, "cache": False}, {}])
async def test_a_file_of_damaged_pictures_is_not_read_for_ever(options: dict[str, Any]) -> None:
    class Refusing(PlainParser):
        def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
            raise MediaError("damaged")

    codec = CodecKind(
        name="h264",
        media=MediaKind.VIDEO,
        title="",
        parser=lambda config: Refusing(Track(kind=MediaKind.VIDEO, codec="h264")),
    )
    source = file_kind().build(context(made("h264_only"), FileOptions(**options), codec=lambda name: codec))
    with pytest.raises(SourceError, match="holds not one packet that can be used") as caught:
        async with asyncio.timeout(10):
            await source.run(Sink())
    assert caught.value.fatal
