"""What there is, for many who ask: looked at a few times a second, whoever asks and however often.

What is shown of a look is written once, and these bytes are everybody's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import attrs
from starlette.responses import Response

from camcast.camera.stats import Stats
from camcast.config import CameraConfig, SessionConfig
from camcast.patience import quiet
from camcast.services import EngineView
from camcast_http.texts import written

FRESH = 0.25
"""Seconds for which a look serves everybody."""
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


class Looks:
    """All calls on one loop."""

    def __init__(self, engine: EngineView, now: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._now = now
        self._look: asyncio.Task[Look] | None = None
        self._began = 0.0

    async def look(self) -> Look:
        """What there is now, or was a moment ago. Raises what `EngineView.stats` raises."""
        look = self._look
        if look is None or (look.done() and self._now() - self._began >= FRESH):
            self._began = self._now()
            look = self._look = quiet(asyncio.create_task(self._taken()))
        return await asyncio.shield(look)

    def forget(self) -> None:
        """Something has been changed: look anew. A look that began before is only for those who wait for it already."""
        self._look = None

    async def _taken(self) -> Look:
        engine = self._engine
        stats, cameras, sessions = await asyncio.gather(engine.stats(), engine.cameras(), engine.sessions())
        return Look(time.time(), stats, cameras, {one.key: one for one in sessions})
