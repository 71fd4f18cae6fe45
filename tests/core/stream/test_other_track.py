"""Another picture in one connection: by hand, one packet after the other. What FFmpeg reads of it is seen elsewhere."""

from __future__ import annotations

import attrs
from tests.core.stream.test_outlet import Link, balanced, make, outlet
from tests.core.world import STEP, VIDEO, picture

from camcast.errors import MediaError
from camcast.flv.fourcc import VideoPacketType, video_form
from camcast.flv.packer import to_ms
from camcast.kinds import FlvForm
from camcast.media import MediaKind, Tag
from camcast.stream.flow import REASON_BEHIND, REASON_KEYFRAME, REASON_LOST, REASON_OVERLOAD, FlowCounters
from camcast.stream.hub import Hub
from camcast.stream.meters import Times
from camcast.stream.other_track import OtherTrack
from camcast.stream.outlet import OutletState
from camcast.stream.rendition import FlvPacker

SUB = attrs.evolve(VIDEO, config=b"small", width=32, height=24)
FORM = video_form(b"avc1", lambda track: track.config, composed=True)
AWAY = 7_000_000_000 + 300_000
"""ns by which the other stream began later, no whole ms."""


class Place:
    """An outlet that is fed by one hub, and a track of another."""

    def __init__(self, *, form: FlvForm = FORM) -> None:
        self.form = form
        self.own, self.link = make(), Link()
        self.outlet = outlet(self.own, self.link)
        self.other = Hub(self.packer(), now=lambda: 0.0)
        self.counters = FlowCounters()
        self.asked = 0
        self.failures: list[Exception] = []
        self.track = self.made()

    def packer(self) -> FlvPacker:
        return FlvPacker((SUB,), {MediaKind.VIDEO: self.form})

    def made(self, last: int | None = None) -> OtherTrack:
        return OtherTrack(
            self.outlet.beside,
            self.other,
            MediaKind.VIDEO,
            1,
            self.packer(),
            lambda packet: Times(AWAY, AWAY),
            self.counters,
            self._ask,
            self.failures.append,
            last,
        )

    def _ask(self) -> None:
        self.asked += 1

    def main(self, number: int, *, key: bool = False) -> None:
        self.own.packet(picture(number, key=key))

    def sub(self, number: int, *, key: bool = False, late: int = 0) -> None:
        made = attrs.evolve(picture(number, key=key), track=SUB)
        self.other.packet(attrs.evolve(made, dts=made.dts - AWAY + late, pts=made.pts - AWAY + late))

    def sent(self) -> list[tuple[int, int]]:
        """Track and time of each tag of the other one, headers included."""
        return [(unit.track, time) for unit, time in self.link.sent if isinstance(unit, Tag) and unit.track]

    def balance(self) -> bool:
        flow = self.counters
        return balanced(self.outlet) and flow.offered.video == flow.sent.video + sum(flow.dropped.values())


def test_it_begins_at_its_own_keyframe_on_the_outlets_clock() -> None:
    place = Place()
    place.track.join()
    place.main(0, key=True)
    place.sub(0)
    place.main(1)
    assert place.sent() == []
    assert place.counters.dropped == {(MediaKind.VIDEO, REASON_KEYFRAME): 1}
    assert place.asked == 1
    place.sub(2, key=True)
    place.sub(3)
    # The header stands at the time of its picture, and both at that of the outlet's own.
    assert place.sent() == [(1, to_ms(2 * STEP)), (1, to_ms(2 * STEP)), (1, to_ms(3 * STEP))]
    assert place.track.brought == 300, "of three pictures, one of which was not sent"
    header = next(unit for unit, _ in place.link.sent if isinstance(unit, Tag) and unit.track)
    assert header.body[1] == VideoPacketType.SEQUENCE_START
    assert header.body.endswith(b"small")
    assert place.balance()


def test_before_the_first_one_has_begun_nothing_of_it_is_sent() -> None:
    place = Place()
    place.track.join()
    place.sub(0, key=True)
    assert place.link.sent == []
    place.main(1, key=True)
    place.sub(1)
    assert place.sent() == [], "its keyframe has gone by"
    place.sub(2, key=True)
    assert len(place.sent()) == 2
    assert place.balance()


