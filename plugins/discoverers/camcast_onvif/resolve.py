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

from .named import Named, parse_named
from .proof import Trial
from .search import Search

T = TypeVar("T")

DEADLINE = 9.0
"""Seconds in all, a little less than the core waits."""
MAX_REMEMBERED = 1000
"""Cameras."""


@attrs.define
class _Ways:
    """What to try at cameras, for all threads: what they refuse though they offer it, or a password that is wrong, is
    not tried as often each time."""

    _known: dict[tuple[str, int], Trial] = attrs.field(factory=dict, repr=False)
    """By camera, and the hash of user and password."""
    _lock: threading.Lock = attrs.field(factory=threading.Lock, repr=False)

    def get(self, named: Named, login: CameraLogin | None) -> Trial:
        with self._lock:
            return self._known.get((named.shown, hash(login)), Trial())

    def keep(self, named: Named, login: CameraLogin | None, trial: Trial) -> None:
        with self._lock:
            self._known.pop((named.shown, hash(login)), None)
            if len(self._known) >= MAX_REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[named.shown, hash(login)] = trial


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
    trial = _ways.get(named, login)
    search = Search(named, login, insecure=insecure, trial=trial)
    try:
        found = await search.run()
    except SourceError:
        if search.refused:
            _ways.keep(named, login, trial.refused())
        raise
    _ways.keep(named, login, Trial(search.way))
    return found
