"""Manners of many sessions towards one host: a cap on connects a second, and news that the host is back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from urllib.parse import urlsplit
from weakref import WeakSet

import attrs

MAX_HOSTS = 1024
"""Hosts remembered before those that nobody waits for are forgotten: plugins may name a new one at each attempt."""


class Waiter:
    """A session that waits for a host; `wake` is called at most once a wait."""

    def __init__(self, wake: Callable[[], object]) -> None:
        self.wake = wake


@attrs.define(eq=False)
class _Host:
    next_slot: float = 0.0
    line: deque[asyncio.Future[None]] = attrs.field(factory=deque)
    timer: asyncio.TimerHandle | None = None
    down: bool = False
    waiting: WeakSet[Waiter] = attrs.field(factory=WeakSet)


class Hosts:
    """Shared by all sessions of an engine. `per_second`: connection attempts to one host."""

    def __init__(self, per_second: float) -> None:
        self.unknown: Callable[[str], object] = lambda host: None
        """Told of each host whose name could not be looked up."""
        self._gap = 1.0 / per_second
        self._hosts: dict[str, _Host] = {}

    async def slot(self, host: str) -> None:
        """Wait for this host's next turn: first come, first served, never above the cap.

        A turn is a full gap after the last one was really given, so that a late loop gives no bunch of them.
        """
        entry = self._host(host)
        loop = asyncio.get_running_loop()
        if not entry.line and loop.time() >= entry.next_slot:
            entry.next_slot = loop.time() + self._gap
            return
        turn: asyncio.Future[None] = loop.create_future()
        entry.line.append(turn)
        if entry.timer is None:
            entry.timer = loop.call_at(entry.next_slot, self._give, entry)
        await turn

    def _give(self, entry: _Host) -> None:
        """The next turn; those who were cancelled while they waited take none."""
        loop = asyncio.get_running_loop()
        entry.timer = None
        while entry.line:
            turn = entry.line.popleft()
            if not turn.done():
                turn.set_result(None)
                entry.next_slot = loop.time() + self._gap
                break
        if entry.line:
            entry.timer = loop.call_at(entry.next_slot, self._give, entry)

    def failed(self, host: str, waiter: Waiter) -> None:
        """The host could not be reached; `waiter` would like to know when somebody gets through."""
        entry = self._host(host)
        entry.down = True
        entry.waiting.add(waiter)

    def is_down(self, host: str) -> bool:
        """Whether the last that was heard of this host was bad."""
        return self._host(host).down

    def reached(self, host: str) -> None:
        """Somebody got through: those waiting for this host try now, at the cap."""
        entry = self._host(host)
        if not entry.down:
            return
        entry.down = False
        waiting, entry.waiting = list(entry.waiting), WeakSet()
        for waiter in waiting:
            waiter.wake()

    def _host(self, host: str) -> _Host:
        entry = self._hosts.get(host)
        if entry is None:
            if len(self._hosts) >= MAX_HOSTS:
                now = asyncio.get_running_loop().time()
                self._hosts = {
                    name: one for name, one in self._hosts.items() if one.line or one.waiting or one.next_slot > now
                }
            entry = self._hosts[host] = _Host()
        return entry


class Patience:
    """One session's wait for the hosts of its chain."""

    def __init__(self, hosts: Hosts, urls: Sequence[str], back: Callable[[], object]) -> None:
        """`back` is called when another session got through to one of them."""
        self._hosts = hosts
        self._names = [host_of(url) for url in urls]
        """Where each target was last looked for: a plugin may name another host than the configuration."""
        self._waiter = Waiter(back)

    def looked(self, index: int, host: str) -> None:
        """The chain's entry `index` was looked for at `host`."""
        self._names[index] = host

    def wait(self) -> None:
        """None of them could be reached."""
        for host in self._names:
            if host:
                self._hosts.failed(host, self._waiter)


@lru_cache(maxsize=MAX_HOSTS)
def host_of(url: str) -> str:
    """Host and port of a URL, for the connect cap; "" where it has none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""
