"""Has the picture made smaller while a session's bitrate is below what its size needs, by `adapt.below`.

When that is says `stream/floor.py`, what comes of it where several share an encoder `stream/wishes.py`. Where one of
them sends to a server that takes no other picture in mid-stream, it stays as it is for all.
"""

from __future__ import annotations

import attrs

from camcast.config import Adapt
from camcast.encode.smaller import AS_IT_IS, Smaller
from camcast.events import PictureChanged
from camcast.session.stage import OnAir
from camcast.session.telling import Telling
from camcast.stream.floor import SPARE, Floor
from camcast.stream.wishes import Wishes

BELOW = "its bitrate is too low for more"
ABOVE = "its bitrate allows for more again"
OTHERS = "the picture is shared with another output"


@attrs.define(eq=False)
class Shrinking:
    """Of one session, known to `wishes` as `who`. All calls on the loop."""

    who: object
    wishes: Wishes
    telling: Telling
    reason: str = attrs.field(default="", init=False)
    """Of the last change."""
    changes: int = attrs.field(default=0, init=False)
    _floor: Floor = attrs.field(factory=Floor, init=False)
    _places: tuple[OnAir | None, OnAir | None] = attrs.field(default=(None, None), init=False)
    _size: Smaller = attrs.field(default=AS_IT_IS, init=False)
    """As was told last."""

    @property
    def picture(self) -> str:
        """What it is at the most; "" = as it is."""
        return str(self._size)

    def see(self, adapt: Adapt, on_air: OnAir | None, beside: OnAir | None) -> None:
        """What it sends to now: one place, two, or none."""
        before, self._places = self._places, (on_air, beside)
        if before == self._places:
            return
        refusing = [one for one in self._places if one is not None and not one.another_picture]
        self.wishes.fix(self.who, bool(refusing))
        if on_air is None:
            self._size = AS_IT_IS
        elif refusing and adapt.below:
            self.telling.note(
                "smaller_not_taken",
                f"{refusing[0].shown} takes no other picture in mid-stream as far as is known, so `adapt.below` is "
                "left out; name another `server` if it does",
            )

    def look(self, adapt: Adapt, now: float, bitrate: int) -> None:
        """It is on the air, and bears `bitrate` bit/s; `now` in seconds. Tells what has changed."""
        if adapt.below:
            small = self._floor.look(now, bitrate, adapt.below * 1000)
            self.wishes.shrink(self.who, Smaller(adapt.framerate, adapt.height) if small else AS_IT_IS)
        elif self._floor.small:
            self._floor = Floor()
            self.wishes.shrink(self.who, AS_IT_IS)
        if self.wishes.size is not self._size:
            self._tell()

    def limits(self, adapt: Adapt, bitrate: int) -> bool:
        """Whether the picture may use less than `bitrate` only because it is small: then that says nothing of the path,
        up to where it could be as it was."""
        return self._size != AS_IT_IS and bitrate < SPARE * adapt.below * 1000

    def _tell(self) -> None:
        """Tell what it is by now, where that is something else: for others' sake perhaps."""
        size, before = self.wishes.size, self._size
        if size == before:
            return
        self._size = size
        own = self._floor.small == (size != AS_IT_IS)
        self.reason = (BELOW if self._floor.small else ABOVE) if own else OTHERS
        self.changes += 1
        self.telling.emit(
            PictureChanged(
                label=self.telling.label,
                key=self.telling.key,
                picture=str(size),
                before=str(before),
                reason=self.reason,
            )
        )
