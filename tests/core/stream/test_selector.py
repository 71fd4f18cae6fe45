"""What one outlet gets of two streams: by hand, one picture after the other."""

from __future__ import annotations

import attrs
import pytest
from tests.core.stream.test_outlet import Link, balanced, make, outlet
from tests.core.world import STEP, TOY_VIDEO, VIDEO, picture, sound

from camcast.flv.packer import to_ms
from camcast.media import NS_PER_S, MediaKind, Packet, TagType, Track
from camcast.stream.flow import REASON_THIN, FeedCounters
from camcast.stream.hub import Hub
from camcast.stream.ladder import Part
from camcast.stream.meters import Meter, Times
from camcast.stream.outlet import Outlet
from camcast.stream.rendition import FlvPacker
from camcast.stream.selector import EARLY, Selector

SUB = attrs.evolve(VIDEO, config=b"small", width=32, height=24)
GOP = 10
AWAY = Times(7 * NS_PER_S, 7 * NS_PER_S)
"""The other stream began so much later."""


class Place:
    """A camera whose streams have a picture each at one time, and a piece of sound."""

    def __init__(self) -> None:
        self.own, self.link = make(audio=True), Link()
        self.other = Hub(FlvPacker((SUB,), {MediaKind.VIDEO: TOY_VIDEO.flv["plain"]}), now=lambda: 0.0)
        self.outlet: Outlet = outlet(self.own, self.link)
        self.number = 0
        self.settled = 0
        self.gone = 0
        self.selector = Selector(self.outlet, self.own, self._packer, self._settle, self._go)

    def _packer(self) -> FlvPacker:
        return type(self).packer_of(self.own)

    @staticmethod
    def packer_of(hub: Hub) -> FlvPacker:
        fresh = make(audio=True).packer
        assert isinstance(fresh, FlvPacker)
        return fresh

    def _settle(self) -> None:
        self.settled += 1

    def _go(self, selector: Selector) -> None:
        self.gone += 1

    def play(self, pictures: int) -> None:
        for _ in range(pictures):
            number, self.number = self.number, self.number + 1
            self.own.packet(self.picture(number, GOP, VIDEO))
            self.own.packet(sound(number))
            # Its keyframes come half a group later.
            small = self.picture(number, GOP, SUB, off=GOP // 2)
            moved = attrs.evolve(small, dts=small.dts - AWAY.dts, pts=small.pts - AWAY.pts)
            self.other.packet(moved)

    def picture(self, number: int, gop: int, track: Track, off: int = 0) -> Packet:
        at = (number + off) % gop
        made = picture(number, key=not at, disposable=bool(at % 2))
        return attrs.evolve(made, track=track)

    def sent(self) -> list[tuple[bytes, int]]:
        """Pictures: whose, and when on the hub's timeline."""
        return [
            (unit.packet.track.config, unit.time)
            for unit, _ in self.link.sent
            if unit.packet is not None and unit.packet.track.kind is MediaKind.VIDEO
        ]

    def sounds(self) -> int:
        return sum(u.packet is not None and u.packet.track.kind is MediaKind.AUDIO for u, _ in self.link.sent)


def test_another_streams_pictures_come_from_its_keyframe_on_and_its_own_from_theirs() -> None:
    place = Place()
    place.play(3)
    assert place.selector.want(Part.ALL, place.other, lambda: AWAY)
    place.play(2)
    assert ([whose for whose, _ in place.sent()], place.settled) == ([b"vc"] * 5, 0)
    place.play(10)
    assert place.settled == 1
    assert [whose for whose, _ in place.sent()] == [b"vc"] * 6 + [b"small"] * 10
    assert place.selector.want(Part.ALL)
    place.play(10)
    assert [whose for whose, _ in place.sent()][-5:] == [b"vc"] * 5
    times = [time for _, time in place.sent()]
    assert times == sorted(times)
    # The same moment of the camera has the same time, but for what it is put early.
    small = [time for whose, time in place.sent() if whose == b"small"]
    assert -EARLY <= small[-1] - to_ms(19 * STEP) <= 1
    assert place.sounds() == 25
    assert balanced(place.outlet)
    assert place.own.attached == (place.outlet,)
    assert place.other.attached == ()


def test_a_keyframe_that_comes_too_late_is_passed_over_once() -> None:
    place = Place()
    place.play(3)
    place.selector.want(Part.ALL, place.other, lambda: Times(AWAY.dts + STEP, AWAY.pts + STEP))
    place.play(6)
    place.selector.want(Part.ALL)
    late = attrs.evolve(place.picture(8, 1, VIDEO), dts=8 * STEP, pts=8 * STEP)
    place.own.packet(late)
    assert place.sent()[-1][0] == b"small"
    place.play(GOP)
    assert place.sent()[-1][0] == b"vc"
    times = [time for _, time in place.sent()]
    assert times == sorted(times)


def test_what_announces_a_picture_comes_once_and_just_before_it() -> None:
    place = Place()
    place.play(1)
    before = len(place.link.sent)
    place.selector.want(Part.ALL, place.other, lambda: AWAY)
    place.play(15)
    place.selector.want(Part.ALL)
    place.play(15)
    headers = [
        (at, unit)
        for at, (unit, _) in enumerate(place.link.sent)
        if at >= before and unit.packet is None and unit.type is TagType.VIDEO
    ]
    assert [TOY_VIDEO.flv["plain"].header(track) for track in (SUB, VIDEO)] == [unit.body for _, unit in headers]
    for at, _ in headers:
        following = place.link.sent[at + 1][0]
        assert following.packet is not None
        assert following.keyframe


@pytest.mark.parametrize(("part", "left"), [(Part.KEYFRAMES, 1), (Part.NEEDED, 5)])
def test_some_pictures_are_left_out_and_counted(part: Part, left: int) -> None:
    place = Place()
    place.play(GOP)
    assert place.selector.want(part)
    assert place.settled == 1
    place.play(GOP)
    flow = place.outlet.counters
    assert flow.sent.video == GOP + left
    assert flow.dropped[MediaKind.VIDEO, REASON_THIN] == GOP - left
    assert balanced(place.outlet)
    assert place.sounds() == 2 * GOP
    # Back with all: at once where nothing refers to what was left out, else at the next keyframe.
    place.selector.want(Part.ALL)
    place.play(GOP)
    assert flow.sent.video == 2 * GOP + left
    assert place.own.attached == (place.outlet,)


def test_keyframes_alone_are_no_silence() -> None:
    place = Place()
    place.play(GOP)
    place.selector.want(Part.KEYFRAMES)
    place.play(200 * GOP)
    assert place.outlet.picture_overdue(place.link.time + 0.5) == 0


def test_a_closed_outlet_is_left() -> None:
    place = Place()
    place.play(1)
    place.selector.want(Part.ALL, place.other, lambda: AWAY)
    place.play(12)
    place.outlet.close()
    place.play(1)
    assert (place.gone, place.own.attached, place.other.attached) == (1, (), ())


def test_another_wish_takes_the_place_of_one_that_waits() -> None:
    place = Place()
    place.play(3)
    place.selector.want(Part.ALL, place.other, lambda: AWAY)
    place.selector.want(Part.ALL)
    place.play(GOP)
    assert {whose for whose, _ in place.sent()} == {b"vc"}
    assert (place.own.attached, place.other.attached) == ((place.outlet,), ())


def test_an_outlet_that_has_not_begun_is_asked_again_later() -> None:
    place = Place()
    assert not place.selector.want(Part.KEYFRAMES)
    place.play(1)
    assert place.selector.want(Part.KEYFRAMES)


def test_a_meter_knows_rate_shares_and_where_the_timeline_begins() -> None:
    meter, hub, counters = Meter(), make(), FeedCounters()
    for number in range(60):
        one = picture(number, key=not number % GOP, size=400 if not number % GOP else 100, disposable=number % 2 == 1)
        one.arrival = 5 * NS_PER_S + one.dts + (30_000_000 if number % 3 else 10_000_000)
        hub.packet(one)
        counters.bytes += len(one.payload)
        meter.look(number * STEP / NS_PER_S, counters, hub.group)
    assert meter.rate == pytest.approx(1300 * 8 / (GOP * STEP / NS_PER_S), rel=0.05)
    assert (round(meter.keyframes, 2), round(meter.disposable, 2)) == (0.31, 0.38)
    assert meter.zero == Times(5 * NS_PER_S + 10_000_000, 5 * NS_PER_S + 10_000_000)
