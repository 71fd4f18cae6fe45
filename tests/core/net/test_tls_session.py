"""TLS whose files cannot be read for now, as on a mount whose server is gone: here a pipe that nobody writes to yet."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.core.world import until
from tests.servers.certificates import Authority, Certificate

from camcast.errors import MisconfiguredError, NetworkError
from camcast.net.tls import TlsSettings
from camcast.net.tls_session import TlsSession, start_tls


@pytest.fixture
async def server(certificate: Certificate) -> AsyncIterator[int]:
    """The port of a server that shakes hands."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    made = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0, ssl=context)
    yield made.sockets[0].getsockname()[1]
    made.close()


async def shake_hands(port: int, ca_file: Path, timeout: float = 10.0) -> TlsSession:
    with socket.socket() as sock:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        return await start_tls(sock, TlsSettings(ca_file=str(ca_file)), "localhost", timeout, plain="rtmp")


def reading() -> int:
    """Threads that read files."""
    return sum(thread.name == "camcast-tls" for thread in threading.enumerate())


async def test_a_file_that_hangs_takes_one_thread_and_none_of_the_loops(
    server: int, tmp_path: Path, authority: Authority
) -> None:
    pipe = tmp_path / "ca.pem"
    os.mkfifo(pipe)
    for _ in range(3):
        with pytest.raises(NetworkError, match="ca_file cannot be read within"):
            await shake_hands(server, pipe, 0.1)
    assert reading() == 1
    assert (await shake_hands(server, authority.ca_file)).expires, "others are not held up"
    await asyncio.to_thread(pipe.write_bytes, authority.ca_file.read_bytes())
    await until(lambda: not reading())
    pipe.unlink()
    pipe.write_bytes(authority.ca_file.read_bytes())
    assert (await shake_hands(server, pipe)).expires


async def test_a_file_that_is_none_is_told_as_before(server: int, tmp_path: Path) -> None:
    with pytest.raises(MisconfiguredError, match="No such file"):
        await shake_hands(server, tmp_path / "nothing.pem")
