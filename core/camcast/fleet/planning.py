"""The present placement, worked out again when something has changed, but not all the time."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from camcast.coordinators import Desired
from camcast.fleet.claims import Claims
from camcast.fleet.desired import Cameras
from camcast.fleet.placement import place
from camcast.fleet.roster import Roster

REPLAN = 0.2
"""Seconds between two placements, which take some 30 ms for a thousand cameras."""


@attrs.define
class Planning:
    """Where each camera is to run; None = nowhere."""

    plan: Mapping[int, str | None] = attrs.field(factory=dict)
    home: tuple[int, ...] = ()
    """Those that are to run here."""
    stale: bool = True
    _at: float | None = None

    def again(self, now: float, me: str, cameras: Cameras, roster: Roster, claims: Claims) -> None:
        """Place anew, if that is needed and the last time is long enough ago."""
        if not self.stale or (self._at is not None and now < self._at + REPLAN):
            return
        self.stale, self._at = False, now
        self.plan = place(cameras.wanted.values(), roster.places(), claims.holders())
        self.home = tuple(camera_id for camera_id, home in self.plan.items() if home == me)

    def of(self, camera_id: int) -> str | None:
        return self.plan.get(camera_id)


@attrs.define
class Store:
    """What is known of the store itself."""

    heard: bool = False
    epoch: str = ""
    since: float = 0.0
    """When its present life was first heard of."""
    version: int = 0
    """Of what is desired, as it has it; 0 = nothing."""
    origin: str = ""
    """Of the same."""

    away_at: float = float("-inf")
    """Since when it was not heard the last time."""

    def away(self, now: float) -> None:
        """It is not heard; what it has may be gone."""
        self.away_at = now if self.heard else self.away_at
        self.heard, self.version, self.origin = False, 0, ""

    def lacks(self, desired: Desired) -> bool:
        """Whether it has lost this. What is of another origin is what somebody wants there, whatever its version."""
        return self.version == 0 or (self.origin == desired.origin and self.version < desired.version)

    def synced(self, epoch: str, now: float) -> None:
        """All that it has is known."""
        self.heard = True
        if epoch != self.epoch:
            self.epoch, self.since = epoch, now
