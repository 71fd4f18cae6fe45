"""What runs beside the cameras."""

from __future__ import annotations

from enum import Enum

import attrs

from camcast.events.base import Event


class ServiceState(Enum):
    """Where a service is."""

    STOPPED = "stopped"
    RUNNING = "running"
    WAITING = "waiting"
    """It failed; the next start is scheduled."""
    FAILED = "failed"
    """It is not started again by itself."""


@attrs.frozen(kw_only=True)
class ServiceChanged(Event):
    """A service has been started, has ended, or failed. `label` is its name: "http"."""

    old: ServiceState
    new: ServiceState
    reason: str = ""
    retry_in: float | None = None
    """Seconds until it is started again; None = not by itself."""

    @property
    def level(self) -> str:  # type: ignore[override]
        return "warning" if self.new in (ServiceState.WAITING, ServiceState.FAILED) else "info"

    @property
    def text(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        again = f"; started again in {self.retry_in:g} s" if self.retry_in is not None else ""
        return f"Service {self.label}: {self.old.value} -> {self.new.value}{why}{again}"


@attrs.frozen(kw_only=True)
class ServiceNote(Event):
    """Something that a service wants an operator to know. `label` is its name."""

    code: str
    message: str

    @property
    def text(self) -> str:
        return f"Service {self.label}: {self.message} [{self.code}]"
