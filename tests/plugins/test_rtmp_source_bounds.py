"""What strangers and publishers may cost an RTMP listener: half-open connections, floods, garbage, tiny pieces."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.hostile.cameras import picture
from tests.media import made
from tests.plugins.source_kit import Sink, program, until
from tests.plugins.test_rtmp_source import KEY, Running, ffmpeg, source
from tests.plugins.transport_harness import codecs, feed, load, publishing
from tests.servers.certificates import Authority, Certificate
from tests.servers.process import free_port
from tests.servers.tls_flood import flood_server

from camcast.errors import SourceError
from camcast.media import MediaKind, TagType
from camcast.net import accept_pace
from camcast_kit_ingest import effort, rests
from camcast_kit_ingest.pace import Pace
from camcast_kit_ingest.purse import Purse
from camcast_kit_rtmp.state import State
from camcast_rtmp import camcast_transports
from camcast_rtmp.chunk import ChunkReader, ChunkWriter, TooManyPieces
from camcast_rtmp.client import Client, ClientSettings
from camcast_rtmp.ingest import bounds, refusals
from camcast_rtmp.ingest.bounds import Allowance
from camcast_rtmp.ingest.media import MAX_TOLD, Intake


def place(running: Running) -> tuple[str, int]:
    return "127.0.0.1", running.source.listener.port


@contextlib.asynccontextmanager
async def connection(running: Running) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*place(running))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


async def ends(reader: asyncio.StreamReader, seconds: float = 10.0) -> None:
    """Until the other end has closed or reset the connection."""
    async with asyncio.timeout(seconds):
        with contextlib.suppress(ConnectionResetError):
            while await reader.read(65536):
                pass


async def published(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Client:
    """A client that is on the air."""
    client = Client(ClientSettings(connect={"app": "live", "tcUrl": "rtmp://host/live"}, key=KEY))
    async with asyncio.timeout(10):
        while client.state is not State.LIVE:
            if client.state is State.CONNECTED:
                client.publish()
            writer.writelines(client.outgoing())
            client.feed(await reader.read(65536))
    return client


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
async def test_a_thousand_connections_that_say_nothing_hold_a_few_descriptors_for_a_while() -> None:
    before = len(os.listdir("/proc/self/fd"))
    async with source(connect_timeout=1.0) as running, contextlib.AsyncExitStack() as stack:
        listener = running.source.listener
        callers = [stack.enter_context(socket.socket()) for _ in range(1000)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(place(running))
        most = 0
        async with asyncio.timeout(10):
            while listener.refused < 100:
                most = max(most, listener.clients)
                await asyncio.sleep(0.005)
        assert 0 < most <= bounds.MAX_STRANGERS
        assert len(os.listdir("/proc/self/fd")) <= before + len(callers) + bounds.MAX_STRANGERS + 5
        for caller in callers:
            caller.close()
        await until(lambda: listener.clients == 0)
        async with program(*ffmpeg(made("h264_aac"), running.url)):
            await running.has(made("h264_aac"))
    await until(lambda: len(os.listdir("/proc/self/fd")) <= before + 3)


async def test_nothing_is_left_of_who_makes_room_in_the_turn_in_which_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_STRANGERS", 1)
    async with source(connect_timeout=30.0) as running:
        listener = running.source.listener
        callers = [socket.create_connection(place(running)) for _ in range(20)]
        await until(lambda: listener.refused >= 19)
        for caller in callers:
            caller.close()
        await until(lambda: listener.clients == 0)
        await until(lambda: not listener._arriving)


async def test_whoever_comes_during_a_flood_of_silent_connections_publishes() -> None:
    """From the very address that it comes from; each connection that is let go is made anew at once."""
    clip = made("h264_aac")
    async with source(connect_timeout=30.0) as running:

        async def silent() -> None:
            while True:
                with contextlib.suppress(ConnectionError):
                    async with connection(running) as (reader, _):
                        await reader.read(1)

        flood = [asyncio.create_task(silent()) for _ in range(3 * bounds.MAX_STRANGERS)]
        await until(lambda: running.source.listener.refused > bounds.MAX_STRANGERS)
        async with program(*ffmpeg(clip, running.url)):
            await running.has(clip)
        for task in flood:
            task.cancel()
        await asyncio.wait(flood)
        assert running.source.listener.clients <= bounds.MAX_STRANGERS_OF_AN_ADDRESS + 1
        assert "publish_refused" in running.codes()


@pytest.mark.parametrize("encrypted", [False, True])
async def test_accepting_rests_among_many_also_where_handshakes_cost_nearly_nothing(
    authority: Authority, certificate: Certificate, encrypted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who connects over TLS and says nothing costs no signature, but as much to let in and to send away as any."""
    monkeypatch.setattr(accept_pace, "REST", 0.5)
    options: dict[str, Any] = {"certificate": str(certificate.cert_file), "private_key": str(certificate.key_file)}
    url = f"rtmp{'s' if encrypted else ''}://127.0.0.1:{free_port()}/live/{KEY}"
    async with (
        source(url, mode="listen", connect_timeout=30.0, **(options if encrypted else {})) as running,
        contextlib.AsyncExitStack() as stack,
    ):
        began = asyncio.get_running_loop().time()
        count = 3 * accept_pace.AT_ONCE
        for _ in range(count):
            await stack.enter_async_context(connection(running))
        listener = running.source.listener
        await until(lambda: listener.clients + listener.refused >= count)
        assert asyncio.get_running_loop().time() - began >= 2 * 0.5


