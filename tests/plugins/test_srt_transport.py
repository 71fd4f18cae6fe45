"""SRT against real receivers: libsrt's own tool, FFmpeg, and a listener that refuses by stream id."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.compare import compare
from tests.media import made
from tests.plugins.srt_processes import fork_servers, sockets
from tests.plugins.transport_harness import Events, context, feed, load, reached
from tests.programs import beside
from tests.servers.process import free_port
from tests.servers.srt import FfmpegReceiver, LiveCaller, LiveDatagrams, LiveTransmit

from camcast.errors import BusyError, MisconfiguredError, NetworkError, RefusedError, TransportError
from camcast.kinds import TransportKind
from camcast.media import MediaKind, Packet, Track
from camcast_srt import camcast_transports, keeper
from camcast_srt.library import INVALID, STATE_CONNECTED, Library
from camcast_srt.library import load as load_library
from camcast_srt.options import SrtOptions
from camcast_srt.rejection import rejected

PASSPHRASE = "correct-horse-battery"


@pytest.fixture(autouse=True)
def no_idling(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test has begun ends with it."""
    monkeypatch.setattr(keeper, "IDLE", 0.0)


@pytest.fixture
def kind() -> TransportKind:
    (found,) = camcast_transports()
    return found


def build(kind: TransportKind, url: str, **more: Any) -> tuple[Any, Events]:
    made_context, events = context(kind, url, **more)
    return kind.build(made_context), events


async def publish(kind: TransportKind, url: str, clip: Path, *, speed: float = 8, **more: Any) -> Events:
    """The whole life of an attempt."""
    transport, events = build(kind, url, **more)
    media = load(clip)
    try:
        await transport.connect()
        await transport.publish(media.tracks)
        await feed(transport, media.packets, speed=speed)
        assert not events.losses
    finally:
        await transport.close()
    return events


@pytest.mark.parametrize("name", ["h264_aac", "h264_b_aac", "hevc_b_aac", "h264_opus", "h264_only"])
async def test_every_frame_arrives(kind: TransportKind, name: str, tmp_path: Path) -> None:
    with LiveTransmit(tmp_path) as server:
        await publish(kind, server.url("streamid=camera-7"), made(name))
        received = await asyncio.to_thread(server.received)
    compare(made(name), received)


def _came(datagrams: list[bytes], payload: bytes) -> bool:
    return any(payload in one for one in datagrams)


def _counted(transport: Any, position: int) -> bool:
    return bool(transport.acked >= position and not transport.pending)


async def test_a_small_frame_of_sound_waits_for_no_next_one(kind: TransportKind, tmp_path: Path) -> None:
    """It may wait for 50 ms. Then it is there, and counts, while nothing else follows; so is the last of all."""
    clip = load(made("h264_opus"))
    sound = [packet for packet in clip.packets if packet.track.kind is MediaKind.AUDIO]
    got: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as place:
        place.bind(("127.0.0.1", 0))
        place.setblocking(False)
        asyncio.get_running_loop().add_reader(place, lambda: got.append(place.recv(2048)))
        with LiveDatagrams(tmp_path, place.getsockname()[1]) as server:
            transport, events = build(kind, server.url("latency=40"))
            try:
                await transport.connect()
                await transport.publish(clip.tracks[1:])
                for number, packet in enumerate(sound[:3]):
                    small = attrs.evolve(packet, payload=bytes((0xFC, 0xFF, number)) * 30)
                    position = transport.send(small, number * 20)
                    await reached(partial(_came, got, small.payload))
                    await reached(partial(_counted, transport, position))
            finally:
                await transport.close()
        asyncio.get_running_loop().remove_reader(place)
    assert not events.losses


async def test_ffmpeg_receives_encrypted_media(kind: TransportKind, tmp_path: Path) -> None:
    with FfmpegReceiver(tmp_path, query=f"passphrase={PASSPHRASE}&pbkeylen=32") as server:
        await publish(kind, server.url(f"passphrase={PASSPHRASE}&pbkeylen=32"), made("h264_b_aac"), speed=4)
        received = await asyncio.to_thread(server.received)
    result = compare(made("h264_b_aac"), received, whole=False)
    assert result.missing_head == {"video": 0, "audio": 0}


