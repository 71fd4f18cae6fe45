"""What all events are."""

from __future__ import annotations

import time as _time

import attrs


@attrs.frozen(kw_only=True)
class Event:
    """Base of all events. `label` is readable: "cam0_main", or "cam0_main/cloud" for a second output."""

    label: str
    time: float = attrs.field(factory=_time.time)

    level = "info"

    @property
    def name(self) -> str:
        return type(self).__name__

    @property
    def text(self) -> str:
        return f"{self.name} {self.label}"


def tried_again(revive_at: float | None, now: float) -> str:
    """What an event says at its end of the next try after giving up."""
    return "" if revive_at is None else f"; tried again in {max(revive_at - now, 0):.0f} s"
