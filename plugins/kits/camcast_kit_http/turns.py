"""How often whoever comes from one place may ask. Pure; times are passed in.

A request costs more than its bytes: one of a stranger's that is refused takes 0.3 ms [measured], and one connection may
bring hundreds at once.
"""

from __future__ import annotations

from collections import OrderedDict

from camcast.net.allowance import Allowance

MAX_PLACES = 1024
"""The one that asked longest ago is forgotten, and may ask as one who never did."""


class Turns:
    """At one port. Places are as `camcast.net.admission.origin` has them."""

    def __init__(self, burst: int, rate: float) -> None:
        """Requests at once, and a second for ever."""
        self._burst, self.rate = burst, rate
        self._places: OrderedDict[str, Allowance] = OrderedDict()

    def due(self, place: str, now: float) -> bool:
        """Whether it is one's turn from there."""
        known = self._places.get(place)
        return known is None or known.left(now) >= 1

    def took(self, place: str, now: float) -> None:
        """One was."""
        known = self._places.setdefault(place, Allowance(self._burst, self.rate))
        self._places.move_to_end(place)
        if len(self._places) > MAX_PLACES:
            self._places.popitem(last=False)
        known.take(1, now)