async def test_who_says_nothing_to_tls_makes_room_too(authority: Authority, certificate: Certificate) -> None:
    options: dict[str, Any] = {"certificate": str(certificate.cert_file), "private_key": str(certificate.key_file)}
    url = f"rtmps://127.0.0.1:{free_port()}/live/{KEY}"
    clip = load(made("h264_aac"))
    most = bounds.MAX_STRANGERS_OF_AN_ADDRESS
    async with (
        source(url, mode="listen", connect_timeout=30.0, **options) as running,
        contextlib.AsyncExitStack() as stack,
    ):
        callers = [await stack.enter_async_context(connection(running)) for _ in range(2 * most)]
        await until(lambda: running.source.listener.refused == most)
        await asyncio.gather(*(ends(reader) for reader, _ in callers[:most]))
        assert running.source.listener.clients == most
        target = url.replace("127.0.0.1", "localhost")
        kind = camcast_transports()[1]
        async with publishing(kind, target, clip, ca_file=str(authority.ca_file)) as (transport, _):
            headers, tags = clip.tags()
            await feed(transport, [*headers, *tags], speed=50)
        await running.has(made("h264_aac"))


async def test_who_floods_below_the_application_is_cut_off_and_the_others_publish(
    authority: Authority, certificate: Certificate
) -> None:
    """KeyUpdates without end (RFC 8446 §4.6.3), of whoever can connect; at the publisher's own expense, too."""
    options: dict[str, Any] = {"certificate": str(certificate.cert_file), "private_key": str(certificate.key_file)}
    url = f"rtmps://127.0.0.1:{free_port()}/live/{KEY}"
    clip = load(made("h264_aac"))
    async with source(url, mode="listen", connect_timeout=30.0, **options) as running:
        listener = running.source.listener
        for _ in range(3):
            assert await asyncio.wait_for(flood_server(listener.port), 30) > 0
        await until(lambda: listener.clients == 0)
        target = url.replace("127.0.0.1", "localhost")
        async with publishing(camcast_transports()[1], target, clip, ca_file=str(authority.ca_file)) as (transport, _):
            headers, tags = clip.tags()
            await feed(transport, [*headers, *tags], speed=50)
        await running.has(made("h264_aac"))


