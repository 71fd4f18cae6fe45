"""A session whose picture follows its link: what is asked, told and shown."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any

import attrs
import pytest

from camcast.config import Adapt, SessionConfig, TargetConfig
from camcast.encode.smaller import Smaller
from camcast.engine.differences import adopted, places
from camcast.events import BitrateChanged, Event, Note, PictureChanged, SessionKey
from camcast.media import MediaKind, Track
from camcast.session.adapting import Adapted, Adapting
from camcast.session.share import BUDGET, Share
from camcast.session.telling import Telling
from camcast.session.uplinks import Part, Uplinks
from camcast.stream.floor import SPARE
from camcast.stream.flow import FlowCounters
from camcast.stream.observed import Reading
from camcast.stream.regulator import LOOK, SHARE
from camcast.stream.wishes import Wishes

KEY = SessionKey(0, 0, "rtmp")
MBIT = 1_000_000


def config(low: int = 500, high: int = 4000, **more: Any) -> SessionConfig:
    adapt = Adapt(min=low if high else 0, max=high, **more)
    return SessionConfig(camera_id=0, targets=[TargetConfig(url="rtmp://127.0.0.1/live/x")], adapt=adapt)


NO_SHARE = Share(config(), Uplinks(), KEY)
"""Without an uplink."""


@attrs.define
class Outlet:
    """A link of a rate, as an outlet tells of it."""

    encoder: Encoder
    rate: float = 20 * MBIT
    now: float = 0.0
    given: float = 0.0
    acked: float = 0.0
    sound: int = 0
    """bit/s."""
    needs: float = inf
    """bit/s that the picture is made with at the most."""
    counters: FlowCounters = attrs.field(factory=FlowCounters)

    readings: int = 0

    def advance(self) -> None:
        """To the next look."""
        self.now += LOOK
        self.given += (min(self.encoder.bitrate, self.needs) + self.sound) / 8 * LOOK
        self.counters.sound_bytes += int(self.sound / 8 * LOOK)
        self.acked = min(self.given, self.acked + self.rate / 8 * LOOK)

    def reading(self) -> Reading | None:
        self.readings += 1
        late = (self.given - self.acked) * 8 / self.rate
        return Reading(self.now, int(self.given), int(self.acked), 0.05 + late, late, 0)


@attrs.define
class Encoder:
    """Whoever encodes the stream."""

    limit: int = 0
    there: bool = True
    bitrate: int = 4 * MBIT
    sizes: list[str] = attrs.field(factory=list)
    wishes: Wishes = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.wishes = Wishes(self.aim, self.limit, self.make)

    def make(self, smaller: Smaller) -> bool:
        self.sizes.append(str(smaller))
        return self.there

    def aim(self, bitrate: int) -> bool:
        self.bitrate = bitrate
        return self.there


@attrs.define(eq=False)
class OnAir:
    outlet: Outlet
    tracks: tuple[Track, ...] = (Track(kind=MediaKind.VIDEO, codec="toyvideo"),)
    trip: float = 0.05
    another_picture: bool = True
    shown: str = "rtmp://127.0.0.1/live/***"

    @property
    def waited(self) -> float:
        return (self.outlet.given - self.outlet.acked) * 8 / self.outlet.rate


@attrs.define
class Place:
    encoder: Encoder
    events: list[Event] = attrs.field(factory=list)
    now: float = 0.0
    adapting: Adapting = attrs.field(init=False)

    def begin(self, low: int = 500, high: int = 4000, **more: Any) -> Place:
        self.adapting = Adapting(config(low, high, **more), self.encoder, Telling(KEY, "cam0_main", self.events.append))
        return self

    def play(self, on_air: Any, seconds: float, tracks: float = 0.0) -> None:
        for _ in range(int(seconds / LOOK)):
            self.now += LOOK
            if on_air is not None:
                on_air.outlet.advance()
            self.adapting.look(on_air, self.now, NO_SHARE, tracks)

    def of(self, kind: type[Event]) -> Iterator[Any]:
        return (event for event in self.events if isinstance(event, kind))


def test_the_encoder_follows_the_link_and_that_is_told() -> None:
    place = Place(Encoder()).begin()
    outlet = Outlet(place.encoder)
    on_air = OnAir(outlet)
    place.play(on_air, 5)
    assert list(place.of(BitrateChanged)) == []
    outlet.rate = 2 * MBIT
    place.play(on_air, 5)
    assert 1.5 * MBIT < place.encoder.bitrate < 2 * MBIT
    first = next(place.of(BitrateChanged))
    assert (first.key, first.before, first.reason) == (KEY, 4 * MBIT, "a queue on the way")
    assert first.bitrate < 2 * MBIT
    assert first.text.startswith("Session cam0_main: picture at ")
    assert "the link bears" in first.text
    now = place.adapting.now
    assert now.bitrate == place.encoder.bitrate
    assert now.changes == len(list(place.of(BitrateChanged)))
    assert now.reason


def test_without_adapt_nothing_is_asked() -> None:
    place = Place(Encoder(bitrate=7)).begin(high=0)
    place.play(OnAir(Outlet(place.encoder, rate=1)), 10)
    assert place.encoder.bitrate == 7
    assert place.events == []
    assert place.adapting.now == Adapted()


def test_it_never_asks_for_more_than_the_encoder_was_configured_for() -> None:
    place = Place(Encoder(limit=2 * MBIT)).begin(high=4000)
    place.play(OnAir(Outlet(place.encoder)), 5)
    assert place.encoder.bitrate == 2 * MBIT


def test_a_picture_that_is_only_passed_on_is_told_once() -> None:
    place = Place(Encoder(there=False)).begin()
    for _ in range(3):
        place.play(OnAir(Outlet(place.encoder)), 1)
        place.play(None, 1)
    (note,) = place.of(Note)
    assert note.code == "not_adapted"
    assert "passed on as it comes" in note.message


def test_another_attempt_begins_where_the_last_one_was() -> None:
    place = Place(Encoder()).begin()
    place.play(OnAir(Outlet(place.encoder, rate=2 * MBIT)), 5)
    low = place.encoder.bitrate
    place.play(None, 10)
    assert place.encoder.bitrate == low
    place.play(OnAir(Outlet(place.encoder)), LOOK)
    assert place.encoder.bitrate == low < 2 * MBIT


def test_an_end_gives_the_encoder_back() -> None:
    place = Place(Encoder()).begin()
    place.play(OnAir(Outlet(place.encoder, rate=2 * MBIT)), 10)
    place.adapting.end()
    assert place.encoder.bitrate == 4 * MBIT


@pytest.mark.parametrize("takes", [32_000, 128_000, 512_000])
def test_sound_is_left_the_room_that_it_takes(takes: int) -> None:
    place = Place(Encoder()).begin()
    tracks = (Track(kind=MediaKind.VIDEO, codec="toyvideo"), Track(kind=MediaKind.AUDIO, codec="toyaudio"))
    outlet = Outlet(place.encoder, sound=takes)
    on_air = OnAir(outlet, tracks)
    place.play(on_air, 5)
    outlet.rate = 2 * MBIT
    place.play(on_air, 7)
    assert place.encoder.bitrate + takes < 2 * MBIT
    assert place.encoder.bitrate + takes == pytest.approx(2 * MBIT * SHARE, rel=0.12)


def test_further_tracks_are_left_the_room_that_they_take() -> None:
    place = Place(Encoder()).begin()
    outlet = Outlet(place.encoder, sound=MBIT)  # of another stream, so it is none of this one's
    on_air = OnAir(outlet)
    place.play(on_air, 5, tracks=MBIT)
    outlet.rate, late = 3 * MBIT, 0
    for _ in range(60):
        place.play(on_air, 1, tracks=MBIT)
        late += (outlet.given - outlet.acked) * 8 / outlet.rate > 0.5
    assert late <= 3, "while it tries for more"
    assert place.encoder.bitrate + MBIT == pytest.approx(3 * MBIT * SHARE, rel=0.12)


def test_a_reload_that_changes_limits_leaves_the_session_on_the_air() -> None:
    found = list(places(config(), config(high=1500)))
    assert found == ["adapt.max"]
    assert all(adopted(place) for place in found)


def test_other_limits_are_adopted_on_the_air() -> None:
    place = Place(Encoder()).begin()
    on_air = OnAir(Outlet(place.encoder))
    place.play(on_air, 2)
    place.adapting.adopt(config(high=1500))
    assert place.encoder.bitrate == 1500_000
    assert [event.reason for event in place.of(BitrateChanged)] == ["other limits"]
    place.adapting.adopt(config(high=0))
    assert place.encoder.bitrate == 4 * MBIT
    assert place.adapting.now == Adapted()


def test_another_bitrate_of_the_encoders_own_is_gone_by_on_the_air() -> None:
    place = Place(Encoder(limit=2 * MBIT)).begin(high=4000)
    on_air = OnAir(Outlet(place.encoder))
    place.play(on_air, 2)
    place.encoder.wishes.adopt(MBIT)
    place.play(on_air, LOOK)
    assert place.encoder.bitrate == MBIT
    assert [event.reason for event in place.of(BitrateChanged)] == ["other limits"]
    place.encoder.wishes.adopt(3 * MBIT)
    place.play(on_air, 60)
    assert place.encoder.bitrate == 3 * MBIT


@pytest.mark.parametrize("quick", [0.01, LOOK / 2])
def test_sixteen_looks_in_a_moment_are_one(quick: float) -> None:
    place = Place(Encoder()).begin()
    outlet = Outlet(place.encoder)
    on_air: Any = OnAir(outlet)
    place.adapting.look(on_air, 0.0, NO_SHARE)
    before = outlet.readings
    place.adapting.look(on_air, quick, NO_SHARE)
    assert outlet.readings == before


@attrs.define
class Left:
    """What others leave of an uplink."""

    uplink = "lte"
    part: Part = attrs.field(factory=Part)
    claims: list[tuple[float, float]] = attrs.field(factory=list)

    def between(self, least: float, most: float) -> Part:
        self.claims.append((least, most))
        return self.part

    def fixed(self) -> Part:
        self.claims.append((0, 0))
        return self.part


def test_it_gets_no_more_than_its_uplink_leaves_and_never_less_than_its_least() -> None:
    place, left = Place(Encoder()).begin(), Left(Part(2 * MBIT))
    on_air: Any = OnAir(Outlet(place.encoder))
    seen = []
    for rate in (2.0, 2.0, 3.0, 0.1, 9.0):
        left.part = Part(rate * MBIT)
        place.now += LOOK
        on_air.outlet.advance()
        place.adapting.look(on_air, place.now, left)  # type: ignore[arg-type]
        seen.append(place.encoder.bitrate / MBIT)
    assert seen == [2, 2, 3, 0.5, 4]
    assert set(left.claims) == {(500_000, 4 * MBIT)}
    assert [event.reason for event in place.of(BitrateChanged)] == [BUDGET] * 3
    assert place.adapting.now == Adapted(4 * MBIT, BUDGET, 3)


def test_its_own_link_counts_too_and_not_what_all_wait_for() -> None:
    place, left = Place(Encoder()).begin(), Left()
    outlet = Outlet(place.encoder)
    on_air: Any = OnAir(outlet)

    def play(seconds: float) -> None:
        for _ in range(int(seconds / LOOK)):
            place.now += LOOK
            outlet.advance()
            place.adapting.look(on_air, place.now, left)  # type: ignore[arg-type]

    play(5)
    left.part, outlet.rate = Part(late=True), 2 * MBIT
    play(5)
    assert place.encoder.bitrate == 4 * MBIT
    left.part = Part()
    play(5)
    assert place.encoder.bitrate < 2 * MBIT


def test_one_that_encodes_nothing_is_as_it_is_for_its_uplink() -> None:
    place, left = Place(Encoder(there=False)).begin(), Left()
    on_air: Any = OnAir(Outlet(place.encoder))
    for _ in range(4):
        place.now += LOOK
        place.adapting.look(on_air, place.now, left)  # type: ignore[arg-type]
    assert left.claims[-1] == (0, 0)


FLOOR = {"below": 1000, "framerate": 10, "height": 360}
SMALL = "10 pictures/s, 360 lines"


def test_below_the_floor_the_picture_is_smaller_too_until_there_is_room_again() -> None:
    place = Place(Encoder()).begin(**FLOOR)
    outlet = Outlet(place.encoder)
    on_air = OnAir(outlet)
    place.play(on_air, 5)
    outlet.rate = 0.8 * MBIT
    place.play(on_air, 15)
    assert place.encoder.sizes == [SMALL]
    (told,) = place.of(PictureChanged)
    assert (told.picture, told.before, told.reason) == (SMALL, "", "its bitrate is too low for more")
    assert SMALL in told.text
    now = place.adapting.now
    assert (now.picture, now.picture_reason, now.picture_changes) == (SMALL, told.reason, 1)
    outlet.rate = 20 * MBIT
    place.play(on_air, 60)
    assert place.encoder.sizes == [SMALL, ""]
    assert [one.picture for one in place.of(PictureChanged)] == [SMALL, ""]
    assert place.adapting.now.picture == ""


def test_a_small_picture_that_needs_little_does_not_stay_small_for_that() -> None:
    """It cannot use what its link bears, which for others says that nothing is known of more."""
    place = Place(Encoder()).begin(**FLOOR)
    outlet = Outlet(place.encoder, rate=0.8 * MBIT)
    on_air = OnAir(outlet)
    place.play(on_air, 15)
    outlet.needs = 0.3 * MBIT
    place.play(on_air, 5)
    outlet.rate = 20 * MBIT
    place.play(on_air, 60)
    assert place.encoder.sizes == [SMALL, ""]
    # What was found by a picture that used nothing of it is no more than that takes.
    assert SPARE * MBIT <= place.encoder.bitrate <= 2 * MBIT


def test_another_attempt_goes_on_with_the_smaller_picture() -> None:
    place = Place(Encoder()).begin(**FLOOR)
    outlet = Outlet(place.encoder, rate=0.8 * MBIT)
    place.play(OnAir(outlet), 15)
    place.play(None, 5)
    assert place.encoder.sizes == [SMALL]
    place.play(OnAir(outlet), 2)
    assert place.adapting.now.picture == SMALL


def test_a_server_that_takes_no_other_picture_keeps_it_as_it_is() -> None:
    place = Place(Encoder()).begin(**FLOOR)
    outlet = Outlet(place.encoder, rate=0.8 * MBIT)
    place.play(OnAir(outlet, another_picture=False), 20)
    assert place.encoder.sizes == []
    (note,) = [note for note in place.of(Note) if note.code == "smaller_not_taken"]
    assert "takes no other picture in mid-stream" in note.text


def test_one_that_shares_the_encoder_and_takes_no_other_picture_is_heeded() -> None:
    place = Place(Encoder()).begin(**FLOOR)
    other = Adapting(config(high=0), place.encoder, Telling(KEY, "cam0_other", place.events.append))
    outlet = Outlet(place.encoder, rate=0.8 * MBIT)
    other.look(OnAir(outlet, another_picture=False), 0.0, NO_SHARE)  # type: ignore[arg-type]
    place.play(OnAir(outlet), 20)
    assert place.encoder.sizes == []
    other.end()
    assert place.encoder.sizes == [SMALL]


def test_a_floor_that_is_taken_away_makes_it_as_it_was() -> None:
    place = Place(Encoder()).begin(**FLOOR)
    on_air = OnAir(Outlet(place.encoder, rate=0.8 * MBIT))
    place.play(on_air, 15)
    place.adapting.adopt(config())
    place.play(on_air, 1)
    assert place.encoder.sizes == [SMALL, ""]
