"""The SRT source: what FFmpeg, GStreamer, libsrt's own tool and our own transport send to it, frame by frame."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shlex
import signal
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import imageio_ffmpeg
import pytest
from tests.media import made
from tests.plugins.source_kit import Sink, context, program, running_source, until
from tests.plugins.srt_processes import end_fork_servers, sockets
from tests.plugins.test_srt_demuxer import ffmpegs, ours, units
from tests.plugins.transport_harness import codecs, feed, load, publishing
from tests.servers.process import free_port

from camcast.errors import SourceError, TransportError
from camcast.media import MediaKind, Packet
from camcast.session.resolver import NameResolver
from camcast.target import Target
from camcast_kit_ingest import rests
from camcast_srt import camcast_transports
from camcast_srt.address import literal
from camcast_srt.ingest.kind import SrtIngest
from camcast_srt.ingest.media import TsIntake
from camcast_srt.ingest.options import SrtSourceOptions
from camcast_srt.keeper import Keeper
from camcast_srt.link import Link
from camcast_srt.options import SrtOptions, settings_of

KEY = "s3cret-gate"
INGEST = SrtIngest()
KEEPER = Keeper()
VIDEO, AUDIO = MediaKind.VIDEO, MediaKind.AUDIO
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


@pytest.fixture(scope="module", autouse=True)
def nothing_rests() -> Iterator[None]:
    """Other modules' tests look for processes that are left."""
    yield
    end_fork_servers()


@attrs.define(eq=False)
class Running:
    """A source that runs: where it listens, what came, and what it told."""

    port: int
    sink: Sink
    source: Any
    task: asyncio.Task[None]
    notes: list[tuple[str, str]]
    waits: list[str]
    """For what it has waited, one after the other."""
    refused: Counter[str]

    def url(self, streamid: str = KEY, **query: object) -> str:
        """What a caller is given."""
        said = {"streamid": streamid, **query} if streamid else query
        return f"srt://127.0.0.1:{self.port}" + "?" * bool(said) + "&".join(f"{k}={v}" for k, v in said.items())

    def codes(self) -> list[str]:
        return [code for code, _ in self.notes]

    async def has(self, clip: Path, begin: int = 0, seconds: float = 20.0) -> None:
        """Until all of a clip has come, from the packet `begin` on; asserts that it is the same, each track for itself.

        What a sender sends last is lost with the latency when it ends, so the clip should go round."""
        was = load(clip).packets
        want = {one: units(packet for packet in was if packet.track.kind is one) for one in MediaKind}
        came: dict[MediaKind, list[Packet]] = {}
        async with asyncio.timeout(seconds):
            while not came or any(len(came[one]) < len(want[one]) for one in MediaKind):
                await asyncio.sleep(0.01)
                came = {one: [p for p in self.sink.packets[begin:] if p.track.kind is one] for one in MediaKind}
                if self.task.done():
                    self.task.result()
        for one in MediaKind:
            assert units(came[one][: len(want[one])]) == want[one], one


@contextlib.asynccontextmanager
async def source(url: str = "", ingest: SrtIngest = INGEST, **options: Any) -> AsyncIterator[Running]:
    """Without a `url` it listens at a port of its own, for one stream id."""
    if not url:
        url = f"srt://127.0.0.1:{free_port(kind=socket.SOCK_DGRAM)}?mode=listener&streamid={KEY}"
    notes: list[tuple[str, str]] = []
    waits: list[str] = []
    refused: Counter[str] = Counter()
    settings = SrtSourceOptions(**{"timeout": 5.0, "connect_timeout": 15.0, **options})
    built = ingest.kind().build(
        context(
            url,
            settings,
            codec=codecs().codec,
            resolver=NameResolver(),
            note=lambda *note: notes.append(note),
            waits=waits.append,
            refused=lambda reason, count: refused.update({reason: count}),
        )
    )
    sink = Sink()
    async with running_source(built, sink) as task:
        running = Running(int(url.partition("?")[0].rpartition(":")[2]), sink, built, task, notes, waits, refused)
        if "listener" in url:
            await until(lambda: built.listener is not None or task.done())  # type: ignore[attr-defined]
        yield running


