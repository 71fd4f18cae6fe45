"""What a server that answers HTTP costs whoever runs it, before anybody has asked for anything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import h11
import pytest
from cryptography.hazmat.primitives import serialization
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.servers.certificates import Authority
from tests.servers.tls_flood import flood_server

from camcast.net import accept_pace
from camcast_kit_http import accepting, refusing, server
from camcast_kit_http.listening import listen
from camcast_kit_http.server import HeadHeld, Server
from camcast_kit_http.turns import Turns

MOST = 5


@contextlib.asynccontextmanager
async def serving(
    certificate: str = "", key: str = "", app: ASGIApp | None = None, turns: Turns | None = None
) -> AsyncIterator[int]:
    """The port of one that takes `MOST` connections."""
    sock = listen("127.0.0.1", 0)
    port = int(sock.getsockname()[1])
    answer = app or Response(status_code=204)
    made = Server(answer, connections=MOST, certificate=certificate, key=key, turns=turns)
    running = asyncio.create_task(made.run_on(sock))
    try:
        yield port
    finally:
        running.cancel()
        await asyncio.wait({running})


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@contextlib.contextmanager
def trusted(tmp_path: Path, encrypted: bool) -> Iterator[tuple[tuple[str, str], ssl.SSLContext | None]]:
    """What the server has of TLS, and what its clients trust."""
    if not encrypted:
        yield ("", ""), None
        return
    authority = Authority(tmp_path)
    own = authority.issue("127.0.0.1")
    yield (str(own.cert_file), str(own.key_file)), ssl.create_default_context(cafile=authority.ca_file)


async def over(one: socket.socket) -> None:
    """Until the server has ended this connection."""
    one.setblocking(False)
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(10):
            assert await asyncio.get_running_loop().sock_recv(one, 1) == b"", "one too many is sent away"


@pytest.mark.parametrize("encrypted", [False, True])
async def test_who_connects_and_says_nothing_takes_few_descriptors_and_keeps_nobody_out(
    encrypted: bool, tmp_path: Path
) -> None:
    """Over TLS, too, where asyncio tells of a connection only once hands have been shaken."""
    with trusted(tmp_path, encrypted) as (paths, trust):
        async with serving(*paths) as port:
            before = descriptors()
            silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
            # The oldest make room for those who come.
            for one in silent[:-MOST]:
                await over(one)
            assert descriptors() - before - len(silent) <= MOST
            assert await answered(port, trust)
            for one in silent:
                one.close()


@pytest.mark.parametrize("encrypted", [False, True])
async def test_whoever_asks_during_a_flood_of_silent_connections_is_answered(encrypted: bool, tmp_path: Path) -> None:
    """From the very address that it comes from; each connection that is let go is made anew at once."""
    with trusted(tmp_path, encrypted) as (paths, trust):
        async with serving(*paths) as port:

            async def silent() -> None:
                while True:
                    with contextlib.suppress(ConnectionError):
                        reader, writer = await asyncio.open_connection("127.0.0.1", port)
                        try:
                            await reader.read(1)
                            refilled.append(1)
                        finally:
                            writer.transport.abort()

            refilled: list[int] = []
            flood = [asyncio.create_task(silent()) for _ in range(4 * MOST)]
            async with asyncio.timeout(60):
                while len(refilled) < 10 * MOST:  # noqa: ASYNC110  by the flood, all the time
                    await asyncio.sleep(0.01)
                got = 0
                while got < 5:
                    got += await answered(port, trust)
            for task in flood:
                task.cancel()
            await asyncio.wait(flood)


@pytest.mark.parametrize("encrypted", [False, True])
async def test_accepting_rests_among_many_also_where_handshakes_cost_nearly_nothing(
    encrypted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accept_pace, "REST", 0.5)
    with trusted(tmp_path, encrypted) as (paths, _):
        async with serving(*paths) as port:
            began = asyncio.get_running_loop().time()
            silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(3 * accept_pace.AT_ONCE + MOST)]
            for one in silent[:-MOST]:
                await over(one)
            assert asyncio.get_running_loop().time() - began >= 2 * 0.5
            for one in silent:
                one.close()


async def test_a_handshake_has_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "HANDSHAKE", 0.2)
    with trusted(tmp_path, True) as (paths, trust):
        async with serving(*paths) as port:
            with socket.create_connection(("127.0.0.1", port)) as silent:
                await over(silent)
            assert await answered(port, trust)


async def test_a_request_that_is_being_answered_makes_no_room() -> None:
    holding, asked = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.set()
        await holding.wait()
        await Response("whole")(scope, receive, send)

    async with serving(app=app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        await asyncio.wait_for(asked.wait(), 10)
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(3 * MOST)]
        for one in silent[: 1 - MOST]:
            await over(one)
        holding.set()
        assert (await asyncio.wait_for(reader.read(-1), 10)).endswith(b"whole")
        writer.close()
        for one in silent:
            one.close()


@contextlib.asynccontextmanager
async def full(certificate: str, key: str, trust: ssl.SSLContext | None) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """The port of one whose `MOST` connections each have a request that is being answered, and what ends those."""
    holding, asked = asyncio.Event(), asyncio.Semaphore(0)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.release()
        await holding.wait()
        await Response(status_code=204)(scope, receive, send)

    async with serving(certificate, key, app) as port, contextlib.AsyncExitStack() as stack:
        for _ in range(MOST):
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
            stack.callback(writer.close)
            writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            await asyncio.wait_for(asked.acquire(), 10)
        yield port, holding


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("body", [0, 300_000])
async def test_who_comes_to_a_full_port_is_told_when_to_come_again(encrypted: bool, body: int, tmp_path: Path) -> None:
    """Whoever sends a long body hears it as well: nothing that he sends resets his connection."""
    with trusted(tmp_path, encrypted) as (paths, trust):
        async with full(*paths, trust) as (port, holding):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
            head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {body}\r\n\r\n"
            writer.write(head.encode() + bytes(body))
            answer = await asyncio.wait_for(reader.readuntil(b"try again in a moment.\n"), 10)
            assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n")
            writer.close()
            holding.set()
            async with asyncio.timeout(10):
                while not await answered(port, trust):  # noqa: ASYNC110  no place tells when it is free
                    await asyncio.sleep(0.01)


async def test_the_answer_to_a_head_request_at_a_full_port_has_no_body() -> None:
    async with full("", "", None) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(-1), 10)
        assert answer.startswith(b"HTTP/1.1 503")
        assert answer.endswith(b"\r\n\r\n")
        writer.close()


async def test_few_are_told_at_a_time_and_none_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusing, "PATIENCE", 0.2)
    async with full("", "", None) as (port, _):
        before = descriptors()
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(4 * refusing.MOST)]
        # Those beyond the few are closed at once, the few when their time is over.
        for one in silent:
            await over(one)
            assert descriptors() - before - len(silent) <= refusing.MOST
        for one in silent:
            one.close()


async def test_a_server_that_ends_leaves_nobody_waiting_to_be_told() -> None:
    async with full("", "", None) as (port, _):
        waiting = socket.create_connection(("127.0.0.1", port))
        waiting.sendall(b"GET / HT")
        waiting.setblocking(False)
        assert b"503" in await asyncio.wait_for(asyncio.get_running_loop().sock_recv(waiting, 4096), 10)
    await over(waiting)
    waiting.close()


REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
BURST, RATE = 5, 50.0


async def heard(reader: asyncio.StreamReader, count: int) -> None:
    for _ in range(count):
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 204"), answer


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
async def test_who_asks_faster_than_he_may_waits_and_is_answered(
    encrypted: bool, together: bool, tmp_path: Path
) -> None:
    """All of it, in its order: requests at once, or each behind the answer to the last."""
    with trusted(tmp_path, encrypted) as (paths, trust):
        async with serving(*paths, turns=Turns(BURST, RATE)) as port, asyncio.timeout(30):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
            began = asyncio.get_running_loop().time()
            for _ in range(1 if together else 4 * BURST):
                writer.write(REQUEST * (4 * BURST if together else 1))
                await heard(reader, 4 * BURST if together else 1)
            assert asyncio.get_running_loop().time() - began >= 3 * BURST / RATE - 0.05
            writer.close()


async def test_who_floods_from_one_place_keeps_nobody_of_another_waiting() -> None:
    """With as many connections as there may be, and more requests in each than are answered in the test's time."""
    async with serving(turns=Turns(BURST, 1.0)) as port, asyncio.timeout(30):
        flood = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST)]
        for _, writer in flood:
            writer.write(REQUEST * 500)
        await heard(flood[0][0], 1)
        for _ in range(BURST):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
            writer.write(REQUEST)
            await asyncio.wait_for(heard(reader, 1), 10)
            writer.close()
        for _, writer in flood:
            writer.close()