async def test_passphrase_from_the_options(kind: TransportKind, tmp_path: Path) -> None:
    with LiveTransmit(tmp_path, query=f"passphrase={PASSPHRASE}") as server:
        options = SrtOptions(passphrase=PASSPHRASE, latency=60)
        await publish(kind, server.url(), made("h264_aac"), options=options)
        received = await asyncio.to_thread(server.received)
    compare(made("h264_aac"), received)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("passphrase=wrong-horse-battery", "wrong passphrase (SRT reason 10)"),
        ("", "the server wants one and none is set"),
    ],
)
async def test_a_wrong_passphrase_is_refused(kind: TransportKind, query: str, words: str, tmp_path: Path) -> None:
    with LiveTransmit(tmp_path, query=f"passphrase={PASSPHRASE}") as server:
        transport, events = build(kind, server.url(query))
        began = time.monotonic()
        with pytest.raises(RefusedError) as caught:
            await transport.connect()
        assert time.monotonic() - began < 5
        await transport.close()
    assert words in str(caught.value)
    assert "horse" not in str(caught.value) + repr(transport)
    assert not events.losses


class Gatekeeper:
    """A listener that lets in one stream id and answers others with `reason`. Receives nothing."""

    def __init__(self, library: Library, streamid: str, reason: int) -> None:
        self.library, self.streamid, self.reason = library, streamid, reason
        self.seen: list[str] = []
        ffi, lib = library.ffi, library.lib
        library.start()
        self.port = free_port(kind=socket.SOCK_DGRAM)
        self._callback = ffi.callback("srt_listen_callback_fn", self._asked)
        self.socket = lib.srt_create_socket()
        from camcast_srt.address import literal, pack

        name = pack(literal("127.0.0.1", self.port))
        assert lib.srt_bind(self.socket, name, len(name)) == 0
        assert lib.srt_listen_callback(self.socket, self._callback, ffi.NULL) == 0
        assert lib.srt_listen(self.socket, 5) == 0

    def _asked(self, _opaque: Any, caller: int, _version: int, _peer: Any, streamid: Any) -> int:
        self.seen.append(self.library.ffi.string(streamid).decode())
        if self.seen[-1] == self.streamid:
            return 0
        self.library.lib.srt_setrejectreason(caller, self.reason)
        return -1

    def close(self) -> None:
        self.library.lib.srt_close(self.socket)


@pytest.mark.parametrize(
    ("reason", "error", "words"),
    [
        (1401, RefusedError, "not authorised"),
        (1404, RefusedError, "the stream is unknown"),
        (1409, BusyError, "somebody publishes this stream already"),
        (1503, NetworkError, "down for now"),
        (2042, RefusedError, "(SRT reason 2042)"),
    ],
)
async def test_a_refused_stream_id(kind: TransportKind, reason: int, error: type[TransportError], words: str) -> None:
    gate = Gatekeeper(load_library(), "#!::r=right,m=publish", reason)
    try:
        transport, _ = build(kind, f"srt://127.0.0.1:{gate.port}?streamid=%23!::r=wrong-secret,m=publish")
        with pytest.raises(error) as caught:
            await transport.connect()
        await transport.close()
        assert type(caught.value) is error
        assert words in str(caught.value)
        assert "wrong-secret" not in str(caught.value) + repr(transport)
        transport, _ = build(kind, f"srt://127.0.0.1:{gate.port}?streamid=%23!::r=right,m=publish")
        await transport.connect()
        await transport.close()
        assert gate.seen[-1] == "#!::r=right,m=publish"
    finally:
        gate.close()


def test_every_reason_has_words() -> None:
    assert type(rejected(16, "srt://h:1")) is NetworkError
    assert type(rejected(77, "srt://h:1")) is NetworkError
    assert type(rejected(2000, "srt://h:1")) is RefusedError
    assert type(rejected(14, "srt://h:1")) is MisconfiguredError


async def test_nobody_there_is_a_network_error_in_time(kind: TransportKind) -> None:
    port = free_port(kind=socket.SOCK_DGRAM)
    transport, _ = build(kind, f"srt://localhost:{port}", connect_timeout=1.0)
    began = time.monotonic()
    with pytest.raises(NetworkError, match="no answer"):
        await transport.connect()
    assert time.monotonic() - began < 2
    await transport.close()


