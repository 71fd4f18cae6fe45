"""One attempt's outlet: the bound, the drops, the replay, and a balance that always closes."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.world import AUDIO, TOY_AUDIO, TOY_VIDEO, VIDEO, picture, sound, until

from camcast.flv.packer import TagPacker
from camcast.media import MediaKind, Tag
from camcast.stream.flow import FlowCounters
from camcast.stream.hub import Hub
from camcast.stream.outlet import KEYFRAME_PATIENCE, Limits, Outlet, OutletState
from camcast.stream.rendition import FlvPacker


class Link:
    """A transport whose link the test holds in its hands. It says where units end, and what has not left."""

    def __init__(self) -> None:
        self.time = 0.0
        self.pending = 0
        self.acked = 0
        self.away = 0
        """Of what is pending, bytes that have left."""
        self.sent: list[tuple[Tag, int]] = []
        self.takes = True
        self.header = 0
        """Bytes that it adds to each unit."""
        self.refuses = False

    def send(self, unit: Tag, time: int) -> int:
        if not self.refuses:
            self.sent.append((unit, time))
            self.time = max(self.time, unit.time / 1000)
            size = self.header + len(unit.head) + len(unit.body)
            if self.takes:
                self.acked += size
            else:
                self.pending += size
        return self.acked + self.pending

    @property
    def unsent(self) -> int:
        return self.pending - self.away

    def drain(self, share: float = 1.0) -> None:
        done = int(self.pending * share)
        self.pending -= done
        self.acked += done
        self.away = max(0, self.away - done)

    def numbers(self) -> list[int]:
        return [
            int.from_bytes(u.body[:4], "big")
            for u, _ in self.sent
            if u.packet is not None and u.packet.track.kind is MediaKind.VIDEO
        ]


def make(*, audio: bool = False) -> Hub:
    tracks = (VIDEO, AUDIO) if audio else (VIDEO,)
    forms = {MediaKind.VIDEO: TOY_VIDEO.flv["plain"], MediaKind.AUDIO: TOY_AUDIO.flv["plain"]}
    # A clock that stands still: only the tests of slices let feeding take time.
    return Hub(FlvPacker(tracks, forms), now=lambda: 0.0)


class Owner:
    """Remembers what an outlet told it."""

    def __init__(self) -> None:
        self.asked = 0
        self.drops: list[MediaKind] = []
        self.slow_sends: list[float] = []
        self.errors: list[Exception] = []
        self.begins = 0
        self.late: list[float] = []

    def keyframe_late(self, seconds: float) -> None:
        self.late.append(seconds)

    def want_keyframe(self) -> None:
        self.asked += 1

    def dropped(self, kind: MediaKind) -> None:
        self.drops.append(kind)

    def slow(self, seconds: float) -> None:
        self.slow_sends.append(seconds)

    def broken(self, error: Exception) -> None:
        self.errors.append(error)

    def begun(self) -> None:
        self.begins += 1


def outlet(hub: Hub, link: Link, limits: Limits | None = None, owner: Owner | None = None) -> Outlet:
    made = Outlet(link, limits or Limits(), owner or Owner(), now=lambda: link.time)  # type: ignore[arg-type]
    made.start(hub)
    return made


def balanced(made: Outlet) -> bool:
    flow = made.counters
    return all(
        flow.offered[kind] == flow.sent[kind] + sum(n for (k, _), n in flow.dropped.items() if k is kind)
        for kind in MediaKind
    )


def test_the_body_is_shared_by_all_and_never_copied() -> None:
    hub = make()
    links = [Link(), Link(), Link()]
    for link in links:
        outlet(hub, link)
    packet = picture(0, key=True)
    hub.packet(packet)
    assert isinstance(hub.packer, TagPacker)
    assert all(link.sent[-1][0].body is packet.payload for link in links)


def test_waits_for_a_keyframe_and_counts() -> None:
    hub, link = make(), Link()
    one = outlet(hub, link)
    hub.packet(picture(1))
    hub.packet(picture(5, key=True))
    assert link.numbers() == [5]
    assert one.counters.dropped == {(MediaKind.VIDEO, "waiting for keyframe"): 1}
    assert link.sent[0][1] == 0


def test_the_bytes_of_sound_are_counted_apart() -> None:
    hub, link = make(audio=True), Link()
    one = outlet(hub, link)
    hub.packet(picture(0, key=True, size=3000))
    for number in range(4):
        hub.packet(sound(number))
    sent = one.counters
    assert (sent.sent.video, sent.sent.audio) == (1, 4)
    assert 4 * len(sound(0).payload) <= sent.sound_bytes < 400
    assert sent.bytes - sent.sound_bytes >= 3000


def test_without_a_keyframe_for_long_sound_goes_out_alone_and_it_is_told_once() -> None:
    hub, link, owner = make(audio=True), Link(), Owner()
    one = outlet(hub, link, owner=owner)
    for number in range(100):
        link.time = number / 25
        hub.packet(picture(number))
        hub.packet(sound(number))
        assert bool(owner.late) is (link.time >= KEYFRAME_PATIENCE)
    assert owner.late == [KEYFRAME_PATIENCE]
    assert owner.asked >= 1
    assert (link.numbers(), owner.begins) == ([], 0)
    heard = one.counters.sent[MediaKind.AUDIO]
    assert heard == 100 - round(KEYFRAME_PATIENCE * 25)
    hub.packet(picture(100, key=True))
    hub.packet(picture(101))
    assert (link.numbers(), owner.begins, one.state) == ([100, 101], 1, OutletState.LIVE)
    assert one.counters.dropped[MediaKind.VIDEO, "waiting for keyframe"] == 100
    assert one.counters.dropped[MediaKind.VIDEO, "link behind"] == 0
    assert balanced(one)


def test_without_sound_it_is_told_all_the_same() -> None:
    hub, link, owner = make(), Link(), Owner()
    outlet(hub, link, owner=owner)
    for number in range(100):
        link.time = number / 25
        hub.packet(picture(number))
    assert len(owner.late) == 1
    assert link.sent == []


def test_above_the_bound_drops_up_to_a_keyframe_below_the_mark() -> None:
    hub, link = make(), Link()
    one = outlet(hub, link)
    link.takes = False
    for number in range(40):
        hub.packet(picture(number, key=number % 10 == 0, size=4000))
    assert one.state is OutletState.DROPPING
    last = link.numbers()[-1]
    assert 16 <= last <= 20
    link.drain()
    hub.packet(picture(41, size=4000))
    assert link.numbers()[-1] == last
    hub.packet(picture(50, key=True, size=4000))
    hub.packet(picture(51, size=4000))
    assert link.numbers()[-2:] == [50, 51]
    assert balanced(one)


def test_a_keyframe_that_finds_the_link_still_behind_is_dropped_too() -> None:
    hub, link = make(), Link()
    one = outlet(hub, link)
    hub.packet(picture(0, key=True, size=40_000))
    assert one.lag == 0
    link.takes = False
    for number in range(1, 40):
        hub.packet(picture(number, key=number % 10 == 0, size=40_000))
    link.drain(0.3)
    hub.packet(picture(50, key=True, size=40_000))
    assert one.state is OutletState.DROPPING
    assert 50 not in link.numbers()


def test_sound_is_dropped_last() -> None:
    hub, link = make(audio=True), Link()
    one = outlet(hub, link)
    link.takes = False
    for number in range(30):
        hub.packet(picture(number, key=number % 10 == 0, size=4000))
        hub.packet(sound(number))
    assert one.counters.dropped[MediaKind.VIDEO, "link behind"] > 0
    assert one.counters.dropped[MediaKind.AUDIO, "link behind"] == 0
    for number in range(30, 110):
        hub.packet(sound(number))
    assert one.counters.dropped[MediaKind.AUDIO, "link behind"] > 0
    assert balanced(one)


def test_a_link_that_keeps_up_with_a_delay_drops_nothing() -> None:
    """A long round trip is not being behind, however much is on its way."""
    hub, link = make(), Link()
    one = outlet(hub, link)
    link.takes = False
    for number in range(200):
        hub.packet(picture(number, key=number % 50 == 0, size=30_000))
        link.away = link.pending
        if number >= 25:
            link.drain(1 / 26)
    assert link.pending > 700_000, "a second of media is on its way"
    assert one.lag == 0
    assert not one.counters.dropped
    assert len(link.numbers()) == 200


def test_a_burst_from_the_source_is_not_a_slow_link() -> None:
    hub, link = make(), Link()
    time = 0.0
    one = Outlet(link, Limits(), Owner(), now=lambda: time)  # type: ignore[arg-type]
    one.start(hub)
    link.takes = False
    for number in range(100):
        hub.packet(picture(number, key=number % 50 == 0, size=4000))
    assert not one.counters.dropped
    time = 0.5
    assert one.lag == 0.5, "no more than it has really waited"
    link.drain()
    assert one.lag == 0


@pytest.mark.parametrize("header", [0, 12, 200])
def test_a_burst_of_tiny_sounds_after_a_pause_is_not_a_slow_link(header: int) -> None:
    """What the transport adds to the last units before the pause is acknowledged, too."""
    hub, link = make(audio=True), Link()
    link.header = header
    clock = 0.0
    one = Outlet(link, Limits(), Owner(), now=lambda: clock)  # type: ignore[arg-type]
    one.start(hub)
    hub.packet(picture(0, key=True, size=1000))
    for number in range(10):
        hub.packet(sound(number, 6))
    clock = 2.3
    link.takes = False  # nothing is acknowledged within the burst
    for number in range(10, 67):
        hub.packet(sound(number, 6 + (number * 7) % 55))
        assert one.lag == 0
    assert one.state is OutletState.LIVE
    assert not one.counters.dropped
    assert one.waiting == 0, "the oldest of them was sent just now"
    assert balanced(one)


def test_what_a_transport_leaves_out_counts_as_dropped() -> None:
    hub, link = make(), Link()
    owner = Owner()
    one = outlet(hub, link, owner=owner)
    hub.packet(picture(0, key=True))
    link.refuses = True
    hub.packet(picture(1))
    link.refuses = False
    hub.packet(picture(2))
    assert one.counters.dropped == {(MediaKind.VIDEO, "left out by the transport"): 1}
    assert one.counters.sent[MediaKind.VIDEO] == 2
    assert owner.drops == [MediaKind.VIDEO]
    assert balanced(one)


def test_a_transport_that_knew_where_units_end_and_does_not_any_more_has_left_it_out() -> None:
    """After a loss some have no position to tell, until the attempt has heard of it."""
    hub, link = make(), Link()
    one = outlet(hub, link)
    link.takes = False
    hub.packet(picture(0, key=True))
    link.send = lambda unit, time: None  # type: ignore[assignment, method-assign, return-value]
    hub.packet(picture(1))
    assert one.counters.sent[MediaKind.VIDEO] == 1
    link.pending = 0  # the socket has forgotten what was under way
    assert one.waiting == 0
    one.write_off(settle=True)
    assert one.counters.sent[MediaKind.VIDEO] == 0, "and nothing of it was acknowledged"
    assert balanced(one)


def test_what_a_transport_raises_is_told_and_reaches_nobody_else() -> None:
    hub, link, other = make(), Link(), Link()
    owner = Owner()
    one = outlet(hub, link, owner=owner)
    outlet(hub, other)
    link.send = lambda unit, time: 1 // 0  # type: ignore[method-assign]
    hub.packet(picture(0, key=True))
    assert {type(error) for error in owner.errors} == {ZeroDivisionError}
    assert other.numbers() == [0]
    assert one.counters.dropped[MediaKind.VIDEO, "lost with the connection"] == 1
    assert balanced(one)


def test_figures_that_fail_are_told_too() -> None:
    class Broken(Link):
        @property
        def unsent(self) -> int:
            raise RuntimeError("no figures today")

    hub, owner = make(), Owner()
    one = outlet(hub, Broken(), owner=owner)
    hub.packet(picture(0, key=True))
    assert not owner.errors, "nothing has been asked yet"
    assert one.lag == 0
    assert [str(error) for error in owner.errors] == ["no figures today"]
    hub.packet(picture(1))
    assert len(owner.errors) == 2


def test_a_slow_send_is_counted_and_told() -> None:
    class Slow(Link):
        def send(self, unit: Tag, time: int) -> int:
            position = super().send(unit, time)
            self.time += 0.006 if unit.packet is not None else 0.001
            return position

    hub, owner = make(), Owner()
    one = outlet(hub, Slow(), owner=owner)
    hub.packet(picture(0, key=True))
    assert one.counters.slow_sends == 1
    assert owner.slow_sends == [pytest.approx(0.006)]


def test_a_handshake_that_is_acknowledged_is_no_media() -> None:
    hub, link = make(), Link()
    link.acked = 3073  # as a transport that counts from the connection's first byte
    one = outlet(hub, link)
    assert not one.delivered
    link.takes = False
    hub.packet(picture(0, key=True))
    assert one.sending
    assert not one.delivered
    headers = sum(len(unit.head) + len(unit.body) for unit, _ in link.sent if unit.packet is None)
    link.pending -= headers
    link.acked += headers
    assert not one.delivered, "headers are acknowledged, and they are no media either"
    link.drain()
    assert one.delivered


def test_a_picture_is_overdue_by_what_this_stream_s_usual_distance_does_not_allow() -> None:
    hub, link = make(), Link()
    one = outlet(hub, link)
    assert one.picture_overdue(99.0) == 0.0, "this stream may have no picture"
    for number in range(50):
        hub.packet(picture(number, key=number == 0))
        assert one.picture_overdue(link.time) == 0.0
    last = link.time
    assert one.last_picture_sent == pytest.approx(last, abs=0.05)
    assert one.picture_overdue(last + 1.9) == 0.0
    assert 2.9 < one.picture_overdue(last + 5) <= 3.05
    # Pictures that are dropped are none that went out.
    one.state = OutletState.DROPPING
    hub.packet(picture(50))
    assert one.picture_overdue(last + 5) > 2.9


def test_waiting_for_the_first_keyframe_is_a_picture_overdue() -> None:
    hub, link = make(audio=True), Link()
    hub.packet(picture(0))
    one = outlet(hub, link)
    assert one.state is OutletState.WAITING
    assert one.picture_overdue(1.5) == 0.0
    assert one.picture_overdue(10.0) == pytest.approx(8.0)


async def test_replay_shows_the_group_then_the_live_edge_in_order() -> None:
    hub, link = make(), Link()
    for number in range(8):
        hub.packet(picture(number, key=number == 0))
    one = outlet(hub, link)
    hub.packet(picture(8))
    await until(lambda: one.state is OutletState.LIVE)
    hub.packet(picture(9))
    assert link.numbers() == list(range(10))
    times = [time for _unit, time in link.sent]
    assert times == sorted(times)
    assert times[0] == 0
    assert times[-1] < 200
    assert one.counters.replayed == 8
    assert one.counters.sent[MediaKind.VIDEO] == 2


def sounds(link: Link) -> list[tuple[int, int]]:
    """(number, time) of the sound that was sent."""
    return [
        (int.from_bytes(unit.body[:4], "big"), time)
        for unit, time in link.sent
        if unit.packet is not None and unit.packet.track.kind is MediaKind.AUDIO
    ]


async def test_sound_from_before_the_first_picture_is_left_out_and_counted() -> None:
    """Put at 0, all of it would be heard at once."""
    hub, link = make(audio=True), Link()
    hub.packet(sound(6))
    hub.packet(picture(10, key=True))
    one = outlet(hub, link)
    for number in (7, 8, 9):
        hub.packet(sound(number))
    await until(lambda: one.state is OutletState.LIVE)
    for number in (9, 10, 11):
        hub.packet(sound(number))
    assert sounds(link) == [(10, 1), (11, 41)]
    assert one.counters.dropped == {(MediaKind.AUDIO, "before the first picture"): 4}
    assert balanced(one)


async def test_sound_from_before_the_first_connection_is_counted_once() -> None:
    hub, link = make(audio=True), Link()
    counters = FlowCounters()
    hub.packet(sound(0))
    hub.packet(picture(0, key=True))
    for number in range(1, 4):
        hub.packet(picture(number))
        hub.packet(sound(number))
    for _attempt in range(2):
        one = Outlet(link, Limits(), Owner(), counters=counters, now=lambda: link.time)  # type: ignore[arg-type]
        one.start(hub)
        await until(lambda one=one: one.state is OutletState.LIVE)  # type: ignore[misc]
        one.close()
    assert counters.dropped == {(MediaKind.AUDIO, "before the first connection"): 3}
    assert counters.offered[MediaKind.AUDIO] == 3
    assert balanced(one)


async def test_a_replay_that_does_not_drain_is_given_up_for_the_next_keyframe() -> None:
    hub, link = make(), Link()
    for number in range(50):
        hub.packet(picture(number, key=number == 0, size=20_000))
    link.takes = False
    owner = Owner()
    one = Outlet(link, Limits(replay_seconds=0.05), owner)  # type: ignore[arg-type]
    one.start(hub)
    hub.packet(picture(50))
    await until(lambda: one.state is OutletState.DROPPING)
    assert owner.asked == 1
    assert one.counters.dropped[MediaKind.VIDEO, "replay too slow"] == 1
    assert one.counters.replayed == len(link.numbers()) < 50, "only what has been sent counts as replayed"
    link.drain()
    link.takes = True
    hub.packet(picture(60, key=True))
    assert link.numbers()[-1] == 60
    assert balanced(one)


async def test_a_group_over_the_byte_budget_is_not_replayed() -> None:
    hub, link = make(), Link()
    for number in range(5):
        hub.packet(picture(number, key=number == 0, size=10_000))
    owner = Owner()
    one = outlet(hub, link, Limits(replay_bytes=30_000), owner)
    assert one.state is OutletState.WAITING
    assert owner.asked == 1
    assert not link.sent


def test_changed_sound_is_announced_at_once_while_pictures_are_dropped() -> None:
    hub, link = make(audio=True), Link()
    hub.packet(picture(0, key=True))
    hub.packet(sound(0))
    made = outlet(hub, link)
    link.takes = False
    for number in range(1, 30):
        hub.packet(picture(number))
    assert made.state is OutletState.DROPPING
    hub.change(attrs.evolve(VIDEO, config=b"first", width=32), 1200)
    hub.change(attrs.evolve(AUDIO, config=b"louder"), 1200)
    hub.packet(sound(30))
    bodies = [bytes(unit.body) for unit, _ in link.sent]
    assert b"header louder" in bodies
    link.drain()
    hub.packet(picture(30, key=True))
    bodies = [bytes(unit.body) for unit, _ in link.sent]
    assert b"header first" in bodies


def test_changed_parameters_reach_a_dropping_outlet_before_its_next_keyframe() -> None:
    hub, link = make(), Link()
    outlet(hub, link)
    link.takes = False
    for number in range(30):
        hub.packet(picture(number, key=number % 10 == 0, size=4000))
    new = attrs.evolve(VIDEO, config=b"new", width=128)
    hub.change(new, 1200)
    link.drain()
    hub.packet(picture(30, key=True, track=new))
    bodies = [bytes(unit.body) for unit, _ in link.sent[-2:]]
    assert bodies[0] == b"header new"


def test_detaching_in_the_middle_of_a_fan_out_is_safe() -> None:
    hub = make()
    links = [Link(), Link(), Link()]
    outlets = [outlet(hub, link) for link in links]
    original = links[0].send

    def send(unit: Tag, time: int) -> None:
        original(unit, time)
        outlets[1].close()

    links[0].send = send  # type: ignore[assignment, method-assign]
    hub.packet(picture(0, key=True))
    assert links[1].numbers() == []
    assert links[2].numbers() == [0]
    assert hub.outlets == 2


async def test_work_beyond_the_slice_waits_for_the_next_turn_in_order() -> None:
    clock = iter(range(10**6))
    hub = make()
    hub.now = lambda: next(clock) * 0.001
    links = [Link() for _ in range(12)]
    for link in links:
        outlet(hub, link)
    for number in range(4):
        hub.packet(picture(number, key=number == 0))
    assert any(len(link.numbers()) < 4 for link in links)
    await until(lambda: all(link.numbers() == [0, 1, 2, 3] for link in links))


def test_from_when_on_the_peer_has_no_picture() -> None:
    hub, link = make(), Link()
    one = outlet(hub, link)
    hub.packet(picture(0, key=True))
    link.time = 1.0
    link.takes = False
    for number in (25, 50):
        hub.packet(picture(number))
    one.write_off(settle=False)
    assert one.unseen_since == 1.0
    two = outlet(make(), Link())
    two.write_off(settle=False)
    assert two.unseen_since is None


def test_closing_counts_what_the_peer_never_acknowledged() -> None:
    hub, link = make(), Link()
    one = outlet(hub, link)
    hub.packet(picture(0, key=True))
    link.takes = False
    hub.packet(picture(1))
    hub.packet(picture(2))
    one.close()
    one.write_off(settle=True)
    assert one.counters.sent[MediaKind.VIDEO] == 1
    assert one.counters.dropped[MediaKind.VIDEO, "lost with the connection"] == 2
    assert balanced(one)


@settings(max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("video"), st.integers(5, 60_000), st.booleans()),
            st.tuples(st.just("audio"), st.integers(5, 500)),
            st.tuples(st.just("drain"), st.floats(0, 1)),
            st.tuples(st.just("link"), st.booleans()),
        ),
        max_size=120,
    )
)
def test_whatever_the_link_does_the_balance_closes_and_no_group_is_torn(steps: Any) -> None:
    async def run() -> None:
        hub, link = make(audio=True), Link()
        one = outlet(hub, link)
        number = 0
        keys = set()
        for step in steps:
            match step:
                case ("video", int(size), bool(key)):
                    if key:
                        keys.add(number)
                    hub.packet(picture(number, key=key, size=size))
                    number += 1
                case ("audio", int(size)):
                    hub.packet(sound(number, size))
                case ("drain", float(share)):
                    link.drain(share)
                case ("link", bool(takes)):
                    link.takes = takes
        assert balanced(one)
        assert one.lag >= 0
        sent = link.numbers()
        for before, after in zip([-9, *sent], sent, strict=False):
            assert after == before + 1 or after in keys

    asyncio.run(run())