async def test_who_is_refused_is_told_at_most_once_a_second_and_without_the_key() -> None:
    clip = made("h264_aac")
    async with (
        source() as running,
        program(*ffmpeg(clip, running.url, "-stream_loop", "-1", live=True)),
    ):
        await until(lambda: len(running.sink.packets) > 20)
        wrong = running.url.replace(KEY, "another-key")
        began = asyncio.get_running_loop().time()
        for url in (running.url, wrong, wrong, wrong):
            async with program(*ffmpeg(clip, url)) as refused:
                assert await asyncio.wait_for(refused.wait(), 10) != 0
        listener = running.source.listener
        assert listener.refused == 4
        assert listener.refusals.counts == {refusals.UNKNOWN: 3}
        assert running.refused == {refusals.UNKNOWN: 3, refusals.BUSY: 1}
        await until(lambda: running.notes[-1][1].endswith("3 in all"))
        passed = asyncio.get_running_loop().time() - began
        told = [text for code, text in running.notes if code == "publish_refused"]
        assert len(told) == len(running.notes) <= 2 * (passed + 1)
        assert told[0].endswith(f"refused: {refusals.BUSY} (1); 1 in all")
        assert f"refused: {refusals.UNKNOWN} (" in told[-1]
        assert not [text for text in told if "another-key" in text or KEY in text]


async def test_who_is_on_the_air_stays_there_meanwhile() -> None:
    clip = made("h264_aac")
    async with (
        source(connect_timeout=0.5) as running,
        program(*ffmpeg(clip, running.url, "-stream_loop", "-1", live=True)),
        contextlib.AsyncExitStack() as stack,
    ):
        await until(lambda: len(running.sink.packets) > 20)
        for _ in range(3 * bounds.MAX_STRANGERS):
            await stack.enter_async_context(connection(running))
        seen = len(running.sink.packets)
        await until(lambda: len(running.sink.packets) > seen + 40)
        assert running.sink.breaks == 0
        assert running.source.listener.clients <= bounds.MAX_STRANGERS + 1


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: camera\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600),
        b"\3" + bytes(3072) + b"\x43" + bytes(70),
        b"\3" + bytes(3072) + b"\2\0\0\0\0\0\4\1\0\0\0\0\0\0\0\0",
        b"\3" + bytes(3072) + b"\3\0\0\0\xff\xff\xff\x14\0\0\0\0" + bytes(200_000),
        b"\3" + bytes(3072) + b"\x04\0\0\0\0\0\1\x09\1\0\0\0\0" * 2000,
    ],
    ids=["http", "tls", "begins in the middle", "chunks of 0 bytes", "a message of 16 MB", "tiny messages"],
)
async def test_garbage_costs_its_own_connection_only(said: bytes) -> None:
    async with source(connect_timeout=1.0) as running:
        async with connection(running) as (reader, writer):
            writer.write(said)
            await ends(reader)
        assert running.source.listener.troubles
        assert not running.task.done()
        async with program(*ffmpeg(made("h264_aac"), running.url)):
            await running.has(made("h264_aac"))


async def test_a_stranger_has_so_much_time_and_so_many_bytes() -> None:
    async with source(connect_timeout=0.4) as running:
        async with connection(running) as (reader, writer):
            writer.write(b"\3" + bytes(1536))
            await ends(reader, 3.0)
        assert "not begun to publish in time" in running.source.listener.troubles[-1]
        async with connection(running) as (reader, writer):
            # A command that nobody answers, again and again.
            remark = b"\3\0\0\0\0\0\x0c\x14\0\0\0\0\2\0\x06remark\0\0\0"
            writer.write(b"\3" + bytes(3072) + remark * 300)
            writer.write(bytes(bounds.STRANGER_BYTES))
            await ends(reader, 3.0)
        assert len(running.source.listener.troubles) == 2


async def test_a_publisher_that_floods_is_read_no_faster_than_it_may_send() -> None:
    rate = 8000  # kbit/s: 1 MB a second, and two seconds of it at once
    async with source(max_rate=rate) as running, connection(running) as (reader, writer):
        client = await published(reader, writer)
        (publisher,) = running.source.listener.publishers

        async def flood() -> None:
            body = bytes(100_000)
            while True:
                writer.writelines(client.media(TagType.AUDIO.value, 0, b"\xaf\1", body))
                await writer.drain()

        loop = asyncio.get_running_loop()
        began = loop.time()
        task = asyncio.create_task(flood())
        await asyncio.sleep(1.5)
        passed = loop.time() - began
        task.cancel()
        await asyncio.wait({task})
        at_once = 512 << 10
        assert 1_000_000 < publisher.received <= rate * 125 * (2 + passed) + at_once
        assert running.sink.drops[next(iter(running.sink.drops))] > 0, "sound without its header is counted"
        assert not running.task.done()


