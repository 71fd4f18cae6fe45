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
    _held: dict[SessionKey, Event] = attrs.field(factory=dict, init=False)
    _timers: dict[SessionKey, asyncio.TimerHandle] = attrs.field(factory=dict, init=False)
    _dead: DeadHosts = attrs.field(factory=DeadHosts, init=False)
    _others: asyncio.TimerHandle | None = attrs.field(default=None, init=False)
    """When those are told who have the trouble of somebody else."""

    def tell(self, event: Event) -> None:
        """Log it, now or together with what follows."""
        if not isinstance(event, SessionEvent):
            self._write(event.level, event.text, event)
            return
        held = self._held.get(event.key)
        if isinstance(event, StateChanged) and event.new is not SessionState.DISCONNECTED:
            # The event that comes with it says more.
            self._write("debug", event.text, event)
        elif held is not None and (text := _together(held, event)):
            self._forget(event.key)
            self._happened(event.level, text, held, event)
        else:
            self._release(event.key)
            if isinstance(event, AttemptFailed | Connected):
                self._held[event.key] = event
                timer = asyncio.get_running_loop().call_later(HELD, self._release, event.key)
                self._timers[event.key] = timer
            else:
                self._write("debug" if isinstance(event, AttemptStarted) else event.level, event.text, event)

    def close(self) -> None:
        """Tell what is held back."""
        for key in list(self._held):
            self._release(key)
        self._tell_others()

    def _release(self, key: SessionKey) -> None:
        held = self._held.get(key)
        if held is not None:
            self._forget(key)
            self._happened(held.level, held.text, held)

    def _happened(self, level: str, text: str, first: Event, second: Event | None = None) -> None:
        """Tell what may be the trouble, or the return, of a host that others want as well."""
        events = (first,) if second is None else (first, second)
        if isinstance(first, Connected):
            self._dead.reached(first.target)
        elif isinstance(first, AttemptFailed):
            trouble, news = self._dead.see(first, second)
            if trouble is not None and trouble.untold and self._others is None:
                self._others = asyncio.get_running_loop().call_later(OTHERS, self._tell_others)
            level = level if news else "debug"
        self._write(level, text, *events)

    def _tell_others(self) -> None:
        if self._others is not None:
            self._others.cancel()
            self._others = None
        for trouble in self._dead.untold():
            self._write(trouble.first.level, trouble.text, trouble.first)
            trouble.untold.clear()

    def _forget(self, key: SessionKey) -> None:
        del self._held[key]
        self._timers.pop(key).cancel()

    def _write(self, level: str, text: str, *events: Event) -> None:
        number = getattr(logging, level.upper())
        if not log.isEnabledFor(number):
            return
        name = self._name_of(camera) if (camera := _camera_of(events[0])) is not None else ""
        log.log(
            number,
            "%s",
            printable(f"[{name}] {text}" if name else text),
            extra={"events": events, "camera_name": name},
        )


def _together(first: Event, second: Event) -> str:
    """One line for both, or "" where the second has nothing to do with the first."""
    match first, second:
        case AttemptFailed(), RetryScheduled(delay=delay):
            return f"{first.text}; next try in {delay:g} s"
        case AttemptFailed(), GaveUp(attempts=attempts):
            return f"{first.text}; it gave up after {attempts} retries{second.again}"
        case AttemptFailed(target=old), AttemptStarted(target=new) if old != new:
            return f"{first.text}; next: {new}"
        case Connected(), Moved():
            return second.text
    return ""


def _camera_of(event: Event) -> int | None:
    if isinstance(event, SessionEvent):
        return event.key.camera_id
    number = getattr(event, "camera_id", None)
    return number if isinstance(number, int) else None
