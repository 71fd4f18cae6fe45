"""Through proxies: HTTP CONNECT and SOCKS5, with and without credentials, plain and with TLS inside."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.plugins.rtmp_kit import attempt, publish_all
from tests.servers.certificates import Authority, Certificate

from camcast.errors import NetworkError, RefusedError
from camcast.media import Tag, TagType
from camcast.net import proxy
from camcast_rtmp.receiver import Receiver

Ask = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, tuple[str, int] | None]]
PICTURE = Tag(TagType.VIDEO, 0, b"\x27\x01\0\0\0", bytes(50_000))


@asynccontextmanager
async def relay(ask: Ask) -> AsyncIterator[int]:
    """A proxy: `ask` talks to the client and says where to connect, or None to close."""
    tasks: set[asyncio.Task[None]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        place = await ask(reader, writer)
        if place is None:
            writer.close()
            return
        inner_reader, inner_writer = await asyncio.open_connection(*place)
        tasks.add(asyncio.create_task(copy(reader, inner_writer)))
        tasks.add(asyncio.create_task(copy(inner_reader, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()


def http(target: tuple[str, int], asked: list[str], *, guarded: bool = False) -> Ask:
    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int] | None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head)
        credentials = head.partition("Basic ")[2].partition("\r\n")[0]
        if guarded and b64decode(credentials) != b"joe:s3/cret":
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return None
        writer.write(b"HTTP/1.1 200 OK\r\nVia: test\r\n\r\n")
        return target

    return ask


def socks(target: tuple[str, int], asked: list[bytes], *, guarded: bool = False, status: int = 0) -> Ask:
    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int] | None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        writer.write(bytes((5, 2 if guarded else 0)))
        if guarded:
            if 2 not in methods:
                return None
            _, size = await reader.readexactly(2)
            user = await reader.readexactly(size)
            password = await reader.readexactly((await reader.readexactly(1))[0])
            right = (user, password) == (b"joe", b"s3/cret")
            writer.write(b"\x01\x00" if right else b"\x01\x01")
            if not right:
                return None
        head = await reader.readexactly(4)
        size = {1: 4, 4: 16}.get(head[3]) or (await reader.readexactly(1))[0]
        asked.append(bytes(head[3:]) + await reader.readexactly(size + 2))
        writer.write(bytes((5, status, 0, 3, 4)) + b"name" + b"\0\0")
        return None if status else target

    return ask


async def test_http_connect() -> None:
    asked: list[str] = []
    async with Receiver() as receiver, relay(http(("127.0.0.1", receiver.port), asked, guarded=True)) as port:
        place = "rtmp://camera.invalid:1936/live/k"
        fields: dict[str, Any] = {"proxy": f"http://joe:s3%2Fcret@127.0.0.1:{port}"}
        await publish_all(attempt(place, **fields)[0], [PICTURE], tracks=())
        assert receiver.of("k")[0].size == 50_005
        assert asked[0].startswith("CONNECT camera.invalid:1936 HTTP/1.1\r\nHost: camera.invalid:1936\r\n")
        with pytest.raises(RefusedError, match="refused user and password") as caught:
            await attempt(place, proxy=f"http://joe:wr0ng@127.0.0.1:{port}")[0].connect()
        assert "wr0ng" not in str(caught.value)


@pytest.mark.parametrize("guarded", [False, True])
async def test_socks5(guarded: bool) -> None:
    asked: list[bytes] = []
    async with Receiver() as receiver, relay(socks(("127.0.0.1", receiver.port), asked, guarded=guarded)) as port:
        fields: dict[str, Any] = {"proxy": f"socks5://joe:s3%2Fcret@127.0.0.1:{port}"}
        await publish_all(attempt("rtmp://camera.invalid/live/k", **fields)[0], [PICTURE], tracks=())
        await publish_all(attempt("rtmp://192.0.2.1:80/live/k", **fields)[0], [PICTURE], tracks=())
        await publish_all(attempt("rtmp://[2001:db8::1]/live/k", **fields)[0], [PICTURE], tracks=())
        assert [r.clean for r in receiver.of("k")] == [True] * 3
    assert asked == [
        b"\x03camera.invalid" + (1935).to_bytes(2, "big"),
        b"\x01\xc0\x00\x02\x01\x00P",
        b"\x04 \x01\r\xb8" + bytes(11) + b"\x01" + (1935).to_bytes(2, "big"),
    ]


async def test_tls_inside_a_proxy_is_still_verified(authority: Authority, certificate: Certificate) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate.cert_file, certificate.key_file)
    async with Receiver(tls=tls) as receiver, relay(http(("127.0.0.1", receiver.port), [])) as port:
        fields: dict[str, Any] = {"proxy": f"http://127.0.0.1:{port}", "ca_file": str(authority.ca_file)}
        await publish_all(attempt("rtmps://localhost/live/k", **fields)[0], [PICTURE], tracks=())
        with pytest.raises(RefusedError, match="for another host name"):
            await attempt("rtmps://camera.invalid/live/k", **fields)[0].connect()


async def test_what_proxies_say_when_it_fails() -> None:
    nowhere = ("127.0.0.1", 1)
    async with relay(socks(nowhere, [], status=5)) as port:
        with pytest.raises(NetworkError, match="the proxy did not connect: the connection was refused"):
            await attempt("rtmp://h.invalid/live/k", proxy=f"socks5://127.0.0.1:{port}")[0].connect()
    async with relay(socks(nowhere, [], guarded=True)) as port:
        with pytest.raises(RefusedError, match="wants user and password"):
            await attempt("rtmp://h.invalid/live/k", proxy=f"socks5://127.0.0.1:{port}")[0].connect()
        with pytest.raises(RefusedError, match="refused user and password"):
            await attempt("rtmp://h.invalid/live/k", proxy=f"socks5://joe:x@127.0.0.1:{port}")[0].connect()

    async def forging(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = (await reader.readuntil(b"\r\n\r\n")).decode()
        credentials = said.partition("Basic ")[2].split()[0]
        writer.write(
            f"HTTP/1.1 502 \x1b[2Jno\nERROR forged s3%2fcret {credentials} ".encode() + b"x" * 900 + b"\r\n\r\n"
        )

    async with relay(forging) as port:
        with pytest.raises(NetworkError) as caught:
            await attempt("rtmp://h.invalid/live/k", proxy=f"http://joe:s3%2Fcret@127.0.0.1:{port}")[0].connect()
        text = str(caught.value)
        assert text.startswith("the proxy 127.0.0.1 did not connect: HTTP/1.1 502 no ERROR forged *** ")
        assert text.isprintable()
        assert len(text) < 400
        assert "s3" not in text
        assert "am9l" not in text, "Base64 of what stands before the colon, with the password behind it"

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * (proxy.MAX_ANSWER + 10))

    async with relay(endless) as port:
        with pytest.raises(NetworkError, match="answered with more than 8192 bytes"):
            await attempt("rtmp://h.invalid/live/k", proxy=f"http://127.0.0.1:{port}")[0].connect()

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        return None

    async with relay(closing) as port:
        for kind in ("http", "socks5"):
            with pytest.raises(NetworkError, match=r"the proxy 127\.0\.0\.1 closed the connection"):
                await attempt("rtmp://h.invalid/live/k", proxy=f"{kind}://127.0.0.1:{port}")[0].connect()
