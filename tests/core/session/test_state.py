"""The state machine: every pair of state and trigger."""

from __future__ import annotations

import itertools

import pytest

from camcast.events import SessionState
from camcast.session.state import TRANSITIONS, IllegalTransition, StateMachine, Trigger, diagram


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(SessionState, Trigger)))
def test_every_pair_moves_by_the_table_or_is_illegal(state: SessionState, trigger: Trigger) -> None:
    machine = StateMachine()
    machine.state = state
    wanted = TRANSITIONS[state].get(trigger)
    if wanted is None:
        with pytest.raises(IllegalTransition, match=f'"{trigger.value}" in state {state.value}; possible here: '):
            machine.feed(trigger)
        assert machine.state is state
    else:
        assert machine.feed(trigger) == (state, wanted)
        assert machine.state is wanted


def test_from_everywhere_there_is_a_way_to_stop() -> None:
    assert all(row[Trigger.DISCONNECT] is SessionState.DISCONNECTED for row in TRANSITIONS.values())


def test_the_diagram_holds_every_arrow() -> None:
    text = diagram()
    for state, row in TRANSITIONS.items():
        for new in set(row.values()) - {state}:
            assert f"{state.name} --> {new.name}: " in text
