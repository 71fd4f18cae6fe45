"""What a member knows of the others: who is there, since when nobody has heard of one, what an operator has ordered."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from camcast.coordinators import Card, Holder, MemberNews, Order
from camcast.fleet.placement import Place


@attrs.define
class Seen:
    """A member's record, and when it was first seen so."""

    news: MemberNews
    at: float
    alive_at: float = 0.0
    """When it was last seen to live."""


@attrs.define
class Roster:
    """Records by name. A time is that of the one who looks."""

    seen: dict[str, Seen] = attrs.field(factory=dict)
    orders: dict[str, Order] = attrs.field(factory=dict)
    longest: float = 0.0
    """The longest lease that has been seen."""

    def hear(self, news: MemberNews, now: float) -> bool:
        """A record is as told; the same revision again is no sign of life. Returns whether its place is another now."""
        before = self.place(news.name)
        there = self.seen.get(news.name)
        if there is None or there.news.revision != news.revision:
            alive = now if news.card is not None or there is None else there.alive_at
            self.seen[news.name] = Seen(news, now, alive)
        if news.card is not None:
            self.longest = max(self.longest, news.card.lease)
        return self.place(news.name) != before

    def order(self, name: str, order: Order) -> bool:
        """An operator wants this. Returns whether the member's place is another now."""
        before = self.place(name)
        self.orders[name] = order
        return self.place(name) != before

    def begin_anew(self, now: float) -> None:
        """Nothing was heard for a while: everybody gets the time of a whole lease to be heard again."""
        for seen in self.seen.values():
            seen.at = now

    def revision(self, name: str) -> int:
        """Of a member's record; 0 = there is none."""
        return self.seen[name].news.revision if name in self.seen else 0

    def card(self, name: str) -> Card | None:
        """What a member that is there last said of itself."""
        return self.seen[name].news.card if name in self.seen else None

    def last_sign(self, name: str) -> float | None:
        """When its record was last seen to change."""
        return self.seen[name].at if name in self.seen else None

    def alive_at(self, name: str) -> float | None:
        """When a member was last seen to live."""
        return self.seen[name].alive_at if name in self.seen else None

    def silent(self, now: float) -> Iterator[tuple[str, int]]:
        """Those whose lease is over, with the revision of their record."""
        for name, seen in self.seen.items():
            if seen.news.card is not None and now >= seen.at + seen.news.card.lease:
                yield name, seen.news.revision

    def is_over(self, holder: Holder) -> bool | None:
        """Whether this life has ended for sure; None = there is no record of the member."""
        if holder.name not in self.seen:
            return None
        card = self.card(holder.name)
        return card is None or card.holder.incarnation != holder.incarnation

    def places(self) -> list[Place]:
        """Members that have not been found dead, as placement wants them."""
        return [place for name in self.seen if (place := self.place(name)) is not None]

    def place(self, name: str) -> Place | None:
        """A member, unless it has been found dead."""
        if (card := self.card(name)) is None:
            return None
        order = self.orders.get(name, Order.NONE)
        takes_more, keeps = order is Order.NONE, order is not Order.DRAIN
        return Place(name=name, capacity=card.capacity, labels=card.labels, takes_more=takes_more, keeps=keeps)
