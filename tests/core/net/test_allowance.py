"""The bucket: so much at once, so much a second, and no more for having been silent long."""

from __future__ import annotations

import pytest

from camcast.net.allowance import Allowance, Overrun

STANDING = 3.0


def test_a_burst_and_then_the_rate() -> None:
    allowance = Allowance(burst=100, rate=10)
    assert allowance.left(0.0) == 100
    assert allowance.take(100, 0.0)
    assert not allowance.take(1, 0.0)
    assert allowance.take(10, 1.0)
    assert not allowance.take(1, 1.05)
    assert allowance.take(1, 1.1)


def test_silence_saves_up_no_more_than_a_burst() -> None:
    allowance = Allowance(burst=100, rate=10)
    assert allowance.take(100, 0.0)
    assert allowance.left(1e9) == 100
    assert not allowance.take(101, 1e9)
    assert allowance.take(100, 1e9)


def test_what_is_refused_is_not_taken() -> None:
    allowance = Allowance(burst=10, rate=1)
    assert not allowance.take(11, 0.0)
    assert allowance.take(10, 0.0)


def test_a_handful_a_second_goes_on_for_ever() -> None:
    allowance = Allowance(burst=500, rate=50)
    assert all(allowance.take(1, message / 40) for message in range(100_000))


def test_a_clock_that_stands_or_goes_back_gives_nothing() -> None:
    allowance = Allowance(burst=10, rate=1)
    assert allowance.take(10, 5.0)
    assert not allowance.take(1, 5.0)
    assert not allowance.take(1, 1.0)


def test_a_queue_that_gets_shorter_now_and_then_does_not_stand() -> None:
    overrun = Overrun(0.5, STANDING)
    looks = [(at / 10, 0.9 if at % 20 else 0.1) for at in range(1, 200)]
    assert not any(overrun.look(filled, now) for now, filled in looks)


def test_a_queue_stands_when_it_was_full_at_every_look_for_so_long() -> None:
    overrun = Overrun(0.5, STANDING)
    looks = [at / 10 for at in range(1, 40)]
    assert next(now for now in looks if overrun.look(0.9, now)) == pytest.approx(looks[0] + STANDING)


def test_what_piled_up_while_nobody_read_stands_from_then_on_only() -> None:
    overrun = Overrun(0.5, STANDING)
    assert not overrun.look(0.9, 1.0)
    assert not overrun.look(0.9, 1.0 + 2 * STANDING)