def ffmpeg(clip: Path, url: str, *more: str, rate: float = 4.0) -> tuple[str, ...]:
    """Sends a clip again and again."""
    pace = ("-readrate", str(rate), "-stream_loop", "-1")
    return (FFMPEG, "-v", "error", *pace, "-i", str(clip), "-c", "copy", *more, "-f", "mpegts", url)


def transmit(*arguments: str) -> tuple[str, ...]:
    return ("srt-live-transmit", "-q", *arguments)


def gstreamer(clip: Path, uri: str) -> tuple[str, ...]:
    line = (
        f"filesrc location={clip} ! qtdemux name=d d.video_0 ! queue ! h264parse ! mpegtsmux name=m alignment=7 ! "
        f"srtsink wait-for-connection=true uri={uri} d.audio_0 ! queue ! aacparse ! m."
    )
    return ("gst-launch-1.0", "-q", *line.split())


@contextlib.asynccontextmanager
async def piped(made_by: Sequence[str], sent_by: Sequence[str]) -> AsyncIterator[None]:
    """What one program makes, sent by the other."""
    first = await asyncio.create_subprocess_shell(
        f"exec {shlex.join(made_by)} | {shlex.join(sent_by)}",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        await first.wait()


class Sender:
    """Our own side of libsrt, which sends whatever bytes it is given."""

    def __init__(self, url: str) -> None:
        target = Target(url=url, connect_timeout=15.0)
        settings = settings_of(target, SrtOptions())
        self.link = Link(KEEPER, settings, self, target.shown, target.words)
        self.up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.over = asyncio.Event()
        self.room = asyncio.Event()
        self.link.open(literal(settings.host, settings.port), None, 15.0)

    async def send(self, data: bytes) -> None:
        """As fast as libsrt takes it, until it is all taken or the connection is over."""
        await self.up
        for at in range(0, len(data), 1316):
            while not self.over.is_set() and not self.link.send([data[at : at + 1316]]):
                self.room.clear()
                async with asyncio.timeout(10):
                    await self.room.wait()

    def opened(self, link: Link) -> None:
        self.up.set_result(None)

    def failed(self, link: Link, error: TransportError) -> None:
        self.up.set_exception(error)

    def broken(self, link: Link, why: str) -> None:
        self.over.set()
        self.room.set()

    def writable(self) -> None:
        self.room.set()

    def stranger(self) -> None: ...


@contextlib.asynccontextmanager
async def sender(url: str) -> AsyncIterator[Sender]:
    made = Sender(url)
    try:
        yield made
    finally:
        made.link.close()
        await made.link.closed.wait()


# --- who calls --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["h264_b_aac", "hevc_b_aac", "h264_opus"])
async def test_what_ffmpeg_sends_comes_frame_by_frame(name: str) -> None:
    async with source() as running, program(*ffmpeg(made(name), running.url())):
        await running.has(made(name))
        assert running.sink.drops == {}
        assert len(running.sink.announced) == 1
        assert running.sink.breaks == 0
    # Its process goes with it, and the port with that.
    await until(lambda: not sockets())


async def test_what_libsrts_own_tool_sends_comes_frame_by_frame() -> None:
    clip = made("h264_aac")
    async with source() as running:
        to = transmit("file://con", running.url())
        async with piped((*ffmpeg(clip, "-")[:-1], "-"), to):
            await running.has(clip)


async def test_what_our_own_transport_sends_comes_frame_by_frame() -> None:
    clip = load(made("hevc_b_aac"))
    async with source(latency=200) as running:
        async with publishing(camcast_transports()[0], running.url(), clip) as (transport, events):
            await feed(transport, clip.packets, speed=4)
            assert not events.losses
            # It waits until the receiver has shown all of it.
        await running.has(made("hevc_b_aac"))


async def test_publishers_come_and_go_and_each_has_a_timeline_of_its_own() -> None:
    async with source(timeout=0.5) as running:
        for turn, name in enumerate(("h264_aac", "hevc_b_aac"), 1):
            begin = len(running.sink.packets)
            async with program(*ffmpeg(made(name), running.url())):
                await running.has(made(name), begin)
            await until(lambda: running.codes() == ["publisher_gone"] * turn)  # noqa: B023
        assert running.sink.breaks == 1
        assert [track.codec for track in running.sink.announced[-1]] == ["h265", "aac"]
        assert not running.task.done()


async def test_many_call_one_address_each_for_its_own_stream_and_passphrase() -> None:
    port = free_port(kind=socket.SOCK_DGRAM)
    clips = {"one": made("h264_aac"), "two": made("hevc_b_aac"), "#!::r=three,m=publish": made("h264_opus")}
    words = {"one": "", "two": "correct horse", "three": "battery staple"}
    async with contextlib.AsyncExitStack() as stack:
        there: dict[str, Running] = {}
        for name, word in words.items():
            url = f"srt://:{port}?mode=listener&streamid={name}"
            there[name] = await stack.enter_async_context(source(url, passphrase=word or None))
        for said, clip in clips.items():
            name = "three" if "three" in said else said
            secret = {"passphrase": words[name].replace(" ", "%20")} if words[name] else {}
            await stack.enter_async_context(program(*ffmpeg(clip, there[name].url(said, **secret))))
        for said, clip in clips.items():
            await there["three" if "three" in said else said].has(clip)
        assert len(sockets()) == 1, "those who call one address share libsrt's process"
        for url, text in (
            (f"srt://:{port}?mode=listener&streamid=one", "another stream takes callers with this stream id already"),
            (f"srt://:{port}?mode=listener&streamid=four&latency=999", "listens at port .* with other options"),
        ):
            async with source(url) as second:
                await until(second.task.done)
                with pytest.raises(SourceError, match=text) as caught:
                    second.task.result()
                assert not caught.value.fatal, "the other one may end, or be given the same"


async def test_a_stream_id_in_the_standard_form_is_met_in_any_order() -> None:
    clip, port = made("h264_aac"), free_port(kind=socket.SOCK_DGRAM)
    async with (
        source(f"srt://127.0.0.1:{port}?mode=listener&streamid=#!::r=stage,m=publish") as running,
        program(*ffmpeg(clip, running.url("#!::m=publish,u=cam,r=stage"))),
    ):
        await running.has(clip)


async def test_without_a_stream_id_whoever_means_no_other_stream_is_taken() -> None:
    clip = made("h264_aac")
    async with source() as named, source(f"srt://127.0.0.1:{named.port}?mode=listener") as any_other:
        async with program(*ffmpeg(clip, named.url("something"))):
            await any_other.has(clip)
        async with program(*ffmpeg(clip, named.url())):
            await named.has(clip)


async def test_all_streams_that_an_address_may_have_begin_at_once_and_one_more_is_told() -> None:
    port = free_port(kind=socket.SOCK_DGRAM)
    urls = [f"srt://127.0.0.1:{port}?mode=listener&streamid=camera-{number:03d}-of-the-stage" for number in range(64)]
    async with contextlib.AsyncExitStack() as stack:
        every = await asyncio.gather(
            *(stack.enter_async_context(source(url, passphrase="correct horse battery")) for url in urls)
        )
        assert [running.source.listener is not None for running in every] == [True] * 64
        async with source(f"srt://127.0.0.1:{port}?mode=listener") as more:
            await until(more.task.done)
            with pytest.raises(SourceError, match=f"64 streams share port {port}.*; give this one another port"):
                more.task.result()
        clip = made("h264_aac")
        async with program(
            *ffmpeg(clip, every[63].url("camera-063-of-the-stage", passphrase="correct%20horse%20battery"))
        ):
            await every[63].has(clip)


@pytest.mark.parametrize("takeover", [False, True])
async def test_a_second_publisher_is_refused_or_takes_over(takeover: bool) -> None:
    clip = made("h264_aac")
    async with source(takeover=takeover) as running:
        async with program(*ffmpeg(clip, running.url(), rate=1)) as first:
            await until(lambda: len(running.sink.packets) > 20)
            async with program(*ffmpeg(clip, running.url(), rate=1)) as second:
                loser, keeper = (first, second) if takeover else (second, first)
                await asyncio.wait_for(loser.wait(), 10)
                assert loser.returncode != 0
                assert keeper.returncode is None
                seen = len(running.sink.packets)
                await until(lambda: len(running.sink.packets) > seen + 20)
        assert running.sink.breaks == int(takeover)
        assert ("publish_refused" in running.codes()) != takeover
        assert running.refused == ({} if takeover else {"somebody publishes with this stream id already": 1})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"streamid": "another"}, "a stream id that nobody here takes"),
        ({"streamid": ""}, "a stream id that nobody here takes"),
        ({"streamid": f"#!::r={KEY},m=request"}, "it asked for a stream instead of bringing one"),
        ({"passphrase": "wrong-or-none"}, ""),
    ],
    ids=["another id", "none", "asks", "passphrase"],
)
async def test_who_is_not_meant_is_refused_and_told_without_a_secret(said: dict[str, Any], why: str) -> None:
    async with source() as running:
        async with program(*ffmpeg(made("h264_aac"), running.url(**said))) as publisher:
            assert await asyncio.wait_for(publisher.wait(), 10) != 0
        if why:
            await until(lambda: running.notes)
            assert running.notes[0][1].endswith(f"refused: {why} (1); 1 in all")
            assert running.refused == {why: 1}
        assert running.waits == [f"a publisher at srt://127.0.0.1:{running.port}"]
        assert running.sink.packets == []
        assert not running.task.done()
        told = [*running.notes, repr(running.source)]
        assert not [text for text in map(str, told) if "another" in text or KEY in text]


