"""Through a proxy: HTTP CONNECT (RFC 9110 §9.3.6) and SOCKS5 with user and password (RFC 1928, RFC 1929).

Rules: the proxy looks the server's name up, not we. What it answers is read byte by byte up to its end, so that
nothing of the stream behind it is swallowed, and never beyond 8 KiB.
"""

from __future__ import annotations

import asyncio
import socket
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import attrs

from camcast.errors import MisconfiguredError, NetworkError, RefusedError
from camcast.redaction import excerpt

Socket = socket.socket
MAX_ANSWER = 8192
_PORTS = {"http": 8080, "socks5": 1080, "socks5h": 1080}
_SOCKS_ERRORS = {
    1: "it failed",
    2: "its rules do not allow it",
    3: "the network is unreachable",
    4: "the host is unreachable",
    5: "the connection was refused",
    6: "it timed out",
    7: "it does not know the command",
    8: "it does not know the kind of address",
}


@attrs.frozen
class Proxy:
    kind: str
    host: str
    port: int
    user: str = attrs.field(repr=False)
    password: str = attrs.field(repr=False)


def parse(url: str) -> Proxy:
    """The proxy of `url`; raises `MisconfiguredError` without showing credentials."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in _PORTS or not host:
        raise MisconfiguredError("expected a proxy like http://host:port or socks5://user:password@host:port")
    return Proxy(
        parts.scheme, host, port or _PORTS[parts.scheme], unquote(parts.username or ""), unquote(parts.password or "")
    )


async def ask(
    sock: Socket, proxy: Proxy, host: str, port: int, timeout: float, words: Callable[[str], str] = excerpt
) -> None:
    """Have `proxy`, which `sock` is connected to, connect to `host`. Raises `TransportError`.

    `words` makes what the proxy says fit to be shown (`Target.excerpt`).
    """
    try:
        async with asyncio.timeout(timeout):
            if proxy.kind == "http":
                await _connect(sock, proxy, host, port, words)
            else:
                await _socks5(sock, proxy, host, port)
    except TimeoutError as error:
        raise NetworkError(f"the proxy {proxy.host} did not answer within {timeout:g} s", stage="connect") from error
    except OSError as error:
        raise NetworkError(f"the proxy {proxy.host} closed the connection", stage="connect") from error


async def _connect(sock: Socket, proxy: Proxy, host: str, port: int, words: Callable[[str], str]) -> None:
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.user:
        credentials = b64encode(f"{proxy.user}:{proxy.password}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {credentials}")
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, "\r\n".join([*lines, "", ""]).encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        if len(answer) > MAX_ANSWER:
            raise NetworkError(f"the proxy {proxy.host} answered with more than {MAX_ANSWER} bytes", stage="connect")
        answer += await _read(sock, 1)
    status = answer.split(b" ", 2)[1:2]
    if status == [b"407"]:
        raise RefusedError(f"the proxy {proxy.host} refused user and password", stage="connect")
    if not status or not status[0].startswith(b"2"):
        first = words(answer.partition(b"\r\n")[0].decode("utf-8", "replace"))
        raise NetworkError(f"the proxy {proxy.host} did not connect: {first}", stage="connect")


async def _socks5(sock: Socket, proxy: Proxy, host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, b"\x05\x02\x00\x02" if proxy.user else b"\x05\x01\x00")
    version, method = await _read(sock, 2)
    if version != 5:
        raise NetworkError(f"{proxy.host} is not a SOCKS5 proxy", stage="connect")
    if method == 2 and proxy.user:
        user, password = proxy.user.encode()[:255], proxy.password.encode()[:255]
        await loop.sock_sendall(sock, bytes((1, len(user))) + user + bytes((len(password),)) + password)
        if (await _read(sock, 2))[1]:
            raise RefusedError(f"the proxy {proxy.host} refused user and password", stage="connect")
    elif method:
        raise RefusedError(f"the proxy {proxy.host} wants user and password", stage="connect")
    name = host.encode("idna") if not host.isascii() else host.encode()
    await loop.sock_sendall(sock, b"\x05\x01\x00" + _socks_address(host, name) + port.to_bytes(2, "big"))
    _, status, _, kind = await _read(sock, 4)
    if status:
        raise NetworkError(
            f"the proxy did not connect: {_SOCKS_ERRORS.get(status, f'error {status}')}", stage="connect"
        )
    await _read(sock, {1: 4, 4: 16}.get(kind) or (await _read(sock, 1))[0])
    await _read(sock, 2)


def _socks_address(host: str, name: bytes) -> bytes:
    for kind, family in ((b"\x01", socket.AF_INET), (b"\x04", socket.AF_INET6)):
        try:
            return kind + socket.inet_pton(family, host)
        except OSError:
            continue
    return b"\x03" + bytes((len(name),)) + name


async def _read(sock: Socket, size: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < size:
        piece = await loop.sock_recv(sock, size - len(data))
        if not piece:
            raise ConnectionResetError
        data += piece
    return data
