"""The RTMP source: what FFmpeg, GStreamer, librtmp and our transport publish to it; what it plays. Frame by frame."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import attrs
import imageio_ffmpeg
import pytest
from tests.media import made
from tests.plugins.source_kit import Sink, context, program, running_source, until
from tests.plugins.transport_harness import codecs, feed, load, publishing
from tests.servers.certificates import Authority, Certificate
from tests.servers.nginx import Nginx
from tests.servers.process import free_port

from camcast.errors import SourceError
from camcast.flv.multitrack import TRACK_FORM, TrackTags
from camcast.media import MediaKind
from camcast.session.resolver import NameResolver
from camcast_kit_rtmp.state import State
from camcast_librtmp import camcast_transports as librtmp_transports
from camcast_rtmp import camcast_transports
from camcast_rtmp.client import Client, ClientSettings
from camcast_rtmp.ingest.kind import RtmpIngest
from camcast_rtmp.ingest.options import RtmpSourceOptions

KEY = "s3cret-gate"


@attrs.define(eq=False)
class Running:
    """A source that runs: where it listens or plays from, what came, and what it told."""

    url: str
    sink: Sink
    source: Any
    task: asyncio.Task[None]
    notes: list[tuple[str, str]]
    waits: list[str]
    """For what it has waited, one after the other."""
    refused: Counter[str]

    def payloads(self, kind: MediaKind) -> list[bytes]:
        return [packet.payload for packet in self.sink.of(kind)]

    def codes(self) -> list[str]:
        return [code for code, _ in self.notes]

    async def has(self, clip: Path, seconds: float = 20.0) -> None:
        """Until all of a clip has come; asserts that it is the same, in order, each track for itself."""
        was = load(clip)
        want = {one: [packet.payload for packet in was.packets if packet.track.kind is one] for one in MediaKind}
        async with asyncio.timeout(seconds):
            while any(len(self.payloads(one)) < len(want[one]) for one in MediaKind):
                await asyncio.sleep(0.01)
                if self.task.done():
                    self.task.result()
        for one in MediaKind:
            assert self.payloads(one) == want[one], one


INGEST = RtmpIngest()


@contextlib.asynccontextmanager
async def source(url: str = "", ingest: RtmpIngest = INGEST, **options: Any) -> AsyncIterator[Running]:
    """Without a `url` it listens at a port of its own."""
    mode = {} if url else {"mode": "listen"}
    url = url or f"rtmp://127.0.0.1:{free_port()}/live/{KEY}"
    notes: list[tuple[str, str]] = []
    waits: list[str] = []
    refused: Counter[str] = Counter()
    settings = RtmpSourceOptions(**{"timeout": 3.0, "connect_timeout": 3.0, **mode, **options})
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
        running = Running(url, sink, built, task, notes, waits, refused)
        if settings.mode == "listen":
            await until(lambda: built.listener is not None or task.done())  # type: ignore[attr-defined]
        yield running


def ffmpeg(clip: Path, url: str, *more: str, live: bool = False) -> tuple[str, ...]:
    pace = ("-re",) if live else ()
    enhanced = ("-rtmp_enhanced_codecs", "hvc1,av01,vp09,Opus")
    exe = imageio_ffmpeg.get_ffmpeg_exe()
    return (exe, "-v", "error", *pace, *more, "-i", str(clip), "-c", "copy", *enhanced, "-f", "flv", url)


@contextlib.asynccontextmanager
async def said(running: Running, app: str, key: str) -> AsyncIterator[list[Any]]:
    """What a client that publishes to this application and key was told, until it is on the air or sent away."""
    port = running.source.listener.port
    client = Client(ClientSettings(connect={"app": app, "tcUrl": f"rtmp://127.0.0.1:{port}/{app}"}, key=key))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    events: list[Any] = []
    try:
        async with asyncio.timeout(10):
            while client.state is not State.LIVE:
                if client.state is State.CONNECTED:
                    client.publish()
                writer.writelines(client.outgoing())
                if not (data := await reader.read(65536)):
                    break
                events += client.feed(data)
        yield events
    finally:
        writer.transport.abort()


# --- publishers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["h264_b_aac", "h264_only", "h264_mp3", "h264_pcma", "hevc_b_aac", "av1_aac", "av1_opus", "vp9_opus"],
)
async def test_what_ffmpeg_publishes_comes_frame_by_frame(name: str) -> None:
    async with source() as running, program(*ffmpeg(made(name), running.url)):
        await running.has(made(name))
        assert running.sink.drops == {}
        assert len(running.sink.announced) == 1
        await until(lambda: running.codes() == ["publisher_gone"])
        was = load(made(name)).packets
        shift = running.sink.packets[0].dts - next(
            packet.dts for packet in was if packet.payload == running.sink.packets[0].payload
        )
        for kind in MediaKind:
            for got, want in zip(running.sink.of(kind), [p for p in was if p.track.kind is kind], strict=True):
                assert abs(got.dts - want.dts - shift) < 2_000_000
                assert abs(got.pts - want.pts - shift) < 2_000_000


async def test_what_gstreamer_publishes_comes_frame_by_frame() -> None:
    clip = made("h264_aac")
    async with source() as running:
        line = (
            f"filesrc location={clip} ! qtdemux name=d d.video_0 ! queue ! h264parse ! flvmux name=m streamable=true ! "
            f"rtmp2sink location={running.url} d.audio_0 ! queue ! aacparse ! m."
        )
        async with program("gst-launch-1.0", "-q", *line.split()):
            await running.has(clip)


async def test_what_our_own_transport_publishes_comes_frame_by_frame() -> None:
    clip = load(made("hevc_b_aac"))
    kind = camcast_transports()[0]
    async with source() as running:
        async with publishing(kind, running.url, clip) as (transport, events):
            headers, tags = clip.tags()
            await feed(transport, [*headers, *tags], speed=50)
            assert not events.losses
        await running.has(made("hevc_b_aac"))


@pytest.mark.parametrize("name", ["h264_b_aac", "h264_mp3"])
async def test_what_librtmp_publishes_comes_frame_by_frame(name: str) -> None:
    clip = load(made(name))
    (kind,) = librtmp_transports()
    async with source() as running:
        async with publishing(kind, running.url, clip) as (transport, events):
            headers, tags = clip.tags()
            await feed(transport, [*headers, *tags], speed=50)
            await until(lambda: transport.pending == 0)
            assert not events.losses
        await running.has(made(name))


@pytest.mark.parametrize(("track", "sound_track"), [(0, 0), (1, 0), (2, 1)])
async def test_one_picture_and_one_sound_are_taken_of_several(track: int, sound_track: int) -> None:
    """By our own transport: what FFmpeg writes as several tracks is read the same (`test_multitrack_files.py`)."""
    clips = [load(made(name)) for name in ("h264_aac", "hevc_b_aac", "av1_opus")]
    headers, tags = clips[0].tags()
    units = [*headers, *tags]
    for number, clip in enumerate(clips[1:], 1):
        of_track = TrackTags(number)
        own = clip.tags(TRACK_FORM)
        units += [tag for one in own for tag in map(of_track.of, one) if tag is not None]
    units.sort(key=lambda tag: tag.time)
    async with source(track=track, sound_track=sound_track) as running:
        async with publishing(camcast_transports()[0], running.url, clips[0]) as (transport, events):
            await feed(transport, units, speed=50)
            assert not events.losses
        for kind, number in ((MediaKind.VIDEO, track), (MediaKind.AUDIO, sound_track)):
            want = [packet.payload for packet in clips[number].packets if packet.track.kind is kind]
            await until(lambda: len(running.payloads(kind)) >= len(want))  # noqa: B023
            assert running.payloads(kind) == want


async def test_publishers_come_and_go_and_each_has_a_timeline_of_its_own() -> None:
    clip = made("h264_aac")
    count = len(load(clip).packets)
    async with source() as running:
        for turn in (1, 2):
            async with program(*ffmpeg(clip, running.url)):
                await until(lambda: len(running.sink.packets) == turn * count)  # noqa: B023
                await until(lambda: running.codes() == ["publisher_gone"] * turn)  # noqa: B023
        assert running.sink.breaks == 1
        assert len(running.sink.announced) == 1, "the tracks are the same"
        async with program(*ffmpeg(made("hevc_b_aac"), running.url)):
            await until(lambda: len(running.sink.packets) > 2 * count + 100)
        assert [track.codec for track in running.sink.announced[-1]] == ["h265", "aac"]
        assert not running.task.done()


async def test_a_publisher_may_end_and_begin_again_by_one_connection() -> None:
    """As encoders do that are paused: with another stream of the connection, and times that begin anew."""
    clip = load(made("h264_b_aac"))
    headers, tags = clip.tags()
    async with source() as running:
        port = running.source.listener.port
        connect = {"app": "live", "tcUrl": f"rtmp://127.0.0.1:{port}/live"}
        client = Client(ClientSettings(connect=connect, key=KEY))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def becomes(wanted: State) -> None:
            async with asyncio.timeout(10):
                while client.state is not wanted:
                    writer.writelines(client.outgoing())
                    data = await reader.read(65536)
                    assert data
                    client.feed(data)

        try:
            await becomes(State.CONNECTED)
            for turn in range(1, 4):
                client.publish()
                await becomes(State.LIVE)
                for tag in [*headers, *tags]:
                    writer.writelines(client.media(tag.type.value, tag.time, tag.head, tag.body))
                await until(lambda turn=turn: len(running.sink.packets) == turn * len(clip.packets))  # type: ignore[misc]
                client.end()
                writer.writelines(client.outgoing())
                await until(lambda turn=turn: running.codes() == ["publisher_gone"] * turn)  # type: ignore[misc]
                client.state = State.CONNECTED
        finally:
            writer.transport.abort()
        for kind in MediaKind:
            assert running.payloads(kind) == 3 * [one.payload for one in clip.packets if one.track.kind is kind]


async def test_it_says_whom_it_waits_for_without_the_key() -> None:
    clip = made("h264_aac")
    async with source() as running:
        place = f"a publisher at {running.url.replace(KEY, '***')}"
        assert running.waits == [place]
        for turn in (1, 2):
            async with program(*ffmpeg(clip, running.url)):
                await until(lambda: running.codes() == ["publisher_gone"] * turn)  # noqa: B023
            assert running.waits == [place, *["", place] * turn]


async def test_many_publish_at_one_address_each_to_its_own_stream() -> None:
    port = free_port()
    clips = {"one": made("h264_aac"), "two": made("hevc_b_aac"), "three": made("av1_opus")}
    async with contextlib.AsyncExitStack() as stack:
        there: dict[str, Running] = {}
        for name in clips:
            url = f"rtmp://:{port}/live/{name}"
            there[name] = await stack.enter_async_context(source(url, mode="listen"))
        for name, clip in clips.items():
            await stack.enter_async_context(program(*ffmpeg(clip, f"rtmp://127.0.0.1:{port}/live/{name}")))
        for name, clip in clips.items():
            await there[name].has(clip)
        async with source(f"rtmp://127.0.0.1:{port}/live/one", mode="listen") as second:
            await until(second.task.done)
            with pytest.raises(SourceError, match="another stream takes publications to this key"):
                second.task.result()


@pytest.mark.parametrize("takeover", [False, True])
async def test_a_second_publisher_is_refused_or_takes_over(takeover: bool) -> None:
    clip = made("h264_aac")
    async with source(takeover=takeover) as running:
        async with program(*ffmpeg(clip, running.url, "-stream_loop", "-1", live=True)) as first:
            await until(lambda: len(running.sink.packets) > 20)
            async with program(*ffmpeg(clip, running.url, live=True)) as second:
                loser, keeper = (first, second) if takeover else (second, first)
                await asyncio.wait_for(loser.wait(), 10)
                assert loser.returncode != 0
                assert keeper.returncode is None
                seen = len(running.sink.packets)
                await until(lambda: len(running.sink.packets) > seen + 20)
        assert running.sink.breaks == int(takeover)


@pytest.mark.parametrize("path", ["live/another-key", "live/", f"other/{KEY}", f"live/{KEY}x"])
async def test_who_does_not_know_the_key_is_refused(path: str) -> None:
    async with source() as running:
        url = running.url.partition("/live/")[0] + "/" + path
        async with program(*ffmpeg(made("h264_aac"), url)) as publisher:
            assert await asyncio.wait_for(publisher.wait(), 10) != 0
        assert running.sink.packets == []
        assert not running.task.done()
        told = [*running.notes, *running.source.listener.troubles, repr(running.source)]
        assert not [text for text in map(str, told) if "another-key" in text or KEY in text]


@pytest.mark.parametrize(
    ("app", "key"),
    [
        ("live", f"{KEY}?user=cam&pass=x/y"),
        ("live?token=x", KEY),
        ("live/", KEY),
        ("/live", f"/{KEY}"),
        (f"live/{KEY}", ""),
        ("", f"live/{KEY}?a=b"),
    ],
)
async def test_a_key_is_known_with_a_query_behind_it_and_however_the_path_is_split(app: str, key: str) -> None:
    async with source() as running, said(running, app, key) as events:
        assert [type(one).__name__ for one in events] == ["Connected", "Published"]


async def test_of_two_streams_the_one_is_meant_whose_query_is_said() -> None:
    port = free_port()
    urls = [f"rtmp://127.0.0.1:{port}/live/cam{query}" for query in ("?angle=2", "", "?angle=3")]
    async with contextlib.AsyncExitStack() as stack:
        there = [await stack.enter_async_context(source(url, mode="listen")) for url in urls]
        async with program(*ffmpeg(made("h264_aac"), urls[2])):
            await there[2].has(made("h264_aac"))
        async with program(*ffmpeg(made("hevc_b_aac"), f"rtmp://127.0.0.1:{port}/live/cam?angle=4")):
            await there[1].has(made("hevc_b_aac"))
        assert not there[0].sink.packets


async def test_over_tls_only_who_speaks_it(authority: Authority, certificate: Certificate) -> None:
    port = free_port()
    options: dict[str, Any] = {"certificate": str(certificate.cert_file), "private_key": str(certificate.key_file)}
    clip = load(made("h264_aac"))
    kind = camcast_transports()[1]
    async with source(f"rtmps://127.0.0.1:{port}/live/{KEY}", mode="listen", **options) as running:
        url = f"rtmps://localhost:{port}/live/{KEY}"
        async with publishing(kind, url, clip, ca_file=str(authority.ca_file)) as (transport, _):
            headers, tags = clip.tags()
            await feed(transport, [*headers, *tags], speed=50)
        await running.has(made("h264_aac"))
        async with program(*ffmpeg(made("h264_aac"), f"rtmp://127.0.0.1:{port}/live/{KEY}")) as plain:
            assert await asyncio.wait_for(plain.wait(), 10) != 0
        async with source(f"rtmp://127.0.0.1:{port}/live/other", mode="listen") as other:
            await until(other.task.done)
            with pytest.raises(SourceError, match="another certificate or scheme") as caught:
                other.task.result()
            assert not caught.value.fatal, "the other one may end, or be given the same"


async def test_ffmpeg_publishes_over_tls_where_it_trusts_the_certificate(
    authority: Authority, certificate: Certificate
) -> None:
    clip = made("h264_aac")
    options: dict[str, Any] = {"certificate": str(certificate.cert_file), "private_key": str(certificate.key_file)}
    async with source(f"rtmps://127.0.0.1:{free_port()}/live/{KEY}", mode="listen", **options) as running:
        url = running.url.replace("127.0.0.1", "localhost")
        async with program(*ffmpeg(clip, url)) as stranger:
            assert await asyncio.wait_for(stranger.wait(), 10) != 0
        await until(lambda: running.refused == {"a publisher does not trust the certificate here": 1})
        async with program("env", f"SSL_CERT_FILE={authority.ca_file}", *ffmpeg(clip, url)):
            await running.has(clip)


# --- faults -----------------------------------------------------------------------------------------------


async def test_a_server_that_hangs_up_in_the_tls_handshake_is_not_said_to_be_slow() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with source(f"rtmps://127.0.0.1:{port}/live/{KEY}", connect_timeout=60.0) as running:
            await until(running.task.done)
            with pytest.raises(
                SourceError, match="the server closed the connection during the TLS handshake; it may want"
            ):
                running.task.result()


@pytest.mark.parametrize("takeover", [False, True])
async def test_a_publisher_that_is_killed_makes_room_at_once(takeover: bool) -> None:
    clip = made("h264_aac")
    async with source(takeover=takeover) as running:
        async with program(*ffmpeg(clip, running.url, "-stream_loop", "-1", live=True)) as publisher:
            await until(lambda: len(running.sink.packets) > 20)
            publisher.send_signal(signal.SIGKILL)
            await publisher.wait()
        await until(lambda: running.codes() == ["publisher_gone"])
        before = len(running.sink.packets)
        async with program(*ffmpeg(clip, running.url)):
            await until(lambda: len(running.sink.packets) >= before + len(load(clip).packets))
        assert not running.refused
        assert running.sink.breaks == 1


@pytest.mark.parametrize("takeover", [False, True])
async def test_who_comes_again_while_the_old_connection_is_silent_is_let_in_by_rule(takeover: bool) -> None:
    """The encoder was killed with its network: nobody ever ends its connection. `relay` stands for the network."""
    clip = made("h264_aac")
    async with source(takeover=takeover, timeout=2.0) as running:
        port = running.source.listener.port
        async with Relay(port) as relay:
            url = running.url.replace(f":{port}/", f":{relay.port}/")
            async with program(*ffmpeg(clip, url, "-stream_loop", "-1", live=True)) as publisher:
                await until(lambda: len(running.sink.packets) > 20)
                relay.cut()
                publisher.send_signal(signal.SIGKILL)
                await publisher.wait()
            before = len(running.sink.packets)
            async with said(running, "live", KEY) as events:
                if takeover:
                    assert [type(one).__name__ for one in events] == ["Connected", "Published"]
                    assert running.codes() == []
                else:
                    assert [type(one).__name__ for one in events][-1] != "Published"
                    assert running.refused == {"somebody publishes to this key already": 1}
                    await until(lambda: running.codes()[-1:] == ["publisher_gone"])
            async with program(*ffmpeg(clip, running.url)):
                await until(lambda: len(running.sink.packets) >= before + len(load(clip).packets))


class Relay:
    """Between publishers and a port of this machine, until it is cut: what hangs there hears of nobody's end."""

    def __init__(self, to: int) -> None:
        self.port = 0
        self._to = to
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Relay:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self.cut()
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    def cut(self) -> None:
        """Nothing goes through any more."""
        for task in self._tasks:
            task.cancel()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers += [writer, back]
        for way in ((reader, back), (there, writer)):
            self._tasks.add(asyncio.create_task(self._pass_on(*way)))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()


