"""When an operator is told that an SRT link loses more than can be made good."""

from __future__ import annotations

import itertools

import pytest

from camcast_srt.losses import ENOUGH, WINDOW, Losses


def told(*shares: float, sent: int = 1000) -> list[float | None]:
    """What each look says when such shares are lost in each window."""
    losses, found, lost = Losses(), [], 0
    for number, share in enumerate(shares, 1):
        assert losses.due(number * WINDOW)
        lost += round(share * sent)
        found.append(losses.look(number * sent, lost, number * WINDOW))
        assert not losses.due(number * WINDOW + WINDOW / 2)
    return found


def test_much_that_lasts_is_told_once() -> None:
    found = told(*[0.57] * 20)
    assert found[: ENOUGH - 1] == [None] * (ENOUGH - 1)
    assert found[ENOUGH - 1] == pytest.approx(0.57)
    assert not any(found[ENOUGH:])


def test_what_a_moment_without_link_costs_is_not_told() -> None:
    assert not any(told(0.0, 0.9, 0.4, 0.0, 0.0))


def test_what_can_be_made_good_is_not_told() -> None:
    assert not any(told(*[0.1] * 30))


def test_it_is_told_again_after_it_was_better() -> None:
    bad, good = [0.5] * ENOUGH, [0.0] * ENOUGH
    assert sum(share is not None for share in told(*bad, *good, *bad)) == 2
    # Not for each window that happens to be better.
    assert sum(share is not None for share in told(*bad, *itertools.chain(*([0.0], bad) * 5))) == 1


def test_nothing_sent_is_nothing_lost() -> None:
    assert not any(told(*[0.9] * 9, sent=0))