async def test_a_publisher_in_tiny_pieces_is_cut_off() -> None:
    async with source() as running, connection(running) as (reader, writer):
        client = await published(reader, writer)
        client.set_chunk_size(1)
        writer.writelines(client.outgoing())
        body = bytes(60_000)
        with contextlib.suppress(ConnectionError):
            for _ in range(10):
                writer.writelines(client.media(TagType.VIDEO.value, 0, b"\x17\1\0\0\0", body))
                await writer.drain()
        await ends(reader)
        assert "more chunks than are accepted" in running.source.listener.troubles[-1]
        await until(lambda: running.codes() == ["publisher_gone"])


def small(count: int) -> bytes:
    """So many messages of sound of one byte each."""
    writer = ChunkWriter()
    pieces = [writer.message(4, TagType.AUDIO.value, 0, 1, b"\xaf") for _ in range(count)]
    return b"".join(piece for message in pieces for piece in message)


async def test_a_publisher_of_tiny_messages_is_cut_off_before_they_are_looked_at() -> None:
    async with source() as running, connection(running) as (reader, writer):
        await published(reader, writer)
        (publisher,) = running.source.listener.publishers
        publisher.data_received(small(40_000))
        assert publisher.ended
        await ends(reader)
        assert "more messages than are accepted" in running.source.listener.troubles[-1]
        assert sum(running.sink.drops.values()) == 0
        assert running.codes() == ["publisher_gone"]
        assert "was cut off: the peer sends more messages than are accepted" in running.notes[0][1]


def pictures(client: Client, count: int) -> Iterator[bytes | memoryview]:
    """Keyframes, each of another size than the one before, and so behind a header of its own."""
    for number in range(count):
        sps, pps, *slices = picture(*((320, 240), (336, 256))[number % 2])
        sizes = [len(unit).to_bytes(2, "big") for unit in (sps, pps)]
        record = b"\1" + sps[1:4] + b"\xff\xe1" + sizes[0] + sps + b"\1" + sizes[1] + pps
        yield from client.media(TagType.VIDEO.value, number * 40, b"\x17\0\0\0\0", record)
        body = b"".join(len(one).to_bytes(4, "big") + one for one in slices)
        yield from client.media(TagType.VIDEO.value, number * 40, b"\x17\1\0\0\0", body)


async def test_a_publisher_with_new_parameters_for_every_picture_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rests, "REST", 0.0)
    async with source() as running, connection(running) as (reader, writer):
        client = await published(reader, writer)
        writer.writelines(pictures(client, 100))
        await ends(reader)
        await until(lambda: running.codes() == ["publisher_gone"])
        assert "changes its media's parameters all the time: 21 times in 10 s" in running.notes[0][1]
        assert not running.task.done()
        async with program(*ffmpeg(made("h264_aac"), running.url)):
            await until(lambda: len(running.sink.of(MediaKind.AUDIO)) > 20)


async def test_whoever_was_cut_off_is_not_let_in_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """He would cost the others as much again, and those who are told of it a line each time."""
    monkeypatch.setattr(rests, "REST", 600.0)
    async with source() as running:
        async with connection(running) as (reader, writer):
            writer.writelines(pictures(await published(reader, writer), 100))
            await ends(reader)
        await until(lambda: running.codes() == ["publisher_gone"])
        async with program(*ffmpeg(made("h264_aac"), running.url)) as refused:
            assert await asyncio.wait_for(refused.wait(), 60) != 0
        (place,) = running.source.listener._places
        assert place.refusals.counts == {refusals.RESTS: 1}


async def test_a_publisher_that_costs_too_much_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "SHARE", 1e-4)
    async with source() as running, connection(running) as (reader, writer):
        client = await published(reader, writer)
        writer.writelines(pictures(client, 19))
        await ends(reader)
        await until(lambda: running.codes() == ["publisher_gone"])
        assert "takes more than 0% of a processor" in running.notes[0][1]