async def test_an_address_that_answers_is_found_among_those_that_do_not(kind: TransportKind, tmp_path: Path) -> None:
    """localhost is often ::1 first, and the server on 127.0.0.1 only."""

    class TwoAddresses:
        async def resolve(self, host: str, port: int, family: str = "both") -> list[tuple[int, tuple[Any, ...]]]:
            return [(socket.AF_INET6, ("::1", port, 0, 0)), (socket.AF_INET, ("127.0.0.1", port))]

    import attrs

    with LiveTransmit(tmp_path) as server:
        made_context, _ = context(kind, f"srt://media.example:{server.port}", connect_timeout=2.0)
        transport = kind.build(attrs.evolve(made_context, resolver=TwoAddresses()))
        await transport.connect()
        await transport.close()


async def test_the_address_to_send_from(kind: TransportKind, tmp_path: Path) -> None:
    with LiveTransmit(tmp_path) as server:
        await publish(kind, server.url(), made("h264_only"), bind="127.0.0.3")
        compare(made("h264_only"), await asyncio.to_thread(server.received))
        transport, _ = build(kind, server.url(), bind="::1")
        with pytest.raises(NetworkError, match="no IPv6 address"):
            await transport.connect()
        await transport.close()


async def test_ipv6(kind: TransportKind, tmp_path: Path) -> None:
    with LiveTransmit(tmp_path, host="::1") as server:
        await publish(kind, server.url(), made("h264_only"))
        compare(made("h264_only"), await asyncio.to_thread(server.received))


async def test_listening_for_the_server(kind: TransportKind, tmp_path: Path) -> None:
    port = free_port(kind=socket.SOCK_DGRAM)
    url = f"srt://:{port}?mode=listener&streamid=gate&passphrase={PASSPHRASE}"
    transport, _ = build(kind, url)
    media = load(made("h264_aac"))
    connecting = asyncio.create_task(transport.connect())
    stranger = LiveCaller(tmp_path / "stranger", port=port, query=f"passphrase={PASSPHRASE}&streamid=other")
    caller = LiveCaller(tmp_path / "caller", port=port, query=f"passphrase={PASSPHRASE}&streamid=gate")
    try:
        await asyncio.to_thread(stranger.start)
        await reached(lambda: transport.stats()["refused_callers"] == 1, why="the stranger is turned away")
        assert not connecting.done()
        await asyncio.to_thread(caller.start)
        await connecting
        await transport.publish(media.tracks)
        await feed(transport, media.packets, speed=4)
        await transport.close()
        compare(made("h264_aac"), await asyncio.to_thread(caller.received))
    finally:
        await transport.close()
        caller.kill()
        stranger.kill()


async def test_a_listener_nobody_calls_frees_its_port(kind: TransportKind) -> None:
    port = free_port(kind=socket.SOCK_DGRAM)
    for _ in range(2):
        transport, _ = build(kind, f"srt://127.0.0.1:{port}?mode=listener", connect_timeout=0.3)
        with pytest.raises(NetworkError, match="nobody called within"):
            await transport.connect()
        await transport.close()


async def test_rendezvous_of_two(kind: TransportKind) -> None:
    here, there = ("127.0.0.5", "127.0.0.6")
    port = free_port(kind=socket.SOCK_DGRAM)
    one, _ = build(kind, f"srt://{there}:{port}?mode=rendezvous", bind=here)
    two, _ = build(kind, f"srt://{here}:{port}?mode=rendezvous", bind=there)
    await asyncio.gather(one.connect(), two.connect())
    media = load(made("h264_only"))
    await one.publish(media.tracks)
    await feed(one, media.packets[:25], speed=4)
    await reached(lambda: one.acked > 0 and one.pending == 0)
    await asyncio.gather(one.close(), two.close())


@pytest.mark.parametrize("receiver", [LiveTransmit, FfmpegReceiver])
async def test_keys_that_change_all_the_time_cost_nothing(
    receiver: type[LiveTransmit | FfmpegReceiver], kind: TransportKind, tmp_path: Path
) -> None:
    """By itself libsrt changes them after sixteen million packets, a day or so of a camera."""
    query = "passphrase=correct-horse&latency=200"
    with receiver(tmp_path, query=query) as server:
        transport, events = build(kind, server.url(f"{query}&kmrefreshrate=32&kmpreannounce=8"))
        media = load(made("h264_aac"))
        await transport.connect()
        await transport.publish(media.tracks)
        await feed(transport, media.packets, speed=4)
        await reached(lambda: transport.pending == 0)
        # Nine keys at least.
        assert transport.stats()["packets_sent"] > 9 * 32
        await transport.close()
        compare(made("h264_aac"), await asyncio.to_thread(server.received))
    assert not events.losses


