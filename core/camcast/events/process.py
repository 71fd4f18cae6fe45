"""The engine itself: its configuration, its processes, its loop."""

from __future__ import annotations

import attrs

from camcast.events.base import Event


@attrs.frozen(kw_only=True)
class Reloaded(Event):
    """The engine is like its configuration again. `changes`: what has been done, a line each; never a value."""

    changes: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"Reloaded: {', '.join(self.changes) or 'nothing has changed'}"


@attrs.frozen(kw_only=True)
class ReloadRefused(Event):
    """The configuration was to be read again, and is wrong or cannot be read: nothing has been touched."""

    error: str

    level = "error"

    @property
    def text(self) -> str:
        return f"Not reloaded, everything goes on as before: {self.error}"


@attrs.frozen(kw_only=True)
class WorkerRestarted(Event):
    """A worker process died and is started anew. `cameras`: those that it runs."""

    reason: str
    cameras: tuple[int, ...]

    level = "error"

    @property
    def text(self) -> str:
        which = ", ".join(str(camera) for camera in self.cameras) or "none"
        return f"Process {self.label} {self.reason}; it is started anew with cameras {which}"


@attrs.frozen(kw_only=True)
class LoopHeld(Event):
    """The event loop of a process stood still, and with it every camera there."""

    seconds: float
    plugin: str
    """Name of the plugin whose code held it; "" = not a plugin's, as far as can be seen."""
    where: str
    """"file.py:12 in name"."""

    level = "error"

    @property
    def text(self) -> str:
        who = f"plugin {self.plugin}, {self.where}" if self.plugin else self.where
        return f"All cameras of {self.label} stood still for {self.seconds:.1f} s: the event loop was held by {who}"
