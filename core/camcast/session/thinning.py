"""Has an output send what its link bears of its camera's streams, where they come encoded: by `adapt.down_to`, `.then`.

What it may be is decided by the ladder (`stream/ladder.py`), and done by the selector (`stream/selector.py`). This one
says what there is, fetches the other stream's pictures, and tells what has happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf
from typing import Self

import attrs

from camcast.config import SessionConfig
from camcast.errors import CamcastError
from camcast.events import PictureChanged
from camcast.media import MediaKind
from camcast.session.adapting import EARLY, SOUND
from camcast.session.stage import OnAir
from camcast.session.telling import Telling
from camcast.stream.feed import Feed
from camcast.stream.hub import Hub
from camcast.stream.ladder import TOP, Ladder, Part, Rung
from camcast.stream.meters import Meter, Times
from camcast.stream.negotiation import COPY, NONE, RenditionKey
from camcast.stream.regulator import LOOK
from camcast.stream.rendition import Rendition
from camcast.stream.selector import Selector

SILENT = 3.0
"""Seconds without media after which another stream is not there to go to, or to stay with."""
FREE = 0.05
"""Of a stream's bytes, what its disposable pictures must take for it to be worth leaving them out."""
AGAIN = 10.0
"""Seconds until a stream is tried again that failed."""


@attrs.frozen
class Thinned:
    """How it stands."""

    picture: str = ""
    """What is sent; "" = all of its own."""
    reason: str = ""
    """Of the last change."""
    changes: int = 0


@attrs.define(eq=False)
class Other:
    """Another stream of the camera, as the one whose pictures are sent. Implements `RenditionUser`."""

    feed: Feed
    failed: Callable[[], object]
    rendition: Rendition = attrs.field(init=False)

    def take(self, key: RenditionKey) -> Self:
        """Raises `CamcastError`. Give it back with `release`."""
        self.rendition = self.feed.renditions.acquire(key, self)
        return self

    def release(self) -> None:
        """Nobody takes it any more."""
        self.feed.renditions.release(self.rendition, self)

    def tracks_changed(self) -> None:
        self.failed()

    def rendition_failed(self, error: CamcastError) -> None:
        self.failed()


