"""The replay: a squeezed group that a player shows at once and in order, sent in slices, given up when it is late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
from tests.core.stream.simulated import run
from tests.core.stream.test_outlet import make
from tests.core.world import STEP, picture, sound

from camcast.media import NS_PER_MS, NS_PER_S, Tag, Unit
from camcast.stream.hub import Hub
from camcast.stream.replay import SLICE_BYTES, SLICE_WAIT, Replay, Rest, packet_of, squeeze


def group(shown: list[int], disposable: AbstractSet[int] = frozenset()) -> list[Any]:
    """Pictures in decode order with their display places."""
    return [
        attrs.evolve(picture(i, key=i == 0), dts=i * STEP, pts=p * STEP, disposable=i in disposable)
        for i, p in enumerate(shown)
    ]


def test_pictures_end_just_before_the_live_edge() -> None:
    live = 10 * STEP
    packets = squeeze(group(list(range(10))), live)
    assert [p.pts for p in packets] == [live - (10 - i) * NS_PER_MS for i in range(10)]
    assert all(p.dts <= p.pts for p in packets)
    assert [p.dts for p in packets] == sorted(p.dts for p in packets)


def test_payloads_are_shared_and_the_group_is_untouched() -> None:
    packets = group([0, 1, 2])
    replayed = squeeze(packets, 3 * STEP)
    assert all(new.payload is old.payload for new, old in zip(replayed, packets, strict=True))
    assert [p.dts for p in packets] == [0, STEP, 2 * STEP]


def test_disposable_pictures_are_left_out() -> None:
    assert len(squeeze(group([0, 3, 1, 2], disposable={2, 3}), 4 * STEP)) == 2


def test_a_picture_shown_after_the_live_edge_keeps_its_time() -> None:
    """I0 P3 (b1 b2 come next): P3 is shown after them, so it must not be squeezed before them."""
    live = 2 * STEP
    packets = squeeze(group([1, 4]), live)
    assert packets[0].pts == live - NS_PER_MS
    assert packets[1].pts == 4 * STEP


@given(st.permutations(list(range(12))), st.integers(0, 30), st.sets(st.integers(1, 11)))
def test_order_on_screen_is_kept(shown: list[int], edge: int, disposable: set[int]) -> None:
    originals = group(shown, disposable)
    live = max(edge, 1) * NS_PER_S // 25
    replayed = squeeze(originals, live)
    kept = [p for p in originals if not p.disposable or p.pts >= live]
    order = sorted(range(len(kept)), key=lambda i: kept[i].pts)
    assert order == sorted(range(len(kept)), key=lambda i: replayed[i].pts)
    assert all(p.dts <= p.pts for p in replayed)
    assert len({p.pts for p in replayed}) == len(replayed)


class Player:
    """An outlet whose link the test opens and closes."""

    def __init__(self) -> None:
        self.sent: list[tuple[Unit, bool]] = []
        self.slices: list[int] = []
        self.has_room = True
        self.is_late = False
        self.keeps_up = True
        self.over: list[Rest | None] = []
        self.at: list[float] = []
        self.asked = -1.0, 0
        """Since when, and how much of, a replay was asked whether it is late."""
        self.after: Callable[[], object] = lambda: None
        """Called after each unit."""

    def play(self, unit: Unit, *, live: bool) -> None:
        self.sent.append((unit, live))
        self.slices[-1] += len(unit.body) if isinstance(unit, Tag) else len(unit.payload)
        self.after()

    def room(self) -> bool:
        self.slices.append(0)
        self.at.append(asyncio.get_running_loop().time())
        return self.has_room

    def caught_up(self) -> bool:
        return self.keeps_up

    def late(self, since: float, size: int) -> bool:
        self.asked = since, size
        return self.is_late

    def played(self, rest: Rest | None) -> None:
        self.over.append(rest)

    def numbers(self) -> list[int]:
        found = [packet_of(unit) for unit, _live in self.sent]
        return [int.from_bytes(packet.payload[:4], "big") for packet in found if packet is not None]


def grouped(count: int, size: int = 1000) -> tuple[Hub, int]:
    """A hub with a group of `count` pictures, and the newest one's dts."""
    hub = make(audio=True)
    for number in range(count):
        hub.packet(picture(number, key=number == 0, size=size))
    assert hub.latest_video is not None
    return hub, hub.latest_video