async def test_a_publisher_that_freezes_is_cut_off_and_another_may_come() -> None:
    clip = made("h264_aac")
    async with (
        source(timeout=0.5) as running,
        program(*ffmpeg(clip, running.url, "-stream_loop", "-1", live=True)) as publisher,
    ):
        await until(lambda: len(running.sink.packets) > 20)
        publisher.send_signal(signal.SIGSTOP)
        await until(lambda: "publisher_gone" in running.codes())
        assert "sent nothing for 0.5 s" in running.notes[0][1]
        before = len(running.sink.packets)
        async with program(*ffmpeg(clip, running.url)):
            await until(lambda: len(running.sink.packets) >= before + len(load(clip).packets))


async def test_a_codec_that_changes_on_the_air_is_followed() -> None:
    first, then = load(made("h264_aac")), load(made("hevc_b_aac"))
    late = first.tags()[1][-1].time + 40
    units = [tag for part in first.tags() for tag in part]
    units += [attrs.evolve(tag, time=tag.time + late) for part in then.tags() for tag in part]
    kind = camcast_transports()[0]
    async with source() as running, publishing(kind, running.url, first) as (transport, events):
        await feed(transport, units, speed=50)
        await until(lambda: len(running.sink.packets) >= len(first.packets) + len(then.packets))
        assert not events.losses
        assert not running.task.done()
    told = [[track.codec for track in tracks] for tracks in running.sink.announced]
    assert told == [["h264", "aac"], ["h265", "aac"]]
    for clip, codec in ((first, "h264"), (then, "h265")):
        want = [packet.payload for packet in clip.packets if packet.track.kind is MediaKind.VIDEO]
        assert [p.payload for p in running.sink.of(MediaKind.VIDEO) if p.track.codec == codec] == want


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"certificate": "/nowhere.pem"}, "for rtmps:// only"),
        ({"mode": "play", "certificate": "/nowhere.pem"}, "mode listen only"),
    ],
)
async def test_what_does_not_fit_is_told(options: dict[str, Any], reason: str) -> None:
    async with source(**options) as running:
        await until(running.task.done)
        with pytest.raises(SourceError, match=reason) as caught:
            running.task.result()
        assert caught.value.fatal