async def test_who_waits_for_his_turn_is_not_cut_off_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_DEADLINE", 0.2)
    monkeypatch.setattr(server, "LOOK", 0.02)
    async with serving(turns=Turns(1, 1.0)) as port, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST * 3)
        await heard(reader, 3)
        # One that is read before it has to wait.
        writer.write(REQUEST)
        await heard(reader, 1)
        # It is his time again that counts.
        writer.write(REQUEST[:9])
        assert await reader.read(-1) == b""
        writer.close()


async def test_a_body_that_comes_in_pieces_is_one_request() -> None:
    got = asyncio.get_running_loop().create_future()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        size, more = 0, True
        while more:
            message = await receive()
            size, more = size + len(message.get("body", b"")), message.get("more_body", False)
        got.set_result(size)
        await Response(status_code=204)(scope, receive, send)

    async with serving(app=app, turns=Turns(1, 0.01)) as port, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50\r\n\r\n")
        for _ in range(50):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0)
        await heard(reader, 1)
        assert await got == 50
        writer.close()


async def test_key_updates_without_end_are_cut_off(tmp_path: Path) -> None:
    with trusted(tmp_path, True) as (paths, trust):
        async with serving(*paths) as port:
            assert await asyncio.wait_for(flood_server(port), 30) > 0
            assert await answered(port, trust)


