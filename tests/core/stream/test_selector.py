"""What one outlet gets of two streams: by hand, one picture after the other."""

from __future__ import annotations

import attrs
import pytest
from tests.core.stream.test_outlet import Link, balanced, make, outlet
from tests.core.world import AUDIO, STEP, TOY_AUDIO, TOY_VIDEO, VIDEO, picture, sound

from camcast.errors import MediaError
from camcast.flv.packer import to_ms
from camcast.media import NS_PER_MS, NS_PER_S, MediaKind, Packet, Tag, TagType, Track
from camcast.stream.flow import REASON_THIN
from camcast.stream.hub import Hub
from camcast.stream.ladder import Part
from camcast.stream.meters import Times
from camcast.stream.outlet import Outlet
from camcast.stream.pace import PATIENCE, USUAL
from camcast.stream.rendition import FlvPacker
from camcast.stream.selector import EARLIER, EARLY, REFUSED, Selector

SUB = attrs.evolve(VIDEO, config=b"small", width=32, height=24)
GOP = 10
AWAY = Times(7 * NS_PER_S, 7 * NS_PER_S)
"""The other stream began so much later."""


class Place:
    """A camera whose streams have a picture each at one time, and a piece of sound."""

    form = TOY_VIDEO.flv["plain"]
    """Of the outlet's pictures."""

    def __init__(self, step: int = STEP) -> None:
        """`step`: ns from one picture to the next."""
        self.step = step
        self.own, self.link = make(audio=True), Link()
        self.other = Hub(FlvPacker((SUB,), {MediaKind.VIDEO: TOY_VIDEO.flv["plain"]}), now=lambda: 0.0)
        self.outlet: Outlet = outlet(self.own, self.link)
        self.number = 0
        self.settled = 0
        self.gone = 0
        self.failures: list[tuple[Hub, Exception]] = []
        self.selector = Selector(self.outlet, self.own, self._packer, self._settle, self._go, self._fail)

    def _packer(self) -> FlvPacker:
        return FlvPacker((VIDEO, AUDIO), {MediaKind.VIDEO: self.form, MediaKind.AUDIO: TOY_AUDIO.flv["plain"]})

    def _fail(self, selector: Selector, hub: Hub, error: Exception) -> None:
        self.failures.append((hub, error))

    def _settle(self, selector: Selector) -> None:
        self.settled += 1

    def _go(self, selector: Selector) -> None:
        self.gone += 1

    def play(self, pictures: int) -> None:
        for _ in range(pictures):
            number, self.number = self.number, self.number + 1
            self.own.packet(self.picture(number, GOP, VIDEO))
            self.own.packet(attrs.evolve(sound(number), dts=number * self.step, pts=number * self.step))
            # Its keyframes come half a group later.
            small = self.picture(number, GOP, SUB, off=GOP // 2)
            moved = attrs.evolve(small, dts=small.dts - AWAY.dts, pts=small.pts - AWAY.pts)
            self.other.packet(moved)

    def picture(self, number: int, gop: int, track: Track, off: int = 0) -> Packet:
        at = (number + off) % gop
        made = picture(number, key=not at, disposable=bool(at % 2))
        return attrs.evolve(made, track=track, dts=number * self.step, pts=number * self.step)

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


@pytest.mark.parametrize("fps", [25, 60])
def test_pictures_that_come_nearer_to_their_place_stay_in_order(fps: int) -> None:
    place = Place(NS_PER_S // fps)
    place.play(3)
    # They were taken 120 ms earlier than those of its own that come at the same time.
    late = 120 * NS_PER_MS
    assert place.selector.want(Part.ALL, place.other, lambda: Times(AWAY.dts - late, AWAY.pts - late))
    place.play(24 * GOP)
    small = [time for whose, time in place.sent() if whose == b"small"]
    assert small == sorted(set(small))
    assert abs(small[-1] - to_ms((place.number - 1) * place.step) + 120 + EARLY) <= 1


def _header(track: Track) -> bytes:
    if track.config == b"small":
        raise KeyError("small")
    return b"header"


def _head(track: Track, key: bool, composition: int) -> bytes:
    if composition == 7:
        raise MediaError("7 ms")
    return b"head"


@pytest.mark.parametrize("begins", [True, False])
def test_a_codec_that_fails_harms_neither_stream(begins: bool) -> None:
    plain = TOY_VIDEO.flv["plain"]
    place = Place()
    place.form = attrs.evolve(plain, header=_header) if begins else attrs.evolve(plain, head=_head)
    place.play(3)
    assert place.selector.want(Part.ALL, place.other, lambda: AWAY)
    assert place.selector.pending
    place.play(GOP)
    if not begins:
        assert place.failures == []
        odd = place.picture(place.number, GOP, SUB, off=1)
        place.other.packet(attrs.evolve(odd, pts=odd.dts + 7 * NS_PER_MS))
    ((hub, error),) = place.failures
    assert hub is place.other
    assert type(error) is (KeyError if begins else MediaError)
    assert (place.other.attached, place.selector.pending) == ((), False)
    if begins:
        # Those of its own have gone on.
        assert {whose for whose, _ in place.sent()} == {b"vc"}
        assert len(place.sent()) == place.number
    else:
        # What is the same hub's is not sent already.
        assert place.selector.want(Part.ALL, place.other, lambda: AWAY)
        assert place.selector.pending
        place.selector.want(Part.ALL)
        place.play(2 * GOP)
        assert place.sent()[-1][0] == b"vc"
    assert place.own.attached == (place.outlet,)
    assert place.sounds() == place.number
    assert balanced(place.outlet)


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


def test_other_pictures_come_a_little_before_their_time_so_that_the_way_back_is_free() -> None:
    place = Place()
    place.play(3)
    place.selector.want(Part.ALL, place.other, lambda: AWAY)
    place.play(3 * GOP)
    assert 10 <= to_ms((place.number - 1) * STEP) - place.sent()[-1][1] <= 40


def test_what_its_own_stream_announces_while_another_picture_is_sent_is_its_sound_only() -> None:
    place = Place()
    place.play(3)
    place.selector.want(Part.ALL, place.other, lambda: AWAY)
    place.play(GOP)
    announced = [unit for unit, _ in place.link.sent if unit.packet is None and unit.type is not TagType.SCRIPT]
    assert {unit.type for unit in announced} == {TagType.VIDEO, TagType.AUDIO}
    before = len(place.link.sent)
    for hub in (place.own, place.other):
        hub.attached[0].announce(announced)
    assert [unit.type for unit, _ in place.link.sent[before:]] == [TagType.AUDIO]


def test_what_nobody_was_to_get_is_not_lost_when_the_loop_is_too_busy() -> None:
    place = Place()
    place.play(3)
    place.selector.want(Part.ALL, place.other, lambda: AWAY)
    place.play(GOP)
    own, other = [hub.attached[0] for hub in (place.own, place.other)]
    dropped = place.outlet.counters.dropped

    own.overloaded(place.picture(place.number, GOP, VIDEO))
    assert dropped.total() == 0
    other.overloaded(place.picture(place.number, GOP, SUB))
    own.overloaded(sound(place.number))
    assert dropped.total() == 2


def test_another_streams_sound_is_never_sent_and_its_hub_is_listened_to_once() -> None:
    place = Place()
    place.play(3)
    place.selector.want(Part.KEYFRAMES, place.other, lambda: AWAY)
    place.play(GOP)
    place.selector.want(Part.ALL, place.other, lambda: AWAY)
    assert len(place.other.attached) == 1
    heard = place.sounds()
    unit = next(
        unit for unit, _ in place.link.sent if unit.packet is not None and unit.packet.track.kind is not MediaKind.VIDEO
    )
    assert unit.packet is not None
    place.other.attached[0].offer(unit, unit.packet)
    assert place.sounds() == heard


def away_and_back(place: Place, late: int) -> int:
    """Take the other stream's pictures, `late` pictures later than they are, then ask for its own again: how many of
    its own keyframes were passed over until they came."""
    place.selector.want(Part.ALL, place.other, lambda: Times(AWAY.dts + late * STEP, AWAY.pts + late * STEP))
    while place.sent()[-1][0] != b"small":
        place.play(1)
    place.selector.want(Part.ALL)
    passed = 0
    while True:
        place.play(1)
        if place.sent()[-1][0] == b"vc":
            return passed
        passed += (place.number - 1) % GOP == 0


def test_a_keyframe_that_always_comes_too_late_is_taken_after_some() -> None:
    """And each way back begins to count anew."""
    place = Place()
    place.play(3)
    assert [away_and_back(place, late=50), away_and_back(place, late=50)] == [REFUSED, REFUSED]
    assert balanced(place.outlet)


def test_while_a_keyframe_is_too_late_the_others_are_put_earlier_and_stay_there() -> None:
    """By half of what lies between two of them, so that they stay in order and the next one may be in time."""
    place = Place()
    place.play(3)
    put = Times(AWAY.dts + 3 * STEP, AWAY.pts + 3 * STEP)
    place.selector.want(Part.ALL, place.other, lambda: put)
    place.play(6 * GOP)
    usual, before = to_ms(STEP), len(place.sent())
    place.selector.want(Part.ALL)
    # Past the next keyframe of the other stream, at which its pictures come nearer to where they should be.
    pictures = 17
    place.play(pictures)
    sent = place.sent()
    steps = [time - sent[at - 1][1] for at, (_, time) in enumerate(sent) if at >= before]
    assert {whose for whose, _ in sent[before:]} == {b"small"}
    # One keyframe of its own was refused; after it one of the others comes earlier, and none is put back.
    assert sorted(steps) == [usual - min(usual // 2, EARLIER)] + [usual] * (pictures - 1)


def test_other_parameters_of_another_stream_are_announced_before_its_picture() -> None:
    place = Place()
    place.play(3)
    place.selector.want(Part.ALL, place.other, lambda: AWAY)
    place.play(GOP)
    changed = attrs.evolve(SUB, config=b"smaller")
    for number in range(2):
        following = place.picture(place.number + number, GOP, changed, off=GOP - place.number % GOP)
        moved = attrs.evolve(following, dts=following.dts - AWAY.dts, pts=following.pts - AWAY.pts)
        place.other.packet(moved)
    header, picture_, another = (unit for unit, _ in place.link.sent[-3:])
    assert header.packet is None
    assert isinstance(header, Tag)
    assert header.body == TOY_VIDEO.flv["plain"].header(changed)
    assert [unit.packet is not None for unit in (picture_, another)] == [True, True]


def test_what_is_left_out_is_no_habit_of_silence() -> None:
    """Pictures that are sent may be as far apart as they were; a peer that sees none is noticed all the same."""
    place = Place()
    place.play(GOP)
    place.selector.want(Part.KEYFRAMES)
    place.play(20 * GOP)
    apart = GOP * STEP / NS_PER_S
    assert place.outlet.picture_overdue(place.link.time + USUAL * apart + PATIENCE + 1) > 0


def test_the_first_picture_that_is_left_out_is_as_far_from_the_last_as_it_is() -> None:
    """What was sent before some were left out counts, and not the time since the stream began."""
    place = Place()
    place.play(100 * GOP + 1)
    place.selector.want(Part.KEYFRAMES)
    place.play(2)
    assert place.outlet.picture_overdue(place.link.time + USUAL * 3 * STEP / NS_PER_S + PATIENCE + 0.1) > 0


def test_shown_times_of_another_stream_come_after_what_was_shown() -> None:
    """Its own has pictures that are shown long after they are decoded; the other's begin after the last of them."""
    place = Place()
    place.play(GOP + 3)
    ahead = place.picture(place.number, GOP, VIDEO)
    shown = ahead.dts + 300 * NS_PER_MS
    place.own.packet(attrs.evolve(ahead, pts=shown))
    place.selector.want(Part.ALL, place.other, lambda: AWAY)
    place.number += 1
    place.play(GOP)
    first = next(unit for unit, _ in place.link.sent if unit.packet is not None and unit.packet.track is SUB)
    assert first.packet is not None
    assert first.packet.pts > shown


def test_a_codec_that_cannot_make_the_keyframe_a_unit_has_sent_nothing() -> None:
    """Neither what announces it: the peer would go on with pictures of the one before."""
    place = Place()
    plain = TOY_VIDEO.flv["plain"]

    def head(track: Track, key: bool, composition: int) -> bytes:
        if key:
            raise MediaError("not this one")
        return b"head"

    place.form = attrs.evolve(plain, head=head)
    place.play(3)
    place.selector.want(Part.ALL, place.other, lambda: AWAY)
    place.play(GOP)
    assert len(place.failures) == 1
    headers = [unit for unit, _ in place.link.sent if unit.packet is None and unit.type is TagType.VIDEO]
    assert [unit.body for unit in headers] == [plain.header(VIDEO)]
    assert {whose for whose, _ in place.sent()} == {b"vc"}


def test_a_closed_outlet_leaves_also_what_it_waits_for() -> None:
    place = Place()
    place.play(1)
    place.selector.want(Part.ALL, place.other, lambda: AWAY)
    assert place.other.attached
    place.outlet.close()
    place.play(1)
    assert (place.gone, place.own.attached, place.other.attached, place.selector.pending) == (1, (), (), False)
