"""The services beside cameras, with peers that do not read, guess, lie, or are dead, slow or no peers at all."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import selectors
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.core.world import World, until
from tests.plugins import test_mqtt, test_webhook
from tests.plugins.served import CHANGE, READ, Client, served, wait

from camcast import EngineThread
from camcast.events import ServiceNote, SessionState
from camcast.session.health import Health
from camcast_http import service as http_service
from camcast_kit_http import listening
from camcast_kit_http import server as http_server
from camcast_mqtt import intake
from camcast_mqtt import service as mqtt_service
from camcast_rtmp.receiver import Receiver
from camcast_webhook import service as webhook_service

LISTENERS = 200
CONNECTIONS = 266
"""Of which three quarters may listen."""


def request(method: str, path: str, token: str = CHANGE, **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


# --- the interface ------------------------------------------------------------------------------------------------


class Ears(threading.Thread):
    """Listeners that read whatever comes, all the while, and remember the numbers of the events that they heard."""

    def __init__(self, socks: Sequence[socket.socket]) -> None:
        super().__init__(name="ears", daemon=True)
        self.numbers: list[list[int]] = [[] for _ in socks]
        self.ended: set[int] = set()
        self._rests = [b""] * len(socks)
        self._selector = selectors.DefaultSelector()
        self._over = threading.Event()
        for which, sock in enumerate(socks):
            sock.setblocking(False)
            self._selector.register(sock, selectors.EVENT_READ, which)

    def run(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(0.1):
                self._read(key.fileobj, key.data)  # type: ignore[arg-type]

    def _read(self, sock: socket.socket, which: int) -> None:
        data = sock.recv(65536)
        if not data:
            self.ended.add(which)
            self._selector.unregister(sock)
        *lines, self._rests[which] = (self._rests[which] + data).split(b"\n")
        self.numbers[which] += [int(line.rpartition(b"-")[2]) for line in lines if line.startswith(b"id: ")]

    def have_heard(self, number: int) -> bool:
        return all(numbers and numbers[-1] >= number for numbers in self.numbers)

    def close(self) -> None:
        self._over.set()
        self.join()
        self._selector.close()


def test_two_hundred_listeners_of_which_half_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that read hear every event once; those that do not are let go of; nobody else notices."""
    monkeypatch.setattr(http_server, "UNREAD", 2.0)
    monkeypatch.setattr(http_server, "LOOK", 0.2)
    monkeypatch.setattr(http_service, "listen", _little_room)
    with served(change_token=CHANGE, connections=CONNECTIONS) as (engine, client), contextlib.ExitStack() as stack:

        def listener() -> socket.socket | None:
            """One more; None where there are as many as may be."""
            sock = stack.enter_context(client.raw())
            sock.sendall(request("GET", "/api/v1/events", accept="text/event-stream"))
            return sock if b" 200 " in sock.recv(13) else sock.close()  # type: ignore[func-returns-value]

        socks = [sock for _ in range(LISTENERS) if (sock := listener())]
        assert len(socks) == LISTENERS
        assert not listener()
        ears, deaf = Ears(socks[::2]), socks[1::2]
        for sock in deaf:
            # Nobody reads, so what there is of room with the peer's kernel is not to hold everything.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
        ears.start()
        stack.callback(ears.close)
        for number in range(10):
            for _ in range(30):
                engine.tell(ServiceNote(label="test", code=f"note{number}", message="x" * 2000))
            wait(lambda: client.api("/events?limit=1").json[-1]["name"] == "ServiceNote", 60)
            last = client.api("/events?limit=1").json[-1]["id"]
            wait(lambda: ears.have_heard(last), 60)  # noqa: B023  it is called within the turn
            assert client.with_token(CHANGE).api("/sessions/0/0/rtmp/retry", "POST").status == 200
        for numbers in ears.numbers:
            assert numbers == list(range(numbers[0], numbers[-1] + 1))
        # Nobody can be asked who does not read: who is let go of makes room for somebody else.
        for _ in deaf:
            wait(listener, 60)
        assert not ears.ended


