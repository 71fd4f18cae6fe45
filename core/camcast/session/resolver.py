"""Name look-ups on threads of their own: one hung name server must not delay sessions with other names.

Look-ups of one name are shared; at most `THREADS` run at once; each has a deadline. When a look-up fails or
hangs, the last good answer is used.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections import Counter
from collections.abc import Callable

from camcast.daemons import Daemons
from camcast.descriptors import exhausted
from camcast.errors import NetworkError, untraced
from camcast.net.host import Address, address_of
from camcast.patience import quiet

log = logging.getLogger(__name__)

THREADS = 32
DEADLINE = 5.0
MAX_REMEMBERED = 1024
MAX_ADDRESSES = 16
"""Of each family, the system's first ones. A name server may tell of thousands, and an attempt tries each."""
THREAD = "camcast-resolve"
"""What the threads of look-ups are called."""

LookUp = Callable[[str, int, int], list[Address]]

_FAMILIES = {"both": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}


def look_up(host: str, port: int, family: int) -> list[Address]:
    """The system's answer; blocks."""
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    return list(dict.fromkeys((entry[0], entry[4]) for entry in found))


def first(found: list[Address]) -> list[Address]:
    """In the same order, at most `MAX_ADDRESSES` of each family: a host may be reached over one of them only."""
    counts: Counter[int] = Counter()
    kept: list[Address] = []
    for address in found:
        counts[address[0]] += 1
        if counts[address[0]] <= MAX_ADDRESSES:
            kept.append(address)
    return kept


class NameResolver:
    """Implements `contracts.Resolver`."""

    def __init__(self, look_up: LookUp = look_up, *, deadline: float = DEADLINE, threads: int = THREADS) -> None:
        self._look_up = look_up
        self._deadline = deadline
        self._free = threads
        self._threads = Daemons(THREAD)
        self._running: dict[tuple[str, int, int], asyncio.Future[list[Address]]] = {}
        self._good: dict[tuple[str, int, int], list[Address]] = {}

    async def resolve(self, host: str, port: int, family: str = "both") -> list[Address]:
        """Addresses in the order to try; raises `NetworkError`."""
        wanted = _FAMILIES[family]
        literal = address_of(host, port)
        if literal is not None:
            if wanted not in (socket.AF_UNSPEC, literal[0]):
                raise NetworkError(f"{host} is not an {family} address, but ip_family asks for one", stage="resolve")
            return [literal]
        key = (host, port, wanted)
        running = self._running.get(key) or self._start(key)
        if running is not None:
            try:
                # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with the answer.
                async with asyncio.timeout(self._deadline):
                    found = await asyncio.shield(running)
            except TimeoutError:
                reason = f"no answer within {self._deadline:g} s"
            except OSError as error:
                reason = exhausted(error) or untraced(error).strerror or type(error).__name__
            except UnicodeError:
                reason = "not a valid host name"
            else:
                found = first(found)
                self._remember(key, found)
                return found
        else:
            reason = "too many name look-ups hang already"
        if key in self._good:
            log.warning("Looking up %s: %s; using the last good addresses", host, reason)
            return self._good[key]
        raise NetworkError(f"cannot look up {host}: {reason}; check the name and the name server", stage="resolve")

    def _start(self, key: tuple[str, int, int]) -> asyncio.Future[list[Address]] | None:
        if self._free <= 0:
            return None
        self._free -= 1
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Address]] = quiet(loop.create_future())
        self._running[key] = future

        def done(result: list[Address] | BaseException) -> None:
            self._free += 1
            self._running.pop(key, None)
            if future.cancelled():
                return
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

        def run() -> None:
            result: list[Address] | BaseException
            try:
                result = self._look_up(*key)
            except Exception as error:  # noqa: BLE001  whatever it is, the waiting session is told
                result = untraced(error)
            try:
                loop.call_soon_threadsafe(done, result)
            except RuntimeError:
                log.debug("The loop closed while %s was being looked up", key[0])

        try:
            self._threads.run(run)
        except RuntimeError as error:
            done(OSError(errno.EAGAIN, exhausted(error) or str(error)))
        return future

    def _remember(self, key: tuple[str, int, int], found: list[Address]) -> None:
        if len(self._good) >= MAX_REMEMBERED and key not in self._good:
            self._good.pop(next(iter(self._good)))
        self._good[key] = found