async def answered(port: int, trust: ssl.SSLContext | None) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
    except OSError:
        return False
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        return (await reader.readline()).startswith(b"HTTP/1.1 204")
    except OSError:
        return False
    finally:
        writer.close()


def test_an_answers_head_goes_out_with_the_first_of_its_body() -> None:
    """In one call to the system; there would be two, and the second packet can wait for the first one's receipt."""
    held = HeadHeld(h11.SERVER)
    for body in (b"", b"all of it"):
        held.receive_data(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert isinstance(held.next_event(), h11.Request)
        assert isinstance(held.next_event(), h11.EndOfMessage)
        length = (b"content-length", str(len(body)).encode())
        assert held.send(h11.Response(status_code=200, headers=[length])) == b""
        whole = held.send(h11.Data(data=body)) or b""
        head, _, got = whole.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert got == body
        assert held.send(h11.EndOfMessage()) == b""
        held.start_next_cycle()


async def test_an_answer_that_breaks_off_before_its_body_ends_the_connection() -> None:
    async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("no body")

    async with serving(app=breaks) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(10):
            assert await reader.read() == b"", "nothing of an answer that is none"
        writer.close()


def test_a_key_with_a_passphrase_is_told_instead_of_asking_on_the_terminal(tmp_path: Path) -> None:
    own = Authority(tmp_path).issue("127.0.0.1")
    key = serialization.load_pem_private_key(own.key_file.read_bytes(), None)
    form = serialization.PrivateFormat.PKCS8
    locked = serialization.BestAvailableEncryption(b"open sesame")
    own.key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, locked))
    with pytest.raises(OSError, match="its key has a passphrase; give one without"):
        Server(Response(), connections=1, certificate=str(own.cert_file), key=str(own.key_file))
