"""Between which bounds the middle of what was measured lies, by order alone."""

from __future__ import annotations

import pytest
from bench.in_pairs import bounds


@pytest.mark.parametrize(
    ("count", "left_out"),
    [(1, 0), (2, 0), (4, 0), (5, 0), (7, 0), (8, 1), (10, 1), (11, 2), (20, 5)],
)
def test_as_many_are_left_out_on_each_side_as_leave_nine_in_ten_certain(count: int, left_out: int) -> None:
    """Confidence intervals of a median as any table of the binomial distribution has them."""
    values = [float(number) for number in reversed(range(count))]
    assert bounds(values) == (left_out, count - 1 - left_out)


def test_one_pair_that_something_else_disturbed_moves_nothing() -> None:
    calm = [0.1, 0.3, -0.2, 0.5, 0.2, 0.4, 0.0]
    low, high = bounds([*calm, 900.0])
    assert -0.2 <= low < 0.3 < high <= 0.5
