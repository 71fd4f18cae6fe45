"""What a session is to do now, and why: one wanted state, made of the last order, its schedule and what media there is.

The supervisor looks at it whenever something happens and does what is missing (level-triggered): an order that comes in
the middle of something else is not lost, and one that has been taken back is not carried out.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import attrs

from camcast.config.schedule import Schedule
from camcast.session.timetable import Timetable


class Wish(Enum):
    """What a session is to do. The order of precedence is that of `Orders.now`."""

    PUBLISH = "publish"
    """Be on the air."""
    ANEW = "publish anew"
    """Leave the air and come back: what is published there is outdated."""
    WAIT = "wait"
    """Stay off the air until media comes."""
    OFF = "off by schedule"
    """Stay off the air until its schedule says otherwise."""
    PAUSE = "pause"
    """Stay off the air until the user says otherwise."""
    END = "end"
    """Leave for good."""


@attrs.frozen
class Wanted:
    """A wish and its reason, as events tell it."""

    wish: Wish
    reason: str = ""

    @property
    def on_air(self) -> bool:
        """Whether an attempt is to be made, or to stay."""
        return self.wish in (Wish.PUBLISH, Wish.ANEW)


_PUBLISH = Wanted(Wish.PUBLISH)
_WAIT = "waiting for media"


class Orders:
    """The orders to one session. `media` says whether there is any to send, and `why` why there is none."""

    def __init__(
        self, media: Callable[[], bool], why: Callable[[], str] = lambda: "", timetable: Timetable | None = None
    ) -> None:
        self.timetable = timetable or Timetable(Schedule())
        self._media = media
        self._why = why
        self._order = _PUBLISH
        self._anew: Wanted | None = None
        """Until the session has left the air: what is published is outdated, whatever it is told meanwhile."""

    @property
    def now(self) -> Wanted:
        """What is wanted at this moment: the end above all, then a pause, then the schedule, then media."""
        if self._order.wish in (Wish.END, Wish.PAUSE):
            return self._order
        if self.timetable.any and (scheduled := self.timetable.now).off:
            return Wanted(Wish.OFF, scheduled.text)
        if self._media():
            return self._anew or self._order
        why = self._why()
        return Wanted(Wish.WAIT, f"{_WAIT}: {why}" if why else _WAIT)

    def publish(self) -> None:
        """Be on the air from now on."""
        self._give(_PUBLISH)

    def anew(self, reason: str) -> None:
        """Publish anew, if anything is to be published."""
        self._anew = Wanted(Wish.ANEW, reason)

    def left(self) -> None:
        """The session has left the air: whatever it publishes next is new."""
        self._anew = None

    def pause(self) -> None:
        self._give(Wanted(Wish.PAUSE, "paused"))

    def end(self) -> None:
        """For good: no other order counts any more."""
        self._give(Wanted(Wish.END, "stopped"))

    def _give(self, order: Wanted) -> None:
        if self._order.wish is not Wish.END:
            self._order = order
