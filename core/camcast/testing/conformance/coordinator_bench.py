"""What the rules of a coordinator stand on: several ways to one store, each with all that it told."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeVar

from camcast.coordinators import Away, Card, Coordinator, CoordinatorContext, Holder, News, Synced
from camcast.errors import CamcastError
from camcast.host import PluginHost
from camcast.kinds import CoordinatorKind
from camcast.testing.conformance.rule import broken, expect
from camcast.testing.conformance.watch import until

N = TypeVar("N")

DEADLINE = 2.0
"""Seconds for a call to the store, as a member with the usual lease gives it."""
HEARD = 30.0
"""Seconds for something to be heard. A cluster that elects a leader answers nobody for 4 to 9 s a round of votes, and
votes may be split; `DEADLINE` is far below, as whoever asked too early has to ask once more."""
END = 2.0


class Ear:
    """One coordinator that runs, and what it has told since it was last away."""

    def __init__(self, coordinator: Coordinator) -> None:
        self.store = coordinator
        self.heard: list[News] = []

    def hear(self, news: News) -> None:
        """As `Coordinator.run` wants it."""
        if isinstance(news, Away):
            self.heard.clear()
        else:
            self.heard.append(news)

    def of(self, kind: type[N]) -> list[N]:
        """What it told of one kind."""
        return [one for one in self.heard if isinstance(one, kind)]

    async def hears(self, news: News) -> None:
        """Wait until exactly this has been told."""
        expect(
            await until(lambda: news in self.heard, HEARD),
            f"{news!r} was not told within {HEARD:g} s; of its kind there were {self.of(type(news))!r}",
        )


class CoordinatorBench:
    """A kind under test, and a fleet of its own for each rule."""

    def __init__(self, host: PluginHost, kind: CoordinatorKind, url: str, options: Mapping[str, Any]) -> None:
        self.host = host
        self.kind = kind
        self.options = options
        self._url = url
        self._fleet = f"kit-{secrets.token_hex(4)}"

    def structured(self, options: Mapping[str, Any] | None = None) -> Any:
        """Options as the kind's class. Raises `ConfigError`."""
        given = self.options if options is None else options
        return self.host.structure_options(self.kind, given, "options")

    @contextlib.asynccontextmanager
    async def way(self, name: str = "ada", fleet: str = "", *, synced: bool = True) -> AsyncIterator[Ear]:
        """A coordinator that runs, by default one that has told everything."""
        context = CoordinatorContext(
            url=self._url, fleet=fleet or self._fleet, name=name, options=self.structured(), deadline=DEADLINE
        )
        ear = Ear(self.kind.build(context))
        running = asyncio.create_task(ear.store.run(ear.hear))
        try:
            if synced:
                heard = await until(lambda: bool(ear.of(Synced)) or running.done(), HEARD)
                if running.done() and isinstance(running.exception(), CamcastError):
                    broken(f"it ended by itself: {running.exception()}")
                expect(heard and not running.done(), f"no Synced within {HEARD:g} s: is there a store at this URL?")
            yield ear
        finally:
            running.cancel()
            done, _ = await asyncio.wait({running}, timeout=END + 3.0)
            expect(done, f"run had not ended {END + 3.0:g} s after it was cancelled")


def card(name: str = "ada", incarnation: str = "one", **more: Any) -> Card:
    """What a member might say of itself."""
    return Card(holder=Holder(name, incarnation), capacity=12.5, lease=10.0, labels={"site": "Zürich"}, **more)