def test_headers_and_group_go_out_at_once_where_there_is_room() -> None:
    async def act() -> None:
        player = Player()
        replay = Replay(*grouped(10), player)
        assert replay.pictures == 10
        assert not player.sent
        replay.start(0.0)
        assert player.numbers() == list(range(10))
        assert packet_of(player.sent[0][0]) is None
        assert not any(live for _, live in player.sent)
        assert player.over == [None]

    run(act())


def test_it_is_sent_in_slices_so_that_others_have_their_turn() -> None:
    async def act() -> None:
        player = Player()
        Replay(*grouped(60, size=10_000), player).start(0.0)
        assert len(player.slices) == 1
        await asyncio.sleep(0)
        assert len(player.slices) == 2
        await asyncio.sleep(0.001)
        assert player.over == [None]
        assert max(player.slices) <= SLICE_BYTES + 10_000
        assert player.at[-1] == player.at[0], "with room it does not wait"

    run(act())


def test_without_room_it_looks_again_soon_and_live_units_line_up() -> None:
    async def act() -> None:
        player = Player()
        player.has_room = False
        replay = Replay(*grouped(5), player)
        replay.start(0.0)
        replay.add(picture(5), live=True)
        replay.add(sound(5), live=True)
        await asyncio.sleep(0.1)
        assert not player.sent
        assert 15 <= len(player.at) <= 25, f"each {SLICE_WAIT} s"
        assert [packet.dts for packet in replay.lined_up()] == [5 * STEP, 5 * STEP]
        player.has_room = True
        await asyncio.sleep(0.01)
        assert player.numbers() == [*range(6), 5]
        assert [live for unit, live in player.sent if packet_of(unit) is not None] == [False] * 5 + [True] * 2
        assert player.over == [None]

    run(act())


def test_it_lasts_until_the_link_has_caught_up() -> None:
    async def act() -> None:
        player = Player()
        player.keeps_up = False
        replay = Replay(*grouped(3), player)
        replay.start(0.0)
        await asyncio.sleep(0.1)
        replay.add(picture(3), live=True)
        await asyncio.sleep(0.1)
        assert player.numbers() == [0, 1, 2, 3], "what lines up meanwhile is not held back"
        assert not player.over
        player.keeps_up = True
        await asyncio.sleep(0.01)
        assert player.over == [None]
        looks = len(player.at)
        await asyncio.sleep(0.1)
        assert len(player.at) == looks, "over is over"

    run(act())


def test_late_it_is_given_up_with_all_that_was_not_sent() -> None:
    async def act() -> None:
        player = Player()
        replay = Replay(*grouped(30, size=10_000), player)
        player.after = lambda: setattr(player, "has_room", False)
        replay.start(77.0)
        sent = len(player.numbers())
        assert 0 < sent < 30
        assert player.asked == (77.0, 300_000)
        replay.add(header := Tag(type=None, time=0, head=b"", body=b"new"), live=False)  # type: ignore[arg-type]
        replay.add(picture(30), live=True)
        await asyncio.sleep(0.02)
        player.is_late = True
        await asyncio.sleep(0.02)
        (rest,) = player.over
        assert rest is not None
        assert (rest.pictures, list(rest.headers)) == (30 - sent, [header])
        assert [packet.dts for packet in rest.live] == [30 * STEP]

    run(act())


def test_stopping_from_within_a_slice_sends_nothing_more_and_loses_count_of_nothing() -> None:
    async def act() -> None:
        player = Player()
        replay = Replay(*grouped(20), player)
        rests: list[Rest] = []
        player.after = lambda: rests.append(replay.stop()) if len(player.numbers()) == 7 and not rests else None
        replay.start(0.0)
        await asyncio.sleep(0.1)
        assert player.numbers() == list(range(7))
        assert [rest.pictures for rest in rests] == [13]
        assert not player.over

    run(act())


def test_stopped_while_it_waits_it_does_not_wake() -> None:
    async def act() -> None:
        player = Player()
        player.has_room = False
        replay = Replay(*grouped(3), player)
        replay.start(0.0)
        looks = len(player.at)
        assert replay.stop().pictures == 3
        player.has_room = True
        await asyncio.sleep(0.1)
        assert not player.sent
        assert len(player.at) == looks
        assert not player.over

    run(act())