class Thinning:
    """Of one session. All calls on the loop."""

    def __init__(
        self, config: SessionConfig, feed: Feed, others: Callable[[str], Feed | None], telling: Telling
    ) -> None:
        """`others` finds a stream of the same camera by its name; None = it is not there."""
        self._config = config
        self._feed = feed
        self._others = others
        self._telling = telling
        self._ladder = Ladder()
        self._meters: dict[str, Meter] = {}
        self._failed: dict[str, float] = {}
        """Until when a stream that failed is not tried again."""
        self._on_air: OnAir | None = None
        self._selector: Selector | None = None
        self._held: dict[str, Other] = {}
        """Streams whose pictures are sent, or are to be, by name."""
        self._todo = False
        """Whether what was decided last has yet to be asked for."""
        self._looked = -inf
        self._changes = 0

    @property
    def now(self) -> Thinned:
        """How it stands."""
        if not self._config.adapt.chooses:
            return Thinned()
        return Thinned(str(self._ladder.at), self._ladder.reason if self._changes else "", self._changes)

    def adopt(self, config: SessionConfig) -> None:
        """Go on by this."""
        self._config = config
        if not config.adapt.chooses and self._ladder.at != TOP:
            self._ladder = Ladder()
            self._todo = True
            self._select()

    def look(self, on_air: OnAir | None, now: float) -> None:
        """Look at the path of what is on the air, None = nothing is. `now` is `time.monotonic()`."""
        adapt = self._config.adapt
        if on_air is not self._on_air:
            self._leave()
            self._on_air = on_air
            if on_air is not None and adapt.chooses:
                self._begin(on_air)
        if on_air is None or now - self._looked < EARLY * LOOK:
            return
        self._looked = now
        if self._todo:
            self._select()
        if not adapt.chooses:
            return
        for name in ("", *adapt.down_to):
            feed = self._find(name)
            if feed is not None:
                meter = self._meters.setdefault(name, Meter())
                meter.look(now, feed.counters, feed.group)
        reading = on_air.outlet.reading()
        if reading is None:
            return
        step = self._ladder.read(reading, self._rungs(on_air, now))
        if step is not None:
            self._changes += 1
            self._todo = True
            self._select()
            self._telling.emit(
                PictureChanged(
                    label=self._telling.label,
                    key=self._telling.key,
                    picture=str(step.to),
                    before=str(step.before),
                    reason=step.reason,
                    bears=round(step.bears),
                )
            )

    def end(self) -> None:
        """The session has ended."""
        self._leave()

    # --- inside ---------------------------------------------------------------------------------------------

    def _begin(self, on_air: OnAir) -> None:
        self._ladder.beside = SOUND if any(track.kind is MediaKind.AUDIO for track in on_air.tracks) else 0
        self._ladder.begin(on_air.trip or inf)
        self._todo = self._ladder.at != TOP
        if not on_air.another_picture and self._config.adapt.down_to:
            self._telling.note(
                "another_picture_not_taken",
                f"{on_air.shown} takes no other picture in mid-stream as far as is known, so `adapt.down_to` is left "
                "out there; name another `server` if it does",
            )

    def _leave(self) -> None:
        self._selector = self._on_air = None
        self._keep("")

    def _gone(self, selector: Selector) -> None:
        if selector is self._selector:
            self._selector = None
            self._keep("")

    def _refused(self, selector: Selector, hub: Hub, error: Exception) -> None:
        if selector is self._selector:
            for name in [name for name, other in self._held.items() if other.rendition.hub is hub]:
                self._lost(name)

    def _settled(self, selector: Selector) -> None:
        self._ladder.settled(time.monotonic())
        self._keep(self._ladder.at.stream)

    def _keep(self, name: str) -> None:
        """Of what is held, this."""
        for other in [one for one in self._held if one != name]:
            self._held.pop(other).release()

    def _lost(self, name: str) -> None:
        """Nothing more comes of that stream as it was; the ladder finds another rung."""
        self._failed[name] = time.monotonic() + AGAIN

    def _find(self, name: str) -> Feed | None:
        return self._others(name) if name else self._feed

    def _rungs(self, on_air: OnAir, now: float) -> list[Rung]:
        """What there is to send, everything of its own first."""
        own = next((track.codec for track in on_air.tracks if track.kind is MediaKind.VIDEO), None)
        found, last = [], ""
        for name in ("", *(self._config.adapt.down_to if on_air.another_picture else ())):
            if name and not self._is_there(name, own, now):
                continue
            meter, last = self._meters.get(name) or Meter(), name
            found.append(Rung(name, Part.ALL, meter.rate))
            if meter.disposable > FREE:
                found.append(Rung(name, Part.NEEDED, meter.rate * (1 - meter.disposable)))
        if self._config.adapt.then == "keyframes":
            meter = self._meters.get(last) or Meter()
            found.append(Rung(last, Part.KEYFRAMES, meter.rate * meter.keyframes))
        return found

    def _is_there(self, name: str, codec: str | None, now: float) -> bool:
        """Whether another stream has pictures of the codec that is published."""
        feed = self._find(name)
        if feed is None or not feed.flowing(SILENT) or now < self._failed.get(name, -inf):
            return False
        return any(track.kind is MediaKind.VIDEO and track.codec == codec for track in feed.offers)

    def _select(self) -> None:
        """Ask for what was decided, as soon as that can be done."""
        on_air, to = self._on_air, self._ladder.at
        published = on_air.rendition if on_air is not None else None
        if on_air is None or published is None:
            return
        if self._selector is None:
            self._selector = Selector(
                on_air.outlet, on_air.published.hub, published.packer, self._settled, self._gone, self._refused
            )
        if not to.stream:
            self._todo = not self._selector.want(to.part)
            on_air.attempt.want_keyframe()
            return
        other = self._fetch(to.stream, published)
        hub = other.rendition.hub if other is not None else None
        if other is None or hub is None:
            return
        self._todo = not self._selector.want(to.part, hub, lambda: self._behind(to.stream))
        other.feed.request_keyframe(other.rendition)

    def _behind(self, name: str) -> Times:
        """By how much another stream's timeline is behind the own one's."""
        return self._meters[name].zero - self._meters[""].zero

    def _fetch(self, name: str, published: Rendition) -> Other | None:
        """The pictures of another stream, in the form that is published."""
        if name in self._held:
            return self._held[name]
        feed = self._others(name)
        if feed is None:
            return None
        key = attrs.evolve(published.key, video=COPY, audio=NONE, audio_form="")
        try:
            other = self._held[name] = Other(feed, lambda: self._lost(name)).take(key)
        except CamcastError as error:
            self._lost(name)
            self._telling.note("stream_not_taken", f'stream "{name}" cannot be sent instead: {error}')
            return None
        return other