@pytest.mark.parametrize("passphrase", [None, "correct horse"])
async def test_callers_older_than_1_3_are_taken_where_no_passphrase_is(passphrase: str | None) -> None:
    """They connect first and speak of encryption afterwards, if they do: libsrt takes what comes in the clear."""
    url = f"srt://127.0.0.1:{free_port(kind=socket.SOCK_DGRAM)}?mode=listener"
    async with source(url, passphrase=passphrase) as running:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
            caller.setblocking(False)
            there = ("127.0.0.1", running.port)
            loop = asyncio.get_running_loop()
            caller.sendto(handshake(1, 77), there)
            async with asyncio.timeout(10):
                (cookie,) = struct.unpack(">I", (await loop.sock_recv(caller, 1500))[44:48])
                caller.sendto(handshake(-1, 77, cookie), there)
                if passphrase is not None:
                    await until(lambda: running.notes)
                    assert "its SRT is older than 1.3, and cannot be held to a passphrase (1)" in running.notes[0][1]
                    assert running.source.listener.publishers == 0
                    return
                said = await loop.sock_recv(caller, 1500)
            (theirs,) = struct.unpack(">I", said[40:44])
            stream = ours("h264_aac")[: 1316 * 100]
            for number, at in enumerate(range(0, len(stream), 1316)):
                head = struct.pack(">IIII", 1000 + number, 0xE0000001 + number, number, theirs)
                caller.sendto(head + stream[at : at + 1316], there)
            await until(lambda: len(running.sink.of(VIDEO)) > 10)


