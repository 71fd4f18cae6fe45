"""The push source: from the loop and from many threads at once, nothing is lost without being counted."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.cameras import clips
from tests.cameras.test_files import turned
from tests.media import made
from tests.plugins.source_kit import Sink, context, demuxed, until

from camcast.engine.handover import LoopHandover
from camcast.errors import MediaError, SourceError, WrongState
from camcast.host import PluginHost
from camcast.kinds import SourceKind
from camcast.media import NS_PER_S, RAW, MediaKind, Packet
from camcast.stream.clock import Clock
from camcast_kit_ingest.unread import ENOUGH
from camcast_push import PushOptions, StreamObserver, StreamSubject, camcast_sources
from camcast_push.feed import PushFeed

VIDEO, AUDIO = MediaKind.VIDEO, MediaKind.AUDIO


@pytest.fixture(scope="module")
def host() -> PluginHost:
    return PluginHost(allow=["h264", "aac"])


@asynccontextmanager
async def running(
    options: PushOptions | None = None, *, sink: Sink | None = None, **changes: Any
) -> AsyncIterator[tuple[PushFeed, Sink]]:
    (kind,) = camcast_sources()
    async with run_kind(kind, options, sink or Sink(), **changes) as pair:
        yield pair


@asynccontextmanager
async def run_kind(
    kind: SourceKind, options: PushOptions | None, sink: Sink, **changes: Any
) -> AsyncIterator[tuple[PushFeed, Sink]]:
    assert kind.feed is not None
    feed = kind.feed(0, 0)
    assert isinstance(feed, PushFeed)
    handover = LoopHandover(asyncio.get_running_loop())
    source = kind.build(context("", options or PushOptions(), handover=handover, **changes))
    task = asyncio.create_task(source.run(sink))
    try:
        async with asyncio.timeout(10):
            await feed.ready()
        yield feed, sink
    finally:
        task.cancel()
        await asyncio.wait([task])
        handover.close()


def balanced(feed: PushFeed) -> bool:
    counts = feed.counts
    return counts.offered == counts.delivered + counts.absorbed + counts.waiting + sum(counts.dropped.values())


async def test_on_the_loop_packets_go_straight_through_and_keep_their_times(host: PluginHost) -> None:
    expected = demuxed(made("h264_b_aac"))
    with av.open(str(made("h264_b_aac"))) as container:
        config = bytes(container.streams.video[0].codec_context.extradata or b"")
        sound = bytes(container.streams.audio[0].codec_context.extradata or b"")
    assert config
    async with running(PushOptions(audio="aac"), codec=host.codec) as (feed, sink):
        nals = annexb_sets(config)
        for payload, dts, pts in expected["video"]:
            assert feed.packet(nals + annexb(payload), dts=dts, pts=pts)
            nals = b""
        assert not sink.packets, "held until the sound is known"
        header = adts(sound, len(expected["audio"][0][0]))
        assert len(header) == 7
        for payload, dts, _ in expected["audio"]:
            assert feed.packet(adts(sound, len(payload)) + payload, kind=AUDIO, pts=dts)
        assert [track.kind for track in sink.announced[0]] == [VIDEO, AUDIO]
        video = sink.of(VIDEO)
        assert [(p.dts, p.pts) for p in video] == [(dts, pts) for _, dts, pts in expected["video"]]
        assert all(
            p.payload.endswith(payload[-200:]) for p, (payload, _, _) in zip(video, expected["video"], strict=True)
        )
        assert [p.payload for p in sink.of(AUDIO)] == [payload for payload, _, _ in expected["audio"]]
        assert feed.counts.delivered == len(sink.packets) == feed.counts.offered
    assert balanced(feed)


async def test_before_and_after_the_source_runs_pushing_says_no_and_counts() -> None:
    (kind,) = camcast_sources()
    assert kind.feed is not None
    feed = kind.feed(0, 0)
    assert isinstance(feed, PushFeed)
    assert not feed.packet(b"early")
    assert not feed.frame(np.zeros((4, 4, 3), np.uint8))
    async with run_kind(kind, None, Sink()) as (same, _):
        assert same is feed
        assert feed.packet(b"now")
    assert not feed.packet(b"late")
    # The camera restarts its source; the embedder's handle stays good.
    async with run_kind(kind, None, Sink()) as (_, sink):
        assert feed.packet(b"again")
        assert sink.packets[0].payload == b"again"
    assert feed.counts.dropped == {"not running": 3}
    assert feed.counts.delivered == 2
    assert balanced(feed)


async def test_without_timestamps_the_time_of_arrival_counts() -> None:
    async with running() as (feed, sink):
        before = time.monotonic_ns()
        feed.packet(b"x")
        feed.packet(bytearray(b"y"), dts=5)
        feed.packet(memoryview(b"z"), pts=7)
        assert before <= sink.packets[0].dts == sink.packets[0].pts <= time.monotonic_ns()
        assert [(p.payload, p.dts, p.pts) for p in sink.packets[1:]] == [(b"y", 5, 5), (b"z", 7, 7)]


async def test_damaged_and_unknown_media(host: PluginHost) -> None:
    async with running(codec=host.codec) as (feed, sink):
        assert not feed.packet(b"\x00\x00\x01\x67")
        assert not feed.packet(b"\xff" * 40)
        assert await asyncio.to_thread(feed.packet, b"\xff" * 40), "it is read later, on the loop"
        await until(lambda: feed.counts.waiting == 0)
        with pytest.raises(MediaError, match="known"):
            feed.packet(b"x", codec="nonsense")
        assert not feed.packet(b"x", kind=AUDIO)
        assert sum(sink.drops.values()) == feed.counts.dropped["damaged"] == 4
        assert not sink.packets
    assert balanced(feed)


class OnALine(Sink):
    """Moves what comes onto a line of time, as the engine does, which knows no times beyond any clock's."""

    def __init__(self) -> None:
        super().__init__()
        self.line = Clock()

    def packet(self, packet: Packet) -> None:
        super().packet(self.line.stamp(packet))


