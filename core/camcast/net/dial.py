"""Getting a connected TCP socket: every address of a name, bound where the user says, through a proxy if there is one.

Rules (RFC 8305, "happy eyeballs"): addresses are tried in the resolver's order, its families by turns; the next one
is not kept waiting for longer than `STAGGER` by one that does not answer. The first that connects wins. Every step
has the whole of its deadline and no more.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections import deque
from collections.abc import Sequence

from camcast.contracts import Resolver
from camcast.descriptors import exhausted
from camcast.errors import MisconfiguredError, NetworkError
from camcast.net import proxy
from camcast.net.host import Address, address_of
from camcast.net.kernel import tune
from camcast.target import Target

STAGGER = 0.25
"""Seconds (RFC 8305 §5, "Connection Attempt Delay")."""
LEAST_USER_TIMEOUT = 15.0
"""Seconds. Shorter ones would end connections that a short loss of the link leaves intact."""


async def connect(target: Target, host: str, port: int, resolver: Resolver) -> socket.socket:
    """A connected, non-blocking, tuned socket to `host`, by `target`'s `ip_family`, `bind` and `proxy`.

    Looking up, connecting, and asking the proxy have `target.connect_timeout` seconds each. Raises `TransportError`.
    """
    timeout = target.connect_timeout
    through = proxy.parse(target.proxy) if target.proxy else None
    first_host, first_port = (through.host, through.port) if through else (host, port)
    known = address_of(first_host, first_port) if target.ip_family == "both" else None
    if known is not None:
        addresses: Sequence[Address] = (known,)
    else:
        try:
            async with asyncio.timeout(timeout):
                addresses = await resolver.resolve(first_host, first_port, target.ip_family)
        except TimeoutError as error:
            late = f"no answer to the look-up of {first_host} within {timeout:g} s"
            raise NetworkError(late, stage="resolve") from error
    sock = await dial(addresses, bind=target.bind, timeout=timeout)
    try:
        tune(sock, max(timeout, LEAST_USER_TIMEOUT))
        if through:
            await proxy.ask(sock, through, host, port, timeout, target.excerpt)
    except BaseException:
        sock.close()
        raise
    return sock


async def dial(
    addresses: Sequence[Address], *, bind: str | None = None, timeout: float, stagger: float = STAGGER
) -> socket.socket:
    """The first socket that connects, non-blocking. Raises `NetworkError` with what each address said."""
    if len(addresses) == 1:
        return await _alone(addresses[0], bind, timeout)
    loop = asyncio.get_running_loop()
    waiting = deque(by_turns(addresses))
    trying: dict[asyncio.Task[socket.socket], Address] = {}
    said: list[str] = []
    deadline = loop.time() + timeout
    try:
        while (waiting or trying) and (left := deadline - loop.time()) > 0:
            if waiting:
                address = waiting.popleft()
                trying[asyncio.create_task(_try(address, bind))] = address
            wait = min(left, stagger) if waiting else left
            done, _ = await asyncio.wait(trying, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                address = trying[task]
                try:
                    sock = task.result()
                except OSError as error:
                    said.append(f"{shown(address)}: {reason(error)}")
                    del trying[task]
                else:
                    del trying[task]
                    return sock
        said += [f"{shown(address)}: no answer within {timeout:.1f} s" for address in trying.values()]
    finally:
        await _give_up(trying)
    said += [f"{shown(address)}: not tried" for address in waiting]
    raise NetworkError(f"cannot connect to {'; '.join(said) or 'a name without addresses'}", stage="connect")


async def _alone(address: Address, bind: str | None, timeout: float) -> socket.socket:
    """As `dial`, where there is one address: nothing goes on beside it."""
    try:
        async with asyncio.timeout(timeout):
            return await _try(address, bind)
    except OSError as error:
        ours = isinstance(error, TimeoutError) and error.errno is None
        why = f"no answer within {timeout:.1f} s" if ours else reason(error)
    raise NetworkError(f"cannot connect to {shown(address)}: {why}", stage="connect")


async def _try(address: Address, bind: str | None) -> socket.socket:
    sock = socket.socket(address[0], socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if bind is not None:
            bind_to(sock, bind)
        await _reach(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


async def _reach(sock: socket.socket, address: Address) -> None:
    """Connect `sock`: what the loop's `sock_connect` does, for addresses alone, in a third of the time."""
    failed = sock.connect_ex(address[1])
    if failed == errno.EINPROGRESS:
        loop = asyncio.get_running_loop()
        decided: asyncio.Future[None] = loop.create_future()
        loop.add_writer(sock.fileno(), _decide, decided)
        try:
            await decided
        finally:
            loop.remove_writer(sock.fileno())
        failed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if failed:
        raise OSError(failed, os.strerror(failed))


def _decide(decided: asyncio.Future[None]) -> None:
    if not decided.done():
        decided.set_result(None)


async def _give_up(trying: dict[asyncio.Task[socket.socket], Address]) -> None:
    """End what is still tried; a socket that has connected meanwhile is closed."""
    for task in trying:
        task.cancel()
    for result in await asyncio.gather(*trying, return_exceptions=True):
        if isinstance(result, socket.socket):
            result.close()


def by_turns(addresses: Sequence[Address]) -> list[Address]:
    """The addresses with their families by turns, that of the first one first (RFC 8305 §4)."""
    families: dict[int, deque[Address]] = {}
    for address in addresses:
        families.setdefault(address[0], deque()).append(address)
    found: list[Address] = []
    while any(families.values()):
        found += [of_family.popleft() for of_family in families.values() if of_family]
    return found


def bind_to(sock: socket.socket, local: str) -> None:
    """Bind to a local address, or to a network interface by its name. Raises `OSError`, or `MisconfiguredError` where
    the system does not allow it."""
    try:
        family = socket.AF_INET6 if ":" in local else socket.AF_INET
        socket.inet_pton(family, local.partition("%")[0])
    except OSError:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, local.encode() + b"\0")
        except (OSError, AttributeError) as error:
            if getattr(error, "errno", 0) == errno.ENODEV:
                # A modem comes and goes.
                gone = f"this machine has neither an interface nor an address {local!r} now"
                raise OSError(errno.ENODEV, gone) from error
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


def shown(address: Address) -> str:
    """An address as texts show it: `1.2.3.4:80`, `[::1]:80`."""
    host, port = address[1][0], address[1][1]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def reason(error: OSError) -> str:
    """Why connecting failed, in the system's words, or in ours where it is no matter of the network."""
    if told := exhausted(error):
        return told
    return str(error) if error.errno is None else error.strerror or os.strerror(error.errno)