# --- faults -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
async def test_a_publisher_that_freezes_or_is_gone_is_cut_off_and_another_may_come(number: signal.Signals) -> None:
    clip = made("h264_aac")
    async with source(timeout=0.5) as running, program(*ffmpeg(clip, running.url(), rate=1)) as publisher:
        await until(lambda: len(running.sink.packets) > 20)
        publisher.send_signal(number)
        await until(lambda: "publisher_gone" in running.codes())
        assert "was cut off: it sent nothing for 0.5 s" in running.notes[0][1]
        before = len(running.sink.packets)
        place = f"a publisher at srt://127.0.0.1:{running.port}"
        assert running.waits == [place, "", place]
        async with program(*ffmpeg(clip, running.url())):
            await running.has(clip, before)


async def test_what_is_no_transport_stream_ends_its_own_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rests, "REST", 0.0)  # FFmpeg asks once
    async with source() as running:
        async with sender(running.url()) as one:
            await one.send(random.Random(1).randbytes(2 << 20))
            await until(lambda: running.codes() == ["publisher_gone"])
            assert "was cut off: what comes is no MPEG-TS" in running.notes[0][1]
            await until(one.over.is_set)
        assert not running.task.done()
        async with program(*ffmpeg(made("h264_aac"), running.url())):
            await running.has(made("h264_aac"))