async def test_an_address_that_is_taken_or_not_ours_is_told() -> None:
    async with source() as running:
        port = running.source.listener.port
        async with source(f"rtmp://127.0.0.1:{port}/live/other", RtmpIngest(), mode="listen") as second:
            await until(second.task.done)
            with pytest.raises(SourceError, match=f"cannot listen at port {port} of 127.0.0.1") as caught:
                second.task.result()
            assert not caught.value.fatal
    async with source(f"rtmp://no-such-host:{port}/live/{KEY}", mode="listen") as third:
        await until(third.task.done)
        with pytest.raises(SourceError, match="no address of this machine"):
            third.task.result()


# --- playing ----------------------------------------------------------------------------------------------


async def test_what_a_server_has_is_played(nginx: Nginx) -> None:
    url, name = nginx.url("gate"), "h264_b_aac"
    async with program(*ffmpeg(made(name), url, "-stream_loop", "-1", live=True)):
        running = await _played(url)
        want = [packet.payload for packet in load(made(name)).packets if packet.track.kind is MediaKind.VIDEO]
        begin = want.index(running[MediaKind.VIDEO][0])
        assert running[MediaKind.VIDEO] == [want[(begin + n) % len(want)] for n in range(len(running[MediaKind.VIDEO]))]


async def _played(url: str) -> dict[MediaKind, list[bytes]]:
    """60 pictures of it, tried until it is there."""
    async with asyncio.timeout(20):
        while True:
            async with source(url) as running:
                await until(lambda: len(running.payloads(MediaKind.VIDEO)) >= 60 or running.task.done(), 15)
                if not running.task.done():
                    return {one: running.payloads(one) for one in MediaKind}


async def test_a_server_that_is_not_there_or_silent_is_told_without_the_key() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read(-1)
        writer.close()

    answers: list[tuple[Callable[..., Any] | None, str]] = [
        (None, "cannot connect"),
        (silent, "did not answer within"),
        (closing, "the server closed the connection|connection was lost"),
        (garbage, "an HTTP server answered"),
    ]
    for answer, reason in answers:
        async with contextlib.AsyncExitStack() as stack:
            port = free_port()
            if answer is not None:
                server = await asyncio.start_server(answer, "127.0.0.1", port)
                stack.callback(server.close)
            url = f"rtmp://127.0.0.1:{port}/live/{KEY}"
            running = await stack.enter_async_context(source(url, connect_timeout=0.5))
            await until(running.task.done)
            with pytest.raises(SourceError, match=reason) as caught:
                running.task.result()
            assert KEY not in str(caught.value)