def test_neither_waits_for_the_other() -> None:
    place = Place()
    place.track.join()
    place.main(0, key=True)
    place.sub(0, key=True)
    before = len(place.sent())
    for number in range(1, 40):
        place.main(number)
    assert place.outlet.counters.sent.video == 40, "the other one brings nothing"
    for number in range(1, 40):
        place.sub(number)
    assert len(place.sent()) == before + 39, "and comes late, with its own times"
    place.outlet.overloaded(picture(41))
    assert place.outlet.state is OutletState.DROPPING
    place.sub(41)
    assert len(place.sent()) == before + 40, "the first one waits for a keyframe, this one does not"
    assert place.balance()


def test_each_drops_up_to_its_own_keyframe_where_the_link_is_slow() -> None:
    place = Place()
    place.track.join()
    place.main(0, key=True)
    place.sub(0, key=True)
    place.link.takes = False
    number = 1
    while not place.counters.dropped:
        place.main(number)
        place.sub(number)
        number += 1
        assert number < 200, "nothing bounds it"
    assert set(place.counters.dropped) == {(MediaKind.VIDEO, REASON_BEHIND)}
    assert place.asked == 2
    place.link.takes = True
    place.link.drain()
    place.sub(number)
    assert place.counters.dropped[MediaKind.VIDEO, REASON_BEHIND] == 2, "no keyframe"
    sent = len(place.sent())
    place.sub(number + 1, key=True)
    assert len(place.sent()) == sent + 1, "the header is known"
    assert place.balance()


def test_what_the_peer_never_acknowledged_is_lost_with_the_connection() -> None:
    place = Place()
    place.track.join()
    place.main(0, key=True)
    place.sub(0, key=True)
    place.link.takes = False
    for number in (1, 2, 3):
        place.sub(number)
    place.outlet.close()
    place.outlet.write_off(settle=True)
    assert place.counters.dropped == {(MediaKind.VIDEO, REASON_LOST): 3}
    assert place.counters.sent.video == 1
    place.sub(4)
    assert place.counters.offered.video == 4, "it has left"
    assert place.balance()


def test_one_that_begins_again_never_falls_behind_what_was_sent_of_it() -> None:
    place = Place()
    place.track.join()
    place.main(0, key=True)
    place.sub(0, key=True)
    place.sub(5)
    last = place.track.last
    place.track.leave()
    again = place.made(last)
    again.join()
    place.sub(1, key=True)
    place.sub(2)
    times = [time for _, time in place.sent()]
    assert times == sorted(times)
    assert place.sent()[-1][1] - place.sent()[-2][1] == to_ms(STEP), "distances are kept"


def test_other_parameters_are_announced_before_the_picture_that_needs_them() -> None:
    place = Place()
    place.track.join()
    place.main(0, key=True)
    place.sub(0, key=True)
    larger = attrs.evolve(SUB, config=b"larger")
    made = attrs.evolve(picture(1, key=True), track=larger)
    place.other.packet(attrs.evolve(made, dts=made.dts - AWAY, pts=made.pts - AWAY))
    bodies = [unit.body for unit, _ in place.link.sent if isinstance(unit, Tag) and unit.track]
    assert bodies[-2].endswith(b"larger")
    assert len(bodies) == 4


def test_a_codec_that_fails_ends_this_one_only() -> None:
    def broken(track: object, keyframe: bool, ms: int) -> bytes:
        raise MediaError("cannot")

    place = Place(form=attrs.evolve(FORM, head=broken))
    place.other.packer = FlvPacker((SUB,), {MediaKind.VIDEO: FORM})
    place.track.join()
    place.main(0, key=True)
    place.sub(0, key=True)
    place.main(1)
    assert [str(error) for error in place.failures] == ["cannot"]
    assert place.other.attached == ()
    assert place.outlet.counters.sent.video == 2
    assert place.balance()


def test_an_overloaded_loop_is_counted() -> None:
    place = Place()
    place.track.join()
    place.main(0, key=True)
    place.sub(0, key=True)
    place.track.overloaded(attrs.evolve(picture(1), track=SUB))
    assert place.counters.dropped == {(MediaKind.VIDEO, REASON_OVERLOAD): 1}
    place.sub(2)
    assert place.counters.dropped[MediaKind.VIDEO, REASON_OVERLOAD] == 2, "up to the next keyframe"
    assert place.balance()


def test_what_has_left_is_not_kept() -> None:
    place = Place()
    place.main(0, key=True)
    for _ in range(50):
        track = place.made()
        track.join()
        track.leave()
    assert len(place.outlet.beside.tracks) == 1
