"""What a member does for a camera that goes to another: ended here first, or once it is there; see `parting.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from camcast.coordinators import Holder
from camcast.fleet.actions import Action, Pass, Release, Say

if TYPE_CHECKING:
    from camcast.fleet.member import Member

MOVES = 4
"""Cameras that one member hands over at a time."""


def heir(member: Member, camera_id: int, home: str | None) -> Holder | None:
    """Who is to begin a camera before it ends here; None = it ends first."""
    card = member.roster.card(home) if home is not None else None
    overlaps = camera_id in member.running.going and camera_id in member.cameras.overlap
    return card.holder if card is not None and overlaps else None


def is_given(member: Member, camera_id: int, now: float) -> bool:
    """Whether another member that had a camera before may still run it."""
    record = member.claims.record(camera_id)
    if record is None or record.giver is None or record.giver == member.me:
        return False
    over = member.roster.is_over(record.giver)
    return now < member.store.since + member.roster.longest if over is None else not over


def beside(member: Member, camera_id: int, now: float) -> str | None:
    """The name of that other member, if there is one."""
    record = member.claims.record(camera_id)
    return record.giver.name if record and record.giver and is_given(member, camera_id, now) else None


def handed_over(member: Member, now: float) -> Iterator[Action]:
    """Give up what is to run elsewhere, or nowhere: ended first, released then; offered, where two may run it."""
    moving = len(member.asked.releasing) + len(member.partings.offers)
    for camera_id, fence in member.claims.mine():
        home = member.planning.of(camera_id)
        if camera_id in member.cameras.wanted and home in (None, member.me.name):
            continue
        if camera_id in member.partings.offers or is_given(member, camera_id, now):
            continue
        if moving < MOVES and (found := heir(member, camera_id, home)) is not None:
            moving += 1
            yield from _offered(member, camera_id, found, fence, now)
        elif camera_id in member.running:
            moving += 1
            if moving <= MOVES and not member.running.is_ending(camera_id):
                yield Say("moves", f"goes to {home}" if home else "is not desired any more", camera_id)
                yield member.end(camera_id)
        elif camera_id not in member.asked.releasing and moving < MOVES:
            moving += 1
            member.asked.releasing.add(camera_id)
            yield Release(camera_id, fence)


def may_part(member: Member, camera_id: int) -> bool:
    """Whether a camera of a member that leaves goes on until it is on the air elsewhere."""
    mine = member.store.heard and member.claims.is_mine(camera_id)
    return camera_id in member.partings.offers or (mine and camera_id in member.cameras.overlap)


def is_parting(member: Member) -> bool:
    """Whether it leaves, and something of its is to begin elsewhere before it ends here."""
    return member.leaving and any(may_part(member, one) for one in member.running.going)


def has_said_so(member: Member) -> bool:
    """Whether all are told that it leaves, so that they give it nothing back."""
    card = member.roster.card(member.me.name)
    return card is not None and card.holder == member.me and card.leaving


def parted(member: Member, now: float) -> Iterator[Action]:
    """Of a member that leaves: offer what may overlap, all of it at once, and end what nobody has room for."""
    for camera_id, fence in member.claims.mine():
        if camera_id not in member.running.going or camera_id in member.asked.releasing:
            continue
        home = member.planning.of(camera_id)
        found = heir(member, camera_id, home) if home != member.me.name else None
        if found is None or is_given(member, camera_id, now):
            yield member.end(camera_id)
        else:
            yield from _offered(member, camera_id, found, fence, now)


def _offered(member: Member, camera_id: int, found: Holder, fence: int, now: float) -> Iterator[Action]:
    member.asked.releasing.add(camera_id)
    member.partings.offer(camera_id, found, fence + 1, now)
    yield Say("moves", f"goes to {found.name}, and ends here once it is on the air there", camera_id)
    yield Pass(camera_id, found, fence, member.me)


def ends(member: Member, camera_id: int, now: float) -> Iterator[Action]:
    """End a camera that was offered to another member, once that is due."""
    record, offer = member.claims.record(camera_id), member.partings.offers[camera_id]
    if camera_id in member.cameras.wanted and member.partings.goes_on(camera_id, record, member.me, now):
        return
    if record is None or record.fence <= offer.fence:
        yield Say("gap", f"ends here, and {offer.heir.name} has not said that it is on the air there", camera_id)
    yield member.end(camera_id)


def passed_on(member: Member, now: float) -> Iterator[Action]:
    """As an heir, say that a camera is on the air here; as a giver, that it has ended."""
    for camera_id, fence in member.claims.mine():
        record = member.claims.record(camera_id)
        given = record is not None and is_given(member, camera_id, now)
        if record is not None and given and member.partings.confirms(camera_id, fence):
            yield Pass(camera_id, member.me, fence, record.giver)
    for record in member.claims.given():
        camera_id, asked = record.camera_id, member.asked.releasing
        if record.holder is not None and camera_id not in member.running and camera_id not in asked:
            asked.add(camera_id)
            yield Pass(camera_id, record.holder, record.fence, None)
