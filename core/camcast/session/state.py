"""The session's state machine: one table, one `feed`. The diagram in the docs is generated from it.

DISCONNECTED  nothing wanted, or no media to send
CONNECTING    an attempt is under way
CONNECTED     an attempt is publishing
ERROR         the last attempt failed; the next one is scheduled
FAILED        given up; `retry_now()` begins anew
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from camcast.events import SessionState


class Trigger(Enum):
    """What moves the machine."""

    CONNECT = "connect"
    SUCCESS = "success"
    FAILURE = "failure"
    DISCONNECT = "disconnect"
    ERROR = "error"
    RECONNECT = "reconnect"
    GIVE_UP = "give_up"


_S, _T = SessionState, Trigger

TRANSITIONS: Mapping[SessionState, Mapping[Trigger, SessionState]] = {
    _S.DISCONNECTED: {_T.CONNECT: _S.CONNECTING, _T.DISCONNECT: _S.DISCONNECTED},
    _S.CONNECTING: {_T.SUCCESS: _S.CONNECTED, _T.FAILURE: _S.ERROR, _T.DISCONNECT: _S.DISCONNECTED},
    _S.CONNECTED: {_T.FAILURE: _S.ERROR, _T.ERROR: _S.ERROR, _T.DISCONNECT: _S.DISCONNECTED},
    _S.ERROR: {_T.RECONNECT: _S.CONNECTING, _T.GIVE_UP: _S.FAILED, _T.DISCONNECT: _S.DISCONNECTED},
    _S.FAILED: {_T.RECONNECT: _S.CONNECTING, _T.DISCONNECT: _S.DISCONNECTED},
}


class IllegalTransition(RuntimeError):
    """A trigger that the present state does not know: a bug in camcast."""


class StateMachine:
    """Where a session is. Does not wait, does not call anybody."""

    def __init__(self) -> None:
        self.state = SessionState.DISCONNECTED

    def feed(self, trigger: Trigger) -> tuple[SessionState, SessionState]:
        """Move; returns (old, new). Raises `IllegalTransition`."""
        old = self.state
        try:
            self.state = TRANSITIONS[old][trigger]
        except KeyError:
            known = ", ".join(t.value for t in TRANSITIONS[old])
            raise IllegalTransition(f'"{trigger.value}" in state {old.value}; possible here: {known}') from None
        return old, self.state


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {SessionState.DISCONNECTED.name}"]
    for state, row in TRANSITIONS.items():
        arrows: dict[SessionState, list[str]] = {}
        for trigger, new in row.items():
            if new is not state:
                arrows.setdefault(new, []).append(trigger.value)
        lines += [f"    {state.name} --> {new.name}: {', '.join(names)}" for new, names in arrows.items()]
    return "\n".join(lines)
