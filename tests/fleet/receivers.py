"""Three kinds of receiver, by what they do with somebody who wants a name that another still publishes; and all three
in one, for what costs too much to be done three times."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Self

import attrs

from camcast.testing.recording import Recording
from camcast_rtmp.receiver import Receiver, Refusal

GHOST = 5.0
"""Seconds that a name is in use after its connection was lost."""
IDLE = 4.0
"""Seconds without anything from a publisher, after which it is dropped; as nginx-rtmp's `drop_idle_publisher`."""
LOOK = 0.1


def last_of(recording: Recording) -> int:
    """When something last came, `monotonic_ns`."""
    arrivals = recording.arrivals
    return arrivals[-1] if len(arrivals) else recording.started


class Open(Receiver):
    """Lets both publish."""

    def live(self, name: str | None = None) -> list[Recording]:
        return [] if name else super().live()


class Throwing(Open):
    """Lets the newcomer in and throws the old one out."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more, on_publish=self._asked)

    def _asked(self, app: str, key: str) -> None:
        self.drop(key.partition("?")[0])


@attrs.frozen
class Refused:
    name: str
    at: int
    """`monotonic_ns`."""


class Holding(Receiver):
    """Refuses the newcomer, also for a while after the old one's connection was lost."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more, on_publish=self._asked)
        self.ghost_time = GHOST
        self.refusals: list[Refused] = []
        self.freed: dict[str, int] = {}
        """When each name was let go of last, `monotonic_ns`."""
        self._until: dict[str, float] = {}
        self._dropped: set[str] = set()
        """Names whose publisher it drops itself: those are free at once."""
        self._dropping: asyncio.Task[None] | None = None

    async def start(self) -> Self:
        await super().start()
        self._dropping = asyncio.create_task(self._drop_idle())
        return self

    async def stop(self) -> None:
        if self._dropping is not None:
            self._dropping.cancel()
        await super().stop()

    def holds(self, name: str) -> bool:
        """Whether a newcomer is refused this name."""
        return True

    def hold(self, name: str, seconds: float) -> None:
        if not self.holds(name):
            return
        self.held.add(name)
        self._until[name] = time.monotonic() + (0.0 if name in self._dropped else seconds)
        self._dropped.discard(name)

    def _asked(self, app: str, key: str) -> Refusal | None:
        name = key.partition("?")[0]
        if name not in self.held and not self.live(name):
            return None
        self.refusals.append(Refused(name, time.monotonic_ns()))
        return Refusal("NetStream.Publish.BadName", "Already publishing")

    async def _drop_idle(self) -> None:
        while True:
            now = time.monotonic()
            for name in [one for one, until in self._until.items() if now >= until]:
                del self._until[name]
                self.held.discard(name)
                self.freed[name] = time.monotonic_ns()
            for recording in self.live():
                if self.holds(recording.name) and now - last_of(recording) / 1e9 > IDLE:
                    self._dropped.add(recording.name)
                    self.drop(recording.name, reset=True)
            await asyncio.sleep(LOOK)


class Mixed(Holding):
    """Each name as at one of the three, by its camera's number. Names say nothing of each other."""

    KINDS = (Open, Throwing, Holding)

    def kind_of(self, name: str) -> type[Receiver]:
        """`name`: `camNUMBER_…`."""
        return self.KINDS[int(name.removeprefix("cam").partition("_")[0]) % len(self.KINDS)]

    def holds(self, name: str) -> bool:
        return self.kind_of(name) is Holding

    def live(self, name: str | None = None) -> list[Recording]:
        return super().live(name) if name is None or self.holds(name) else []

    def _asked(self, app: str, key: str) -> Refusal | None:
        name = key.partition("?")[0]
        if self.kind_of(name) is Throwing:
            self.drop(name)
        return super()._asked(app, key) if self.holds(name) else None
