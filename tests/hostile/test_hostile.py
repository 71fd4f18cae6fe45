"""One hostile peer never costs the good sessions beside it a frame, nor the loop a long turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.hostile.bench import Bench, Row
from tests.hostile.peers import PEERS
from tests.hostile.table import faults


class Rows:
    """One bench for many rows: none before there is a row, and a new one where a row has broken it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.bench: Bench | None = None

    def run(self, name: str) -> Row:
        bench, self.bench = self.bench or self._stack.enter_context(Bench()), None
        row = bench.row(name)
        self.bench = bench
        return row


@pytest.fixture(scope="module")
def rows() -> Iterator[Rows]:
    with ExitStack() as stack:
        rows = Rows(stack)
        yield rows
        missing = rows.bench.settle() if rows.bench is not None else {}
    assert not any(missing.values()), missing


@pytest.mark.parametrize("name", PEERS)
def test_a_hostile_peer_costs_the_others_no_frame(name: str, rows: Rows) -> None:
    row = rows.run(name)
    assert not faults(row), row
