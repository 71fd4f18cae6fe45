"""What a stream takes, and when its time was 0, by looks with made-up clocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from tests.core.world import STEP, picture

from camcast.group import Group
from camcast.media import NS_PER_MS, NS_PER_S, Packet
from camcast.stream.flow import FeedCounters
from camcast.stream.meters import LOOKS, WINDOW, Meter, Times

START = 7_000 * NS_PER_MS
"""When what is decoded at 0 came."""


@attrs.define
class Stream:
    """A source of pictures, looked at after each."""

    meter: Meter = attrs.field(factory=Meter)
    counters: FeedCounters = attrs.field(factory=FeedCounters)
    group: Group = attrs.field(factory=Group)
    number: int = 0

    def send(
        self, *, key: bool = False, size: int = 100, disposable: bool = False, late: int = 0, shown: int = 0
    ) -> None:
        """The next picture: `late` ns after its time, shown `shown` ns after it is decoded."""
        dts = self.number * STEP
        self.group.add(
            picture(
                self.number,
                key=key,
                size=size,
                disposable=disposable,
                arrival=START + dts + late,
                pts=dts + shown,
            )
        )
        self.counters.bytes += size
        self.number += 1

    def look(self, now: float | None = None) -> None:
        self.meter.look(self.number * STEP / 1e9 if now is None else now, self.counters, self.group)


def test_what_nothing_was_seen_of_is_not_known() -> None:
    meter = Meter()
    assert (meter.rate, meter.zero, meter.disposable, meter.keyframes) == (0.0, Times(), 0.0, 0.0)
    meter.look(1.0, FeedCounters(), Group())
    assert (meter.rate, meter.zero) == (0.0, Times())


def test_a_rate_is_what_came_within_the_window() -> None:
    stream = Stream()
    for second in range(20):
        stream.counters.bytes += 1_000 if second < 10 else 4_000
        stream.look(float(second))
    assert stream.meter.rate == pytest.approx(4_000 * 8)


def test_a_rate_is_known_once_a_part_of_the_window_was_seen() -> None:
    stream = Stream()
    stream.look(100.0)
    stream.counters.bytes += 5_000
    stream.look(100.0 + WINDOW / 4)
    assert stream.meter.rate == 0.0
    stream.look(100.5 + WINDOW / 4)
    assert stream.meter.rate == pytest.approx(5_000 * 8 / 1.5)


def test_readings_beyond_the_window_are_forgotten() -> None:
    stream = Stream()
    stream.counters.bytes = 1_000_000
    stream.look(0.0)
    stream.look(WINDOW)
    stream.counters.bytes += 8_000
    stream.look(WINDOW + 1.0)
    # The reading at 0 is as old as the window and gone; that at its end is a second old.
    assert stream.meter.rate == 0.0
    stream.look(WINDOW + 2.0)
    assert stream.meter.rate == pytest.approx(8_000 * 8 / 2)


def test_shares_are_those_of_the_last_whole_group() -> None:
    stream = Stream()
    stream.send(key=True, size=600)
    stream.look()
    stream.send(size=300)
    stream.look()
    stream.send(size=100, disposable=True)
    stream.look()
    assert (stream.meter.keyframes, stream.meter.disposable) == (0.0, 0.0)
    stream.send(key=True, size=600)
    stream.look()
    assert (stream.meter.keyframes, stream.meter.disposable) == pytest.approx((0.6, 0.1))


def test_each_picture_of_a_group_counts_once_however_often_it_is_looked_at() -> None:
    stream = Stream()
    stream.send(key=True, size=500)
    for _ in range(3):
        stream.look()
    stream.send(size=250, disposable=True)
    stream.send(size=250, disposable=True)
    for _ in range(3):
        stream.look()
    stream.send(key=True)
    stream.look()
    assert (stream.meter.keyframes, stream.meter.disposable) == pytest.approx((0.5, 0.5))


def test_its_zero_is_told_by_the_picture_that_was_least_late() -> None:
    stream = Stream()
    stream.send(key=True, late=30 * NS_PER_MS)
    stream.send(late=5 * NS_PER_MS)
    stream.send(late=70 * NS_PER_MS)
    stream.look()
    assert stream.meter.zero.dts == START + 5 * NS_PER_MS


def test_a_group_that_came_late_as_a_whole_moves_nothing() -> None:
    """The least of the last ten seconds counts, and is forgotten after that: a clock may be off by a little."""
    stream = Stream()
    stream.send(key=True)
    stream.look()
    for _ in range(LOOKS - 1):
        stream.send(key=True, late=50 * NS_PER_MS)
        stream.look()
    assert stream.meter.zero.dts == START
    stream.send(key=True, late=50 * NS_PER_MS)
    stream.look()
    assert stream.meter.zero.dts == START + 50 * NS_PER_MS


def test_pictures_are_shown_later_than_decoded_by_what_they_are_all_together() -> None:
    """In a stream with B-frames one is shown at once and the next one long after: the mean is its delay."""
    stream = Stream()
    for number in range(6):
        stream.send(key=number == 0, shown=(80 if number % 2 else 0) * NS_PER_MS)
    stream.look()
    assert stream.meter.zero == Times(START, START - 40 * NS_PER_MS)
    assert stream.meter.zero - Times(START, START) == Times(0, -40 * NS_PER_MS)


def test_a_look_costs_nothing_for_what_was_looked_at() -> None:
    class Counted(list[Packet]):
        looked = 0

        def __iter__(self) -> Iterator[Packet]:
            for one in super().__iter__():
                self.looked += 1
                yield one

        def __getitem__(self, at: Any) -> Any:
            found = super().__getitem__(at)
            self.looked += len(found) if isinstance(at, slice) else 1
            return found

    meter, group, counters = Meter(), Group(), FeedCounters()
    pictures = group.packets = Counted()
    for number in range(1000):
        pictures.append(picture(number, key=not number))
        group.bytes += 100
        if number % 10 == 9:
            meter.look(number * STEP / NS_PER_S, counters, group)
    # Each look asks for the keyframe besides.
    assert pictures.looked <= 1000 + 4 * 100
