"""A session that sends what its link bears of its camera's streams: what is asked, sent and told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import pytest
from tests.core.stream.test_outlet import Link, Owner, make
from tests.core.world import TOY_VIDEO, VIDEO, picture, sound

from camcast.config import Adapt, SessionConfig, TargetConfig, UplinkConfig
from camcast.errors import CamcastError, MediaError
from camcast.events import Event, Note, PictureChanged, SessionKey
from camcast.group import Group
from camcast.kinds import Payload
from camcast.media import NS_PER_S, MediaKind, Packet, Track
from camcast.session.share import BUDGET, Share
from camcast.session.sound_room import SOUND
from camcast.session.streams import Streams
from camcast.session.telling import Telling
from camcast.session.thinning import AGAIN, BROKEN, CODEC, GONE, PATIENCE, REFUSES, UNSEEN, Thinned, Thinning
from camcast.session.uplinks import Part, TellingUplinks, Told, Uplinks
from camcast.stream.flow import FeedCounters
from camcast.stream.hub import Hub, Packer
from camcast.stream.ladder import CALM, HOLD, OTHER
from camcast.stream.negotiation import RenditionKey
from camcast.stream.observed import Reading
from camcast.stream.outlet import Limits, Outlet
from camcast.stream.regulator import LOOK
from camcast.stream.rendition import FlvPacker

KEY = SessionKey(0, 0, "rtmp")
MBIT = 1_000_000
SUB = attrs.evolve(VIDEO, config=b"small", width=32, height=24)
PER_LOOK = 5
STEP = int(LOOK * NS_PER_S) // PER_LOOK
GOP = 20
"""Pictures, of a second."""
WIDE, THIN, THINNER = 20.0 * MBIT, 0.9 * MBIT, 0.25 * MBIT
"""bit/s; of the streams the larger one takes 2 Mbit/s, the smaller one 0.4."""
DOWN = Adapt(down_to=("sub",), then="keyframes")


def config(adapt: Adapt = DOWN, uplink: str = "") -> SessionConfig:
    targets = [TargetConfig(url="rtmp://127.0.0.1/live/x")]
    return SessionConfig(camera_id=0, targets=targets, adapt=adapt, uplink=uplink)


NO_SHARE = Share(config(), Uplinks(), KEY)
"""Without an uplink."""


@attrs.define(eq=False)
class Rendition:
    """The pictures of one stream, in the only form there is."""

    hub: Hub | None
    key: RenditionKey = attrs.field(factory=lambda: RenditionKey(Payload.TAGS))
    closed: bool = False
    users: list[Any] = attrs.field(factory=list)

    def packer(self) -> Packer:
        return FlvPacker((VIDEO,), {MediaKind.VIDEO: TOY_VIDEO.flv["plain"]})


@attrs.define(eq=False)
class Pulse:
    silent_for: float | None = None


@attrs.define(eq=False)
class Feed:
    """One stream of the camera, its renditions included. `off`: of the keyframes, in pictures."""

    track: Track
    size: int
    off: int = 0
    gop: int = GOP
    disposable: bool = False
    flows: bool = True
    sound: int = 0
    """Bytes of sound with each picture."""
    newest_sound: Packet | None = None
    error: Exception | None = None
    """Raised instead of a rendition."""
    later: int = 0
    """ns by which its timeline began later."""
    asked: int = 0
    """How often for a keyframe."""
    counters: FeedCounters = attrs.field(factory=FeedCounters)
    pulse: Pulse = attrs.field(factory=Pulse)
    offers: tuple[Track, ...] = ()
    rendition: Rendition = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        form = {MediaKind.VIDEO: TOY_VIDEO.flv["plain"]}
        hub = make(audio=True) if self.sound else Hub(FlvPacker((self.track,), form), now=lambda: 0.0)
        self.rendition = Rendition(hub)
        self.offers = (*((self.track,)), *([Track(kind=MediaKind.AUDIO, codec="toyaudio")] if self.sound else []))

    @property
    def hub(self) -> Hub:
        assert self.rendition.hub is not None
        return self.rendition.hub

    @property
    def group(self) -> Group:
        return self.hub.group

    @property
    def renditions(self) -> Feed:
        return self

    def acquire(self, key: RenditionKey, user: object) -> Rendition:
        if self.error is not None:
            raise self.error
        self.rendition.users.append(user)
        return self.rendition

    def release(self, rendition: Rendition, user: object) -> None:
        rendition.users.remove(user)

    def flowing(self, within: float) -> bool:
        """A slate stands in for it where need be."""
        return True

    def request_keyframe(self, rendition: object) -> bool:
        self.asked += 1
        return False

    def bring(self, number: int) -> None:
        """One picture, where it flows."""
        self.pulse.silent_for = 0.0 if self.flows else (self.pulse.silent_for or 0.0) + LOOK / PER_LOOK
        if not self.flows:
            return
        at = (number + self.off) % self.gop
        time = number * STEP
        packet = picture(number, key=not at, size=self.size, disposable=self.disposable and bool(at % 2))
        own, arrival = time - self.later, time + NS_PER_S
        self.hub.packet(attrs.evolve(packet, track=self.track, dts=own, pts=own, arrival=arrival))
        self.counters.bytes += self.size + self.sound
        self.counters.sound_bytes += self.sound
        if self.sound:
            self.hub.packet(attrs.evolve(sound(number, self.sound), dts=time, pts=time))


class Measured(Outlet):
    """Its link is as wide as the test says; what it says of it is worked out from what was sent."""

    rate = WIDE
    passed = 0.0
    time = 0.0
    silent = False
    """Whether nothing has been acknowledged yet."""
    link: Link

    def reading(self) -> Reading | None:
        given = self.link.acked
        self.passed = min(given, self.passed + self.rate / 8 * LOOK)
        late = (given - self.passed) * 8 / self.rate
        return None if self.silent else Reading(self.time, given, int(self.passed), 0.05 + late, late, 0)


@attrs.define(eq=False)
class Attempt:
    asked: int = 0
    failures: list[CamcastError] = attrs.field(factory=list)

    def want_keyframe(self) -> None:
        self.asked += 1

    def rendition_failed(self, error: CamcastError) -> None:
        self.failures.append(error)


@attrs.define(eq=False)
class OnAir:
    outlet: Measured
    rendition: Rendition
    another_picture: bool = True
    tracks: tuple[Track, ...] = (VIDEO,)
    trip: float = 0.05
    shown: str = "rtmp://127.0.0.1/live/x"
    attempt: Attempt = attrs.field(factory=Attempt)

    @property
    def published(self) -> Rendition:
        return self.rendition

    @property
    def hub(self) -> Hub:
        assert self.rendition.hub is not None
        return self.rendition.hub


class Place:
    """A camera of two streams, and one output of the larger one."""

    def __init__(self, adapt: Adapt = DOWN, *, sub: Feed | None = None, main: Feed | None = None) -> None:
        self.now = 1000.0
        self.number = 0
        self.main = main or Feed(VIDEO, 12_500)
        self.sub = sub or Feed(SUB, 2_500, off=GOP // 2)
        self.others: dict[str, Any] = {"sub": self.sub}
        self.events: list[Event] = []
        feed: Any = self.main
        telling = Telling(KEY, "cam0_main", self.events.append)
        self.streams = Streams(feed, self.others.get)
        self.thinning = Thinning(config(adapt), self.streams, telling, now=lambda: self.now)
        self.share: Any = NO_SHARE
        self.on_air: OnAir | None = None

    def begin(self, rate: float = WIDE, *, another_picture: bool = True, silent: bool = False) -> OnAir:
        """Another attempt is on the air."""
        link = Link()
        outlet = Measured(link, Limits(replay_seconds=0.0), Owner(), now=lambda: link.time)  # type: ignore[arg-type]
        outlet.link, outlet.rate, outlet.silent = link, rate, silent
        outlet.start(self.main.hub)
        self.on_air = OnAir(outlet, self.main.rendition, another_picture=another_picture)
        return self.on_air

    def end(self) -> None:
        """Nothing is on the air."""
        if self.on_air is not None:
            self.on_air.outlet.close()
        self.on_air = None
        self.play(LOOK)

    def play(self, seconds: float) -> None:
        for _ in range(round(seconds / LOOK)):
            for _ in range(PER_LOOK):
                for feed in {self.main, *self.others.values()}:
                    feed.bring(self.number)
                self.number += 1
            self.now += LOOK
            on_air: Any = self.on_air
            if on_air is not None:
                on_air.outlet.time = self.now
            self.thinning.look(on_air, self.now, self.share)

    def play_until(self, picture: str, seconds: float = 60) -> None:
        """Until that is what is sent."""
        for _ in range(round(seconds / LOOK)):
            if self.thinning.now.picture == picture:
                return
            self.play(LOOK)
        raise AssertionError(f"{self.thinning.now} and not {picture!r}")

    def thin(self, rate: float, picture: str) -> OnAir:
        """On the air for a while, and then on a link that bears this only."""
        on_air = self.on_air or self.begin()
        self.play(5)
        on_air.outlet.rate = rate
        self.play_until(picture)
        return on_air

    def of(self, kind: type[Event]) -> Iterator[Any]:
        return (event for event in self.events if isinstance(event, kind))

    def told(self) -> list[tuple[str, str, str]]:
        return [(event.before, event.picture, event.reason) for event in self.of(PictureChanged)]

    def sizes(self, on_air: OnAir, last: int) -> set[int]:
        """Of the last pictures that were sent."""
        sent = [u.packet for u, _ in on_air.outlet.link.sent if u.packet is not None]
        return {one.track.width for one in sent[-last:] if one.track.kind is MediaKind.VIDEO}


def test_it_follows_its_link_down_and_up_and_tells_what_is_sent() -> None:
    place = Place()
    on_air = place.thin(THIN, "sub")
    assert place.sizes(on_air, 1) == {SUB.width}
    assert place.thinning.now.changes == 1
    place.thin(THINNER, "sub, keyframes only")
    on_air.outlet.rate = WIDE
    place.play_until("")
    assert [picture for _, picture, _ in place.told()] == ["sub", "sub, keyframes only", "sub", ""]
    assert [before for before, _, _ in place.told()] == ["", "sub", "sub, keyframes only", "sub"]
    assert [bool(event.bears) for event in place.of(PictureChanged)] == [True, True, False, False]
    assert place.thinning.now == Thinned("", CALM, 4)
    assert place.main.hub.attached == (on_air.outlet,)
    assert (place.sub.hub.attached, place.sub.rendition.users) == ((), [])
    place.thinning.end()


def test_each_change_that_awaits_a_keyframe_asks_for_it_once() -> None:
    place = Place(main=Feed(VIDEO, 12_500, disposable=True))
    on_air = place.thin(THIN, "sub")
    assert (place.sub.asked, on_air.attempt.asked) == (1, 0)
    # Fewer pictures of what is sent need none.
    place.thin(THINNER, "sub, keyframes only")
    assert (place.sub.asked, on_air.attempt.asked) == (1, 0)
    on_air.outlet.rate = WIDE
    place.play_until("")
    assert (place.sub.asked, on_air.attempt.asked) == (2, 1)


def test_none_is_asked_for_while_nothing_can_change() -> None:
    place = Place()
    place.thin(THIN, "sub")
    place.end()
    asked = place.sub.asked
    place.thinning.look(None, place.now, NO_SHARE)
    on_air = place.begin()
    on_air.outlet.state = type(on_air.outlet.state).REPLAY
    for feed in (place.main, place.sub):
        feed.flows = False
        feed.pulse.silent_for = 0.0
    for _ in range(8):
        place.now += LOOK
        looked: Any = on_air
        place.thinning.look(looked, place.now, NO_SHARE)
    assert (place.sub.asked, on_air.attempt.asked) == (asked, 0)


def test_what_is_told_is_what_is_sent_and_not_what_was_decided() -> None:
    place = Place(sub=Feed(SUB, 2_500, off=GOP // 2, gop=40 * GOP))
    on_air = place.begin()
    place.play(5)
    on_air.outlet.rate = THIN
    place.play(6)
    assert place.sub.hub.attached  # it awaits a keyframe
    assert (place.told(), place.thinning.now) == ([], Thinned())
    assert place.sizes(on_air, 1) == {VIDEO.width}


def test_nothing_on_the_air_sends_nothing_and_the_next_attempt_goes_on_where_it_was() -> None:
    place = Place()
    place.thin(THIN, "sub")
    place.end()
    assert place.thinning.now.picture == ""
    on_air = place.begin(THIN)
    place.play(LOOK)
    assert place.thinning.now.picture == ""
    place.play_until("sub", 3)
    assert place.sizes(on_air, 1) == {SUB.width}
    assert [(before, picture) for before, picture, _ in place.told()] == [("", "sub")] * 2
    assert [bool(event.bears) for event in place.of(PictureChanged)] == [True, False]


def test_a_server_that_takes_no_other_picture_gets_none_after_a_move() -> None:
    place = Place()
    place.thin(THIN, "sub")
    place.end()
    on_air = place.begin(another_picture=False, silent=True)
    place.play_until("keyframes only", 5)
    assert place.sub.hub.attached == ()
    on_air.outlet.silent = False
    place.play_until("")
    assert place.sizes(on_air, 10**6) == {VIDEO.width}
    assert [reason for _, _, reason in place.told()[1:]] == [REFUSES, CALM]
    assert [note.code for note in place.of(Note)] == ["another_picture_not_taken"]


def test_another_codec_is_no_other_picture() -> None:
    place = Place()
    place.thin(THIN, "sub")
    place.sub.offers = (attrs.evolve(SUB, codec="toyhevc"),)
    place.play_until("keyframes only", 5)
    assert place.told()[-1][2] == CODEC


def test_a_stream_that_brings_nothing_but_a_slate_is_left_for_a_while() -> None:
    place = Place()
    place.thin(THIN, "sub")
    place.sub.flows = False
    place.play_until("keyframes only", 6)
    assert place.told()[-1] == ("sub", "keyframes only", GONE)
    # It returns: neither at once, nor without the wait that all have.
    place.sub.flows, since = True, place.now
    place.play_until("sub")
    assert place.now - since > AGAIN - 4
    assert place.told()[-1] == ("keyframes only", "sub", CALM)


def test_a_stream_that_comes_and_goes_makes_few_changes() -> None:
    place = Place()
    place.thin(THIN, "sub")
    for _ in range(15):
        place.sub.flows = False
        place.play(4)
        place.sub.flows = True
        place.play(4)
    assert len(place.told()) <= 24


def test_disposable_pictures_that_become_few_are_no_reason_to_leave() -> None:
    place = Place(main=Feed(VIDEO, 12_500, disposable=True))
    on_air = place.thin(1.5 * MBIT, "without disposable pictures")
    on_air.outlet.rate = WIDE
    place.main.disposable = False
    place.play(4)
    assert place.thinning.now.picture == "without disposable pictures"


def test_a_reload_is_gone_by_on_the_air() -> None:
    place = Place(Adapt())
    on_air = place.thin(THIN, "")
    place.play(10)
    assert place.told() == []
    on_air.outlet.rate = WIDE
    place.play(5)
    place.thinning.adopt(config())
    place.thin(THINNER, "sub, keyframes only")
    place.thinning.adopt(config(Adapt(down_to=("sub",))))
    place.play_until("sub", 3)
    assert place.told()[-1] == ("sub, keyframes only", "sub", OTHER)
    place.thinning.adopt(config(Adapt()))
    place.play_until("", 3)
    assert place.told()[-1] == ("sub", "", OTHER)
    assert place.thinning.now == Thinned()
    assert place.main.hub.attached == (on_air.outlet,)


def test_a_reload_that_lets_it_adapt_says_where_it_cannot() -> None:
    place = Place(Adapt())
    place.begin(another_picture=False)
    place.play(2)
    place.thinning.adopt(config())
    assert [note.code for note in place.of(Note)] == ["another_picture_not_taken"]


def test_a_stream_that_was_reloaded_is_taken_anew() -> None:
    place = Place()
    place.thin(THIN, "sub")
    before = place.sub
    place.end()
    before.rendition.closed = True
    on_air = place.begin(THIN, silent=True)
    after = place.others["sub"] = Feed(SUB, 2_500, off=GOP // 2)
    place.play_until("sub", 5)
    assert place.sizes(on_air, 1) == {SUB.width}
    assert (len(after.rendition.users), before.rendition.users) == (1, [])


def test_a_rendition_that_has_ended_is_not_sent_again() -> None:
    place = Place(sub=Feed(SUB, 2_500, off=GOP // 2, gop=8 * GOP))
    on_air = place.begin()
    place.play(5)
    on_air.outlet.rate = THIN
    while not place.sub.rendition.users:
        place.play(LOOK)
    ended = place.sub.rendition
    ended.closed = True
    place.sub.rendition = Feed(SUB, 2_500).rendition
    place.thinning._todo = True
    place.play_until("sub", 10)
    assert (len(place.sub.rendition.users), ended.users) == (1, [])


@pytest.mark.parametrize("error", [MediaError("no picture"), KeyError("no picture")])
def test_a_stream_that_cannot_be_taken_is_told_once_an_attempt(error: Exception) -> None:
    place = Place(Adapt(down_to=("sub",)))
    place.sub.error = error
    on_air = place.begin()
    place.play(5)
    on_air.outlet.rate = THIN
    place.play(4 * AGAIN)
    (note,) = place.of(Note)
    assert note.code == "stream_not_taken"
    assert ("no picture" in note.message) == isinstance(error, MediaError)
    assert place.told() == []


def test_a_codec_that_fails_on_it_makes_it_be_left() -> None:
    place = Place()
    place.thin(THIN, "sub")
    odd = attrs.evolve(place.sub.track, codec="unknown", config=None)  # type: ignore[arg-type]
    place.sub.track = odd
    place.play_until("keyframes only", 5)
    assert place.told()[-1][2] == BROKEN
    assert [note.code for note in place.of(Note)] == ["stream_not_taken"]


def test_its_own_picture_that_cannot_be_announced_ends_the_attempt() -> None:
    place = Place()
    on_air = place.thin(THIN, "sub")

    def fails() -> Packer:
        raise KeyError("x")

    on_air.outlet.rate = WIDE
    selector: Any = place.thinning._selector
    selector.packer = fails
    place.play(HOLD + 3)
    assert [type(error) for error in on_air.attempt.failures[:1]] == [MediaError]


def test_a_stream_without_a_keyframe_does_not_block_the_others() -> None:
    place = Place()
    on_air = place.begin()
    place.play(5)
    place.sub.gop = 10**9
    on_air.outlet.rate = THIN
    place.play(PATIENCE)
    assert place.told() == []
    place.play_until("keyframes only", 10)
    assert place.told() == [("", "keyframes only", UNSEEN)]


def test_sound_is_counted_once() -> None:
    # Pictures of 0.4 Mbit/s, and three times as much sound as is taken for granted.
    each = 3 * SOUND // 8 * STEP // NS_PER_S
    place = Place(sub=Feed(SUB, 2_500, off=GOP // 2, sound=each))
    on_air: Any = place.begin()
    place.play(5)
    rungs = place.thinning._rungs(on_air, place.now)
    (rate,) = [rung.rate for rung in rungs if str(rung) == "sub"]
    assert rate == pytest.approx(0.4 * MBIT, rel=0.05)


def test_packets_of_the_made_up_streams_are_what_they_say() -> None:
    place = Place()
    on_air = place.begin()
    place.play(10)
    sent = [u.packet for u, _ in on_air.outlet.link.sent if u.packet is not None]
    assert all(isinstance(one, Packet) for one in sent)
    assert len(sent) == 10 / LOOK * PER_LOOK
    assert on_air.outlet.link.acked * 8 / 10 == pytest.approx(2 * MBIT, rel=0.01)


@attrs.define
class Left:
    """What others leave of an uplink."""

    part: Part = attrs.field(factory=Part)
    rates: list[float] = attrs.field(factory=list)

    def steps(self, rates: Sequence[float], names: Sequence[str]) -> Part:
        self.rates = list(rates)
        return self.part


def test_it_sends_what_its_uplink_leaves_room_for() -> None:
    place = Place()
    place.share = left = Left()
    place.begin()
    place.play(5)
    assert [round(rate / MBIT, 1) for rate in left.rates] == [2.0, 0.4, 0.0]
    left.part = Part(0.9 * MBIT, 1)
    place.play_until("sub")
    left.part = Part(0.0, 0)
    place.play_until("sub, keyframes only")
    left.part = Part()
    place.play_until("")
    assert [reason for _, _, reason in place.told()] == [BUDGET, BUDGET, CALM, CALM]


class Seldom(Measured):
    """Its receiver tells once a second, as over RTP."""

    told: Reading | None = None

    def reading(self) -> Reading | None:
        now = Reading(self.time, self.link.acked, self.link.acked, 0.05, 0.0, 0)
        if self.told is None or self.time - self.told.now >= 1:
            self.told = now
        return attrs.evolve(now, acked=self.told.acked, waiting=self.time - self.told.now)


@pytest.mark.parametrize("kind", [None, Seldom], ids=["nothing", "seldom"])
def test_what_the_budget_took_comes_back_where_the_path_says_too_little(kind: type[Measured] | None) -> None:
    place = Place()
    place.share = left = Left()
    on_air = place.begin(silent=True)
    if kind is not None:
        on_air.outlet.__class__ = kind
    place.play(5)
    left.part = Part(0.0, 0)
    place.play_until("sub, keyframes only")
    place.play(2 * HOLD)
    assert place.thinning.now.picture == "sub, keyframes only"
    left.part = Part(0.9 * MBIT, 1)
    place.play_until("sub", HOLD + 3)
    place.play(2 * HOLD)
    assert place.thinning.now.picture == "sub"
    left.part = Part(late=True)
    place.play(2 * HOLD)
    assert place.thinning.now.picture == "sub"
    left.part = Part()
    place.play_until("", HOLD + 3)
    reasons = [reason for _, _, reason in place.told()]
    # Of keyframes only, each is acknowledged before the next: that is steady enough.
    assert reasons == [BUDGET, CALM if kind is Seldom else BUDGET, BUDGET]


def test_what_the_path_took_does_not_come_back_by_the_budget() -> None:
    place = Place()
    place.share = left = Left()
    on_air = place.thin(THIN, "sub")
    on_air.outlet.silent = True
    left.part = Part(0.0, 0)
    place.play_until("sub, keyframes only")
    left.part = Part()
    place.play(6 * HOLD)
    assert place.thinning.now.picture == "sub"


def test_a_stream_that_is_gone_is_left_while_all_are_late() -> None:
    place = Place()
    place.share = left = Left()
    place.thin(THIN, "sub")
    left.part = Part(late=True)
    place.sub.flows = False
    place.play_until("keyframes only", 6)
    assert place.told()[-1][2] == GONE


def test_until_the_parent_has_answered_a_worker_sends_what_it_sends() -> None:
    told: list[Told] = []
    place = Place()
    uplinks = TellingUplinks({"lte": UplinkConfig(limit=8000)}, told.append, lambda: place.now)
    place.share = Share(config(uplink="lte"), uplinks, KEY)

    def play(seconds: float, part: Part | None = None) -> None:
        for _ in range(round(seconds / LOOK)):
            place.share.see(place.on_air, place.now, 0, None)
            place.play(LOOK)
            if part is not None:
                uplinks.told({("lte", KEY): part})

    place.begin()
    play(5)
    assert (told[-1]["lte", KEY].claim.names, place.told()) == (("sub, keyframes only", "sub", ""), [])
    # A parent that decided by what was claimed before another stream came.
    play(5, Part(3 * MBIT, 0, name=""))
    assert place.told() == []
    play(5, Part(MBIT, 0, name="sub"))
    assert place.thinning.now.picture == "sub"
    # Another attempt goes on by what was left last.
    place.end()
    place.share.see(None, place.now, 0, None)
    uplinks.told({})
    place.begin()
    play(5)
    assert [picture for _, picture, _ in place.told()] == ["sub", "sub"]


def test_the_budget_holds_also_where_the_path_says_nothing() -> None:
    place = Place()
    place.share = left = Left()
    on_air = place.begin(silent=True)
    place.play(5)
    left.part = Part(0.9 * MBIT, 1)
    place.play_until("sub")
    on_air.outlet.silent = False
    left.part, on_air.outlet.rate = Part(0.9 * MBIT, 1, late=True), THINNER
    place.play(5)
    assert place.thinning.now.picture == "sub"
    left.part = Part(0.9 * MBIT, 1)
    place.play_until("sub, keyframes only")
