"""What those who share an encoder would have it make: the least of it counts. Pure."""

from __future__ import annotations

from collections.abc import Callable

import attrs


@attrs.define(eq=False)
class Wishes:
    """Of one stream. `apply` has whatever is encoded or transcoded here aim at so many bit/s; False = nothing is."""

    apply: Callable[[int], bool]
    limit: int = 0
    """bit/s that encoders are configured with; 0 = chosen by the size. Change it by `adopt`."""
    _asked: dict[object, int] = attrs.field(factory=dict, init=False)
    _resting: dict[object, int] = attrs.field(factory=dict, init=False)
    _highest: int = attrs.field(default=0, init=False)
    """That was ever asked for: what an encoder of unknown limit goes back to."""
    _cap: int = attrs.field(default=0, init=False)

    def ask(self, who: object, bitrate: int) -> bool:
        """`who` bears no more than `bitrate` bit/s, until it says otherwise. False = nothing is encoded here."""
        self._resting.pop(who, None)
        self._asked[who] = bitrate
        self._highest = max(self._highest, bitrate)
        return self._tell()

    def asked(self, who: object) -> int:
        """What `who` asked for last; 0 = nothing."""
        return self._asked.get(who, 0) or self._resting.get(who, 0)

    def rest(self, who: object) -> None:
        """`who` is away for now. Its wish counts only while nobody else has one, so that it finds what it bears."""
        if who in self._asked:
            self._resting[who] = self._asked.pop(who)
            self._tell()

    def leave(self, who: object) -> None:
        """`who` takes nothing any more."""
        if self.asked(who):
            self._asked.pop(who, None)
            self._resting.pop(who, None)
            self._tell()

    def cap(self, bitrate: int) -> bool:
        """Somebody's order: never more than this, whatever links would bear. False = nothing is encoded here."""
        self._cap = bitrate
        return self._tell()

    def adopt(self, limit: int) -> None:
        """Encoders are configured with `limit` from now on; who wishes for less still gets less."""
        self.limit = limit
        self.again()

    def again(self) -> None:
        """Whatever encodes was made anew: it is to know what counts, where anybody wishes anything."""
        if self._asked or self._resting or self._cap:
            self._tell()

    def _tell(self) -> bool:
        wishes = self._asked or self._resting
        if not wishes:
            wanted = self._cap or self.limit or self._highest
        elif self._cap:
            wanted = min(self._cap, *wishes.values())
        else:
            wanted = min(wishes.values())
        return self.apply(wanted) if wanted else False