async def test_a_rendezvous_with_libsrts_own_tool(kind: TransportKind, tmp_path: Path) -> None:
    here, there = ("127.0.0.5", "127.0.0.6")
    port, output = free_port(kind=socket.SOCK_DGRAM), tmp_path / "received.ts"
    url = f"srt://{here}:{port}?mode=rendezvous&adapter={there}&port={port}"
    transport, events = build(kind, f"srt://{there}:{port}?mode=rendezvous", bind=here, connect_timeout=15.0)
    media = load(made("h264_aac"))
    command = ["srt-live-transmit", "-q", "-a:no", url, "file://con"]
    with output.open("wb") as file, beside(command, stdout=file) as other:
        await transport.connect()
        await transport.publish(media.tracks)
        await feed(transport, media.packets, speed=4)
        await transport.close()
        await asyncio.to_thread(other.wait, 20)
    assert not events.losses
    compare(made("h264_aac"), output)


async def test_acknowledgements_and_figures(kind: TransportKind, tmp_path: Path) -> None:
    with LiveTransmit(tmp_path, query="latency=200") as server:
        transport, events = build(kind, server.url())
        media = load(made("h264_aac"))
        await transport.connect()
        await transport.publish(media.tracks)
        await feed(transport, media.packets, speed=4)
        await reached(lambda: transport.pending == 0)
        sent = sum(len(packet.payload) for packet in media.packets)
        assert sent < transport.acked < 1.5 * sent
        figures = transport.stats()
        assert figures["latency_ms"] == 200
        assert 0 < figures["rtt_ms"] < 100
        assert figures["packets_sent"] >= sent / 1316
        assert figures["damaged_packets"] == figures["overflow_packets"] == 0
        await transport.close()
        assert transport.stats()["packets_sent"] >= figures["packets_sent"]
        assert not events.losses


async def test_a_receiver_that_stands_still(kind: TransportKind, tmp_path: Path) -> None:
    """Nothing is acknowledged, and what waits only grows, although libsrt drops what is too late."""
    with LiveTransmit(tmp_path, query="peeridletimeo=20000") as server:
        transport, events = build(kind, server.url(), options=SrtOptions(peeridletimeo=3000))
        media = load(made("h264_aac"))
        await transport.connect()
        await transport.publish(media.tracks)
        await feed(transport, media.packets[:100], speed=4)
        await reached(lambda: transport.acked > 0 and transport.pending == 0)
        await asyncio.to_thread(server.freeze)
        acked = transport.acked
        seen: list[int] = []

        def look() -> bool:
            seen.append(transport.pending)
            return bool(events.losses)

        await feed(transport, media.packets[100:], speed=1, start=4000, until=look)
        assert transport.acked == acked
        assert seen == sorted(seen)
        assert seen[-1] > 50_000
        await asyncio.wait_for(events.loss.wait(), 10)
        assert isinstance(events.losses[0], NetworkError)
        began = time.monotonic()
        await transport.close()
        assert time.monotonic() - began < 2
        await asyncio.to_thread(server.thaw)


async def test_closing_on_a_frozen_receiver_is_bounded(kind: TransportKind, tmp_path: Path) -> None:
    with LiveTransmit(tmp_path) as server:
        transport, _ = build(kind, server.url(), options=SrtOptions(linger=1.5))
        media = load(made("h264_aac"))
        await transport.connect()
        await transport.publish(media.tracks)
        await asyncio.to_thread(server.freeze)
        await feed(transport, media.packets[:100], speed=10)
        assert transport.pending > 0
        began = time.monotonic()
        await transport.close()
        assert time.monotonic() - began < 2
        await asyncio.to_thread(server.thaw)


async def test_a_killed_receiver_and_its_return(kind: TransportKind, tmp_path: Path) -> None:
    server = LiveTransmit(tmp_path).start()
    transport, events = build(kind, server.url(), options=SrtOptions(peeridletimeo=1000))
    media = load(made("h264_aac"))
    await transport.connect()
    await transport.publish(media.tracks)
    await feed(transport, media.packets[:50], speed=4)
    await asyncio.to_thread(server.kill)
    await feed(transport, media.packets[50:], speed=1, start=4000, until=events.loss.is_set)
    await asyncio.wait_for(events.loss.wait(), 5)
    assert len(events.losses) == 1
    assert events.losses[0].stage == "streaming"
    transport.send(media.packets[-1], 9000)
    await transport.close()
    server.output.unlink(missing_ok=True)
    with server:
        await publish(kind, server.url(), made("h264_aac"))
        compare(made("h264_aac"), await asyncio.to_thread(server.received))


