"""One member of a fleet: what it does next, by what it has heard and by the time it is. No I/O; the clock is passed in.

What keeps a camera from being on the air twice:

- a camera runs only while this member's lease holds, which it counts from the beginning of renewals (`lease.py`);
- a member that is silent for its whole lease is *buried*: a write that fails if it has renewed meanwhile. Only what a
  buried life, or a former life of the same member, had may be taken;
- a claim replaces exactly the one that was seen, and has a higher fencing number; whoever hears of a higher one stops;
- where there is no record at all, the store may have lost it: then nothing is taken for a whole lease.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import attrs

from camcast.coordinators import (
    Away,
    Card,
    ClaimNews,
    Desired,
    DesiredNews,
    Hold,
    Holder,
    LineNews,
    MemberNews,
    News,
    OrderNews,
    Synced,
)
from camcast.errors import ConfigError
from camcast.fleet import passing, signs
from camcast.fleet.actions import Action, Bury, Put, Renew, Say, Start, Stop, Take
from camcast.fleet.claims import Claims
from camcast.fleet.desired import Cameras, cameras_of
from camcast.fleet.lease import Lease
from camcast.fleet.parting import Partings
from camcast.fleet.planning import Planning, Store
from camcast.fleet.roster import Roster
from camcast.fleet.running import Running

TAKES = 32
"""Claims that are under way at a time."""
PUT_AGAIN = 5.0


@attrs.define(eq=False)
class Asked:
    """What is under way."""

    burying: set[str] = attrs.field(factory=set)
    mourned: dict[str, int] = attrs.field(factory=dict)
    """The revision of each record of which it was said that its member is buried."""
    taking: set[int] = attrs.field(factory=set)
    releasing: set[int] = attrs.field(factory=set)
    put_at: float | None = None
    complaint: Say | None = None
    """Something that was heard and is not as it should be."""
    rivals: set[str] = attrs.field(factory=set)
    """Lives of others with this member's name, of which it was said that they are there."""


