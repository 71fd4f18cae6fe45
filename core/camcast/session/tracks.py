"""Has an output send several pictures and sounds of its camera in one connection: by `tracks` and `sound_tracks`.

The first of each is the output's own, and carries the connection. The others come and go with their streams: each joins
what is on the air when its stream is there and the server takes it, and none waits for another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from math import inf

import attrs

from camcast.acceptance import Confidence
from camcast.config import SessionConfig
from camcast.few import NOTHING
from camcast.flv.multitrack import TRACK_FORM
from camcast.media import MediaKind, Packet
from camcast.session.other_stream import Other, said
from camcast.session.stage import OnAir
from camcast.session.streams import Streams
from camcast.session.telling import Telling
from camcast.stream.flow import FlowCounters
from camcast.stream.meters import RateMeter, Times
from camcast.stream.negotiation import COPY, NONE, RenditionKey
from camcast.stream.other_track import OtherTrack

LOOK = 0.25
"""Seconds between two looks at which streams are there."""
AGAIN = 10.0
"""Seconds until a stream is tried again that could not be sent."""


@attrs.define(eq=False)
class _Place:
    """One track that is to be sent."""

    stream: str
    kind: MediaKind
    number: int
    counters: FlowCounters = attrs.field(factory=FlowCounters)
    other: Other | None = None
    """The stream, as long as it is taken."""
    track: OtherTrack | None = None
    """The last one that joined what is on the air. `joined`: whether it is there."""
    joined: bool = False
    brings: RateMeter = attrs.field(factory=RateMeter)
    """What its stream brings for it."""
    not_before: float = -inf

    @property
    def name(self) -> str:
        return self.stream if self.kind is MediaKind.VIDEO else f"{self.stream} (sound)"


class Tracks:
    """Of one session. All calls on the loop."""

    def __init__(
        self,
        config: SessionConfig,
        streams: Streams,
        telling: Telling,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._streams = streams
        self._telling = telling
        self._clock = now
        self._places = [
            _Place(name, kind, number)
            for kind, names in ((MediaKind.VIDEO, config.tracks), (MediaKind.AUDIO, config.sound_tracks))
            for number, name in enumerate(names)
            if number
        ]
        self._on_air: OnAir | None = None
        self._noted: frozenset[str] = NOTHING
        self._looked = -inf

    @property
    def any(self) -> bool:
        """Whether there are any beside the first."""
        return bool(self._places)

    @property
    def figures(self) -> Mapping[str, int]:
        """Of each track beside the first, by its stream's name and the figure: what became of what it brought."""
        return {f"{place.name}: {name}": value for place in self._places for name, value in _figures(place).items()}

    @property
    def rate(self) -> float:
        """bit/s that the streams of those which are sent bring for them."""
        if not self._places:  # of nearly all, and this is asked often
            return 0.0
        return sum(place.brings.rate or 0.0 for place in self._places if place.joined)

    def look(self, on_air: OnAir | None, now: float) -> None:
        """Look which tracks can be sent by what is on the air, None = nothing is. `now` is `time.monotonic()`."""
        if not self._places:
            return
        if on_air is not self._on_air:
            self._leave()
            self._on_air = on_air
            if on_air is not None and on_air.tracks_taken is not Confidence.YES:
                self._refused(on_air)
        if on_air is None or on_air.tracks_taken is not Confidence.YES or now - self._looked < LOOK:
            return
        self._looked = now
        self._streams.look({"", *(place.stream for place in self._places)}, now)
        for place in self._places:
            if place.other is not None and place.other.rendition.closed:
                self._lost(place)
            if not place.joined and now >= place.not_before:
                self._join(place, on_air)
            if place.joined and place.track is not None:
                place.brings.look(now, place.track.brought)

    def end(self) -> None:
        """The session has ended."""
        self._leave()

    # --- inside ---------------------------------------------------------------------------------------------

    def _refused(self, on_air: OnAir) -> None:
        """The first track of each kind is all that this server gets."""
        known = on_air.tracks_taken is Confidence.UNKNOWN
        what = "nobody can tell whether it takes several" if known else "it takes no more, as far as is known"
        self._note(
            "tracks_not_taken",
            f"{on_air.shown} gets the first picture and the first sound only: {what}; if it takes several in one "
            'connection, set "server" to "multitrack", or to what it is',
        )

    def _join(self, place: _Place, on_air: OnAir) -> None:
        """Send it from its next keyframe on, if its stream is there."""
        other = self._fetch(place, on_air)
        hub = other.rendition.hub if other is not None else None
        if other is None or hub is None or not self._streams.measured(""):
            return
        feed, rendition = other.feed, other.rendition
        try:
            packer = rendition.packer()
        except Exception as error:  # noqa: BLE001  codecs are plugins as well
            self._cannot(place, error)
            return
        before = place.track
        place.track = OtherTrack(
            on_air.outlet.beside,
            hub,
            place.kind,
            place.number,
            packer,
            lambda packet: self._behind(place.stream, packet),
            place.counters,
            lambda: feed.request_keyframe(rendition),
            lambda error: self._cannot(place, error),
            before.last if before is not None else None,
            headers_again=on_air.headers_again,
        )
        place.track.join()
        place.joined = True

    def _fetch(self, place: _Place, on_air: OnAir) -> Other | None:
        """Its stream's rendition, in the form that has room for a track; None = not now."""
        feed = self._streams.find(place.stream)
        if place.other is not None:
            if place.other.feed is feed:
                return place.other
            self._lost(place)
        published = on_air.rendition
        track = next((one for one in feed.offers if one.kind is place.kind), None) if feed is not None else None
        if feed is None or track is None or published is None:
            return None
        if on_air.takes(track.codec) is Confidence.NO:
            self._cannot(place, f"{on_air.shown} does not take {track.codec}")
            return None
        picture = place.kind is MediaKind.VIDEO
        key = RenditionKey(
            published.key.payload,
            video=COPY if picture else NONE,
            video_form=TRACK_FORM if picture else "",
            audio=NONE if picture else COPY,
            audio_form="" if picture else TRACK_FORM,
        )
        try:
            place.other = Other(feed, lambda: self._lost(place)).take(key)
        except Exception as error:  # noqa: BLE001  as in `_join`
            self._cannot(place, error)
            return None
        return place.other

    def _lost(self, place: _Place) -> None:
        """Its stream brings other tracks, or nothing more; it is looked for again."""
        other, place.other, place.joined = place.other, None, False
        if place.track is not None:
            place.track.leave()
        if other is not None:
            other.release()

    def _cannot(self, place: _Place, error: Exception | str) -> None:
        """It cannot be sent; the others go on."""
        self._lost(place)
        place.not_before = self._clock() + AGAIN
        text = error if isinstance(error, str) else said(error)
        self._note("track_not_sent", f"track {place.number} ({place.name}) is not sent: {text}", place.name)

    def _note(self, code: str, text: str, of: str = "") -> None:
        """Tell each thing once for each attempt."""
        if code + of not in self._noted:
            self._noted |= {code + of}
            self._telling.note(code, text)

    def _leave(self) -> None:
        self._on_air = None
        self._noted = NOTHING
        for place in self._places:
            place.not_before = -inf
            self._lost(place)
            place.track = None

    # --- one clock ------------------------------------------------------------------------------------------

    def _behind(self, name: str, packet: Packet) -> Times:
        """By how much another stream's timeline is behind the own one's; without pictures, by when its sound came."""
        if self._streams.measured(name):
            return self._streams.behind(name)
        zero = packet.arrival - packet.dts
        return Times(zero, zero) - self._streams.meter("").zero


def _figures(place: _Place) -> dict[str, int]:
    counters, kind = place.counters, place.kind
    dropped = sum(counters.dropped.values())
    return {
        "sending": int(place.joined),
        "offered": counters.offered[kind],
        "sent": counters.sent[kind],
        "dropped": dropped,
        "bytes": counters.bytes,
    }
