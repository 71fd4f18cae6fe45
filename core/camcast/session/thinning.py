"""Has an output send what its link bears of its camera's streams, where they come encoded: by `adapt.down_to`, `.then`.

What it may be is decided by the ladder (`stream/ladder.py`), and done by the selector (`stream/selector.py`). This one
says what there is, fetches the other stream's pictures, and tells what has happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf

import attrs

from camcast.config import SessionConfig
from camcast.errors import MediaError
from camcast.events import PictureChanged
from camcast.few import NOTHING
from camcast.media import MediaKind
from camcast.session.other_stream import Other, said
from camcast.session.share import BUDGET, Share
from camcast.session.sound_room import SoundRoom
from camcast.session.stage import OnAir
from camcast.session.streams import Streams
from camcast.session.telling import Telling
from camcast.session.uplinks import EARLY
from camcast.stream.hub import Hub
from camcast.stream.ladder import OTHER, TOP, Ladder, Part, Rung, Step
from camcast.stream.negotiation import COPY, NONE
from camcast.stream.regulator import LOOK
from camcast.stream.rendition import Rendition
from camcast.stream.selector import Selector

SILENT = 3.0
"""Seconds without media after which another stream is not there to go to, or to stay with."""
FREE = 0.05
"""Of a stream's bytes, what its disposable pictures must take for it to be worth leaving them out."""
AGAIN = 10.0
"""Seconds until a stream is tried again that failed or went away."""
PATIENCE = 30.0
"""Seconds in which another stream that is to be sent brings a keyframe: longer than all but a few let one wait."""

GONE = "that stream brings nothing"
BROKEN = "that stream cannot be sent"
UNSEEN = "that stream brings no keyframe"
CODEC = "that stream is of another codec"
REFUSES = "the server takes no other picture"


@attrs.frozen
class Thinned:
    """How it stands."""

    picture: str = ""
    """What is sent; "" = all of its own, or nothing is on the air."""
    reason: str = ""
    """Of the last change."""
    changes: int = 0


_NOTHING = Step(TOP, TOP, "", 0.0)


