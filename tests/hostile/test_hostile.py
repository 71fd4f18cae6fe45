"""One hostile peer never costs the good sessions beside it a frame, nor the loop a long turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.hostile.bench import PICTURES, Bench, Row, missing
from tests.hostile.peers import PEERS
from tests.hostile.table import faults


class Rows:
    """One bench for many rows: none before there is a row, and a new one where a row has broken it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._bench: Bench | None = None
        self._names: list[str] = []

    def run(self, name: str) -> Row:
        self._bench = self._bench or self._stack.enter_context(Bench())
        self._names.append(name)
        try:
            return self._bench.row(name)
        except Exception:
            # What the rows before it have lost is told all the same, above this one's error.
            self.leave()
            raise

    def leave(self) -> None:
        """Settle the bench, if there is one. Raises AssertionError where its rows have lost pictures."""
        bench, self._bench, names, self._names = self._bench, None, self._names, []
        lost = bench.settle() if bench is not None else {}
        assert not any(lost.values()), f"sent and not received {lost}, in one of the rows {names}"


@pytest.fixture(scope="module")
def rows() -> Iterator[Rows]:
    with ExitStack() as stack:
        rows = Rows(stack)
        yield rows
        rows.leave()


def test_pictures_that_are_missing_between_others_are_counted() -> None:
    assert missing([7, 8, 9, 10]) == 0
    assert missing([7, 8, 11, 12, 14]) == 3
    # Over the clip's end.
    assert missing([PICTURES - 2, PICTURES - 1, 0, 1]) == 0
    assert missing([PICTURES - 2, 0, 3]) == 3


@pytest.mark.parametrize("name", PEERS)
def test_a_hostile_peer_costs_the_others_no_frame(name: str, rows: Rows) -> None:
    row = rows.run(name)
    assert not faults(row), row
