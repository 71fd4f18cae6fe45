"""Who reads and who does not, of those for whom something waits."""

from __future__ import annotations

import pytest

from camcast_kit_http.unread import Unread

KB = 1000


@pytest.mark.parametrize(
    ("looks", "counted"),
    [
        pytest.param([(0, 0)] * 50, 0, id="nothing waits"),
        pytest.param([(60 * KB, 5 * KB)] * 50, 49, id="nothing is taken"),
        pytest.param([(n * KB, 5 * KB) for n in range(1, 51)], 49, id="nothing is taken, and more is written"),
        pytest.param([(n * KB, n * KB) for n in range(1, 51)], 0, id="something is taken, and more is written"),
        pytest.param([(60 * KB, n * KB) for n in range(1, 51)], 0, id="as much is written as is taken"),
        pytest.param([(n * KB, 0) for n in range(50, 0, -1)], 0, id="nobody says, and what waits grows less"),
        pytest.param([(60 * KB, 0)] * 50, 50, id="nobody says, and nothing grows less"),
        pytest.param([(60 * KB, 5 * KB)] * 20 + [(60 * KB, 6 * KB)] + [(60 * KB, 6 * KB)] * 3, 3, id="from then on"),
    ],
)
def test_only_looks_count_in_which_something_waits_and_nothing_is_taken(
    looks: list[tuple[int, int]], counted: int
) -> None:
    unread = Unread()
    for waiting, taken in looks:
        unread.look(waiting, taken)
    assert unread.looks == counted
