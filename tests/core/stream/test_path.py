"""The round trip and the rate of a path, from what is acknowledged and when."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from camcast.stream.path import (
    INITIAL_WINDOW,
    MAX_ROUND_TRIP,
    PATIENCE,
    Departures,
    PathQueue,
    Rate,
    RoundTrip,
    opening,
)


def test_the_round_trip_is_the_least_that_was_seen() -> None:
    path = RoundTrip()
    assert path.lately is None
    assert path.shortest is None
    for now, seconds in enumerate([0.9, 0.3, 0.5]):
        path.see(seconds, now)
    assert path.lately == path.shortest == 0.3


def test_lately_forgets_and_not_at_once() -> None:
    path = RoundTrip()
    path.see(0.05, 0.0)
    seen = []
    for tenth in range(1, 200):
        path.see(0.4, tenth / 10)
        seen.append(path.lately)
    changed = seen.index(0.4) / 10
    assert 5 <= changed <= 10
    assert path.shortest == 0.05


def test_silence_forgets_nothing() -> None:
    path = RoundTrip()
    path.see(0.3, 0.0)
    assert path.lately == 0.3
    path.see(0.4, 100.0)
    assert path.lately == 0.3


def test_what_takes_longer_than_any_path_is_a_queue() -> None:
    path = RoundTrip()
    path.see(20.0, 0.0)
    assert path.lately == path.shortest == MAX_ROUND_TRIP


def measure(rate: Rate, points: list[tuple[float, int]], round_trip: float = 0.0) -> float:
    for now, gone in points:
        rate.see(gone, gone, now, round_trip, waits=True)
    return rate.value


def test_the_rate_is_what_goes_while_more_waits() -> None:
    rate = Rate()
    assert measure(rate, [(tenth / 10, 5000 * tenth) for tenth in range(30)]) == pytest.approx(50_000)
    assert measure(rate, [(3 + tenth / 10, 150_000 + 2000 * tenth) for tenth in range(60)]) == pytest.approx(
        20_000, rel=0.1
    )
    rate.see(400_000, 400_000, 9.0, 0.0, waits=False)
    assert rate.value == 0, "now the source sets the pace"


def test_a_window_that_leaves_in_bursts_is_measured_over_two_round_trips() -> None:
    """Windows of 10 kB each 0.6 s; asked each 0.04 s. Over less than that it may be anything from 0 on."""
    rate = Rate()
    points = [(now := 0.04 * step, 10_000 * int(now / 0.6)) for step in range(9, 200)]
    for at, gone in points:
        rate.see(gone, gone, at, 0.6, waits=True)
        assert rate.value == 0 or 10_000 < rate.value < 25_000
    assert rate.value == pytest.approx(10_000 / 0.6, rel=0.3)


def test_a_cut_is_no_rate() -> None:
    rate = Rate()
    measure(rate, [(tenth / 10, 5000 * tenth) for tenth in range(30)])
    assert measure(rate, [(3.0, 150_000), (7.0, 150_400)]) == pytest.approx(50_000)


def test_what_leaves_in_a_cut_is_no_rate() -> None:
    """Recorded with BBR, 150 ms away: the link went away as the window had room for 1.2 s more."""
    rate, done = Rate(), 1_369_163
    for at, gone in [(0.0, 1_704_759), (0.22, 1_705_513), (0.32, 1_705_514), (0.34, 1_713_491), (1.4, 1_714_000)]:
        rate.see(gone, done, at, 0.154, waits=True)
    assert rate.value == 0
    # Back after four seconds: from then on it is one.
    for at, gone, acked in [(3.8, 1_731_577, 1_391_940), (4.0, 1_731_577, 1_427_491), (4.4, 1_886_491, 1_608_436)]:
        rate.see(gone, acked, at, 0.154, waits=True)
    assert rate.value == pytest.approx((1_886_491 - 1_731_577) / 0.6)


def test_a_link_that_is_cut_while_its_rate_is_measured_keeps_the_one_it_had() -> None:
    rate = Rate()
    measure(rate, [(tenth / 10, 5000 * tenth) for tenth in range(30)])
    for tenth in range(30, 70):
        rate.see(150_000 + 10 * tenth, 150_000, tenth / 10, 0.15, waits=True)
    # One measurement may hold a part of the silence.
    assert 40_000 < rate.value <= 50_000


def test_a_window_opens_by_doubling() -> None:
    assert opening(INITIAL_WINDOW, 0.6) == pytest.approx(0.6)
    assert opening(3 * INITIAL_WINDOW, 0.6) == pytest.approx(1.2)
    assert opening(7 * INITIAL_WINDOW, 0.3) == pytest.approx(0.9)
    assert opening(0, 0.6) == 0


# --- the queue on the way -----------------------------------------------------------------------------------


def standing(answers: Sequence[float], every: float = 0.1) -> PathQueue:
    """What is known after these, one each `every` seconds."""
    found = PathQueue()
    for number, seconds in enumerate(answers):
        found.see(seconds, number * every)
    return found


def test_a_queue_is_what_all_answers_take_longer_than_they_once_did() -> None:
    assert PathQueue().seconds == 0
    assert standing([0.6] * 100).seconds == 0
    assert standing([0.15] * 10 + [3.15] * 100).seconds == pytest.approx(3.0)


def test_late_answers_that_come_at_once_are_no_queue() -> None:
    """After four seconds without link: what was sent meanwhile is acknowledged in one go, and then all is as before."""
    answers = [0.15] * 20
    found = standing(answers)
    for number in range(40):
        found.see(4.5 - number * 0.1, 6.0 + number * 0.02)
        assert found.seconds < 0.1
    found.see(0.15, 7.0)
    assert found.seconds < 0.1


def test_a_queue_is_gone_when_nothing_is_on_its_way() -> None:
    found = standing([0.15] * 10 + [3.15] * 100)
    found.clear()
    assert found.seconds == 0
    found.see(3.0, 9.0)
    assert found.seconds == 0, "the last answer of the queue itself"


def test_a_queue_that_leaving_out_does_not_shorten_is_the_length_of_the_way_from_then_on() -> None:
    found = standing([0.15] * 10 + [3.15] * 100)
    assert not found.gone(1.0, 11.0)
    # In ten seconds one of our own would be gone.
    assert not found.gone(1.0, 20.9)
    assert found.gone(1.0, 21.1)
    assert found.seconds == 0
    # Once it is shorter again, that is known at once.
    found.see(0.15, 60.0)
    for number in range(100):
        found.see(3.15, 60.1 + number * 0.1)
    assert found.seconds == pytest.approx(3.0)
    assert not found.gone(1.0, 71.0)


def test_what_left_at_once_left_when_it_was_sent() -> None:
    found = Departures()
    for step in range(10):
        found.see(1000 * step, 1000 * step, float(step))
        assert found.of(1000 * step, step - 0.5) == step - 0.5


def test_what_had_to_wait_left_after_the_last_look_at_which_it_had_not() -> None:
    found = Departures()
    for left, at in ((1000, 1.0), (1000, 2.0), (2500, 3.0), (4000, 4.0)):
        found.see(left, 9000, at)
    assert found.of(1000, 0.0) == 0.0, "nobody saw it wait"
    assert found.of(1500, 0.0) == 2.0
    assert found.of(2500, 0.0) == 2.0
    assert found.of(2600, 0.0) == 3.0
    assert found.of(2700, 3.5) == 3.5, "it was sent later"
    assert found.of(9000, 0.0) == 4.0
    found.see(9000, 9000, 5.0)
    assert found.of(9500, 4.5) == 4.5


def test_patience_counts_anew_for_each_queue() -> None:
    found = standing([0.15] * 10 + [3.15] * 100)
    assert not found.gone(1.0, 11.0)
    found.clear()
    assert found.gone(1.0, 12.0)
    for number in range(100):
        found.see(3.15, 12.0 + number * 0.1)
    assert not found.gone(1.0, 12.0 + PATIENCE)


def test_a_round_is_not_judged_by_what_was_sent_before_it() -> None:
    """The queue is gone; what was sent into it is answered late, after what shows that it is gone."""
    found = standing([0.15] * 10 + [3.15] * 100)
    found.clear()
    for number in range(25):
        found.see(3.0 - number * 0.1, 12.0 + number * 0.05)
    found.see(0.15, 13.3)
    for number in range(40):
        found.see(0.15, 13.4 + number * 0.1)
    assert found.seconds == pytest.approx(0.0)


def test_a_queue_of_just_the_bound_is_gone() -> None:
    found = standing([0.5] * 10 + [1.5] * 100)
    assert found.seconds == 1.0
    assert found.gone(1.0, 11.0)


def test_after_a_pause_bytes_wait_from_their_own_first_look_on() -> None:
    """Looks from before everything had left say nothing of what waits now."""
    found = Departures()
    for left, end, at in ((1000, 9000, 1.0), (9000, 9000, 2.0), (9500, 12_000, 3.0)):
        found.see(left, end, at)
    assert found.of(9800, 2.5) == 3.0
    assert found.of(9400, 2.5) == 2.5


def test_a_rate_needs_to_have_been_heard_of() -> None:
    """Bytes that leave while nothing comes back fill a buffer: their rate is the buffer's."""
    rate = Rate()
    rate.see(0, 0, 10.0, 0.05, waits=True)
    for step in range(1, 5):
        rate.see(100_000 * step, 0, 10.0 + 0.1 * step, 0.05, waits=True)
    assert rate.value == 0.0
    rate.see(500_000, 400_000, 10.5, 0.05, waits=True)
    assert rate.value == 0.0 or rate.value <= 500_000 / 0.5