async def test_a_publisher_is_not_cut_off_for_those_to_whom_it_is_sent_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """With very many of them, each packet takes as long as its sender may take for many."""
    monkeypatch.setattr(effort, "SHARE", 0.2)
    clip = made("h264_aac")

    def send_on() -> None:
        until_then = time.thread_time() + 0.02
        while time.thread_time() < until_then:
            pass

    async with source() as running:
        running.sink.on_media = send_on
        async with program(*ffmpeg(clip, running.url)):
            await running.has(clip, 60.0)
        assert [text for _, text in running.notes if "processor" in text] == []


async def test_what_one_turn_is_too_short_for_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message a turn: each comes, in order, and the next is read when all are through."""
    monkeypatch.setattr(bounds, "TURN", 0.0)
    clip = made("h264_aac")
    async with source() as running, program(*ffmpeg(clip, running.url)):
        await running.has(clip)


async def test_a_publisher_that_asks_and_never_reads_is_cut_off() -> None:
    play = b"\3\0\0\0\0\0\x11\x14\1\0\0\0\2\0\4play\0" + bytes(8) + b"\5"
    async with source() as running, connection(running) as (reader, writer):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await published(reader, writer)
        (publisher,) = running.source.listener.publishers
        writer.transport.pause_reading()  # type: ignore[attr-defined]

        async def ask() -> None:
            while True:
                writer.write(play * 100)
                await writer.drain()
                await asyncio.sleep(0)

        asking = asyncio.create_task(ask())
        await until(lambda: publisher.ended)
        asking.cancel()
        await asyncio.wait({asking})
        assert "asks for answers and does not take them" in running.source.listener.troubles[-1]
        assert not running.task.done()


async def test_a_server_that_pings_and_never_reads_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less may be left unread here than else: at the rate of messages that is read, it took a quarter of a minute."""
    for name, value in {"MAX_UNREAD": 4096, "MESSAGES_A_SECOND": 10**6, "CHUNKS_A_SECOND": 10**6}.items():
        monkeypatch.setattr(bounds, name, value)
    ping = b"\x02\0\0\0\0\0\6\4\0\0\0\0\0\6\0\0\0\1"

    async def pinging(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"\3" + bytes(3072))
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(ping * 1000)
                await writer.drain()
                await asyncio.sleep(0)

    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    server = await asyncio.start_server(pinging, sock=listening, limit=4096)
    async with server, source(f"rtmp://127.0.0.1:{listening.getsockname()[1]}/live/{KEY}") as running:
        await until(running.task.done)
        with pytest.raises(SourceError, match="asks for answers and does not take them"):
            running.task.result()


async def test_a_publisher_that_is_read_slowly_is_not_taken_for_silent() -> None:
    """Each wait is longer than what it may be silent for."""
    async with source(max_rate=1600, timeout=0.2) as running, connection(running) as (reader, writer):
        client = await published(reader, writer)
        (publisher,) = running.source.listener.publishers
        body = bytes(100_000)
        for _ in range(12):
            writer.writelines(client.media(TagType.AUDIO.value, 0, b"\xaf\1", body))
        await until(lambda: publisher.received > 1_000_000 or publisher.ended)
        assert not publisher.ended, running.notes
        # What really sends nothing is cut off still.
        await until(lambda: running.codes() == ["publisher_gone"])
        assert "sent nothing for 0.2 s" in running.notes[0][1]


async def test_a_rate_of_0_is_none() -> None:
    clip = made("h264_aac")
    async with source(max_rate=0) as running, program(*ffmpeg(clip, running.url)):
        await running.has(clip)


# --- rules --------------------------------------------------------------------------------------------------


def test_a_purse_is_filled_by_time_and_holds_two_seconds() -> None:
    purse = Purse(100.0, 0.0)
    assert purse.spend(200, 0.0) == 0.0
    assert purse.spend(50, 0.0) == pytest.approx(0.5)
    assert purse.spend(0, 0.5) == 0.0
    assert purse.spend(0, 100.0) == 0.0
    assert purse.left == 200.0


