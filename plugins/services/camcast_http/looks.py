"""Figures for many who ask: looked at a few times a second, whoever asks and however often."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from camcast.camera.stats import Stats
from camcast.patience import quiet
from camcast.services import EngineView

FRESH = 0.25
"""Seconds for which a look serves everybody."""


class Looks:
    """All calls on one loop."""

    def __init__(self, engine: EngineView, now: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._now = now
        self._look: asyncio.Task[Stats] | None = None
        self._began = 0.0

    async def stats(self) -> Stats:
        """The figures of now, or of a moment ago. Raises what `EngineView.stats` raises."""
        look = self._look
        if look is None or (look.done() and self._now() - self._began >= FRESH):
            self._began = self._now()
            look = self._look = quiet(asyncio.create_task(self._engine.stats()))
        return await asyncio.shield(look)

    def forget(self) -> None:
        """Something has been changed: look anew."""
        if self._look is not None and self._look.done():
            self._look = None
