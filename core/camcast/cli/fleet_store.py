"""How `camcast fleet` commands find the store: by its URL, with options that a plugin reads."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

import attrs
import typer

from camcast.config.secrets import resolve_options, secret
from camcast.coordinators import (
    Away,
    ClaimNews,
    Coordinator,
    CoordinatorContext,
    Desired,
    DesiredNews,
    Holder,
    Line,
    LineNews,
    MemberNews,
    News,
    OrderNews,
    Synced,
)
from camcast.errors import ConfigError, CoordinatorError
from camcast.fleet.claims import Claims
from camcast.fleet.roster import Roster
from camcast.host import PluginHost

StoreUrl = Annotated[
    str,
    typer.Option(
        "--store",
        "--nats",
        envvar="CAMCAST_FLEET_STORE",
        help="URL of the fleet's store: nats://host:4222, several with commas between them.",
    ),
]
FleetName = Annotated[
    str, typer.Option("--fleet", envvar="CAMCAST_FLEET", help="Which fleet, where several use one store.")
]
StoreOptions = Annotated[
    list[str] | None,
    typer.Option(
        "-o",
        metavar="KEY=VALUE",
        help="An option of the store's plugin, secrets as env:NAME or file:PATH; can be repeated.",
    ),
]
DEFAULT_FLEET = "default"
ANSWER = 10.0
"""Seconds for the store to tell what it has."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def checked_name(name: str, what: str) -> str:
    """A name that every store can keep. Raises `ConfigError`."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f'{what} "{name}": expected letters, digits, - and _, at most 64')
    return name


def own_name() -> str:
    """This machine's, as a member may be called."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname())[:64] or "member"


def coordinator(
    host: PluginHost, url: str, fleet: str, name: str, options: Sequence[str] | None, deadline: float
) -> Coordinator:
    """Raises `ConfigError`, `MissingDependency`."""
    try:
        kind = host.coordinator(url)
    except LookupError as error:
        raise ConfigError(str(error)) from None
    kind.available()
    given: dict[str, object] = {}
    for one in options or ():
        key, equals, value = one.partition("=")
        if not equals:
            raise ConfigError(f"-o {key}: expected KEY=VALUE")
        given[key] = int(value) if value.isascii() and value.isdigit() else value
    resolved = resolve_options(given, partial(secret, host))
    return kind.build(
        CoordinatorContext(
            url=url,
            fleet=checked_name(fleet, "--fleet"),
            name=checked_name(name, "--name"),
            options=host.structure_options(kind, resolved, "-o"),
            deadline=deadline,
        )
    )


@attrs.define(eq=False)
class Looking:
    """What a store has, as it was told."""

    store: Coordinator
    roster: Roster = attrs.field(factory=Roster)
    claims: Claims = attrs.field(factory=lambda: Claims({}, Holder("", "")))
    desired: Desired | None = None
    lines: list[Line] = attrs.field(factory=list)
    synced: asyncio.Event = attrs.field(factory=asyncio.Event)
    away: str = ""
    epoch: str = ""
    heard: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def more(self, seconds: float) -> None:
        """Wait until something more is heard, for so long at most."""
        self.heard.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.heard.wait()

    def hear(self, news: News) -> None:
        """As `Coordinator.run` wants it."""
        self.heard.set()
        match news:
            case MemberNews():
                self.roster.hear(news, time.monotonic())
            case ClaimNews():
                self.claims.hear(news, time.monotonic())
            case DesiredNews(desired):
                self.desired = desired
            case OrderNews(name, order):
                self.roster.orders[name] = order
            case LineNews(line):
                self.lines.append(line)
            case Synced(epoch):
                self.epoch = epoch
                self.synced.set()
            case Away(reason):
                self.away = reason
                # All of it is told anew, and what is not told then is not there any more.
                self.synced.clear()
                self.roster, self.claims, self.desired = Roster(), Claims({}, Holder("", "")), None
                self.lines.clear()


@asynccontextmanager
async def looking(store: Coordinator) -> AsyncIterator[Looking]:
    """What there is in the store, kept up to date within. Raises `CoordinatorError` where it does not answer."""
    seen = Looking(store)
    running = asyncio.create_task(store.run(seen.hear), name="camcast-fleet-look")
    synced = asyncio.create_task(seen.synced.wait())
    try:
        await asyncio.wait({running, synced}, timeout=ANSWER, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        if not seen.synced.is_set():
            why = f": {seen.away}" if seen.away else ""
            raise CoordinatorError(f"the store does not tell what it has within {ANSWER:g} s{why}")
        yield seen
    finally:
        for task in (running, synced):
            task.cancel()
        await asyncio.gather(running, synced, return_exceptions=True)
