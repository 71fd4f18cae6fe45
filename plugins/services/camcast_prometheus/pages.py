"""An engine's figures as text, in the form that a scraper asks for; for this service, and for others that embed them.

pages = Pages(engine.view())
kind, text = await pages.get(request.headers.get("accept", ""))
"""

from __future__ import annotations

import asyncio
import time
from importlib.metadata import version

from prometheus_client.exposition import choose_encoder

from camcast.fleet_report import FleetReport
from camcast.services import EngineView
from camcast_prometheus.exposition import Exposition
from camcast_prometheus.families import Page
from camcast_prometheus.monotonic import Monotonic

SHARED = 0.5
"""Seconds for which several scrapers are shown the same figures."""
SHARED_FLEET = 2.0
"""… and the same of a whole fleet, which may have thousands of cameras and is told in renewals of seconds."""

FORMS = 4
"""Forms of text of which the heads are kept: a scraper asks for one."""


class Pages:
    """Of one engine; its counters never fall. All calls on one event loop."""

    def __init__(self, engine: EngineView) -> None:
        self._engine = engine
        self._counts = Monotonic()
        self._making = asyncio.Lock()
        self._made: tuple[float, Page] | None = None
        self._text: dict[str, bytes] = {}
        self._forms: dict[str, Exposition] = {}
        self._version = version("camcast")
        self._asked: float | None = None
        self._fleet: FleetReport | None = None

    async def get(self, accept: str = "") -> tuple[str, bytes]:
        """(content type, text) of the figures now. `accept`: what the scraper says it takes."""
        encoder, kind = choose_encoder(accept)
        async with self._making:
            if self._made is None or time.monotonic() - self._made[0] >= SHARED:
                self._made, self._text = (time.monotonic(), await self._now()), {}
            if kind not in self._text:
                form = self._forms.get(kind)
                if form is None:
                    if len(self._forms) >= FORMS:  # whoever asks says what the form is called
                        self._forms.clear()
                    form = self._forms[kind] = Exposition(encoder)
                self._text[kind] = form.text(self._made[1].families())
            return kind, self._text[kind]

    async def _now(self) -> Page:
        stats, cameras = await self._engine.stats(), await self._engine.cameras()
        if self._asked is None or time.monotonic() - self._asked >= SHARED_FLEET:
            self._asked, self._fleet = time.monotonic(), await self._engine.fleet()
        names = {camera.camera_id: camera.name for camera in cameras}
        return Page(stats, names, self._version, self._counts, self._fleet)
