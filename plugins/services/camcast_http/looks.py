"""What there is, for many who ask: looked at twice a second, whoever asks and however often.

What is shown of a look is written once, and these bytes are everybody's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable, Mapping
from typing import Any, Generic, TypeVar

import attrs
from starlette.responses import Response

from camcast.camera.stats import Stats
from camcast.config import CameraConfig, SessionConfig
from camcast.event_fields import plain
from camcast.patience import quiet
from camcast.services import EngineView
from camcast_http.texts import written

T = TypeVar("T")

FRESH = 0.5
"""Seconds for which a look serves everybody."""
FRESH_FLEET = 2.0
"""… and one at a whole fleet, which may have thousands of cameras and is told in renewals of seconds."""
JSON = "application/json"


@attrs.frozen(eq=False)
class Look:
    """The engine at one moment."""

    time: float
    """`time.time()` of it."""
    stats: Stats
    cameras: tuple[CameraConfig, ...]
    sessions: Mapping[object, SessionConfig]
    """By key."""
    _written: dict[Hashable, bytes] = attrs.field(factory=dict)

    def response(self, what: Hashable, make: Callable[[], Any]) -> Response:
        """What `make` gives, as JSON; made for the first who asks for `what`. A failure is not kept."""
        body = self._written.get(what)
        if body is None:
            body = self._written[what] = written(make())
        return Response(body, media_type=JSON)


class Shared(Generic[T]):
    """What is made anew for the first who asks once it is `fresh` seconds old. All calls on one loop."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, T]], fresh: float, now: Callable[[], float]) -> None:
        self._make = make
        self._fresh = fresh
        self._now = now
        self._made: asyncio.Task[T] | None = None
        self._began = 0.0

    async def get(self) -> T:
        """What there is now, or was a moment ago. Raises what making it raises."""
        made = self._made
        if made is None or (made.done() and self._now() - self._began >= self._fresh):
            self._began = self._now()
            made = self._made = quiet(asyncio.create_task(self._make()))
        return await asyncio.shield(made)

    def forget(self) -> None:
        """Make it anew. What began before is only for those who wait for it already."""
        self._made = None


class Looks:
    """All calls on one loop."""

    def __init__(self, engine: EngineView, now: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._looks = Shared(self._taken, FRESH, now)
        self._fleets = Shared(self._fleet_written, FRESH_FLEET, now)

    async def look(self) -> Look:
        """What there is now, or was a moment ago. Raises what `EngineView.stats` raises."""
        return await self._looks.get()

    async def fleet(self) -> bytes | None:
        """The whole fleet as JSON, as it was two seconds ago at most; None where the engine is in none."""
        return await self._fleets.get()

    def forget(self) -> None:
        """Something has been changed: look anew."""
        self._looks.forget()

    async def _taken(self) -> Look:
        engine = self._engine
        stats, cameras, sessions = await asyncio.gather(engine.stats(), engine.cameras(), engine.sessions())
        return Look(time.time(), stats, cameras, {one.key: one for one in sessions})

    async def _fleet_written(self) -> bytes | None:
        report = await self._engine.fleet()
        return None if report is None else written({**plain(report), "time": time.time()})
