"""Playing a file in C and in Python: the same packets at the same moments."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.stream.simulated import run
from tests.plugins.source_kit import HandClock, Sink

from camcast.media import NS_PER_MS, NS_PER_S, MediaKind, Packet, Track
from camcast_file.batch import Batch
from camcast_file.feeds import MemoryFeed, take_in_python
from camcast_file.options import FileOptions
from camcast_file.pacer import Pacer
from camcast_file.player import Player, step_in_python
from camcast_file.shared import Clip

pytestmark = pytest.mark.native

VIDEO = Track(kind=MediaKind.VIDEO, codec="made-up")
ANOTHER = Track(kind=MediaKind.VIDEO, codec="made-up", width=2)
AUDIO = Track(kind=MediaKind.AUDIO, codec="made-up")


class Refusing(Sink):
    """Raises at the packet of this number."""

    at = 0

    def packet(self, packet: Packet) -> None:
        if len(self.packets) + 1 == self.at:
            raise ZeroDivisionError
        super().packet(packet)


class InPython(MemoryFeed):
    """Its packets are taken in Python."""

    take = take_in_python


class PlayedInPython(Player):
    """Its steps are Python's."""

    _step = step_in_python


def clip(packets: list[Packet], dropped: int) -> Clip:
    lost = Batch()
    if dropped:
        lost.dropped[MediaKind.VIDEO, "damaged"] = dropped
    last = max(packet.dts for packet in packets)
    return Clip((packets[0].track,), tuple(packets), lost, (), Fraction(max(last, 0) + 40 * NS_PER_MS, NS_PER_S))


class End:
    """A player on a clock of its own."""

    def __init__(self, of: Clip, options: FileOptions, feed: type[MemoryFeed], player: type[Player]) -> None:
        self.clock, self.sink = HandClock(), Refusing()
        self.left: list[str] = []
        self.feed = feed(of, lambda: self.left.append("left"), self.sink.dropped)
        self.player = player(self.sink, Pacer(self.clock, self.clock.now), options)  # type: ignore[arg-type]
        self.player.start(self.feed)

    def seen(self) -> dict[str, object]:
        player, done = self.player, self.player.done
        packets = [attrs.astuple(packet, recurse=False) for packet in self.sink.packets]
        return {
            "packets": packets,
            "announced": self.sink.announced,
            "drops": self.sink.drops,
            "breaks": self.sink.breaks,
            "behind": player.behind,
            "next": player._next and attrs.astuple(player._next, recurse=False),
            "last": dict(player._last),
            "times": (player._origin, player._anchor, player._front, player._bursting),
            "over": repr(done.exception()) if done.done() else None,
        }


STEPS = st.sampled_from([33, 33, 33, 33, 0, 1, 21, -21, -499, -501, 3000, 61_000, 2**57 // NS_PER_MS])
PACKETS = st.lists(st.tuples(st.sampled_from([VIDEO, VIDEO, AUDIO, AUDIO, ANOTHER]), STEPS), min_size=1, max_size=30)
OPTIONS = st.builds(FileOptions, speed=st.sampled_from([1.0, 1.0, 2.0, 0.7]), burst=st.sampled_from([0.0, 0.0, 1.5]))
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("advance"), st.sampled_from([0.004, 0.05, 0.05, 0.3, 2.0, 70.0])),
        st.tuples(st.sampled_from(["stop", "wake"]), st.none()),
    ),
    max_size=12,
)


@settings(max_examples=200)
@given(PACKETS, OPTIONS, ACTS, st.integers(0, 40), st.integers(0, 2))
def test_both_forms_do_the_same(
    given_packets: list[tuple[Track, int]], options: FileOptions, acts: list[tuple[str, Any]], fails: int, lost: int
) -> None:
    packets, at = [], 0
    for number, (track, step) in enumerate(given_packets):
        at += step * NS_PER_MS if number else 0  # as a file begins
        packets.append(Packet(track, at, at + number % 3, number % 2 == 0, bytes((number,)), number % 5 == 0))

    async def act() -> None:
        of = clip(packets, lost)
        ends = (End(of, options, MemoryFeed, Player), End(of, options, InPython, PlayedInPython))
        for end in ends:
            end.sink.at = fails
        for what, seconds in acts:
            for end in ends:
                if what == "advance":
                    end.clock.advance(seconds)
                else:
                    getattr(end.player, what)()
            assert ends[0].seen() == ends[1].seen()

    run(act())


@pytest.mark.parametrize("second", [2**62 + 1, -(2**62) - 1, -(2**62)])
@pytest.mark.parametrize("first", [0, 2**62])
@pytest.mark.parametrize("speed", [1.0, 0.01])
def test_times_that_are_too_far_from_others_do_the_same(first: int, second: int, speed: float) -> None:
    """The other kind's first packet goes on from nowhere, so nothing else is asked of its time."""
    packets = [Packet(VIDEO, first, first, True, b"1"), Packet(AUDIO, second, second, True, b"2")]

    async def act() -> None:
        of, options = clip(packets, 0), FileOptions(speed=speed)
        ends = (End(of, options, MemoryFeed, Player), End(of, options, InPython, PlayedInPython))
        for _ in range(3):
            for end in ends:
                end.clock.advance(2.0)
            assert ends[0].seen()["packets"] == ends[1].seen()["packets"]
            assert ends[0].player.behind == ends[1].player.behind
            assert ends[0].player.done.done() == ends[1].player.done.done()

    run(act())


def test_a_packet_that_lacks_something_is_an_error() -> None:
    async def act() -> None:
        packets = [Packet(VIDEO, at, at, True, b"") for at in range(3)]
        del packets[1].track
        feed = MemoryFeed(Clip((VIDEO,), tuple(packets), Batch(), (), Fraction(1)), lambda: None, Sink().dropped)
        feed.take()
        with pytest.raises(AttributeError, match="track"):
            feed.take()

    run(act())


@pytest.mark.timeout(300)
def test_playing_leaves_nothing_behind() -> None:
    class Quiet(Sink):
        def packet(self, packet: Packet) -> None:
            pass

    async def act() -> None:
        tracks = (VIDEO, AUDIO) * 500
        packets = [Packet(track, at * NS_PER_MS, 0, True, bytes(100)) for at, track in enumerate(tracks)]
        sink = Quiet()
        feed = MemoryFeed(clip(packets, 0), lambda: None, sink.dropped)
        player = Player(sink, Pacer(HandClock(), lambda: 0), FileOptions())  # type: ignore[arg-type]
        player.start(feed)
        step: Callable[[int], int | None] = player._step

        def play(until: int) -> None:
            for second in range(until):
                assert step(second * NS_PER_S // 4) is not None

        def counted() -> list[int]:
            gc.collect()
            things = (VIDEO, AUDIO, VIDEO.kind, sink, feed, player, *packets[::100], packets[7].payload)
            return [sys.getrefcount(one) for one in things]

        play(10)
        before, blocks = counted(), sys.getallocatedblocks()
        play(1000)
        assert [now - then for now, then in zip(counted(), before, strict=True) if abs(now - then) > 2] == []
        assert sys.getallocatedblocks() - blocks < 500

    run(act())