def test_messages_are_waited_for_and_cut_off_far_beyond() -> None:
    reader = ChunkReader()
    allowance = Allowance(reader, 0, 0.0)
    assert len(reader.feed(small(2000))) == 2000
    assert allowance.spend(0, 0.0) == 0.0
    allowance.grant(0.0)
    assert len(reader.feed(small(500))) == 500
    assert allowance.spend(0, 0.0) == pytest.approx(0.5)
    allowance.grant(0.5)
    with pytest.raises(TooManyPieces, match="more messages"):
        reader.feed(small(2001))


def test_what_comes_fast_behind_a_link_that_stood_still_is_taken() -> None:
    """Two minutes of a picture and of sound, in the pieces in which asyncio reads: a wait, and no end."""
    reader, waits, now = ChunkReader(), [], 0.0
    allowance = Allowance(reader, 0, 0.0)
    for _ in range(10):
        allowance.grant(now)
        assert len(reader.feed(small(1300))) == 1300
        waits.append(allowance.spend(256 << 10, now))
        now += waits[-1]
    assert waits[0] == 0.0
    assert now == pytest.approx(11.0, abs=0.01)


def test_codecs_that_nobody_knows_are_told_a_few_times_only() -> None:
    notes: list[str] = []
    sink = Sink()
    intake = Intake(codecs().codec, sink, lambda code, text: notes.append(code))
    for number in range(1000):
        name = b"x%03d" % (number % 2 if number < 500 else number)
        intake.add(TagType.VIDEO.value, number, b"\x91" + name + b"frame", number)
    assert notes == ["codec_unknown"] * MAX_TOLD
    assert sum(sink.drops.values()) == 1000


def test_an_address_has_half_of_the_places_for_strangers() -> None:
    flood = ["198.51.100.7"] * bounds.MAX_STRANGERS_OF_AN_ADDRESS
    assert bounds.full(flood, "198.51.100.7", len(flood))
    assert not bounds.full(flood[1:], "198.51.100.7", len(flood))
    assert not bounds.full(flood, "192.0.2.1", len(flood))
    assert bounds.full(flood * 2, "192.0.2.1", bounds.MAX_STRANGERS)
    assert bounds.full([], "192.0.2.1", bounds.MAX_CLIENTS)


@pytest.mark.parametrize(
    ("speed", "wrong"), [(1.0, False), (0.7, False), (1.9, False), (0.3, True), (0.0, True), (4.0, True)]
)
def test_a_clock_is_wrong_that_runs_at_less_than_half_or_more_than_twice_its_speed(speed: float, wrong: bool) -> None:
    pace = Pace()
    found = [second for second in range(60) if pace.look(int(second * speed * 1e9), second * 10**9)]
    assert bool(found) is wrong
    assert not found or 20 < found[0] < 30


def test_a_link_that_stood_still_and_catches_up_is_no_wrong_clock() -> None:
    pace = Pace()
    media = 0
    for second in range(120):
        # Every 30 s nothing gets through for 9 s, and then all of it at once.
        media = media if 0 < second % 30 < 10 else second
        assert not pace.look(media * 10**9, second * 10**9)


def test_a_burst_at_the_beginning_is_none_either() -> None:
    pace = Pace()
    assert not any(pace.look(number * 40_000_000, number * 1_000_000) for number in range(500))
    assert not any(pace.look(20 * 10**9 + second * 10**9, second * 10**9) for second in range(1, 60))


async def test_a_sender_whose_clock_stands_gets_times_of_arrival(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clock, and ours, are made by hand: it takes half a minute."""
    clip = load(made("h264_only"))
    _, tags = clip.tags()
    headers, _ = clip.tags()
    notes: list[str] = []
    sink = Sink()
    intake = Intake(codecs().codec, sink, lambda code, text: notes.append(code))
    for tag in headers:
        intake.add(tag.type.value, 0, tag.head.removeprefix(b"\2\0\r@setDataFrame") + tag.body, 1)
    for number in range(40 * 25):
        tag = tags[number % len(tags)]
        intake.add(tag.type.value, 0, tag.head + tag.body, 1 + number * 40_000_000)
    assert notes == ["clock_wrong"]
    assert sink.breaks == 1
    assert len(sink.packets) == 1000
    late = [packet.dts for packet in sink.packets[-100:]]
    assert late == [late[0] + number * 40_000_000 for number in range(100)]
