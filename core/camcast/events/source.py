"""Where media comes from."""

from __future__ import annotations

from enum import Enum

import attrs

from camcast.events.base import Event, tried_again


class SourceState(Enum):
    """Where a camera stream's source side is."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    """Lost; the next try is scheduled."""
    ENDED = "ended"
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class SourceChanged(Event):
    camera_id: int
    stream_id: int
    old: SourceState
    new: SourceState
    reason: str = ""
    revive_at: float | None = None
    """`time.time()` seconds at which a source that has given up is tried again by itself; None = never."""

    @property
    def level(self) -> str:  # type: ignore[override]
        return "warning" if self.new in (SourceState.WAITING, SourceState.FAILED) else "info"

    @property
    def text(self) -> str:
        again = tried_again(self.revive_at, self.time)
        why = f" ({self.reason}{again})" if self.reason else ""
        return f"Source {self.label}: {self.old.value} -> {self.new.value}{why}"


@attrs.frozen(kw_only=True)
class SourceNote(Event):
    """Like `Note`, about a stream's source side or its transcoder."""

    camera_id: int
    stream_id: int
    code: str
    message: str

    level: str = "warning"

    @property
    def text(self) -> str:
        return f"Stream {self.label}: {self.message} [{self.code}]"