@pytest.mark.parametrize("sound", [False, True], ids=["at once", "held"])
async def test_a_packet_with_times_that_are_none_is_left_out_wherever_it_comes(host: PluginHost, sound: bool) -> None:
    key, clip = clips.video("h264").units[0].data, clips.sound("aac")
    tone = adts(clip.config, len(clip.units[0].data)) + clip.units[0].data
    async with running(PushOptions(audio="aac" if sound else ""), sink=OnALine(), codec=host.codec) as (feed, sink):
        # Where sound is waited for, nothing is known of them yet.
        assert feed.packet(key, pts=-(2**63)) is sound
        assert feed.packet(key, pts=NS_PER_S)
        assert feed.packet(key, pts=2**63) is sound
        assert feed.packet(key, pts=2 * NS_PER_S)
        assert feed.packet(tone, kind=AUDIO, codec="aac", pts=NS_PER_S)
        assert not feed.packet(key, pts=2**63)
        assert feed.packet(key, pts=3 * NS_PER_S)
        assert len(sink.of(VIDEO)) == 3
        assert len(sink.of(AUDIO)) == 1
        assert feed.counts.dropped == {"damaged": 3}
        assert sink.drops == {(VIDEO, "damaged"): 3}
        assert feed.counts.waiting == 0
        assert feed.counts.delivered == 4
    assert balanced(feed)


