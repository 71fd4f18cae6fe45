"""Plugins with hooks, good ones and bad ones, in a module that loads as little as a plugin should."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections import Counter
from typing import Any, ClassVar

from camcast.events import Event, GaveUp, StateChanged
from camcast.hooks import hookimpl
from camcast.target import Target

SECRET = "the-real-key"


class Ticket:
    """A good resolver of URLs."""

    @hookimpl
    def camcast_resolve_url(self, target: Target, attempt: int) -> Any:
        return self.url(target, attempt) if "//ingest.example" in target.url else None

    def url(self, target: Target, attempt: int) -> Any:
        return f"{target.url}?ticket=ticket-{attempt}"


class Vault:
    """A good resolver of secrets."""

    @hookimpl
    def camcast_resolve_secret(self, reference: str) -> Any:
        kind, _, name = reference.partition(":")
        return self.secret(name) if kind == "vault" else None

    def secret(self, name: str) -> Any:
        return {"camera/7": SECRET}[name]


class Both(Ticket, Vault):
    """A plugin may bring both."""


class Misspelt(Both):
    @hookimpl
    def camcast_resolve_secrets(self, reference: str) -> None: ...


class Async(Vault):
    @hookimpl
    async def camcast_resolve_secret(self, reference: str) -> str:
        await asyncio.sleep(0)
        return SECRET


class InBytes(Vault):
    """Nobody would look at them; only the first is asked for by the rule that fails."""

    asked = 0

    def secret(self, name: str) -> Any:
        self.asked += 1
        return SECRET.encode() if self.asked == 1 else SECRET


class OnlyOnce(Ticket):
    def url(self, target: Target, attempt: int) -> Any:
        return super().url(target, attempt) if not attempt else None


class PathOnly(Ticket):
    def url(self, target: Target, attempt: int) -> Any:
        return f"/live/gate?attempt={attempt}" if attempt == 9 else super().url(target, attempt)


class KnowsAll(Vault):
    @hookimpl
    def camcast_resolve_secret(self, reference: str) -> str:
        return SECRET


class Strict(Vault):
    @hookimpl
    def camcast_resolve_secret(self, reference: str) -> Any:
        kind, name = reference.split(":")
        return self.secret(name) if kind == "vault" else None


class TakesAll(Ticket):
    @hookimpl
    def camcast_resolve_url(self, target: Target, attempt: int) -> Any:
        return self.url(target, attempt)


class OneAtATime(Vault):
    """Two at once are too much for it."""

    busy = threading.Lock()

    def secret(self, name: str) -> Any:
        if not self.busy.acquire(blocking=False):
            raise RuntimeError("busy")
        try:
            time.sleep(0.02)
            return SECRET
        finally:
            self.busy.release()


class Gossip(Vault):
    def secret(self, name: str) -> Any:
        logging.getLogger("gossip").debug("%s is %s", name, SECRET)
        return SECRET


class GossipOfUrls(Ticket):
    def url(self, target: Target, attempt: int) -> Any:
        logging.getLogger("gossip").debug("ticket-%d for you", attempt)
        return super().url(target, attempt)


class Leaks(Vault):
    kept: ClassVar[list[int]] = []

    def secret(self, name: str) -> Any:
        self.kept.append(os.open(os.devnull, os.O_RDONLY))
        return SECRET


class Bell:
    """A good watcher."""

    def __init__(self) -> None:
        self.heard: Counter[str] = Counter()

    @hookimpl
    def camcast_session_event(self, event: Event) -> None:
        self.heard[event.name] += 1


class AsyncBell(Bell):
    @hookimpl
    async def camcast_session_event(self, event: Event) -> None:  # type: ignore[override]
        await asyncio.sleep(0)


class Picky(Bell):
    @hookimpl
    def camcast_session_event(self, event: Event) -> None:
        known = {GaveUp: "gave up", StateChanged: "changed"}
        self.heard[known[type(event)]] += 1


class Posts(Bell):
    """Asks somebody far away on the event loop."""

    @hookimpl
    def camcast_session_event(self, event: Event) -> None:
        time.sleep(0.01)