async def test_a_codec_that_changes_on_the_air_is_followed(tmp_path: Path) -> None:
    stream = ffmpegs("h264_aac", tmp_path / "a.ts") + ffmpegs("hevc_b_aac", tmp_path / "b.ts", tables_version="1")
    async with source() as running, sender(running.url()) as one:
        await one.send(stream)
        await until(lambda: len(running.sink.of(VIDEO)) >= 190)
    told = [[track.codec for track in tracks] for tracks in running.sink.announced]
    assert told == [["h264", "aac"], ["h265", "aac"]]
    for name, codec in (("h264_aac", "h264"), ("hevc_b_aac", "h265")):
        got = units(packet for packet in running.sink.of(VIDEO) if packet.track.codec == codec)
        assert got == units(packet for packet in load(made(name)).packets if packet.track.kind is VIDEO)[: len(got)]


def test_a_sender_whose_clock_is_slow_gets_times_of_arrival(tmp_path: Path) -> None:
    """Ours is made by hand: it takes half a minute."""
    data, seconds = ffmpegs("h264_aac", tmp_path / "a.ts"), 40.0
    pieces = [data[at : at + 1316] for at in range(0, len(data), 1316)]
    notes: list[str] = []
    sink = Sink()
    intake = TsIntake(codecs().codec, sink, lambda code, text: notes.append(code))
    intake.begin(1)
    for number, piece in enumerate(pieces):
        intake.feed(piece, 1 + round(number * seconds / len(pieces) * 1e9))
    assert notes == ["clock_wrong"]
    assert sink.breaks == 1
    late = [packet.dts / 1e9 for packet in sink.of(VIDEO)[-20:]]
    assert seconds * 0.7 < late[0] < late[-1] < seconds
    assert late == sorted(late)


