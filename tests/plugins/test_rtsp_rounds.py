"""Reading all cameras of a loop in rounds: nothing is missed, nobody is held up, nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from functools import partial
from select import select
from typing import Any

import pytest
from tests.plugins.rtsp_kit import Run, nobody, running
from tests.plugins.test_rtsp_scripted import PICTURE, SOUND, Camera, friendly, scripted

from camcast.media import MediaKind
from camcast_rtsp.connection import Connection, connect
from camcast_rtsp.dialogue import Dialogue
from camcast_rtsp.limits import Meter
from camcast_rtsp.options import RtspOptions
from camcast_rtsp.rounds import TURN, Rounds, rounds
from camcast_rtsp.url import parse_url


async def until(condition: Callable[[], object], why: str) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, why
        await asyncio.sleep(0.005)


def descriptors() -> set[str]:
    """What this process has open, as far as it concerns reading."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if "socket" in target or "eventpoll" in target:
            found.add(f"{name} {target}")
    return found


@contextmanager
def pairs(count: int) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Connected sockets: we read the first, the test writes to the second."""
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            here, there = socket.socketpair()
            here.setblocking(False)
            found.append((stack.enter_context(here), stack.enter_context(there)))
        yield found


def all_end(got: dict[int, bytes], wave: bytes) -> bool:
    return sum(data.endswith(wave) for data in got.values()) == 20


async def test_all_sockets_are_read_and_the_loop_watches_one_descriptor_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    watched: list[int] = []
    add_reader = loop.add_reader

    def watch(number: int, *call: Any) -> None:
        watched.append(number)
        add_reader(number, *call)

    monkeypatch.setattr(loop, "add_reader", watch)
    got: dict[int, bytes] = {}
    with pairs(20) as sockets:
        ours = Rounds(loop)
        for number, (here, _) in enumerate(sockets):

            def read(now: int, number: int = number, here: socket.socket = here) -> None:
                got[number] = got.get(number, b"") + here.recv(100)

            ours.add(here.fileno(), read)  # type: ignore[arg-type]
        for wave in (b"a", b"b"):
            for _, there in sockets:
                there.send(wave)
            await until(partial(all_end, got, wave), "all were read")
        assert got == dict.fromkeys(range(20), b"ab")
        assert len(watched) == 1
        assert watched[0] not in {here.fileno() for here, _ in sockets}
        for here, _ in sockets:
            ours.remove(here.fileno())


def take(here: socket.socket, got: list[bytes], now: int) -> None:
    got.append(here.recv(10))


async def test_the_last_to_leave_closes_the_epolls_and_the_next_begins_anew() -> None:
    before = descriptors()
    with pairs(2) as sockets:
        ours = rounds()
        assert rounds() is ours
        got: list[bytes] = []
        open_sockets = descriptors()
        for _ in range(2):
            for here, _ in sockets:
                ours.add(here.fileno(), partial(take, here, got))  # type: ignore[arg-type]
            assert len(descriptors() - open_sockets) == 2
            got.clear()
            for _, there in sockets:
                there.send(b"x")
            await until(lambda: len(got) == 2, "both were read")
            for here, _ in sockets:
                ours.remove(here.fileno())
                ours.remove(here.fileno())
            assert descriptors() == open_sockets
    assert descriptors() == before


async def test_a_reader_that_fails_or_leaves_in_a_round_disturbs_nobody() -> None:
    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, what: told.append(what))
    with pairs(4) as sockets:
        ours = Rounds(asyncio.get_running_loop())
        numbers = [here.fileno() for here, _ in sockets]
        called: list[int] = []

        def failing(now: int) -> None:
            sockets[0][0].recv(10)
            raise ValueError("bad luck")

        def leaving(now: int) -> None:
            called.append(1)
            for number in numbers[1:3]:
                ours.remove(number)

        def good(now: int) -> None:
            sockets[3][0].recv(10)
            called.append(3)

        for number, read in zip(numbers, (failing, leaving, lambda now: called.append(2), good), strict=True):
            ours.add(number, read)  # type: ignore[arg-type]
        for _, there in sockets:
            there.send(b"x")
        await until(lambda: 3 in called, "the last was read")
        assert 2 not in called, "it had left before its turn"
        assert "bad luck" in repr(told[0]["exception"])
        sockets[0][1].send(b"x")
        await until(lambda: len(told) == 2, "rounds go on")
        # The last to leave, from within a round.
        ours.remove(numbers[0])
        ours.remove(numbers[3])
        ours.add(numbers[3], lambda now: ours.remove(numbers[3]))  # type: ignore[arg-type, return-value]
        sockets[3][1].send(b"x")
        await until(lambda: not ours._readers, "read, and left")


async def test_a_long_round_gives_way_to_the_loop() -> None:
    loop = asyncio.get_running_loop()
    order: list[object] = []
    with pairs(3) as sockets:
        ours = Rounds(loop)
        for number, (here, there) in enumerate(sockets):

            def read(now: int, number: int = number, here: socket.socket = here) -> None:
                here.recv(10)
                loop.call_soon(order.append, "others")
                order.append(number)
                done = time.monotonic_ns() + TURN
                while time.monotonic_ns() <= done:
                    pass

            ours.add(here.fileno(), read)  # type: ignore[arg-type]
            there.send(b"x")
        await until(lambda: len(order) == 6, "all were read")
        assert order == [0, "others", 1, "others", 2, "others"]
        for here, _ in sockets:
            ours.remove(here.fileno())


def interleaved(count: int, first: int = 0) -> bytes:
    """So many pictures and sounds, each in its frame."""
    wire = b""
    for number in range(first, first + count):
        head = number.to_bytes(2, "big") + (number * 3600).to_bytes(4, "big")
        for channel, packet in ((0, PICTURE), (2, SOUND)):
            packet = packet[:2] + head + packet[8:]
            wire += b"$" + bytes((channel,)) + len(packet).to_bytes(2, "big") + packet
    return wire


async def test_what_comes_with_the_end_of_the_connection_is_still_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(self: Camera, writer: asyncio.StreamWriter) -> None:
        writer.write(interleaved(1000))
        writer.close()

    monkeypatch.setattr(Camera, "play", play)
    async with scripted() as camera, running(camera.url()) as run:
        assert "closed the connection" in str(await run.failure())
        assert len(run.video) == 1000
        assert len(run.sink.of(MediaKind.AUDIO)) == 1000


async def test_a_reset_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(self: Camera, writer: asyncio.StreamWriter) -> None:
        writer.write(interleaved(10))
        await asyncio.sleep(0.1)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    monkeypatch.setattr(Camera, "play", play)
    async with scripted() as camera, running(camera.url()) as run:
        assert "the connection broke: [Errno 104] Connection reset" in str(await run.failure())
        assert len(run.video) == 10


@asynccontextmanager
async def connected(wire: bytes) -> AsyncIterator[Connection]:
    """To a peer that sends `wire` whenever it is spoken to."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            writer.write(wire)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = parse_url(f"rtsp://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    connection = await connect(url, Dialogue(url, "", "", "test", nobody()), RtspOptions(), None, Meter())
    try:
        yield connection
    finally:
        connection.close()
        server.close()


