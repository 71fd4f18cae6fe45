"""An attempt's hold on the I/O thread, from its first step until its sockets are closed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from camcast_srt.afterlife import Afterlives
from camcast_srt.link import Link
from camcast_srt.reactor import Reactor


class Lease:
    """Taken once, and given back once. `name` is what the attempt publishes."""

    def __init__(self, reactor: Reactor, afterlives: Afterlives, name: str) -> None:
        self._reactor = reactor
        self.afterlives = afterlives
        self._name = name
        self._held = False

    def take(self) -> None:
        """The thread runs from here on; what an earlier attempt of that name left behind ends."""
        self._reactor.attach()
        self._held = True
        self.afterlives.end(self._name)

    def give_back(self, links: Sequence[Link], lives_on: float = 0.0) -> asyncio.Event:
        """Close the links. Returns what is set when that is done, or at once where they live on for some seconds."""
        closed = asyncio.Event()
        held, self._held = self._held, False
        if held and lives_on > 0:
            self._live_on(links, lives_on)
        elif held:
            self._reactor.do(lambda: self._end(links, closed))
            self._reactor.detach()
            return closed
        closed.set()
        return closed

    def _end(self, links: Sequence[Link], closed: asyncio.Event) -> None:
        """On the I/O thread."""
        for link in links:
            link.close()
        self._reactor.tell(closed.set)

    def _live_on(self, links: Sequence[Link], seconds: float) -> None:
        """The sockets stay open for the receiver's sake; the I/O thread with them."""
        name, reactor, afterlives = self._name, self._reactor, self.afterlives
        ended = False

        def end() -> None:
            nonlocal ended
            if not ended:
                ended = True
                for link in links:
                    link.close()
                afterlives.over(name)
                reactor.detach()

        afterlives.begin(name, seconds, lambda: reactor.do(end), reactor.thread)
        reactor.do(lambda: reactor.later(seconds, end))
