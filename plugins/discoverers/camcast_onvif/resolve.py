"""A camera that is named by what it is, found again: `camcast_resolve_source`. Blocks, on a thread of its own.

Everybody is asked by multicast. Who says that it is the camera is asked over HTTP who it is, with the password proved
by digest, and must answer with the identity that is recorded; then the address of the stream is asked for.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import attrs

from camcast.discovery import CameraLogin, SourceAddress
from camcast.errors import SourceError
from camcast_kit_digest.auth import Way

from .named import Named, parse_named
from .search import Search

T = TypeVar("T")

DEADLINE = 9.0
"""Seconds in all, a little less than the core waits."""
MAX_REMEMBERED = 1000
"""Cameras."""


@attrs.define
class _Ways:
    """How cameras took the password, for all threads: what they refuse though they offer it is not tried each time."""

    _known: dict[tuple[str, str], Way] = attrs.field(factory=dict, repr=False)
    """By camera and user."""
    _lock: threading.Lock = attrs.field(factory=threading.Lock, repr=False)

    def get(self, named: Named, login: CameraLogin | None) -> Way | None:
        with self._lock:
            return self._known.get((named.shown, login.username)) if login else None

    def keep(self, named: Named, login: CameraLogin | None, way: Way | None) -> None:
        if login is None or way is None:
            return
        with self._lock:
            self._known.pop((named.shown, login.username), None)
            if len(self._known) >= MAX_REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[named.shown, login.username] = way


_ways = _Ways()


def find_again(url: str, options: Mapping[str, Any]) -> SourceAddress:
    """Where the camera's stream is now. Raises `SourceError`."""
    try:
        named = parse_named(url)
    except ValueError as error:
        raise SourceError(str(error), fatal=True) from None
    return _blocking(_find(named, _login(options), insecure=options.get("insecure") is True))


def _login(options: Mapping[str, Any]) -> CameraLogin | None:
    username, password = options.get("username"), options.get("password")
    if not isinstance(username, str):
        return None
    return CameraLogin(username=username, password=password if isinstance(password, str) else "")


def _blocking(work: Coroutine[Any, Any, T]) -> T:
    """Its result, on a loop of its own that ends with it."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(asyncio.wait_for(work, DEADLINE))
    except TimeoutError:
        raise SourceError(f"the camera was not found within {DEADLINE:g} s: it answers too slowly") from None
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _find(named: Named, login: CameraLogin | None, *, insecure: bool) -> SourceAddress:
    search = Search(named, login, insecure=insecure, remembered=_ways.get(named, login))
    found = await search.run()
    _ways.keep(named, login, search.way)
    return found
