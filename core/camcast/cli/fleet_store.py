"""How `camcast fleet` commands find the store: by its URL, with options that a plugin reads."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

import attrs
import typer

from camcast.config.secrets import is_reference, resolve_options, secret
from camcast.coordinators import (
    REFERENCE,
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
from camcast.fleet.guarded import guarded
from camcast.fleet.reporting import is_silent
from camcast.fleet.roster import Roster
from camcast.host import PluginHost
from camcast.patience import ended, quiet

log = logging.getLogger(__name__)

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
END = 5.0
"""Seconds for the way to the store to end."""
LINES = 100_000
"""That are known again: more than a store keeps."""
LOOK = 0.2
"""Seconds between two looks, at most."""
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
    """Behind a guard. Raises `CamcastError`."""
    try:
        kind = host.coordinator(url)
    except LookupError as error:
        raise ConfigError(str(error)) from None
    kind.available()
    referred = {field.name for field in attrs.fields(kind.options) if REFERENCE.items() <= field.metadata.items()}
    given: dict[str, object] = {}
    for one in options or ():
        key, equals, value = one.partition("=")
        if not equals:
            raise ConfigError(f"-o {key}: expected KEY=VALUE")
        if key in referred and not is_reference(value):
            text = "everybody on this machine sees what a command was given; write env:NAME or file:PATH"
            raise ConfigError(f"-o {key}: {text}")
        given[key] = int(value) if value.isascii() and value.isdigit() else value
    resolved = resolve_options(given, partial(secret, host))
    context = CoordinatorContext(
        url=url,
        fleet=checked_name(fleet, "--fleet"),
        name=checked_name(name, "--name"),
        options=host.structure_options(kind, resolved, "-o"),
        deadline=deadline,
    )
    return guarded(kind, context, host.faults)


@attrs.define(eq=False)
class Looking:
    """What a store has, as it was told."""

    store: Coordinator
    roster: Roster = attrs.field(factory=Roster)
    claims: Claims = attrs.field(factory=lambda: Claims({}, Holder("", "")))
    desired: Desired | None = None
    lines: list[Line] = attrs.field(factory=list)
    """Those that were told, for whoever shows and drops them."""
    _told: dict[Line, None] = attrs.field(factory=dict)
    synced: asyncio.Event = attrs.field(factory=asyncio.Event)
    away: str = ""
    epoch: str = ""
    heard: asyncio.Event = attrs.field(factory=asyncio.Event)
    synced_at: float = 0.0
    clock: Callable[[], float] = time.monotonic

    def is_silent(self, name: str) -> bool:
        """Whether a member whose record is there has not been heard of for half of its lease."""
        return is_silent(self.roster, name, self.clock())

    async def until_known(self) -> None:
        """Wait until each member has renewed its lease or is silent: a record says only that it once was there."""
        while any(self._is_unknown(name) for name in list(self.roster.seen)):
            await self.more(LOOK)

    def _is_unknown(self, name: str) -> bool:
        at = self.roster.last_sign(name)
        fresh = at is None or at > self.synced_at
        return not fresh and self.roster.card(name) is not None and not self.is_silent(name)

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
                self.roster.hear(news, self.clock())
            case ClaimNews():
                self.claims.hear(news, self.clock())
            case DesiredNews(desired):
                self.desired = desired
            case OrderNews(name, order):
                self.roster.orders[name] = order
            case LineNews(line):
                self._hear_line(line)
            case Synced(epoch):
                self.epoch, self.synced_at = epoch, self.clock()
                self.synced.set()
            case Away(reason):
                self.away = reason
                # All of it is told anew, and what is not told then is not there any more.
                self.synced.clear()
                self.roster, self.claims, self.desired = Roster(), Claims({}, Holder("", "")), None

    def _hear_line(self, line: Line) -> None:
        """Once, though all lines are told anew when the store has been away."""
        if line in self._told:
            return
        self.lines.append(line)
        self._told[line] = None
        while len(self._told) > LINES:
            del self._told[next(iter(self._told))]


@asynccontextmanager
async def looking(store: Coordinator) -> AsyncIterator[Looking]:
    """What there is in the store, kept up to date within. Raises `CoordinatorError` where it does not answer."""
    seen = Looking(store)
    running = quiet(asyncio.create_task(store.run(seen.hear), name="camcast-fleet-look"))
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
        if await ended((running, synced), END):
            log.warning("Fleet: the store's plugin does not end within %g s; it is left behind", END)