def test_whoever_sends_a_head_byte_by_byte_is_cut_off_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte is news, and the head of a request never ends: it is its whole time that counts."""
    monkeypatch.setattr(http_server, "HEAD_DEADLINE", 1.0)
    monkeypatch.setattr(http_server, "LOOK", 0.2)
    with served(connections=30) as (_, client), contextlib.ExitStack() as stack:
        socks = [stack.enter_context(client.raw()) for _ in range(20)]
        for sock in socks:
            sock.setblocking(False)
        open_ones = list(socks)

        def all_are_cut_off() -> bool:
            for sock in tuple(open_ones):
                if _ended(sock):
                    open_ones.remove(sock)
                else:
                    with contextlib.suppress(OSError):
                        sock.send(b"G")
            assert client.api("/status").status == 200
            return not open_ones

        wait(all_are_cut_off, 20)


def _little_room(host: str, port: int) -> socket.socket:
    """The system would keep megabytes for each of those that do not read."""
    sock = listening.listen(host, port)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
    return sock


def _ended(sock: socket.socket) -> bool:
    """Whether the connection has been closed from over there."""
    try:
        while sock.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def test_whoever_guesses_a_token_gets_few_tries_and_holds_up_nobody() -> None:
    told: list[str] = []
    with served(token=READ, change_token=CHANGE) as (engine, client):
        answers: list[int] = []

        def guess(first: int) -> None:
            answers.extend(client.with_token(f"{CHANGE}{first + number}").api("/status").status for number in range(5))

        threads = [threading.Thread(target=guess, args=(number,)) for number in range(24)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            assert client.with_token(READ).api("/status").status == 200
        for thread in threads:
            thread.join()
        told = [one["text"] for one in client.with_token(READ).api("/events?limit=1000").json]
        stats = engine.stats()
    assert set(answers) <= {401, 429}
    assert 429 in answers
    refused = [text for text in told if "a wrong token came from 127.0.0.1" in text]
    assert 1 <= len(refused) <= 40, "a flood of guesses is no flood of events"
    assert not [text for text in told if CHANGE in text]
    assert stats.services[0].failures == 0


TRAVERSALS = (
    "/../../../../etc/passwd",
    "/api/v1/../../../etc/passwd",
    "/api/v1/..%2f..%2f..%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/static/..%5c..%5cetc/passwd",
    "/api/v1/streams/0/0/..%2fsnapshot.jpg",
    "/api/v1/sessions/0/0/..",
    "/api/v1/sessions/0/0/%00",
    "//etc/passwd",
    "/api/v1/cameras/..;/status",
    "http://localhost/../etc/passwd",
    "file:///etc/passwd",
)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with served(change_token=CHANGE) as (_engine, client):
        yield client


@pytest.mark.parametrize("path", TRAVERSALS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_no_path_leads_out_of_the_interface(client: Client, method: str, path: str) -> None:
    with client.raw() as sock:
        sock.sendall(request(method, path, connection="close"))
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    status = int(answer.split(b" ", 2)[1])
    assert status in (400, 403, 404, 405), answer
    assert b"root:" not in answer


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1.evil.example"}, 421),
        ({"host": "localhost@evil.example"}, 400),
        ({"host": "evil.example:80#localhost"}, 400),
        ({"origin": "https://127.0.0.1.evil.example"}, 403),
        ({"origin": "http://localhost:1"}, 403),
        ({"origin": "file://"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
    ],
    ids=str,
)
def test_a_page_of_somebody_elses_may_do_nothing_even_with_the_token(
    client: Client, method: str, headers: dict[str, str], status: int
) -> None:
    path = {"GET": "/status", "POST": "/stop", "PUT": "/configuration", "DELETE": "/cameras/0"}[method]
    sent = {name.replace("-", "_"): value for name, value in headers.items()}
    answer = client.with_token(CHANGE).api(path, method, b"{}" if method == "PUT" else None, **sent)
    assert answer.status == status
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("size", ["1073741824", "99999999999999999999", "-1", "1e9"])
def test_a_body_of_a_gigabyte_is_refused_by_its_length_and_not_read(client: Client, size: str) -> None:
    """One without a length is refused after the first megabyte (`test_http_service`)."""
    with client.raw() as sock:
        headers = {"content_type": "application/json", "content_length": size}
        sock.sendall(request("PUT", "/api/v1/configuration", **headers) + b"[" * 100)
        status = int(sock.recv(4096).split(b" ", 2)[1])
        assert status in (400, 413)
        # Whoever goes on sending finds nobody who reads: no more is taken than lies in sockets' buffers.
        with contextlib.suppress(OSError):
            taken, part = 0, b"[" * 2**20
            while taken < UNREAD:
                taken += sock.send(part)
    assert taken < UNREAD
    assert client.api("/status").status == 200


UNREAD = 64 * 2**20


# --- a broker that is none ----------------------------------------------------------------------------------------

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def peer(act: Peer) -> AsyncIterator[int]:
    """A server that does `act` with each connection; its port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await act(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for _ in range(100):
        writer.write(bytes(range(256)) * 16)
        await writer.drain()


async def huge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A CONNACK, then a PUBLISH that says it has 256 MB (MQTT 3.1.1, 2.2.3), of which some come."""
    await reader.read(1)
    writer.write(b"\x20\x02\x00\x00" + b"\x30\xff\xff\xff\x7f")
    for _ in range(50):
        writer.write(b"x" * 4096)
        await writer.drain()
        await asyncio.sleep(0.02)
    await reader.read()


async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A CONNACK, a byte at a time, and no answer to anything that follows."""
    await reader.read(1)
    for byte in b"\x20\x02\x00\x00":
        writer.write(bytes([byte]))
        await asyncio.sleep(0.05)
    await reader.read()


async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"\x20\x02\x00\x05")
    await writer.drain()


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    for name, value in (
        ("SOON", 0.02),
        ("FIRST_PAUSE", 0.1),
        ("LONGEST_PAUSE", 0.3),
        ("ANSWER", 1.0),
        ("KEEPALIVE", 2),
    ):
        monkeypatch.setattr(mqtt_service, name, value)
    monkeypatch.setattr(webhook_service, "LOOK", 0.02)
    world = World()
    yield world
    await world.close()


