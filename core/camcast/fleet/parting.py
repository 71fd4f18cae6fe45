"""Cameras that go to another member while they still run here: the newcomer begins before the old one ends.

Where the destination bears it, which a rule of the fleet's file says (`overlap`). Three writes, each under a higher
fencing number, so that whoever looks knows who may be sending:

```
1  the giver writes       holder: the heir, giver: itself     both run it from here on
2  the heir writes        the same, once it is on the air     the giver hears that, and ends it
3  the giver writes       holder: the heir, no giver          nobody else runs it
```

Until the third, or until the giver's life is over, the camera goes to nobody else: the giver may be cut off, and runs
it until its own lease ends.
"""

from __future__ import annotations

import attrs

from camcast.coordinators import ClaimNews, Holder

PARTING = 10.0
"""Seconds that a giver goes on for an heir that is not on the air; a receiver may refuse whoever comes second."""


@attrs.frozen
class Offer:
    """What was asked of the store: the camera is `heir`'s, under this fencing number. `at`: when, by this clock."""

    heir: Holder
    fence: int
    at: float


@attrs.define
class Partings:
    """Those of one member, as a giver and as an heir."""

    offers: dict[int, Offer] = attrs.field(factory=dict)
    """By camera, until it has ended here."""
    _on_air: set[int] = attrs.field(factory=set)
    """Cameras of this member that have come on the air since they began."""
    _confirmed: dict[int, int] = attrs.field(factory=dict)
    """Under which fencing number an heir last said so."""

    def offer(self, camera_id: int, heir: Holder, fence: int, now: float) -> None:
        """A camera that runs here is offered to another member."""
        self.offers[camera_id] = Offer(heir, fence, now)

    def lost(self, camera_id: int) -> None:
        """A camera is not on the air here any more: whoever has it now may have thrown it out. It ends."""
        if (offer := self.offers.get(camera_id)) is not None:
            self.offers[camera_id] = attrs.evolve(offer, at=float("-inf"))

    def came(self, camera_id: int) -> None:
        """A camera has come on the air here."""
        self._on_air.add(camera_id)

    def ended(self, camera_id: int) -> None:
        """A camera has ended here."""
        self.offers.pop(camera_id, None)
        self._on_air.discard(camera_id)
        self._confirmed.pop(camera_id, None)

    def is_late(self, camera_id: int, now: float) -> bool:
        """Whether the heir has had its time, or the camera is not on the air here any more."""
        offer = self.offers.get(camera_id)
        return offer is not None and now >= offer.at + PARTING

    def goes_on(self, camera_id: int, record: ClaimNews | None, me: Holder, now: float) -> bool:
        """Whether a camera that was offered is to run here still. `record`: None where the store says nothing of it."""
        offer = self.offers[camera_id]
        if self.is_late(camera_id, now):
            return False
        if record is None:
            return True
        unanswered = record.holder == me and record.fence < offer.fence
        return unanswered or (record.giver == me and record.fence == offer.fence)

    def confirms(self, camera_id: int, fence: int) -> bool:
        """Whether an heir is to say now that the camera is on the air with it. Once for each claim."""
        if camera_id not in self._on_air or self._confirmed.get(camera_id, -1) >= fence - 1:
            return False
        self._confirmed[camera_id] = fence
        return True
