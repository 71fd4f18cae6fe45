"""For how long cameras of a member were not on the air: what is told of each once it is. The clock is passed in.

A gap begins where the camera was last known to be on the air: at another member's last sign of life, or here, where it
ended or went off. It is no gap where nobody ran it, or its schedule says off.
"""

from __future__ import annotations

import attrs


@attrs.frozen
class _Off:
    """Since when a camera is off the air, None = not known; and what happened then."""

    since: float | None = None
    what: str = ""
    again: str = ""


class Gaps:
    """Those of one member."""

    def __init__(self) -> None:
        self._off: dict[int, _Off] = {}
        """Cameras that run here and are not on the air."""
        self._lit: set[int] = set()
        """Cameras that run here and are."""
        self._ended: dict[int, _Off] = {}
        """Cameras that do not run here any more."""
        self._elsewhere: dict[int, float] = {}

    @property
    def off(self) -> tuple[int, ...]:
        """Cameras that run here and are not on the air, as far as is known."""
        return tuple(self._off)

    def elsewhere(self, camera_id: int, at: float | None) -> None:
        """A camera that this member claims was last heard of elsewhere then."""
        if at is not None:
            self._elsewhere[camera_id] = at

    def taken(self, camera_id: int) -> None:
        """Another member has a camera: when it ended here says nothing any more."""
        self._ended.pop(camera_id, None)

    def begin(self, camera_id: int) -> None:
        """It is to run here."""
        self._lit.discard(camera_id)
        there, here = self._elsewhere.pop(camera_id, None), self._ended.pop(camera_id, _Off())
        if here.since is None or (there is not None and there > here.since):
            here = _Off(there, "its last sign elsewhere")
        self._off[camera_id] = here

    def end(self, camera_id: int, now: float) -> None:
        """It ends here."""
        off = self._off.pop(camera_id, _Off())
        if camera_id in self._lit:
            self._lit.remove(camera_id)
            off = _Off(now, "it ended", " again")
        self._ended[camera_id] = off

    def lost(self, camera_id: int, now: float, *, wanted: bool = True) -> None:
        """It runs here and is not on the air any more. `wanted`: unlike what its schedule says."""
        if camera_id in self._lit:
            self._lit.remove(camera_id)
            self._off[camera_id] = _Off(now, "it went off", " again") if wanted else _Off()

    def came(self, camera_id: int, now: float, alone_since: float | None) -> str:
        """It is on the air here; what is to be said of that. `alone_since`: when it ended on who gave it."""
        off = self._off.pop(camera_id)
        self._lit.add(camera_id)
        if off.since is not None:
            return f"on the air here{off.again}, {now - off.since:.1f} s after {off.what}"
        if alone_since is not None:
            return f"on the air here, {now - alone_since:.1f} s after its last sign elsewhere"
        return "on the air here"
