"""Events as log lines: one line a happening, with the camera's name, the reason and the next step.

Several events may be one happening: an attempt fails, the state changes and the next try is scheduled. The first of
them is held back for a moment, and told together with what follows. A record's `events` are those that it tells of.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import attrs

from camcast.engine.dead_hosts import DeadHosts
from camcast.events import (
    AttemptFailed,
    AttemptStarted,
    Connected,
    Event,
    GaveUp,
    Moved,
    RetryScheduled,
    SessionEvent,
    SessionKey,
    SessionState,
    StateChanged,
)
from camcast.printable import printable

HELD = 0.1
"""Seconds for which a line waits for what belongs to it."""
OTHERS = 1.0
"""Seconds in which those are gathered who have the same trouble with the same host."""

log = logging.getLogger("camcast")


@attrs.define(eq=False)
class EventLog:
    """Of one engine. All calls on the loop. `name_of`: a camera's name by its id, "" where it has none."""

    _name_of: Callable[[int], str]
    _held: dict[SessionKey, tuple[Event, float]] = attrs.field(factory=dict, init=False)
    """What waits, and until when, by the loop's clock; the oldest first."""
    _timer: asyncio.TimerHandle | None = attrs.field(default=None, init=False)
    """One for all of them: where hundreds fail, a timer for each would cost more than its line."""
    _dead: DeadHosts = attrs.field(factory=DeadHosts, init=False)
    _others: asyncio.TimerHandle | None = attrs.field(default=None, init=False)
    """When those are told who have the trouble of somebody else."""

    def tell(self, event: Event) -> None:
        """Log it, now or together with what follows."""
        if not isinstance(event, SessionEvent):
            self._write(event.level, event)
            return
        if isinstance(event, StateChanged) and event.new is not SessionState.DISCONNECTED:
            # The event that comes with it says more.
            self._write("debug", event)
            return
        held, _ = self._held.get(event.key, (None, 0.0))
        if held is not None:
            del self._held[event.key]
            if _belongs(held, event):
                self._happened(held, event)
                return
            self._happened(held)
        if isinstance(event, AttemptFailed | Connected):
            self._hold(event)
        else:
            self._write("debug" if isinstance(event, AttemptStarted) else event.level, event)

    def close(self) -> None:
        """Tell what is held back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for key in list(self._held):
            self._release(key)
        self._tell_others()

    def _hold(self, event: SessionEvent) -> None:
        loop = asyncio.get_running_loop()
        self._held[event.key] = event, loop.time() + HELD
        if self._timer is None:
            self._timer = loop.call_later(HELD, self._look)

    def _look(self) -> None:
        """Tell what has waited for long enough."""
        self._timer = None
        loop = asyncio.get_running_loop()
        for key, (_, due) in list(self._held.items()):
            if due > loop.time():
                self._timer = loop.call_at(due, self._look)
                break
            self._release(key)

    def _release(self, key: SessionKey) -> None:
        if key in self._held:
            held, _ = self._held.pop(key)
            self._happened(held)

    def _happened(self, first: Event, second: Event | None = None) -> None:
        """Tell what may be the trouble, or the return, of a host that others want as well."""
        level = (second or first).level
        if isinstance(first, Connected):
            self._dead.reached(first.target)
        elif isinstance(first, AttemptFailed):
            trouble, news = self._dead.see(first, second)
            if trouble is not None and trouble.untold and self._others is None:
                self._others = asyncio.get_running_loop().call_later(OTHERS, self._tell_others)
            level = level if news else "debug"
        self._write(level, first, second)

    def _tell_others(self) -> None:
        if self._others is not None:
            self._others.cancel()
            self._others = None
        for trouble in self._dead.untold():
            self._write(trouble.first.level, trouble.first, text=trouble.text)
            trouble.untold.clear()

    def _write(self, level: str, first: Event, second: Event | None = None, text: str = "") -> None:
        """A line for `first`, together with `second`; `text` where it is to say something else."""
        number = getattr(logging, level.upper())
        if not log.isEnabledFor(number):
            return
        events = (first,) if second is None else (first, second)
        text = text or (first.text if second is None else _together(first, second))
        name = self._name_of(camera) if (camera := _camera_of(first)) is not None else ""
        log.log(
            number,
            "%s",
            printable(f"[{name}] {text}" if name else text),
            extra={"events": events, "camera_name": name},
        )


def _belongs(first: Event, second: Event) -> bool:
    """Whether both are one happening."""
    match first, second:
        case AttemptFailed(target=old), AttemptStarted(target=new):
            return old != new
        case (AttemptFailed(), RetryScheduled() | GaveUp()) | (Connected(), Moved()):
            return True
    return False


def _together(first: Event, second: Event) -> str:
    """One line for two that belong together."""
    match second:
        case RetryScheduled(delay=delay):
            return f"{first.text}; next try in {delay:g} s"
        case GaveUp(attempts=attempts):
            return f"{first.text}; it gave up after {attempts} retries{second.again}"
        case AttemptStarted(target=new):
            return f"{first.text}; next: {new}"
    return second.text


def _camera_of(event: Event) -> int | None:
    if isinstance(event, SessionEvent):
        return event.key.camera_id
    number = getattr(event, "camera_id", None)
    return number if isinstance(number, int) else None
