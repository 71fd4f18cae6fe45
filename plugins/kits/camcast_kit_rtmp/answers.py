"""What a server's answer, or its silence, means: its words → one of camcast's error classes.

The table holds the status codes by which servers are known to say no, and `status` goes by it too; a no by another
code refuses. Closing without a
word after a command is `UnexplainedRefusal`, and the text says what usually causes it, because several servers do just
that for an unknown application, a wrong key or a name in use.
"""

from __future__ import annotations

from camcast.errors import (
    BusyError,
    NetworkError,
    RefusedError,
    TransportError,
    UnexplainedRefusal,
)
from camcast.target import Target
from camcast_kit_rtmp.state import Refused, State

START_STANDS_AFTER = 3.0
"""Seconds that Publish.Start must stand: some servers say it even for a name in use, and close then."""

CODES: dict[str, type[TransportError]] = {
    "NetStream.Publish.BadName": BusyError,
    "NetStream.Publish.Denied": RefusedError,
    "NetStream.Publish.Rejected": RefusedError,
    "NetStream.Publish.Unauthorized": RefusedError,
    "NetStream.Publish.BadAuth": RefusedError,
    "NetConnection.Connect.Rejected": RefusedError,
    "NetConnection.Connect.InvalidApp": RefusedError,
    "NetConnection.Connect.Failed": NetworkError,
    "NetConnection.Connect.Closed": NetworkError,
    "NetConnection.Connect.AppShutdown": NetworkError,
    "NetConnection.Connect.IdleTimeOut": NetworkError,
    "NetStream.Failed": NetworkError,
    "NetStream.Publish.Failed": NetworkError,
}
KINDS = {code.lower(): kind for code, kind in CODES.items()}
"""Servers differ in their capitals: IdleTimeOut, IdleTimeout."""

STAGES = {
    State.HANDSHAKE: "handshake",
    State.CONNECTING: "command",
    State.CONNECTED: "command",
    State.CREATING: "publish",
    State.PUBLISHING: "publish",
    State.LIVE: "streaming",
    State.REFUSED: "streaming",
    State.ENDED: "streaming",
}
"""The step of an attempt that each state belongs to."""

_BUSY_WORDS = ("already publish", "streambusy", "stream busy", "already exist", "in use")

_ADVICE: dict[type[TransportError], str] = {
    BusyError: "the stream name is already being published, often by an earlier connection that the server still holds",
    RefusedError: "check application, stream key and credentials",
}

_WHAT_FAILED = {
    "connect": "the server refused the application",
    "createStream": "the server refused to create a stream",
    "publish": "the server refused to publish",
    "onStatus": "the server ended the publication",
    "close": "the server closed the connection",
}


def refused(event: Refused, target: Target) -> TransportError:
    """The error for a server's no."""
    kind = KINDS.get(event.code.lower())
    said = event.description.lower()
    if any(words in said for words in _BUSY_WORDS):
        kind = BusyError
    elif kind is None:
        kind = NetworkError if event.command in ("onStatus", "close") else RefusedError
    words = ": ".join(part for part in (event.code, event.description) if part) or "without a reason"
    advice = f"; {_ADVICE[kind]}" if kind in _ADVICE else ""
    stage = {"connect": "command", "onStatus": "streaming", "close": "streaming"}.get(event.command, "publish")
    return kind(f"{_WHAT_FAILED[event.command]} ({target.words(words)}){advice}", stage=stage)


def closed(
    state: State, since_start: float | None, why: str = "closed the connection", *, large: int = 0, maybe: str = ""
) -> TransportError:
    """The error for a connection that ended without a word. `since_start` is seconds since Publish.Start, `large`
    the size of a message that some servers find too large, `maybe` what else it may mean during the handshake."""
    hint = f"; it was sent a message of {large} bytes, nginx-rtmp takes 1 MiB unless max_message says more"
    hint = hint if large else ""
    if state is State.HANDSHAKE:
        return NetworkError(f"the server {why} during the handshake; is it an RTMP server?{maybe}", stage="handshake")
    if state is State.CONNECTING:
        return UnexplainedRefusal(
            f"the server {why} after connect, without an answer: usually an unknown application", stage="command"
        )
    if state is State.CONNECTED:
        return NetworkError(f"the server {why} before anything was published", stage="command")
    if state in (State.CREATING, State.PUBLISHING):
        return UnexplainedRefusal(
            f"the server {why} after publish, without an answer: usually a wrong or unknown stream key, "
            "or a name that is in use",
            stage="publish",
        )
    if since_start is not None and since_start < START_STANDS_AFTER:
        return UnexplainedRefusal(
            f"the server accepted the stream and {why} {since_start:.1f} s later: usually a name that is in use, "
            f"a refused key, or media that it cannot take{hint}",
            stage="publish",
            after_start=True,
        )
    return NetworkError(f"the server {why} while streaming{hint}", stage="streaming")


def silent(state: State, timeout: float) -> TransportError:
    """The error for a deadline that passed."""
    match state:
        case State.HANDSHAKE:
            return NetworkError(f"no answer to the RTMP handshake within {timeout:g} s", stage="handshake")
        case State.CONNECTING:
            return NetworkError(f"no answer to connect within {timeout:g} s", stage="command")
        case _:
            return NetworkError(f"no answer to publish within {timeout:g} s", stage="publish")
