"""One direction of a link, by a clock of its own."""

from __future__ import annotations

import itertools

import pytest

from tests.far.way import Settings, Way

PACKET = bytes(1000)
"""8 ms at 1 Mbit/s."""


def way(**settings: float) -> Way:
    made = Way()
    made.settings = Settings(**settings)  # type: ignore[arg-type]
    return made


def numbered(count: int) -> list[bytes]:
    return [number.to_bytes(4) + PACKET[4:] for number in range(count)]


def out(one: Way, until: float) -> list[tuple[float, bytes]]:
    """When which packet comes out, asked exactly when something is due."""
    found = []
    while (at := one.next()) is not None and at <= until:
        found += [(at, packet) for packet in one.due(at)]
    return found


def test_without_settings_a_packet_comes_out_at_once() -> None:
    one = way()
    one.take(PACKET, 5.0)
    assert one.next() == 5.0
    assert one.due(5.0) == [PACKET]
    assert one.next() is None


def test_a_packet_comes_out_after_the_delay_and_not_before() -> None:
    one = way(delay=0.075)
    one.take(PACKET, 5.0)
    assert one.due(5.0749) == []
    assert one.due(5.075) == [PACKET]


def test_the_wire_sends_one_after_the_other_at_its_rate() -> None:
    one = way(rate=1e6, delay=0.1)
    for packet in numbered(3):
        one.take(packet, 2.0)
    times = [at for at, _ in out(one, 9.0)]
    assert times == pytest.approx([2.108, 2.116, 2.124])


def test_an_idle_wire_begins_with_the_packet_not_before() -> None:
    one = way(rate=1e6)
    one.take(PACKET, 1.0)
    assert [at for at, _ in out(one, 2.0)] == pytest.approx([1.008])
    one.take(PACKET, 3.0)
    assert [at for at, _ in out(one, 9.0)] == pytest.approx([3.008])


def test_asked_late_it_gives_all_in_order() -> None:
    one = way(rate=1e6, delay=0.1)
    packets = numbered(10)
    for packet in packets:
        one.take(packet, 0.0)
    assert one.due(60.0) == packets


def test_a_full_queue_loses_what_comes_last() -> None:
    one = way(rate=1e6, queue=3000)
    packets = numbered(5)
    for packet in packets:
        one.take(packet, 0.0)
    assert one.due(9.0) == packets[:3]
    assert (one.counts.overflowed, one.counts.most_queued, one.counts.delivered) == (2, 3000, 3)


def test_another_rate_counts_for_what_waits() -> None:
    one = way(rate=1e6)
    for packet in numbered(2):
        one.take(packet, 0.0)
    assert len(one.due(0.008)) == 1
    one.settings.rate = 1e5
    assert one.next() == pytest.approx(0.088)


def test_a_shorter_delay_overtakes_nothing() -> None:
    one = way(delay=1.0)
    first, second = numbered(2)
    one.take(first, 0.0)
    one.settings.delay = 0.1
    one.take(second, 0.5)
    assert one.due(0.9) == []
    assert one.due(1.0) == [first, second]


def test_a_cut_loses_what_waits_and_what_comes_but_not_what_is_on_its_way() -> None:
    one = way(rate=1e6, delay=0.5)
    first, second, third, fourth = numbered(4)
    one.take(first, 0.0)
    one.take(second, 0.0)
    one.cut(0.010, 1.0)
    one.take(third, 0.9)
    one.take(fourth, 1.1)
    assert one.due(9.0) == [first, fourth]
    assert one.counts.cut == 2


def test_a_cut_can_be_mended_early() -> None:
    one = way()
    one.cut(0.0, 60.0)
    one.cut(1.0, 0.0)
    one.take(PACKET, 1.0)
    assert one.due(1.0) == [PACKET]


def test_a_wire_that_is_held_queues_and_then_sends_at_its_rate() -> None:
    one = way(rate=1e6, queue=2000)
    one.hold(0.0, 2.0)
    for number, packet in enumerate(numbered(4)):
        one.take(packet, 0.5 * number)
    assert [at for at, _ in out(one, 9.0)] == pytest.approx([2.008, 2.016])
    assert one.counts.overflowed == 2


def test_packets_are_lost_at_random_and_the_same_ones_each_time() -> None:
    runs = []
    for _ in range(2):
        one = way(loss=0.1)
        for packet in numbered(5000):
            one.take(packet, 0.0)
        runs.append(one.due(0.0))
        assert one.counts.lost + one.counts.delivered == one.counts.taken == 5000
        assert 400 < one.counts.lost < 600
    assert runs[0] == runs[1]


def test_nothing_is_reordered() -> None:
    one = way(rate=2e6, delay=0.05, loss=0.2)
    for number, packet in enumerate(numbered(300)):
        one.take(packet, number * 0.003)
    came = [int.from_bytes(packet[:4]) for _, packet in out(one, 99.0)]
    assert came == sorted(set(came))
    assert len(came) == one.counts.delivered > 200
    assert all(a < b for a, b in itertools.pairwise(came))
