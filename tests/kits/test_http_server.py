"""What a server that answers HTTP costs whoever runs it, before anybody has asked for anything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from starlette.responses import Response
from tests.servers.certificates import Authority

from camcast_kit_http.listening import listen
from camcast_kit_http.server import Server

MOST = 5


@contextlib.asynccontextmanager
async def serving(certificate: str = "", key: str = "") -> AsyncIterator[int]:
    """The port of one that takes `MOST` connections."""
    sock = listen("127.0.0.1", 0)
    port = int(sock.getsockname()[1])
    server = Server(Response(status_code=204), connections=MOST, certificate=certificate, key=key)
    running = asyncio.create_task(server.run_on(sock))
    try:
        yield port
    finally:
        running.cancel()
        await asyncio.wait({running})


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("encrypted", [False, True])
async def test_who_connects_and_says_nothing_takes_no_more_descriptors_than_connections(
    encrypted: bool, tmp_path: Path
) -> None:
    """Over TLS, too, where asyncio tells of a connection only once hands have been shaken."""
    authority = Authority(tmp_path)
    own = authority.issue("127.0.0.1")
    paths = (str(own.cert_file), str(own.key_file)) if encrypted else ("", "")
    trust = ssl.create_default_context(cafile=authority.ca_file) if encrypted else None
    async with serving(*paths) as port:
        before = descriptors()
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
        for one in silent[MOST:]:
            one.setblocking(False)
            with contextlib.suppress(ConnectionError):
                async with asyncio.timeout(10):
                    assert await asyncio.get_running_loop().sock_recv(one, 1) == b"", "one too many is sent away"
        assert descriptors() - before - len(silent) <= MOST
        for one in silent:
            one.close()
        # Those that have gone make room.
        async with asyncio.timeout(10):
            while not await answered(port, trust):  # noqa: ASYNC110  what has gone is noticed, and told to nobody
                await asyncio.sleep(0.01)


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


def test_a_key_with_a_passphrase_is_told_instead_of_asking_on_the_terminal(tmp_path: Path) -> None:
    own = Authority(tmp_path).issue("127.0.0.1")
    key = serialization.load_pem_private_key(own.key_file.read_bytes(), None)
    form = serialization.PrivateFormat.PKCS8
    locked = serialization.BestAvailableEncryption(b"open sesame")
    own.key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, locked))
    with pytest.raises(OSError, match="its key has a passphrase; give one without"):
        Server(Response(), connections=1, certificate=str(own.cert_file), key=str(own.key_file))
