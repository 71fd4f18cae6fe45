"""One hostile peer never costs the good sessions beside it a frame, nor the loop a long turn."""

from __future__ import annotations

import pytest

from tests.hostile.bench import run
from tests.hostile.peers import PEERS

TURN = 0.1
"""CPU seconds that one turn of the loop may take: a gap of the others is never longer because of us."""


@pytest.mark.parametrize("name", PEERS)
def test_a_hostile_peer_costs_the_others_no_frame(name: str) -> None:
    row = run(name, seconds=PEERS[name].seconds)
    assert row.control.lost == 0, "the machine is too busy to say anything"
    assert row.beside.frames > 100
    assert row.beside.lost == 0, row
    assert row.beside.turn < max(TURN, 3 * row.control.turn), row
    told = " ".join(text for label, texts in row.beside.errors.items() if label.startswith("cam10") for text in texts)
    assert PEERS[name].says in told, row
    assert not (PEERS[name].innocent and row.beside.failures), row