async def test_a_receiver_that_says_goodbye(kind: TransportKind, tmp_path: Path) -> None:
    with LiveTransmit(tmp_path) as server:
        transport, events = build(kind, server.url())
        media = load(made("h264_aac"))
        await transport.connect()
        await transport.publish(media.tracks)
        await feed(transport, media.packets[:50], speed=4)
        await asyncio.to_thread(server.stop)
        await asyncio.wait_for(events.loss.wait(), 5)
        await transport.close()


async def test_what_is_not_media_is_left_out_and_counted(kind: TransportKind, tmp_path: Path) -> None:
    with LiveTransmit(tmp_path) as server:
        transport, events = build(kind, server.url())
        media = load(made("h264_only"))
        await transport.connect()
        await transport.publish(media.tracks)
        track = media.tracks[0]
        for number in range(3):
            transport.send(Packet(track, number, number, True, b"\0\0\0\x05nonsense"), number)
        transport.send(Packet(Track(kind=MediaKind.AUDIO, codec="aac"), 0, 0, True, b"x"), 0)
        await feed(transport, media.packets, speed=4, start=100)
        await transport.close()
        compare(made("h264_only"), await asyncio.to_thread(server.received))
    assert transport.stats()["unknown_packets"] == 1
    assert transport.stats()["damaged_packets"] >= 1
    assert {code for code, _ in events.notes} == {"srt_unknown_packets", "srt_damaged_packets"}


async def test_codecs_that_srt_does_not_carry(kind: TransportKind, tmp_path: Path) -> None:
    with LiveTransmit(tmp_path) as server:
        transport, _ = build(kind, server.url())
        await transport.connect()
        with pytest.raises(MisconfiguredError, match="this stream has av1: transcode it"):
            await transport.publish([Track(kind=MediaKind.VIDEO, codec="av1")])
        await transport.close()


def test_a_program_that_just_ends(tmp_path: Path) -> None:
    """Neither hangs nor crashes at exit while connected."""
    program = """
import asyncio, sys
from tests.plugins.transport_harness import context
from camcast_srt import camcast_transports
async def main():
    (kind,) = camcast_transports()
    made, _ = context(kind, sys.argv[1])
    await kind.build(made).connect()
asyncio.run(main())
"""
    with LiveTransmit(tmp_path) as server:
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-c", program, server.url()], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr
        assert time.monotonic() - began < 10


@pytest.fixture
def no_leaks() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    deadline = time.monotonic() + 3
    while len(os.listdir("/proc/self/fd")) > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.usefixtures("no_leaks")
async def test_cancelled_and_closed_in_every_state(kind: TransportKind, tmp_path: Path) -> None:
    others = fork_servers()  # of plugin hosts that other tests have made, and that rest
    never, _ = build(kind, "srt://127.0.0.1:9")
    await never.close()
    await never.close()
    silent = free_port(kind=socket.SOCK_DGRAM)
    for pause in (0.0, 0.005, 0.05, 0.2):
        transport, events = build(kind, f"srt://127.0.0.1:{silent}")
        connecting = asyncio.create_task(transport.connect())
        await asyncio.sleep(pause)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        await transport.close()
        assert not events.losses
    transport, _ = build(kind, f"srt://127.0.0.1:{silent}")
    connecting = asyncio.create_task(transport.connect())
    await asyncio.sleep(0.05)
    await transport.close()
    with pytest.raises(NetworkError, match="closed while connecting"):
        await connecting
    with LiveTransmit(tmp_path) as server:
        transport, _ = build(kind, server.url())
        await transport.connect()
        with pytest.raises(NetworkError):
            await transport.connect()
        await transport.close()
        await transport.close()
        with pytest.raises(NetworkError):
            await transport.publish(load(made("h264_only")).tracks)
        transport.send(load(made("h264_only")).packets[0], 0)
    await reached(lambda: not [one for one in fork_servers() if one not in others], why="no process is left")
    await reached(lambda: not sockets(), why="nor one of a socket")


