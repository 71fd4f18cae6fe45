"""Sees what is wrong, by its rules, and has it sent."""

from __future__ import annotations

import asyncio
import contextlib
import time

from camcast.camera.stats import Stats
from camcast.events import Event, SessionEvent
from camcast.services import ServiceContext
from camcast_webhook.message import Message
from camcast_webhook.options import DOWN, WebhookOptions, WebhookRule
from camcast_webhook.sender import Sender
from camcast_webhook.troubles import Troubles

LOOK = 1.0
"""Seconds between two looks at what is down."""
REST = 5.0
"""… while nothing is, and nothing happens."""
OLD = 2.0
"""Seconds that the figures may be old then: somebody else may have looked."""


class Webhook:
    """The service."""

    def __init__(self, context: ServiceContext) -> None:
        self._options: WebhookOptions = context.options
        self._engine = context.engine
        self._sender = Sender(self._options, context.note)
        self._names: dict[int, str] = {}
        self._news = asyncio.Event()
        self._down = [
            (rule, Troubles(rule.after, well=rule.well)) for rule in self._options.rules if DOWN in rule.events
        ]

    async def run(self) -> None:
        events = self._engine.events()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sender.run())
            tasks.create_task(self._look())
            async for event in events:
                self._see(event)
                self._news.set()

    def _see(self, event: Event) -> None:
        camera = event.key.camera_id if isinstance(event, SessionEvent) else getattr(event, "camera_id", None)
        if any(event.name in rule.events and _fits(rule, camera) for rule in self._options.rules):
            self._sender.add(Message.of_event(event, self._names.get(camera, "") if camera is not None else ""))

    async def _look(self) -> None:
        self._news.set()
        while True:
            if self._down or not self._names:
                await self._look_once()
            await asyncio.sleep(LOOK)
            if not any(troubles.any for _, troubles in self._down):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(REST - LOOK):
                        await self._news.wait()

    async def _look_once(self) -> None:
        news = self._news.is_set()
        self._news.clear()
        stats = await self._engine.stats(0.0 if news else OLD)
        if news:
            self._names = {one.camera_id: one.name for one in await self._engine.cameras()}
        self._tell(stats)

    def _tell(self, stats: Stats) -> None:
        now, told = time.monotonic(), set()
        for rule, troubles in self._down:
            for change in troubles.look(stats, now):
                # Of two rules that say the same at the same moment, one is enough.
                if _fits(rule, change.place[0]) and (change.place, change.why) not in told:
                    told.add((change.place, change.why))
                    self._sender.add(Message.of_change(change, self._names.get(change.place[0], "")))


def _fits(rule: WebhookRule, camera: int | None) -> bool:
    return not rule.cameras or camera in rule.cameras