class Thinning:
    """Of one session. All calls on the loop."""

    def __init__(
        self,
        config: SessionConfig,
        streams: Streams,
        telling: Telling,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._streams = streams
        self._telling = telling
        self._clock = now
        self._ladder = Ladder()
        self._sound = SoundRoom()
        self._failed: dict[str, tuple[float, str]] = {}
        """Until when a stream that failed is not tried again, and why."""
        self._noted: frozenset[str] = NOTHING
        """Of which streams that was told since the attempt began."""
        self._on_air: OnAir | None = None
        self._selector: Selector | None = None
        self._held: dict[str, Other] = {}
        """Streams whose pictures are sent, or are to be, by name."""
        self._todo = False
        """Whether what was decided last has yet to be asked for."""
        self._since = -inf
        """Since when it could be sent, were there a keyframe."""
        self._step: Step | None = None
        """The last one of this attempt. `_asked`: what the selector was asked for."""
        self._asked = _NOTHING
        self._sent = TOP
        """What is sent."""
        self._looked = -inf
        self._thinned = Thinned()

    @property
    def now(self) -> Thinned:
        """How it stands."""
        return self._thinned if self._config.adapt.chooses or self._thinned.picture else Thinned()

    def adopt(self, config: SessionConfig) -> None:
        """Go on by this."""
        before, self._config = self._config, config
        if config.adapt.chooses:
            if not before.adapt.chooses and self._on_air is not None:
                self._begin(self._on_air)
        elif self._ladder.at != TOP:
            self._ladder, self._step = Ladder(), None
            self._ladder.reason = OTHER
            self._todo = True
            self._select()

    def look(self, on_air: OnAir | None, now: float, share: Share) -> None:
        """Look at the path of what is on the air, None = nothing is. `now` is `time.monotonic()`; `share` is what the
        uplink leaves it."""
        adapt = self._config.adapt
        if on_air is not self._on_air:
            self._leave()
            self._on_air = on_air
            if on_air is not None and adapt.chooses:
                self._begin(on_air)
        if on_air is None or now - self._looked < EARLY * LOOK:
            return
        self._looked = now
        if not adapt.chooses:
            if self._todo:
                self._select()
            return
        self._streams.look(("", *adapt.down_to), now)
        self._ladder.beside = self._sound.look(on_air, now)
        at = self._ladder.at
        if at.stream and at != self._sent and now - self._since > PATIENCE:
            self._lost(at.stream, UNSEEN)
        there = self._rungs(on_air, now)
        part = share.steps(
            [rung.rate and rung.rate + self._ladder.beside for rung in there], [str(rung) for rung in there]
        )
        rungs = there if part.step is None else there[-1 - part.step :]
        if self._todo and at in rungs:
            self._select()
        missing = BUDGET if at in there else OTHER
        if at.stream in adapt.down_to:
            missing = self._missing(at.stream, on_air, now) or missing
        step = self._ladder.stay(now, rungs, missing)
        if step is not None and missing is BUDGET:
            self._ladder.lent(step.before)
        # What all outputs of a link wait for says nothing of this one's path.
        reading = None if part.late else on_air.outlet.reading()
        if step is None and reading is not None:
            step = self._ladder.read(reading, rungs, missing)
        if step is None and not part.late:
            step = self._ladder.back(now, rungs, BUDGET, reading)
        if step is not None:
            if step.reason == GONE:
                # One that comes and goes is not gone after each time.
                self._lost(step.before.stream, GONE)
            if step.before == self._sent or step.before.stream != step.to.stream:
                self._since = now
            self._step, self._todo = step, True
            self._select()

    def end(self) -> None:
        """The session has ended."""
        self._leave()

    # --- inside ---------------------------------------------------------------------------------------------

    def _begin(self, on_air: OnAir) -> None:
        self._sound = SoundRoom()
        self._ladder.beside = self._sound.look(on_air, self._clock())
        self._ladder.begin(on_air.trip or inf)
        self._step, self._todo, self._since = None, self._ladder.at != TOP, self._clock()
        self._noted = NOTHING
        if not on_air.another_picture and self._config.adapt.down_to:
            self._telling.note(
                "another_picture_not_taken",
                f"{on_air.shown} takes no other picture in mid-stream as far as is known, so `adapt.down_to` is left "
                "out there; name another `server` if it does",
            )

    def _leave(self) -> None:
        self._on_air = None
        self._forget()

    def _forget(self) -> None:
        """Nothing is sent."""
        self._selector = None
        self._asked, self._sent = _NOTHING, TOP
        self._thinned = attrs.evolve(self._thinned, picture="")
        self._keep()

    def _gone(self, selector: Selector) -> None:
        if selector is self._selector:
            self._forget()

    def _settled(self, selector: Selector) -> None:
        if selector is not self._selector:
            return
        asked, before = self._asked, self._sent
        self._sent = asked.to
        if asked.to == self._ladder.at:
            self._ladder.settled(self._clock())
        self._keep(asked.to.stream, self._ladder.at.stream)
        if asked.to == before:
            return
        self._thinned = Thinned(str(asked.to), asked.reason, self._thinned.changes + 1)
        self._telling.emit(
            PictureChanged(
                label=self._telling.label,
                key=self._telling.key,
                picture=str(asked.to),
                before=str(before),
                reason=asked.reason,
                bears=round(asked.bears),
            )
        )

    def _refused(self, selector: Selector, hub: Hub, error: Exception) -> None:
        """The pictures of `hub` cannot be made what is published."""
        on_air = self._on_air
        if selector is not self._selector or on_air is None:
            return
        if hub is on_air.published.hub:
            # The way back to its own; an attempt of its own begins with that.
            on_air.attempt.rendition_failed(MediaError(f"its own picture cannot be announced again: {said(error)}"))
            return
        for name in [name for name, other in self._held.items() if other.rendition.hub is hub]:
            self._cannot(name, error)

    def _keep(self, *names: str) -> None:
        """Of what is held, these."""
        for other in [one for one in self._held if one not in names]:
            self._held.pop(other).release()

    def _cannot(self, name: str, error: Exception) -> None:
        self._lost(name, BROKEN)
        if name not in self._noted:
            self._noted |= {name}
            self._telling.note("stream_not_taken", f'stream "{name}" cannot be sent instead: {said(error)}')

    def _lost(self, name: str, why: str) -> None:
        """Nothing more comes of that stream as it was; the ladder finds another rung."""
        self._failed[name] = self._clock() + AGAIN, why

    def _rungs(self, on_air: OnAir, now: float) -> list[Rung]:
        """What there is to send, everything of its own first. What was decided stays, where it only is worth little."""
        found, at = [], self._ladder.at
        names = ["", *(name for name in self._config.adapt.down_to if not self._missing(name, on_air, now))]
        for name in names:
            meter = self._streams.meter(name)
            rate, free = meter.pictures, meter.disposable
            found.append(Rung(name, Part.ALL, rate))
            if free > FREE or at == Rung(name, Part.NEEDED):
                found.append(Rung(name, Part.NEEDED, rate * (1 - free)))
        if self._config.adapt.then == "keyframes":
            smallest = names[-1]
            present = at.stream if at.part is Part.KEYFRAMES and at.stream in names else smallest
            for name in dict.fromkeys((present, smallest)):
                meter = self._streams.meter(name)
                found.append(Rung(name, Part.KEYFRAMES, meter.pictures * meter.keyframes))
        return found

    def _missing(self, name: str, on_air: OnAir, now: float) -> str:
        """Why another stream cannot be sent; "" = it can: it brings pictures of the codec that is published."""
        if not on_air.another_picture:
            return REFUSES
        until, why = self._failed.get(name, (-inf, ""))
        if now < until:
            return why
        feed = self._streams.find(name)
        silent = feed.pulse.silent_for if feed is not None else None
        # A slate is no media of its source's.
        if feed is None or not feed.offers or silent is None or silent >= SILENT:
            return GONE
        own = next((track.codec for track in on_air.tracks if track.kind is MediaKind.VIDEO), None)
        return "" if any(track.kind is MediaKind.VIDEO and track.codec == own for track in feed.offers) else CODEC

    def _select(self) -> None:
        """Ask for what was decided, as soon as that can be done."""
        on_air, to = self._on_air, self._ladder.at
        published = on_air.rendition if on_air is not None else None
        if on_air is None or published is None:
            return
        selector = self._selector
        if selector is None:
            selector = self._selector = Selector(
                on_air.outlet, on_air.published.hub, published.packer, self._settled, self._gone, self._refused
            )
        other = hub = None
        if to.stream:
            other = self._fetch(to.stream, published)
            hub = other.rendition.hub if other is not None else None
            if hub is None:
                return
        self._asked = Step(to, self._sent, self._ladder.reason, self._step.bears if self._step is not None else 0.0)
        self._todo = not selector.want(to.part, hub, lambda: self._streams.behind(to.stream))
        if self._todo:
            self._since = self._clock()
        elif selector.pending:
            if other is None:
                on_air.attempt.want_keyframe()
            else:
                other.feed.request_keyframe(other.rendition)

    def _fetch(self, name: str, published: Rendition) -> Other | None:
        """The pictures of another stream, in the form that is published."""
        feed, held = self._streams.find(name), self._held.get(name)
        if held is not None:
            if held.feed is feed and not held.rendition.closed:
                return held
            self._held.pop(name).release()
        if feed is None:
            return None
        key = attrs.evolve(published.key, video=COPY, audio=NONE, audio_form="")
        try:
            other = self._held[name] = Other(feed, lambda: self._lost(name, BROKEN)).take(key)
        except Exception as error:  # noqa: BLE001  codecs are plugins as well
            self._cannot(name, error)
            return None
        return other