class LossyLink(asyncio.DatagramProtocol):
    """A UDP relay that swallows some of the caller's data packets, at its first passing only, or everything."""

    def __init__(self, server_port: int, lose: Callable[[int], bool]) -> None:
        self.server = ("127.0.0.1", server_port)
        self.lose = lose
        self.cut = False
        self.passed = self.lost = 0
        self.caller: tuple[str, int] | None = None
        self.transport: asyncio.DatagramTransport

    @classmethod
    async def start(cls, server_port: int, lose: Callable[[int], bool]) -> tuple[LossyLink, int]:
        loop = asyncio.get_running_loop()
        transport, link = await loop.create_datagram_endpoint(
            lambda: cls(server_port, lose), local_addr=("127.0.0.1", 0)
        )
        return link, transport.get_extra_info("sockname")[1]

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        if self.cut:
            return
        if address == self.server:
            assert self.caller is not None
            self.transport.sendto(data, self.caller)
            return
        self.caller = address
        # Byte 0's top bit: control packet; byte 4's 0x04: sent again (SRT draft §3).
        if not data[0] & 0x80 and not data[4] & 0x04:
            self.passed += 1
            if self.lose(self.passed):
                self.lost += 1
                return
        self.transport.sendto(data, self.server)


async def test_losses_on_the_way_are_repaired(kind: TransportKind, tmp_path: Path) -> None:
    with LiveTransmit(tmp_path) as server:
        link, port = await LossyLink.start(server.port, lambda number: number % 13 == 0)
        transport, events = build(kind, f"srt://127.0.0.1:{port}?latency=400")
        media = load(made("h264_b_aac"))
        await transport.connect()
        await transport.publish(media.tracks)
        await feed(transport, media.packets, speed=4)
        await reached(lambda: transport.pending == 0)
        figures = transport.stats()
        await transport.close()
        link.transport.close()
        assert link.lost > 10
        assert figures["packets_retransmitted"] >= link.lost
        assert figures["packets_lost"] >= link.lost
        assert not events.losses
        compare(made("h264_b_aac"), await asyncio.to_thread(server.received))


async def test_a_cut_link_is_seen_by_acknowledgements(kind: TransportKind, tmp_path: Path) -> None:
    """Nothing that is sent into a cut link counts as acknowledged, and it goes on where it was when the cut ends."""
    with LiveTransmit(tmp_path) as server:
        link, port = await LossyLink.start(server.port, lambda number: False)
        transport, events = build(kind, f"srt://127.0.0.1:{port}?latency=2000")
        media = load(made("h264_aac"))
        await transport.connect()
        await transport.publish(media.tracks)
        await feed(transport, media.packets[:80], speed=4)
        await reached(lambda: transport.pending == 0)
        acked = transport.acked
        link.cut = True
        await feed(transport, media.packets[80:140], speed=4, start=0)
        assert transport.acked == acked
        assert transport.pending > 10_000
        link.cut = False
        await reached(lambda: transport.pending == 0)
        assert transport.acked > acked
        await feed(transport, media.packets[140:], speed=4)
        await reached(lambda: transport.pending == 0)
        await transport.close()
        link.transport.close()
        assert not events.losses


async def test_a_full_send_buffer_keeps_what_is_sent(kind: TransportKind, tmp_path: Path) -> None:
    """libsrt's buffer is small and the rate limited: the tail waits here and arrives in the end."""
    with LiveTransmit(tmp_path, query="tlpktdrop=0") as server:
        options = SrtOptions(sndbuf=1 << 16, maxbw=150_000, tlpktdrop=False)
        transport, events = build(kind, server.url(), options=options)
        media = load(made("h264_aac"))
        await transport.connect()
        await transport.publish(media.tracks)
        await feed(transport, media.packets, speed=100)
        assert transport.pending > 1 << 16
        await reached(lambda: transport.pending == 0, timeout=20)
        assert not events.losses
        await transport.close()
        compare(made("h264_aac"), await asyncio.to_thread(server.received))


def test_the_binding_agrees_with_the_library() -> None:
    """Numbers of options and events that are nowhere else to be read."""
    library = load_library()
    library.start()
    handle = library.lib.srt_create_socket()
    assert handle != INVALID
    assert library.lib.srt_getsockstate(handle) < STATE_CONNECTED
    for name, value in (("latency", 321), ("payload_size", 1128), ("pbkeylen", 32), ("oheadbw", 33), ("fc", 1000)):
        assert library.set_option(handle, name, value), name
        assert library.int_option(handle, name) == value, name
    assert library.set_option(handle, "streamid", "abc")
    assert library.text_option(handle, "streamid") == "abc"
    assert not library.set_option(handle, "passphrase", "short")
    assert library.error()[0] != 0
    assert library.version.startswith("1.")
    library.lib.srt_close(handle)