async def test_when_writing_fails_what_has_come_is_still_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("camcast_rtsp.rounds.REST", 3600.0)
    frame = b"$\0\0\4abcd"
    async with connected(frame * 100) as connection:
        got: list[bytes] = []
        connection.incoming.handlers[0] = lambda data, arrival: got.append(bytes(data))
        connection.send(b"hello")
        # The next round after the first is an hour away.
        await until(lambda: len(got) == 100, "the first round")
        connection.send(b"hello")
        number = connection._descriptor
        await until(lambda: select([number], [], [], 0)[0], "more has come")
        connection.connection_lost(BrokenPipeError("Broken pipe"))
        assert len(got) > 100
        assert await connection.closed == "the connection broke: Broken pipe"


async def test_cameras_that_come_and_go_leave_nothing_open() -> None:
    async with scripted(friendly) as camera:
        before = descriptors()
        for _ in range(2):
            async with several(camera) as runs:
                for run in runs:
                    await run.until(lambda run=run: run.video)  # type: ignore[misc]
            await until(lambda: not descriptors() - before, f"all closed: {descriptors() - before}")


async def test_giving_up_while_connecting_leaves_nothing_open() -> None:
    async with scripted(friendly) as camera:
        before = descriptors()
        async with several(camera):
            await asyncio.sleep(0)
        await until(lambda: not descriptors() - before, "all closed")


@asynccontextmanager
async def several(camera: Camera) -> AsyncIterator[list[Run]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running(camera.url())) for _ in range(8)]
