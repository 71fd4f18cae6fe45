"""Signs of life: whose lease is over, when a camera was last heard of elsewhere, who else goes by a member's name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from camcast.coordinators import Card
from camcast.fleet.actions import Action, Bury, Say

if TYPE_CHECKING:
    from camcast.fleet.member import Member


def last_sign_of(member: Member, camera_id: int) -> float | None:
    """When a camera was last heard of elsewhere: released, or the life that had it; None = that is not known."""
    if (free := member.claims.free_since.get(camera_id)) is not None:
        return free
    holder = member.claims.last_holder(camera_id)
    sign = member.roster.signs.get(holder) if holder not in (None, member.me) else None
    if sign is not None and member.claims.record(camera_id) is None:
        return min(sign, member.store.away_at)  # whoever had it may live, and not run it any more
    return sign


def rival(member: Member, before: Card, card: Card | None) -> Say | None:
    """What is to be said of somebody else who has this member's name and renews: on two machines, not in a former life.

    `before`: what was known of the name. Once for each life.
    """
    if card is None or card.holder != before.holder or card.holder == member.me or member.is_former(card.holder):
        return None
    if card.holder.incarnation in member.asked.rivals:
        return None
    member.asked.rivals.add(card.holder.incarnation)
    name = member.me.name
    return Say(
        "name_taken", f"another member that runs is called {name}, so this one takes nothing: each needs a --name"
    )


def burials(member: Member, now: float) -> Iterator[Action]:
    """Say of whom nothing was heard for a whole lease that their lives are over."""
    asked = member.asked
    for name, revision in member.roster.silent(now):
        if name == member.me.name or name in asked.burying:
            continue
        asked.burying.add(name)
        if asked.mourned.get(name) != revision:
            asked.mourned[name] = revision
            seconds = now - (member.roster.last_sign(name) or now)
            yield Say("buried", f"{name} has not been heard of for {seconds:.1f} s; its cameras are taken over")
        yield Bury(name, revision)
