"""A whole fleet at one moment, as one of its members knows it: what services show (`EngineView.fleet`)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import attrs

from camcast.coordinators import Hold, Order

__all__ = ["FleetCamera", "FleetCameraState", "FleetMember", "FleetReport"]


class FleetCameraState(Enum):
    """How a camera of a fleet is, as far as its member's last renewal says."""

    ON_AIR = "on air"
    """Each of its outputs is healthy, or off by its schedule."""
    OFF_AIR = "not on air"
    """Its member has it, and not all of its outputs are as they should be."""
    UNKNOWN = "unknown"
    """Its member has more cameras off the air than it names, or the store is away."""
    SILENT = "silent"
    """Its member has missed two renewals."""
    ORPHANED = "its member is gone"
    """It is to be taken over."""
    WAITING = "nowhere"
    """Nobody has it: it has just been released, or no member has room for it or is allowed to have it."""


@attrs.frozen(kw_only=True)
class FleetMember:
    """A member that has not been found dead."""

    name: str
    running: int
    """Cameras that it has."""
    on_air: int
    capacity: float
    """The sum of cameras' weights that it may run."""
    labels: Mapping[str, str]
    lease: float
    """Seconds."""
    hold: Hold
    order: Order
    """What an operator wants of it."""
    silent: bool
    """Whether it has missed two renewals."""
    renewed_ago: float
    """Seconds since its last renewal was heard of."""
    leaving: bool = False
    """Whether it is about to end, and gives away what may begin elsewhere before it ends there."""


@attrs.frozen(kw_only=True)
class FleetCamera:
    """A camera that is desired."""

    camera_id: int
    name: str
    member: str
    """Who has it; "" = nobody."""
    fence: int
    """The fencing number of its last claim; 0 = there was none."""
    state: FleetCameraState


@attrs.frozen(kw_only=True)
class FleetReport:
    """`heard`: whether the store is heard now; else all of this is as it was when it was last heard."""

    fleet: str
    """Its name."""
    member: str
    """Who tells; "" = nobody of the fleet."""
    heard: bool
    version: int
    """Of what is desired; 0 = nothing is."""
    members: tuple[FleetMember, ...]
    cameras: tuple[FleetCamera, ...]

    @property
    def counts(self) -> Mapping[FleetCameraState, int]:
        """Cameras by their state, those included in which none is."""
        found = dict.fromkeys(FleetCameraState, 0)
        for camera in self.cameras:
            found[camera.state] += 1
        return found
