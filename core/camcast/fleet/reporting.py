"""A fleet's records, put together for those who look: commands, and services of each member."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from camcast.coordinators import Away, Holder, News, Order
from camcast.fleet.claims import Claims
from camcast.fleet.desired import Cameras
from camcast.fleet.member import Member
from camcast.fleet.roster import Roster
from camcast.fleet_report import FleetCamera, FleetCameraState, FleetMember, FleetReport

SILENT = 0.5
"""Part of a lease. Who has not renewed for so long, has missed two renewals."""


def is_silent(roster: Roster, name: str, now: float) -> bool:
    """Whether a member whose record is there has not been heard of for half of its lease."""
    card, at = roster.card(name), roster.last_sign(name)
    return card is not None and at is not None and now >= at + SILENT * card.lease


def members_of(roster: Roster, now: float) -> tuple[FleetMember, ...]:
    """Those that have not been found dead, by name."""
    return tuple(
        FleetMember(
            name=name,
            running=card.running,
            on_air=card.on_air,
            capacity=card.capacity,
            labels=dict(card.labels),
            lease=card.lease,
            hold=card.hold,
            order=roster.orders.get(name, Order.NONE),
            silent=is_silent(roster, name, now),
            renewed_ago=max(now - (roster.last_sign(name) or now), 0.0),
            leaving=card.leaving,
        )
        for name in sorted(roster.seen)
        if (card := roster.card(name)) is not None
    )


def states_of(cameras: Cameras, claims: Claims, roster: Roster, now: float) -> tuple[FleetCamera, ...]:
    """Those that are desired, by number."""
    silent = {name for name in roster.seen if is_silent(roster, name, now)}
    found = []
    for number, camera in sorted(cameras.wanted.items()):
        record = claims.record(number)
        holder, giver = (record.holder, record.giver) if record else (None, None)
        state = _state(number, holder, roster, silent)
        # On its way to its holder it is on the air with its giver still.
        if giver is not None and _state(number, giver, roster, silent) is FleetCameraState.ON_AIR:
            state = FleetCameraState.ON_AIR
        found.append(
            FleetCamera(
                camera_id=number,
                name=camera.name,
                member=holder.name if holder else "",
                fence=record.fence if record else 0,
                state=state,
            )
        )
    return tuple(found)


def _state(camera_id: int, holder: Holder | None, roster: Roster, silent: set[str]) -> FleetCameraState:
    if holder is None:
        return FleetCameraState.WAITING
    card = roster.card(holder.name)
    if card is None or card.holder != holder:
        return FleetCameraState.ORPHANED
    if holder.name in silent:
        return FleetCameraState.SILENT
    if camera_id in card.troubled:
        return FleetCameraState.OFF_AIR
    # A card names some of those that are not on the air, not all.
    missing = card.running - card.on_air > len(card.troubled)
    return FleetCameraState.UNKNOWN if missing else FleetCameraState.ON_AIR


class Reporting:
    """What one member shows of its fleet; also while the store is away, when the member forgets what it was told."""

    def __init__(self, fleet: str, member: Member, clock: Callable[[], float]) -> None:
        self._fleet = fleet
        self._member = member
        self._clock = clock
        self._last: FleetReport | None = None

    def hear(self, news: News) -> None:
        """To be told before the member is."""
        if isinstance(news, Away) and self._member.store.heard:
            self._last = self._now()

    def report(self) -> FleetReport:
        """The fleet now, or as it was when the store was last heard, where no camera's state is known any more."""
        if self._member.store.heard:
            return self._now()
        last = self._last or self._now()
        unknown = (attrs.evolve(one, state=FleetCameraState.UNKNOWN) for one in last.cameras)
        return attrs.evolve(last, heard=False, cameras=tuple(unknown))

    def _now(self) -> FleetReport:
        member, now = self._member, self._clock()
        return FleetReport(
            fleet=self._fleet,
            member=member.me.name,
            heard=member.store.heard,
            version=member.cameras.version,
            members=members_of(member.roster, now),
            cameras=states_of(member.cameras, member.claims, member.roster, now),
        )