async def test_a_track_of_which_nothing_can_be_read_is_told_once_with_the_parsers_words(
    host: PluginHost, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(codec=host.codec) as (feed, _):
        for _ in range(ENOUGH - 1):
            feed.packet(b"\xff" * 40)
        assert "track_damaged" not in caplog.text
        for _ in range(ENOUGH):
            feed.packet(b"\xff" * 40)
            feed.packet(b"x", kind=AUDIO)
    told = [record.getMessage() for record in caplog.records if "track_damaged" in record.getMessage()]
    assert [text.partition(" can be used: ")[0] for text in told] == [
        "nothing that comes of its video",
        "nothing that comes of its audio",
    ]
    for text in told:
        assert len(text.partition(" can be used: ")[2]) > len(" [track_damaged]") + 10, "the parser's words"


async def test_a_picture_of_another_size_is_not_taken() -> None:
    async with running(PushOptions(video="raw")) as (feed, sink):
        small, large = np.zeros((48, 64, 3), np.uint8), np.zeros((96, 128, 3), np.uint8)
        assert feed.frame(small)
        assert not feed.frame(large)
        assert not await asyncio.to_thread(feed.frame, large)
        assert not feed.frame(av.VideoFrame(64, 46, "yuv420p"))
        assert feed.frame(small)
        assert len(sink.frames) == 2
        assert feed.counts.dropped == {"another size": 3}
    async with run_kind(camcast_sources()[0], PushOptions(video="raw"), Sink()) as (feed, sink):
        # Those of threads that begin together are told apart when they arrive.
        thread = threading.Thread(target=lambda: (feed.frame(small), feed.frame(large)))
        thread.start()
        thread.join()
        assert feed.counts.waiting == 2
        await until(lambda: feed.counts.waiting == 0)
        assert feed.counts.dropped == {"another size": 1}
    assert balanced(feed)


async def test_pictures_that_do_not_go_on_are_a_millisecond_apart(host: PluginHost) -> None:
    key, ms = clips.video("h264").units[0].data, 1_000_000
    async with running(codec=host.codec) as (feed, sink):
        for pts in (5_000, 5_040, 5_040, 5_040, 5_120, 900, 940):
            assert feed.packet(key, pts=pts * ms)
        # A leap is left to the timeline.
        assert [packet.dts // ms for packet in sink.packets] == [5_000, 5_040, 5_041, 5_042, 5_120, 900, 940]
        assert all(packet.pts == packet.dts for packet in sink.packets)


async def test_b_frames_without_decode_times_are_told_once(host: PluginHost, caplog: pytest.LogCaptureFixture) -> None:
    units, ms = clips.video("h264", b_frames=2).units, 1_000_000
    async with running(codec=host.codec) as (feed, sink):
        for unit in units:
            feed.packet(unit.data, pts=unit.pts * ms + NS_PER_S)
        times = [packet.dts for packet in sink.packets]
        assert times == sorted(set(times))
    assert caplog.text.count("display_order") == 1
    caplog.clear()
    async with running(codec=host.codec) as (feed, _):
        for unit in units:
            feed.packet(unit.data, pts=unit.pts * ms + NS_PER_S, dts=unit.dts * ms + NS_PER_S)
    assert "display_order" not in caplog.text


async def test_pictures_that_are_to_be_turned_are_told_once(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    path = turned(tmp_path / "turned.mp4")
    async with running(PushOptions(video="raw")) as (feed, sink):
        with av.open(str(path)) as container:
            for frame in itertools.islice(container.decode(video=0), 5):
                assert feed.frame(frame)
        assert len(sink.frames) == 5
    assert caplog.text.count("meant to be turned by 90°") == 1


async def test_waiting_on_an_event_loop_is_refused_at_once() -> None:
    feed = PushFeed(0, 0)
    with pytest.raises(WrongState, match="await ready"):
        feed.wait_ready(60)
    assert not await asyncio.to_thread(feed.wait_ready, 0.01)


@pytest.mark.parametrize("option", [{"video": "nonsense"}, {"audio": "nonsense"}, {"audio": "h264"}])
async def test_a_codec_that_nobody_knows_is_fatal(option: dict[str, Any]) -> None:
    (kind,) = camcast_sources()
    with pytest.raises(SourceError, match=rf"option {next(iter(option))}") as caught:
        await kind.build(context("", PushOptions(**option))).run(Sink())
    assert caught.value.fatal


async def test_two_sources_for_one_feed_are_an_error() -> None:
    (kind,) = camcast_sources()
    async with run_kind(kind, None, Sink()):
        with pytest.raises(SourceError, match="has a running push source already"):
            await kind.build(context("", PushOptions())).run(Sink())


async def test_pictures_and_sound_from_arrays() -> None:
    async with running(PushOptions(video="raw", audio="raw"), frame_rate=25.0) as (feed, sink):
        picture = np.zeros((49, 65, 3), np.uint8)
        picture[:, :, 2] = 255
        assert feed.frame(picture, pts=40)
        picture[:] = 0
        tone = np.arange(2 * 480, dtype=np.int16).reshape(2, 480)
        assert feed.audio(tone)
        assert feed.audio(tone)
        video, first, second = sink.frames
        assert (video.track.codec, video.track.width, video.track.height, video.track.frame_rate) == (RAW, 64, 48, 25)
        assert video.data.to_ndarray()[0, 0].tolist() == [0, 0, 255]
        assert video.pts == 40
        assert second.pts - first.pts == 10_000_000, "dated by its samples"
        assert np.array_equal(second.data.to_ndarray(), tone)
        own = av.VideoFrame(64, 48, "yuv420p")
        assert feed.frame(own)
        assert sink.frames[-1].data is own
        for wrong in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)):
            with pytest.raises(ValueError, match=r"a bgr24 picture is a uint8 array of shape \(height, width, 3\)"):
                feed.frame(wrong)
        with pytest.raises(ValueError, match="sound is an int16 or float32 array"):
            feed.audio(np.zeros(4, np.int32))
    assert balanced(feed)


async def test_a_keyframe_request_reaches_the_embedder() -> None:
    (kind,) = camcast_sources()
    assert kind.feed is not None
    feed = kind.feed(0, 0)
    assert isinstance(feed, PushFeed)
    source = kind.build(context("", PushOptions()))
    assert not source.request_keyframe()
    asked: list[bool] = []
    feed.on_keyframe_request = lambda: asked.append(True)
    assert source.request_keyframe()
    assert asked
    feed.on_keyframe_request = lambda: 1 / 0
    assert not source.request_keyframe()


async def test_eight_threads_a_slow_consumer_and_a_stop_in_the_middle() -> None:
    sink = Sink()
    # A consumer far slower than eight threads.
    sink.on_media = lambda: time.sleep(0.0005)
    taken = [0] * 8
    go = threading.Event()

    def push(number: int, feed: PushFeed) -> None:
        while not go.is_set():
            ok = feed.packet(bytes([number]) * 100, timeout=0.05 if number % 2 else 0.0)
            taken[number] += ok
            if not ok:
                time.sleep(0.0002)

    async with running(PushOptions(queue=16), sink=sink) as (feed, _):
        threads = [threading.Thread(target=push, args=(number, feed)) for number in range(8)]
        for thread in threads:
            thread.start()
        await until(lambda: len(sink.packets) >= 300, 20)
    # The source has stopped; the threads have not.
    assert not feed.running
    await until(lambda: feed.counts.dropped.get("not running", 0) > 100)
    go.set()
    for thread in threads:
        await asyncio.to_thread(thread.join, 5)
        assert not thread.is_alive()
    counts = feed.counts
    assert counts.waiting == 0
    assert balanced(feed)
    assert counts.delivered == len(sink.packets)
    assert counts.dropped["full"] > 0
    assert counts.dropped["not running"] > 0
    # What was taken was delivered, but for what was under way when the source stopped.
    assert sum(taken) - counts.delivered == counts.dropped.get("stopped", 0) <= 16
    assert sum(taken) >= 300
    assert sink.drops[VIDEO, "full"] > 0


async def test_from_threads_each_thread_keeps_its_order_and_nothing_taken_is_lost() -> None:
    def push(number: int, feed: PushFeed) -> int:
        return sum(feed.packet(b"%d %d" % (number, count), timeout=5) for count in range(200))

    async with running(PushOptions(queue=8)) as (feed, sink):
        took = await asyncio.gather(*(asyncio.to_thread(push, number, feed) for number in range(4)))
        assert took == [200] * 4
        await until(lambda: not feed.counts.waiting)
        seen = [tuple(map(int, packet.payload.split())) for packet in sink.packets]
        for number in range(4):
            assert [count for who, count in seen if who == number] == list(range(200))
        assert not feed.counts.dropped


async def test_the_end_comes_after_what_was_pushed() -> None:
    (kind,) = camcast_sources()
    assert kind.feed is not None
    feed = kind.feed(0, 0)
    assert isinstance(feed, PushFeed)
    sink = Sink()
    handover = LoopHandover(asyncio.get_running_loop())
    task = asyncio.create_task(kind.build(context("", PushOptions(), handover=handover)).run(sink))
    await feed.ready()

    def push() -> None:
        assert feed.wait_ready(5)
        for _ in range(50):
            assert feed.packet(b"x", timeout=5)
        feed.end()
        assert not feed.packet(b"after the end")

    async with asyncio.timeout(10):
        await asyncio.to_thread(push)
        await task
    assert len(sink.packets) == 50
    assert not feed.running
    assert balanced(feed)


async def test_the_end_comes_also_when_the_last_unit_finds_no_room() -> None:
    (kind,) = camcast_sources()
    assert kind.feed is not None
    feed = kind.feed(0, 0)
    assert isinstance(feed, PushFeed)

    class EndsMeanwhile(LoopHandover):
        """Full, and the program says that this was all while the unit is on its way."""

        def call(self, function: Callable[..., object], *args: object) -> bool:
            feed.end()
            return False

    handover = EndsMeanwhile(asyncio.get_running_loop())
    task = asyncio.create_task(kind.build(context("", PushOptions(), handover=handover)).run(Sink()))
    async with asyncio.timeout(10):
        await feed.ready()
        assert not await asyncio.to_thread(feed.packet, b"x")
        await task
    assert feed.counts.dropped == {"full": 1}
    assert balanced(feed)


async def test_programs_built_on_observers() -> None:
    async with running() as (feed, sink):
        subject = StreamSubject()
        seen: list[tuple[Any, ...]] = []

        class Broken:
            def on_stream_come(self, *args: Any) -> None:
                raise ZeroDivisionError

        class Watcher:
            def on_stream_come(self, *args: Any) -> None:
                seen.append(args)

        def push(camera_id: int, stream_id: int) -> PushFeed:
            if (camera_id, stream_id) != (0, 0):
                raise KeyError((camera_id, stream_id))
            return feed

        watcher = Watcher()
        for observer in (Broken(), StreamObserver(push), watcher, watcher):
            subject.register(observer)
        subject.process_data(0, 0, b"frame", is_key=True, pts=5)
        subject.process_data(7, 1, b"other")
        subject.unregister(watcher)
        subject.process_data(0, 0, b"more")
        assert [packet.payload for packet in sink.packets] == [b"frame", b"more"]
        assert sink.packets[0].pts == 5
        assert seen == [(0, 0, b"frame", True, 5), (7, 1, b"other", None, None)]
        assert subject.failures == 3


# --- framings -------------------------------------------------------------------------------------------------


def annexb(payload: bytes) -> bytes:
    """Length-prefixed NAL units (4 bytes) with start codes instead."""
    out, place = b"", 0
    while place < len(payload):
        size = int.from_bytes(payload[place : place + 4], "big")
        out += b"\x00\x00\x00\x01" + payload[place + 4 : place + 4 + size]
        place += 4 + size
    return out


def annexb_sets(record: bytes) -> bytes:
    """The parameter sets of an avcC record (ISO 14496-15 §5.3.3.1) with start codes."""
    out, place = b"", 5
    for mask in (0x1F, 0xFF):
        count = record[place] & mask
        place += 1
        for _ in range(count):
            size = int.from_bytes(record[place : place + 2], "big")
            out += b"\x00\x00\x00\x01" + record[place + 2 : place + 2 + size]
            place += 2 + size
    return out


def adts(config: bytes, size: int) -> bytes:
    """An ADTS header (ISO 14496-3 §1.A.2.2.1) for a bare frame with this AudioSpecificConfig."""
    kind, rate = config[0] >> 3, (config[0] & 7) << 1 | config[1] >> 7
    channels = config[1] >> 3 & 15
    bits = 0xFFF << 44 | 1 << 40 | (kind - 1) << 38 | rate << 34 | channels << 30 | (size + 7) << 13 | 0x7FF << 2
    return bits.to_bytes(7, "big")
