"""Coordinators: what the machines of a fleet agree through, told from any one store.

A store keeps four kinds of record, and every change of one is all or nothing: a *lease* for each member, a *claim* for
each camera, the cameras that are *desired*, and an operator's *order* for a member. It is the clock of nobody: how long
a lease holds is counted by each member with its own clock, see `camcast.fleet.member`. So a coordinator needs no
expiry, only writes that fail where something else is there than was thought.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Protocol

import attrs

from camcast.services import NoServiceOptions as NoCoordinatorOptions

__all__ = [
    "REFERENCE",
    "Away",
    "Card",
    "ClaimNews",
    "Coordinator",
    "CoordinatorContext",
    "CoordinatorKind",
    "Desired",
    "DesiredNews",
    "Hold",
    "Holder",
    "Line",
    "LineNews",
    "MemberNews",
    "NoCoordinatorOptions",
    "Order",
    "OrderNews",
    "Synced",
]


REFERENCE = {"camcast.reference": True}
"""`metadata` of an option that takes `env:NAME` or `file:PATH` only: everybody sees what is on command lines."""


class Hold(Enum):
    """What a member does that cannot renew its lease."""

    LEASE = "lease"
    """It stops what it runs before the lease ends: no camera is ever on the air twice."""
    FOREVER = "forever"
    """It goes on until it hears that another has the camera: an outage of the store stops nothing."""


class Order(Enum):
    """What an operator wants of a member."""

    NONE = "none"
    CORDON = "cordon"
    """Keep what you have, take nothing more."""
    DRAIN = "drain"
    """Give what you have to others."""


@attrs.frozen
class Holder:
    """One life of a member: a process that is started anew is another."""

    name: str
    incarnation: str


@attrs.frozen(kw_only=True)
class Card:
    """What a member says of itself each time it renews its lease."""

    holder: Holder
    capacity: float
    lease: float
    """Seconds from the beginning of a renewal to the lease's end. Never changes in one life."""
    labels: Mapping[str, str] = attrs.field(factory=dict)
    hold: Hold = Hold.LEASE
    running: int = 0
    on_air: int = 0
    troubled: tuple[int, ...] = ()
    """Some of the cameras that it has and that are not on the air: not those that their schedules hold off."""
    leaving: bool = False
    """It is about to end, and gives to others what may begin there before it ends here."""
    at: float = 0.0
    """`time.time()` seconds there, for people; 0 = it does not say. No lease is counted by it."""


@attrs.frozen(kw_only=True)
class Desired:
    """What the fleet is to run: `mapping` as a fleet's file says it, with references instead of secrets."""

    version: int
    mapping: Mapping[str, Any] = attrs.field(repr=False)
    by: str = ""
    at: float = 0.0
    """`time.time()` seconds."""
    note: str = ""
    origin: str = ""
    """Epoch of the store in which version 1 was put; a store that gets it back has the same. Only versions of one
    origin come one after the other."""


@attrs.frozen(kw_only=True)
class Line:
    """Something that happened, for people. `code` is stable; `text` holds no secret."""

    at: float
    member: str
    code: str
    text: str
    camera_id: int | None = None


# --- what a coordinator tells -------------------------------------------------------------------------------


@attrs.frozen
class MemberNews:
    """A member's record. `card` is None where the member has left, or was found dead."""

    name: str
    revision: int
    card: Card | None


@attrs.frozen
class ClaimNews:
    """A camera's record. `holder` is None where it has been released."""

    camera_id: int
    fence: int
    holder: Holder | None
    giver: Holder | None = None
    """Who had it before and may still run it, until it says that it has ended or its life is over."""


@attrs.frozen
class DesiredNews:
    desired: Desired


@attrs.frozen
class OrderNews:
    name: str
    order: Order


@attrs.frozen
class LineNews:
    line: Line


@attrs.frozen
class Synced:
    """All that the store had has been told since the last `Away`. `epoch` names this store's life: another one has lost
    everything, or is another store."""

    epoch: str


@attrs.frozen
class Away:
    """Nothing is heard of the store for now."""

    reason: str


News = MemberNews | ClaimNews | DesiredNews | OrderNews | LineNews | Synced | Away


class Coordinator(Protocol):
    """One member's way to the store. All calls on one event loop.

    A call that the store does not answer within its deadline raises `CoordinatorError`; it may have been done all the
    same. `Conflict` = it has not been done, since something else is there than the caller thinks.
    """

    async def run(self, hear: Callable[[News], object]) -> None:
        """Stay connected, and tell everything: all that there is, `Synced`, then each change. Until cancelled.

        Where the connection is lost, or nothing can be said for sure to come any more: `Away`, and then all of it anew.
        An outage of less than two fifths of a lease, after which nothing is missing, need not be told.
        A record's changes are told in their order; of several in a row only the last need be. Raises
        `CoordinatorError` with `fatal` where trying again cannot help.
        """

    async def renew(self, card: Card, after: int) -> int:
        """Write a member's record in place of revision `after` (0 = there is none); returns the new one's revision."""

    async def bury(self, name: str, after: int) -> None:
        """Say that the life of a member whose record has revision `after` is over: its own word, or another's."""

    async def claim(self, camera_id: int, holder: Holder, after: int, giver: Holder | None = None) -> int:
        """Take a camera whose record has the fencing number `after`, or that has none; returns the new, higher one.

        `holder` need not be the caller: a member hands a camera to another so. `giver` is told with it.
        """

    async def release(self, camera_id: int, fence: int) -> None:
        """Give up a claim. The record stays, so that the number goes on rising."""

    async def put(self, desired: Desired) -> None:
        """Make this what is desired. Raises `Conflict` unless its version is higher than what is there."""

    async def version(self, number: int) -> Desired:
        """What was desired earlier; the last ten are kept. Raises `NotFound`."""

    async def order(self, name: str, order: Order) -> None:
        """Have a member told what to do; it holds until another order."""

    async def tell(self, line: Line) -> None:
        """Have something known to all; of each member the last hundred are kept."""


@attrs.frozen(kw_only=True)
class CoordinatorContext:
    """What a coordinator is built with."""

    url: str = attrs.field(repr=False)
    """As the command line gives it; several, with commas between them, for several servers."""
    fleet: str
    """Several fleets may use one store: letters, digits, `-` and `_`."""
    name: str
    """Of the member, or of who looks on."""
    options: Any = attrs.field(repr=False)
    """Instance of the kind's options class, its secrets resolved."""
    deadline: float = 2.0
    """Seconds for one call."""
    log: logging.Logger | logging.LoggerAdapter[Any] = attrs.field(
        factory=lambda: logging.getLogger("camcast.fleet"), repr=False
    )


def _always() -> None:
    """Nothing to miss."""


@attrs.frozen(kw_only=True)
class CoordinatorKind:
    """A kind of store."""

    name: str
    title: str
    schemes: tuple[str, ...]
    """Of URLs that name such a store."""
    build: Callable[[CoordinatorContext], Coordinator]
    options: type = NoCoordinatorOptions
    available: Callable[[], None] = _always
    """Raises `MissingDependency`."""