class Member:
    """Feed it with `hear` and with how its actions went; `step` says what is to be done now."""

    def __init__(
        self,
        name: str,
        *,
        lives: Callable[[], str],
        lease: float,
        hold: Hold = Hold.LEASE,
        former: Iterable[str] = (),
        desired: Desired | None = None,
        fences: Mapping[int, int] | None = None,
    ) -> None:
        """`lives` gives a new incarnation's name. `former`: those of this member that are over for sure.

        `desired` and `fences`: what was known when the member last ran, from its disk.
        """
        self.hold = hold
        self.lease = Lease(lease)
        self.roster = Roster(longest=lease)
        self.running = Running()
        self.desired = desired
        self.cameras: Cameras = cameras_of(desired)
        self.planning = Planning()
        self.store = Store()
        self.leaving = False
        self._lives = lives
        self._me = Holder(name, lives())
        self.claims = Claims(dict(fences or {}), self._me)
        self._former = set(former)
        self._joined = False
        """Whether the store has this life's record, as far as was heard."""
        self.asked = Asked()
        self.partings = Partings()

    @property
    def me(self) -> Holder:
        """This life of the member."""
        return self._me

    @property
    def gone(self) -> bool:
        """Whether it has left, and nothing runs any more."""
        return self.leaving and not self.running and not self._joined

    def is_former(self, holder: Holder) -> bool:
        """Whether this is a life of this member's that is over for sure."""
        return holder.name == self._me.name and holder.incarnation in self._former

    # --- what is heard ------------------------------------------------------------------------------------

    def hear(self, news: News, now: float) -> None:
        """Something that the coordinator tells."""
        # A renewal, which is most of what there is to hear, changes no placement.
        changed = False
        match news:
            case MemberNews():
                before, again = self.roster.card(news.name), news.revision == self.roster.revision(news.name)
                changed = self.roster.hear(news, now)
                if news.name == self._me.name:
                    self._hear_of_me(news.card)
                    if before is not None and not again:
                        self.asked.complaint = signs.rival(self, before, news.card) or self.asked.complaint
            case ClaimNews():
                changed = self.claims.hear(news, now)
            case DesiredNews():
                changed = self._hear_desired(news.desired)
            case OrderNews():
                changed = self.roster.order(news.name, news.order)
            case LineNews():
                pass
            case Away():
                # Also where not all had been told yet: what was may not be told the next time.
                self.store.away(now)
                self.claims.begin_anew()
                known = self.roster
                self.roster = Roster(orders=known.orders, longest=known.longest, signs=known.signs, wall=known.wall)
                changed = True
            case Synced():
                self._hear_all(news.epoch, now)
                changed = True
        self.planning.stale |= changed

    def _hear_of_me(self, card: Card | None) -> None:
        """Of this member's own record: it is this life's, or this life has been found dead."""
        mine = card is not None and card.holder == self._me
        if self._joined and not mine:
            self._die()
        self._joined = mine

    def _hear_desired(self, desired: Desired) -> bool:
        """Returns whether it is other than what was known."""
        self.store.version, self.store.origin = desired.version, desired.origin
        if desired == self.desired or (self.desired is not None and self.store.lacks(self.desired)):
            return False
        try:
            self.cameras = cameras_of(desired)
        except ConfigError as error:
            self.asked.complaint = Say("unusable", str(error))
            return False
        self.desired = desired
        return True

    def _die(self) -> None:
        """Go on as somebody else; what runs is held by nobody."""
        self._joined = False
        self.lease.lost()
        self._former.add(self._me.incarnation)
        self._me = Holder(self._me.name, self._lives())
        self.claims.live_as(self._me)

    def _hear_all(self, epoch: str, now: float) -> None:
        """Nothing more is to come of what there was before."""
        self.store.synced(epoch, now)
        self.roster.begin_anew(now)
        self.claims.heard_all()
        self._joined = self._joined and self._me.name in self.roster.seen

    # --- how it went --------------------------------------------------------------------------------------

    def renewed(self, action: Renew, revision: int, card: Card, began: float, now: float) -> None:
        """The store has this life's record. `began`: before the call."""
        self.lease.asking = False
        if action.holder != self._me:
            return
        self.lease.answered(began)
        self._joined = True
        if revision > self.roster.revision(self._me.name):
            self.planning.stale |= self.roster.hear(MemberNews(self._me.name, revision, card), now)

    def not_renewed(self) -> None:
        """It was refused, or nothing was answered."""
        self.lease.failed()

    def buried(self, name: str) -> None:
        """Done, refused, or not answered: what is so is told by the store."""
        self.asked.burying.discard(name)

    def taken(self, camera_id: int, holder: Holder, fence: int) -> None:
        """A claim was made, by this life or a former one."""
        self.asked.taking.discard(camera_id)
        record = self.claims.record(camera_id)
        if holder == self._me and (record is None or record.fence <= fence):
            self.planning.stale |= self.claims.taken(camera_id, fence)

    def not_taken(self, camera_id: int) -> None:
        """It was refused, or nothing was answered."""
        self.asked.taking.discard(camera_id)

    def released(self, camera_id: int) -> None:
        """Given up or passed on: done, refused, or not answered."""
        self.asked.releasing.discard(camera_id)

    def stopped(self, camera_id: int) -> None:
        """A camera that was to be ended has ended."""
        self.running.ended(camera_id)
        self.partings.ended(camera_id)
        # Whoever begins it the next time comes after this.
        self.claims.alone_since.pop(camera_id, None)

    def failed(self, camera_id: int, now: float) -> None:
        """A camera could not begin."""
        self.running.failed(camera_id, now)
        self.partings.ended(camera_id)

    def came(self, camera_id: int, now: float) -> str | None:
        """A camera has come on the air here. Returns who may still run it as well, if somebody may."""
        self.partings.came(camera_id)
        return passing.beside(self, camera_id, now)

    def leave(self) -> None:
        """End everything in order, and say so; what may overlap ends once it is on the air elsewhere."""
        self.leaving = True

    def still_here(self, now: float) -> Renew | None:
        """The renewal that is due, if one is, and nothing else: while the engine is ended whatever runs."""
        if not (self.store.heard and self._joined and self.running and self.lease.due(now)):
            return None
        self.lease.ask(now)
        return Renew(self._me, self.roster.revision(self._me.name))

    # --- what is to be done -------------------------------------------------------------------------------

    def step(self, now: float) -> list[Action]:
        """What is to be done now."""
        may_run = self.hold is Hold.FOREVER or self.lease.holds(now)
        actions: list[Action] = list(self._ending(may_run, now))
        if not self.store.heard:
            return actions
        if self.asked.complaint is not None:
            actions.append(self.asked.complaint)
            self.asked.complaint = None
        actions += self._staying(now)
        if self._joined and not self.leaving and self.lease.holds(now):
            actions += signs.burials(self, now)
            self.planning.again(now, self._me.name, self.cameras, self.roster, self.claims)
            actions += passing.handed_over(self, now)
            actions += passing.passed_on(self, now)
            actions += self._taking(now)
            actions += self._beginning(now)
            if self.desired and self.store.lacks(self.desired):
                actions += self._put(self.desired, now)
        elif self._joined and passing.is_parting(self) and passing.has_said_so(self) and self.lease.holds(now):
            self.planning.again(now, self._me.name, self.cameras, self.roster, self.claims)
            if not self.planning.stale:
                actions += passing.parted(self, now)
        return actions

    def _ending(self, may_run: bool, now: float) -> Iterator[Action]:
        """What must not run (any more), whatever the store says."""
        told = False
        for camera_id in self.running.going:
            if not may_run or (self.leaving and not passing.may_part(self, camera_id)):
                if not told and not self.leaving:
                    yield Say(
                        "lease_over", f"{self._me.name} has not renewed its lease in time and ends all that it runs"
                    )
                told = True
                yield self.end(camera_id)
            elif camera_id in self.partings.offers:
                yield from passing.ends(self, camera_id, now)
            elif self.claims.is_others(camera_id, self._me.name):
                yield Say("fenced", "another member has this camera; it is ended here", camera_id)
                yield self.end(camera_id)
            elif camera_id not in self.cameras.wanted or self.running.spec(camera_id) != self.cameras.specs[camera_id]:
                yield self.end(camera_id)

    def _staying(self, now: float) -> Iterator[Action]:
        """Renew, join, or say that this life is over."""
        name, card = self._me.name, self.roster.card(self._me.name)
        if self.leaving:
            if not self.running and self._joined and name not in self.asked.burying:
                self.asked.burying.add(name)
                yield Bury(name, self.roster.revision(name))
            unsaid = passing.is_parting(self) and not passing.has_said_so(self)
            due = self.lease.may_hurry(now) if unsaid else self.lease.due(now)
            if self.running and self._joined and due:
                self.lease.ask(now)
                yield Renew(self._me, self.roster.revision(name))
            return
        if not self.lease.due(now) or not self._may_join(card, now):
            return
        self.lease.ask(now)
        yield Renew(self._me, self.roster.revision(name))

    def _may_join(self, card: Card | None, now: float) -> bool:
        """Whether this member's record may be replaced by its present life's, which says that all former ones are over.

        With `lease`, what a former life ran must have ended; with `forever` it is claimed anew as it runs.
        """
        if card is not None and card.holder == self._me:
            return True
        if self.hold is Hold.LEASE and self.lease.renewed_at is None and self.running:
            return False
        if card is None or card.holder.incarnation in self._former:
            return True
        seen = self.roster.last_sign(self._me.name)
        return seen is not None and now >= seen + card.lease

    def _taking(self, now: float) -> Iterator[Action]:
        """Claim what is to run here, and what runs here already without the store's knowing."""
        unknown = [one for one in self.running.going if not self.claims.is_mine(one)]
        for camera_id in (*unknown, *self.planning.home):
            if len(self.asked.taking) >= TAKES:
                return
            asked = camera_id in self.asked.taking or camera_id in self.asked.releasing
            asked |= camera_id in self.partings.offers
            if asked or self.claims.is_mine(camera_id) or camera_id not in self.cameras.wanted:
                continue
            if camera_id in self.running or _is_free(self, camera_id, now):
                self.asked.taking.add(camera_id)
                yield Take(camera_id, self.claims.number(camera_id))

    def _beginning(self, now: float) -> Iterator[Action]:
        """Run what this member has."""
        for camera_id, _ in self.claims.mine():
            spec = self.cameras.specs.get(camera_id)
            here = self.planning.of(camera_id) in (None, self._me.name)
            if spec is None or not here or camera_id in self.asked.releasing:
                continue
            if self.running.may_begin(camera_id, spec, now):
                self.running.begin(camera_id, spec)
                yield Start(camera_id, spec)

    def _put(self, desired: Desired, now: float) -> Iterator[Action]:
        if self.asked.put_at is None or now >= self.asked.put_at + PUT_AGAIN:
            self.asked.put_at = now
            yield Say(
                "restored", f"the store has version {self.store.version} of what is desired; it gets {desired.version}"
            )
            yield Put(desired)

    def end(self, camera_id: int) -> Stop:
        """A camera is to end in order."""
        self.running.end(camera_id)
        return Stop(camera_id)


def _is_free(member: Member, camera_id: int, now: float) -> bool:
    """Whether nobody else can be running it."""
    record = member.claims.record(camera_id)
    if passing.is_given(member, camera_id, now):
        return False
    long_enough = now >= member.store.since + member.roster.longest
    if record is None:
        return long_enough
    if record.holder is None:
        return not member.claims.is_rolled_back(camera_id) or long_enough
    if record.holder == member.me:
        return long_enough
    over = member.roster.is_over(record.holder)
    return long_enough if over is None else over
