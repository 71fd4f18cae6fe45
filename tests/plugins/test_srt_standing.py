"""Whether a queue on an SRT link's way stands as it is: looks in, a verdict out."""

from __future__ import annotations

from collections.abc import Iterable

from camcast_srt.standing import Standing


def stands(standing: Standing, looks: Iterable[tuple[float, float]], took: float = 1.0) -> list[float]:
    """When it was said to stand, of looks (when, how late)."""
    return [now for now, late in looks if standing.see(late, took, now)]


def test_what_stays_as_it_is_for_three_seconds_beyond_its_own_delay_stands() -> None:
    assert stands(Standing(), [(step / 2, 2.0) for step in range(9)]) == [4.0]
    assert stands(Standing(), [(step / 2, 2.0) for step in range(9)], took=0.5) == [3.5]


def test_it_stands_again_after_as_long_again() -> None:
    standing = Standing()
    assert stands(standing, [(step / 2, 2.0) for step in range(18)]) == [4.0, 8.5]
    assert standing.times == 2


def test_a_long_queue_may_vary_by_more() -> None:
    assert stands(Standing(), [(step / 2, 10.0 + step % 2) for step in range(9)]) == [4.0]
    assert stands(Standing(), [(step / 2, 2.0 + step % 2) for step in range(9)]) == []
    assert stands(Standing(), [(step / 2, 0.5 + 0.1 * (step % 2)) for step in range(9)]) == [4.0]


def test_one_that_has_become_shorter_begins_to_count_anew_and_one_that_grows_does_not() -> None:
    standing = Standing()
    stands(standing, [(step / 2, 2.0) for step in range(9)])
    stands(standing, [(5.0, 2.0), (5.5, 4.0)])
    assert standing.times == 1
    stands(standing, [(6.0, 3.0)])
    assert standing.times == 0


def test_one_that_is_gone_leaves_nothing() -> None:
    standing = Standing()
    stands(standing, [(step / 2, 2.0) for step in range(10)])
    standing.clear()
    assert standing.times == 0
    assert stands(standing, [(5.0 + step / 2, 2.0) for step in range(8)]) == []
