"""Has whoever encodes a session's picture follow what the session's path bears, by its configuration's `adapt`.

What it may be is decided by the regulator (`stream/regulator.py`), what comes of it where several share an encoder by
`stream/wishes.py`. This one feeds the first, tells the second, and says what has happened.
"""

from __future__ import annotations

from math import inf
from typing import Protocol

import attrs

from camcast.config import SessionConfig
from camcast.events import BitrateChanged
from camcast.session.share import BUDGET, Share
from camcast.session.shrinking import Shrinking
from camcast.session.sound_room import SoundRoom
from camcast.session.stage import OnAir
from camcast.session.telling import Telling
from camcast.session.uplinks import EARLY, Part
from camcast.stream.regulator import LOOK, USED, Change, Regulator
from camcast.stream.wishes import Wishes


class Encodes(Protocol):
    """The stream: what is asked of it."""

    @property
    def wishes(self) -> Wishes:
        """Bitrates for what is encoded here."""


@attrs.frozen
class Adapted:
    """How it stands."""

    bitrate: int = 0
    """bit/s that the encoder of the picture is told; 0 = does not adapt."""
    reason: str = ""
    """Of the last change."""
    changes: int = 0
    picture: str = ""
    """What the picture is at the most, "10 pictures/s, 360 lines"; "" = as it is."""
    picture_reason: str = ""
    picture_changes: int = 0


class Adapting:
    """Of one session. All calls on the loop."""

    def __init__(self, config: SessionConfig, stream: Encodes, telling: Telling) -> None:
        self._config = config
        self._stream = stream
        self._telling = telling
        self._regulator: Regulator | None = None
        self._on_air: OnAir | None = None
        self._limit = 0
        """The encoder's own, by which it goes."""
        self._looked = -inf
        self._wanted = 0
        """bit/s that are asked for. `_reason`: of its last change."""
        self._reason = ""
        self._sound = SoundRoom()
        self._shrinking = Shrinking(self, stream.wishes, telling)
        self._left = inf
        """bit/s that the uplink leaves it, with sound."""
        self._changes = 0
        self._idle = True
        """Whether nothing is encoded here that could follow."""
        self._told = False
        """Whether it was said that nothing is encoded here."""
        self.adopt(config)

    @property
    def now(self) -> Adapted:
        """How it stands."""
        regulator, shrinking = self._regulator, self._shrinking
        if regulator is None or self._idle:
            return Adapted()
        return Adapted(
            self._wanted, self._reason, self._changes, shrinking.picture, shrinking.reason, shrinking.changes
        )

    def pause(self, on_air: OnAir) -> float:
        """Seconds from one look to the next."""
        return LOOK if self._regulator is None or self._idle else self._regulator.pause(on_air.waited)

    def adopt(self, config: SessionConfig) -> None:
        """Go on by this."""
        self._config = config
        most = config.adapt.max * 1000
        limit = self._limit = self._stream.wishes.limit
        most = min(most, limit) if limit else most
        if not most:
            self._regulator = None
            self._stream.wishes.leave(self)
            return
        least = min(config.adapt.least * 1000, most)
        if self._regulator is None:
            self._regulator = Regulator(least, most)
            self._wanted, self._reason = most, self._regulator.reason
            self._on_air = None
        else:
            self._follow(self._regulator, self._regulator.limit(least, most))

    def look(
        self, on_air: OnAir | None, now: float, share: Share, tracks: float = 0.0, beside: OnAir | None = None
    ) -> None:
        """Look at the path of what is on the air, None = nothing is. `now` is `time.monotonic()`; `share` is what the
        uplink leaves it; `tracks`: bit/s of further ones in the same connection; `beside`: a second place."""
        self._shrinking.see(self._config.adapt, on_air, beside)
        if self._stream.wishes.limit != self._limit:
            self.adopt(self._config)
        regulator = self._regulator
        if regulator is None or on_air is None:
            if self._on_air is not None:
                self._on_air = None
                self._stream.wishes.rest(self)
            return
        if on_air is self._on_air and now - self._looked < EARLY * self.pause(on_air):
            return
        self._looked = now
        if on_air is not self._on_air:
            self._begin(regulator, on_air, share, tracks)
        else:
            regulator.beside = self._sound.look(on_air, now, tracks)
        if self._idle:
            # Whatever encodes it may begin later: a fallback that takes another codec.
            self._idle = not self._stream.wishes.ask(self, self._wanted)
            share.fixed()
            return
        part = self._claim(regulator, share)
        # What all outputs of a link wait for says nothing of this one's path.
        reading = None if part.late else on_air.outlet.reading()
        regulator.used = 0.0 if self._shrinking.limits(self._config.adapt, regulator.target) else USED
        self._follow(regulator, regulator.read(reading) if reading is not None else None)
        self._shrinking.look(self._config.adapt, now, self._wanted)

    def end(self) -> None:
        """The session has ended."""
        self._stream.wishes.leave(self)

    def _begin(self, regulator: Regulator, on_air: OnAir, share: Share, tracks: float) -> None:
        self._on_air = on_air
        self._sound = SoundRoom()
        regulator.beside = self._sound.look(on_air, self._looked, tracks)
        regulator.begin(on_air.trip or inf)
        self._claim(regulator, share)
        self._wanted = self._bounded(regulator)
        self._idle = not self._stream.wishes.ask(self, self._wanted)
        if self._idle and not self._told:
            self._told = True
            self._telling.note(
                "not_adapted",
                "its picture is not encoded here but passed on as it comes, so `adapt` cannot change its bitrate; set "
                "the camera's own bitrate, or have it transcoded",
            )

    def _claim(self, regulator: Regulator, share: Share) -> Part:
        part = share.between(regulator.least + regulator.beside, regulator.most + regulator.beside)
        self._left = part.rate
        return part

    def _bounded(self, regulator: Regulator) -> int:
        """What its path bears, and the uplink leaves; never less than `min`."""
        left = inf if self._left == inf else int(self._left) - regulator.beside
        return int(min(regulator.target, max(left, regulator.least)))

    def _follow(self, regulator: Regulator, change: Change | None) -> None:
        """Ask for what is to be, where that is something else than it was."""
        wanted = self._bounded(regulator)
        if wanted == self._wanted:
            return
        own = change is not None and wanted == change.target
        self._reason = change.reason if change is not None and own else BUDGET
        self._wanted = wanted
        self._changes += 1
        before = self._stream.wishes.asked(self)
        if self._on_air is not None and self._stream.wishes.ask(self, wanted):
            self._telling.emit(
                BitrateChanged(
                    label=self._telling.label,
                    key=self._telling.key,
                    bitrate=wanted,
                    before=before,
                    reason=self._reason,
                    bears=round(change.bears) if change is not None and own else 0,
                )
            )
