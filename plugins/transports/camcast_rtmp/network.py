"""Getting a connected TCP socket: every address of a name, each with its share of the deadline."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Sequence
from typing import Any

from camcast.errors import MisconfiguredError, NetworkError

Addresses = Sequence[tuple[int, tuple[Any, ...]]]


async def dial(addresses: Addresses, *, bind: str | None, timeout: float) -> socket.socket:
    """The first socket that connects, non-blocking. Raises `NetworkError` with what each address said."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    said: list[str] = []
    for index, (family, address) in enumerate(addresses):
        share = max(deadline - loop.time(), 0.0) / (len(addresses) - index)
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            if bind is not None:
                _bind(sock, bind)
            async with asyncio.timeout(share):
                await loop.sock_connect(sock, address)
        except TimeoutError:
            sock.close()
            said.append(f"{_shown(address)}: no answer within {share:.1f} s")
        except OSError as error:
            sock.close()
            said.append(f"{_shown(address)}: {_why(error)}")
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise NetworkError(f"cannot connect to {'; '.join(said) or 'a name without addresses'}", stage="connect")


def _bind(sock: socket.socket, local: str) -> None:
    """Bind to a local address, or to a network interface by its name."""
    try:
        family = socket.AF_INET6 if ":" in local else socket.AF_INET
        socket.inet_pton(family, local.partition("%")[0])
    except OSError:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, local.encode() + b"\0")
        except (OSError, AttributeError) as error:
            raise MisconfiguredError(
                f"cannot send from {local!r}: expected a local address or the name of a network interface "
                f"({getattr(error, 'strerror', None) or error})",
                stage="connect",
            ) from error
        return
    if family != sock.family:
        raise OSError(errno.EAFNOSUPPORT, f"cannot be reached from {local}")
    try:
        sock.bind((local, 0))
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise OSError(errno.EADDRNOTAVAIL, f"this machine has no address {local} to send from") from error
        raise


def _shown(address: tuple[Any, ...]) -> str:
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def _why(error: OSError) -> str:
    if error.errno is None:
        return str(error)
    # asyncio wraps the address into the text; the bare reason reads better
    return os.strerror(error.errno) if not error.strerror or "onnect" in error.strerror else error.strerror
