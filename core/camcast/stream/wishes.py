"""What those who share an encoder would have it make: the least of it counts. Pure."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from camcast.encode.smaller import AS_IT_IS, Smaller
from camcast.few import NOTHING


def _nothing(smaller: Smaller) -> bool:
    return False


@attrs.define(eq=False)
class Wishes:
    """Of one stream. `apply` has whatever is encoded or transcoded here aim at so many bit/s, `make` has its picture
    be no larger than that; False = nothing is encoded."""

    apply: Callable[[int], bool]
    limit: int = 0
    """bit/s that encoders are configured with; 0 = chosen by the size. Change it by `adopt`."""
    make: Callable[[Smaller], bool] = _nothing
    size: Smaller = attrs.field(default=AS_IT_IS, init=False)
    """What the picture is at the most."""
    _asked: dict[object, int] = attrs.field(factory=dict, init=False)
    _resting: dict[object, int] = attrs.field(factory=dict, init=False)
    _smaller: dict[object, Smaller] = attrs.field(factory=dict, init=False)
    _fixed: frozenset[object] = attrs.field(default=NOTHING, init=False)
    """To whom pictures go that must stay as large as they began."""
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

    def shrink(self, who: object, smaller: Smaller) -> None:
        """`who` would have the picture no larger than this; `AS_IT_IS` = it may be as it is."""
        if self._smaller.get(who, AS_IT_IS) != smaller:
            self._smaller[who] = smaller
            self._tell_size()

    def fix(self, who: object, fixed: bool) -> None:
        """Whether `who` sends to somebody that takes no picture of another size than it began with."""
        if fixed != (who in self._fixed):
            self._fixed = self._fixed | {who} if fixed else self._fixed - {who}
            self._tell_size()

    def rest(self, who: object) -> None:
        """`who` is away for now. Its wish counts only while nobody else has one, so that it finds what it bears."""
        self.fix(who, False)
        if who in self._asked:
            self._resting[who] = self._asked.pop(who)
            self._tell()
            self._tell_size()

    def leave(self, who: object) -> None:
        """`who` takes nothing any more."""
        self._fixed -= {who}
        self._smaller.pop(who, None)
        if self.asked(who):
            self._asked.pop(who, None)
            self._resting.pop(who, None)
            self._tell()
        self._tell_size()

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
        if self.size != AS_IT_IS:
            self.make(self.size)

    def _tell(self) -> bool:
        wishes = self._asked or self._resting
        if not wishes:
            wanted = self._cap or self.limit or self._highest
        elif self._cap:
            wanted = min(self._cap, *wishes.values())
        else:
            wanted = min(wishes.values())
        return self.apply(wanted) if wanted else False

    def _tell_size(self) -> None:
        wishes = self._asked or self._resting
        wanted = [smaller for who, smaller in self._smaller.items() if who in wishes]
        size = AS_IT_IS
        if not self._fixed:
            for one in wanted:
                size = size.and_no_larger(one)
        if size != self.size:
            self.size = size
            self.make(size)