async def test_a_sender_that_floods_is_read_no_faster_than_it_may_send() -> None:
    """8 Mbit/s, and two seconds of it at once; of 6 MB that come in a moment libsrt drops the rest as too late."""
    async with source(max_rate=8_000) as running, sender(running.url()) as one:
        null = struct.pack(">BHB", 0x47, 0x1FFF, 0x10) + bytes(184)
        feeding = running.source.listener
        came = 0
        data = feeding.media

        def count(connection: int, said: bytes) -> None:
            nonlocal came
            came += len(said)
            data(connection, said)

        feeding.media = count
        loop = asyncio.get_running_loop()
        began = loop.time()
        await one.send(null * (6_000_000 // 188))
        await until(lambda: loop.time() > began + 1.0)
        assert 500_000 < came < 1_000_000 * (2 + loop.time() - began) + (256 << 10)
        assert not running.task.done()


async def test_a_crash_of_libsrt_ends_the_sources_at_its_address_alone() -> None:
    async with source() as running, program(*ffmpeg(made("h264_aac"), running.url(), rate=1)):
        await until(lambda: len(running.sink.packets) > 20)
        (process,) = sockets()
        process.send_signal(signal.SIGSEGV)
        await until(running.task.done)
        with pytest.raises(SourceError, match="all who send to this address are cut off") as caught:
            running.task.result()
        assert not caught.value.fatal


async def test_a_flood_of_strangers_leaves_who_is_on_the_air_there() -> None:
    """A thousand handshakes that nobody finishes, packets that are none, and callers without a place."""
    async with source() as running, program(*ffmpeg(made("h264_aac"), running.url(), rate=1)):
        await until(lambda: len(running.sink.packets) > 20)
        (process,) = sockets()
        before = process.memory_info().rss
        with contextlib.ExitStack() as stack:
            for number in range(1000):
                caller = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                caller.setblocking(False)
                said = handshake(1, number) if number % 2 else random.randbytes(number)
                caller.sendto(said, ("127.0.0.1", running.port))
                if number % 100 == 0:
                    await asyncio.sleep(0)
        callers = [asyncio.create_task(_turned_away(running.url("another"))) for _ in range(4)]
        await asyncio.gather(*callers)
        seen = len(running.sink.packets)
        await until(lambda: len(running.sink.packets) > seen + 40)
        assert running.sink.breaks == 0
        assert process.num_fds() < 30
        assert process.memory_info().rss < before + (32 << 20)


def handshake(kind: int, number: int, cookie: int = 0, to: int = 0) -> bytes:
    """A half of a handshake (draft-sharabayko-srt §3.2.1) of version 4, from socket `number`: 1 = induction, -1 =
    conclusion. `to`: the other side's socket, where that is known."""
    head = struct.pack(">HHIII", 0x8000, 0, 0, 0, to)
    body = struct.pack(">IHHIIIiII", 4, 0, 2, 1000, 1500, 8192, kind, number, cookie)
    return head + body + bytes((127, 0, 0, 1)) + bytes(12)


async def _turned_away(url: str) -> None:
    async with program(*transmit("-t:2", "file://con", url)) as caller:
        await asyncio.wait_for(caller.wait(), 10)


# --- addresses --------------------------------------------------------------------------------------------


async def test_an_address_that_is_taken_or_not_ours_is_told() -> None:
    async with source() as running:
        url = f"srt://127.0.0.1:{running.port}?mode=listener&streamid=other"
        async with source(url, SrtIngest()) as second:
            await until(second.task.done)
            with pytest.raises(SourceError, match=f"cannot listen at port {running.port}") as caught:
                second.task.result()
            assert not caught.value.fatal
        async with source(f"srt://no-such-host:{running.port}?mode=listener") as third:
            await until(third.task.done)
            with pytest.raises(SourceError, match="no address of this machine"):
                third.task.result()


@pytest.mark.parametrize(
    ("url", "options", "reason"),
    [
        ("srt://127.0.0.1", {}, "needs a port"),
        ("srt://127.0.0.1:9000?mode=rendezvous&streamid=a", {}, "a rendezvous carries no streamid"),
        ("srt://:9000", {}, "caller needs a host"),
        ("srt://h:9000?latency=100", {"latency": 200}, "latency is set both"),
        ("srt://h:9000", {"bind": "eth0"}, "by a network interface's name"),
        ("srt://h:9000?passphrase=short", {}, "10 to 79 bytes"),
    ],
)
def test_what_does_not_fit_is_told(url: str, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        INGEST.kind().build(context(url, SrtSourceOptions(**options)))
    assert caught.value.fatal


# --- calling ----------------------------------------------------------------------------------------------


async def test_what_a_server_sends_is_taken() -> None:
    """libsrt's own tool waits for us, as a server does."""
    clip, port = made("h264_b_aac"), free_port(kind=socket.SOCK_DGRAM)
    listens = f"srt://127.0.0.1:{port}?mode=listener&passphrase=correct-horse"
    async with piped((*ffmpeg(clip, "-", rate=1)[:-1], "-"), transmit("file://con", listens)):
        pictures = await _pictures(f"srt://127.0.0.1:{port}?streamid=anything", passphrase="correct-horse")
    was = units(packet for packet in load(clip).packets if packet.track.kind is VIDEO)
    begin = was.index(pictures[0])
    assert pictures == [was[(begin + number) % len(was)] for number in range(len(pictures))]


async def test_what_gstreamer_sends_when_it_is_called_is_taken() -> None:
    clip, port = made("h264_aac"), free_port(kind=socket.SOCK_DGRAM)
    async with program(*gstreamer(clip, f"srt://127.0.0.1:{port}?mode=listener")):
        pictures = await _pictures(f"srt://127.0.0.1:{port}")
    was = units(packet for packet in load(clip).packets if packet.track.kind is VIDEO)
    begin = was.index(pictures[0])
    assert pictures == was[begin : begin + len(pictures)]


async def test_a_rendezvous_is_met() -> None:
    clip, port = made("h264_b_aac"), free_port(kind=socket.SOCK_DGRAM)
    theirs = f"srt://127.0.0.5:{port}?mode=rendezvous&adapter=127.0.0.6&passphrase=correct-horse"
    async with piped((*ffmpeg(clip, "-", rate=1)[:-1], "-"), transmit("file://con", theirs)):
        ours = f"srt://127.0.0.6:{port}?mode=rendezvous"
        pictures = await _pictures(ours, bind="127.0.0.5", passphrase="correct-horse")
    assert len(pictures) >= 20


async def _pictures(url: str, count: int = 20, **options: Any) -> list[list[bytes]]:
    """So many of them, tried until they come."""
    async with asyncio.timeout(20):
        while True:
            async with source(url, **options) as running:
                await until(lambda: len(running.sink.of(VIDEO)) >= count or running.task.done(), 15)
                if not running.task.done():
                    return units(running.sink.of(VIDEO)[:count])


async def test_a_server_older_than_1_3_is_left_where_a_passphrase_is_set() -> None:
    """It would send in the clear, and so could whoever takes its place."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)

        async def answer() -> None:
            while True:
                said, caller = await asyncio.get_running_loop().sock_recvfrom(server, 1500)
                if said[:2] == b"\x80\0":  # a half of a handshake, which is answered by the same
                    kind, theirs = struct.unpack(">iI", said[36:44])
                    server.sendto(handshake(kind, 99, 7, theirs), caller)

        answering = asyncio.create_task(answer())
        url = f"srt://127.0.0.1:{server.getsockname()[1]}"
        async with source(url, passphrase="correct horse") as running:
            await until(running.task.done)
            with pytest.raises(SourceError, match="the other side does not encrypt"):
                running.task.result()
        answering.cancel()


async def test_a_server_that_is_not_there_or_refuses_is_told_without_the_key() -> None:
    url = f"srt://127.0.0.1:{free_port(kind=socket.SOCK_DGRAM)}?streamid={KEY}"
    async with source(url, connect_timeout=0.5) as running:
        await until(running.task.done)
        with pytest.raises(SourceError, match="no answer within") as caught:
            running.task.result()
        assert KEY not in str(caught.value)
    async with (
        source(passphrase="correct horse") as listening,
        source(listening.url(), passphrase="battery staple") as running,
    ):
        await until(running.task.done)
        with pytest.raises(SourceError, match="wrong passphrase") as caught:
            running.task.result()
        assert caught.value.refused
        assert KEY not in str(caught.value)


async def test_a_server_that_stops_sending_is_left() -> None:
    clip, port = made("h264_aac"), free_port(kind=socket.SOCK_DGRAM)
    async with program(*ffmpeg(clip, f"srt://127.0.0.1:{port}?mode=listener", rate=1)) as server:
        async with asyncio.timeout(20):
            while True:
                async with source(f"srt://127.0.0.1:{port}", timeout=0.5) as running:
                    await until(lambda: len(running.sink.packets) > 20 or running.task.done())
                    if running.task.done():
                        continue
                    server.send_signal(signal.SIGSTOP)
                    await until(running.task.done)
                    with pytest.raises(SourceError, match="sent nothing within"):
                        running.task.result()
                    return
