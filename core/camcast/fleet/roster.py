"""What a member knows of the others: who is there, since when nobody has heard of one, what an operator has ordered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import attrs

from camcast.coordinators import Card, Holder, MemberNews, Order
from camcast.fleet.placement import Place

LIVES = 4
"""Of each member, that are remembered."""


@attrs.define
class Seen:
    """A member's record, and when it was first seen so."""

    news: MemberNews
    at: float


@attrs.define
class Roster:
    """Records by name. A time is that of the one who looks."""

    seen: dict[str, Seen] = attrs.field(factory=dict)
    orders: dict[str, Order] = attrs.field(factory=dict)
    longest: float = 0.0
    """The longest lease that has been seen."""
    signs: dict[Holder, float] = attrs.field(factory=dict)
    """When each life was last known to live: it was seen to, or says so itself in what was found of it."""
    wall: Callable[[], float] = time.time

    def hear(self, news: MemberNews, now: float) -> bool:
        """A record is as told; the same revision again is no sign of life. Returns whether its place is another now."""
        before = self.place(news.name)
        there = self.seen.get(news.name)
        if there is None or there.news.revision != news.revision:
            self.seen[news.name] = Seen(news, now)
            if news.card is not None:
                self._sign(news.card, now if there is not None else now - self._age(news.card))
        if news.card is not None:
            self.longest = max(self.longest, news.card.lease)
        return self.place(news.name) != before

    def _age(self, card: Card) -> float:
        """How old a record is that was there before; by two machines' clocks, so for people only."""
        return max(self.wall() - card.at, 0.0) if card.at else 0.0

    def _sign(self, card: Card, at: float) -> None:
        holder = card.holder
        if holder not in self.signs:
            lives = [one for one in self.signs if one.name == holder.name]
            for one in lives[: 1 - LIVES]:
                del self.signs[one]
        self.signs[holder] = max(at, self.signs.get(holder, at))

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
        takes_more = order is Order.NONE and not card.leaving
        keeps = order is not Order.DRAIN and not card.leaving
        return Place(name=name, capacity=card.capacity, labels=card.labels, takes_more=takes_more, keeps=keeps)