def notes(world: World, code: str) -> list[str]:
    return [event.message for event in world.events if isinstance(event, ServiceNote) and event.code == code]


async def goes_on(world: World) -> None:
    """The stream is published all the while, with every picture."""
    (publication,) = world.servers.live("a")
    count = len(publication.numbers())
    await until(lambda: len(publication.numbers()) > count + 50)
    numbers = publication.numbers()
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.parametrize("act", [silent, garbage, huge, slow, refusing], ids=lambda act: act.__name__)
async def test_a_broker_that_is_none_is_told_once_and_harms_no_stream(
    world: World, act: Peer, capfd: pytest.CaptureFixture[str]
) -> None:
    async with peer(act) as port:
        engine = await test_mqtt.start(world, f"mqtt://127.0.0.1:{port}")
        await until(lambda: world.servers.live("a"))
        await until(lambda: notes(world, "broker_away"), 30)
        await goes_on(world)
        (metrics,) = engine.stats().services
        assert metrics.failures == 0, metrics.last_error
        assert len(notes(world, "broker_away")) <= 1 + len(notes(world, "connected"))
        async with asyncio.timeout(20):
            await world.close()
    assert capfd.readouterr().err == ""


CONNACK = b"\x20\x02\x00\x00"


async def flooding(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(CONNACK)
    await flood(writer)


async def flood(writer: asyncio.StreamWriter) -> None:
    """Messages on a topic of camcast's, as fast as they are taken."""
    message = b"\x00\x0ecamcast/status" + b"x"
    while True:
        writer.write((b"\x30" + bytes([len(message)]) + message) * 1000)
        await writer.drain()
        await asyncio.sleep(0)


async def gigantic(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One of 256 MB."""
    await reader.read(1)
    writer.write(CONNACK + b"\x30\xff\xff\xff\x7f")
    while True:
        writer.write(bytes(1 << 20))
        await writer.drain()
        await asyncio.sleep(0)


async def large(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Many of 50 kB."""
    await reader.read(1)
    message = b"\x00\x01t" + bytes(50_000)
    size = bytes((len(message) & 127 | 128, len(message) >> 7 & 127 | 128, len(message) >> 14))
    writer.write(CONNACK)
    while True:
        writer.write(b"\x30" + size + message)
        await writer.drain()
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (flooding, "it sends more than "),
        (large, "it sends more than "),
        (gigantic, "it sends a message of 268435455 bytes, and at most 65536 are taken: cut off"),
    ],
    ids=["flooding", "large", "gigantic"],
)
async def test_a_broker_that_floods_is_cut_off_with_the_reason(
    world: World, act: Peer, why: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that it is told before the broker's missing answers are, however little of a processor there is.
    monkeypatch.setattr(intake, "READS_BURST", 2000)
    monkeypatch.setattr(intake, "BYTES_BURST", 1_000_000)
    async with peer(act) as port:
        await test_mqtt.start(world, f"mqtt://127.0.0.1:{port}")
        await until(lambda: world.servers.live("a"))
        await until(lambda: any(why in text for text in notes(world, "broker_away")), 30)
        await goes_on(world)
        async with asyncio.timeout(20):
            await world.close()
    assert not [record for record in caplog.records if record.name == "camcast.mqtt" and record.levelname != "INFO"]


async def test_a_broker_that_floods_again_and_again_is_tried_ever_more_seldom(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each connection may send a burst."""
    monkeypatch.setattr(intake, "READS_BURST", 200)
    monkeypatch.setattr(mqtt_service, "FIRST_PAUSE", 0.25)
    monkeypatch.setattr(mqtt_service, "LONGEST_PAUSE", 2.0)
    begun: list[float] = []

    async def again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(100):
            begun.append(time.monotonic())
            writer.write(CONNACK)
            await reader.read(1)  # what it asks for once it is connected
            await flood(writer)

    async with peer(again) as port:
        await test_mqtt.start(world, f"mqtt://127.0.0.1:{port}")
        await until(lambda: len(begun) > 4, 60)
        await world.close()
    for number, (before, after) in enumerate(itertools.pairwise(begun[:5])):
        assert after - before >= 0.25 * 2**number
    assert len(notes(world, "broker_away")) <= 5


# --- a webhook's server that is none ------------------------------------------------------------------------------


async def dribbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An answer that never comes to its end, though something of it comes all the time."""
    await reader.read(1)
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        await writer.drain()


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@pytest.mark.parametrize("act", [silent, garbage, dribbling, endless, closing], ids=lambda act: act.__name__)
async def test_a_webhooks_server_that_is_none_harms_no_stream_and_holds_up_no_end(world: World, act: Peer) -> None:
    policy = {"initial_delay": 0.05, "max_delay": 0.05, "max_attempts": 1}
    rules = [{"events": ["Connected", "StateChanged"]}]
    async with peer(act) as port:
        engine = await test_webhook.start(
            world, f"http://127.0.0.1:{port}/hook", timeout=0.3, retry_policy=policy, rules=rules
        )
        await until(lambda: world.servers.live("a"))
        session = world.session()
        taken = act is endless  # it says 200, and what follows is nobody's matter
        await until(lambda: notes(world, "not_delivered") or taken, 30)
        await goes_on(world)
        assert session.state is SessionState.CONNECTED
        assert engine.stats().services[0].failures == 0
        async with asyncio.timeout(20):
            await world.close()


# --- all of it at once --------------------------------------------------------------------------------------------


async def test_a_real_stream_loses_no_picture_to_any_of_it(tmp_path: Path) -> None:
    """Listeners that do not read, guesses, floods of requests and large bodies, beside a stream to a receiver."""
    async with Receiver() as receiver:
        await asyncio.to_thread(_beside, receiver.url("live", "cam"))
        (recording,) = receiver.of("cam")
        assert recording.tags


def _beside(url: str) -> None:
    from tests.plugins.served import camera

    from camcast import Config

    with (
        served(Config(cameras=(camera(url=url),)), token=READ, change_token=CHANGE) as (engine, client),
        contextlib.ExitStack() as stack,
    ):
        wait(lambda: engine.stats().sessions[0].health is Health.HEALTHY, 60)
        for number in range(60):
            sock = stack.enter_context(client.raw())
            if number % 3 == 0:
                sock.sendall(request("GET", "/api/v1/events", READ, accept="text/event-stream"))
            elif number % 3 == 1:
                sock.sendall(request("GET", "/api/v1/status", f"guess{number}"))
            else:
                sock.sendall(request("PUT", "/api/v1/configuration", content_length="900000"))
        for _ in range(300):
            assert client.with_token(READ).api("/sessions").status == 200
        _check(engine)


def _check(engine: EngineThread) -> None:
    (session,) = engine.stats().sessions
    assert session.attempts == 1, json.dumps(session.last_error)
    assert session.frames_dropped == 0
