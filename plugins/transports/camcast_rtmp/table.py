"""What each state of a publishing client makes of everything that can happen to it (RTMP 1.0 §7.2). No code, a table.

Every state has an entry for every input, and a test walks them all. `IGNORE` is a decision like any other: servers
repeat themselves, answer what nobody asked, and say Start in the wrong place.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from camcast_kit_rtmp.state import State


class Input(Enum):
    """Asked for by the driver, or said by the server."""

    PUBLISH = "we want to publish"
    END = "we want to end"
    OPENED = "the handshake is done"
    CONNECT_ANSWERED = "_result of connect"
    CONNECT_REFUSED = "_error of connect"
    CREATED = "_result of createStream"
    CREATE_REFUSED = "_error of createStream"
    PUBLISH_REFUSED = "_error of publish"
    STARTED = "NetStream.Publish.Start"
    BAD_STATUS = "a status that says no"
    UNPUBLISHED = (
        "onFCUnpublish, closeStream, deleteStream, NetStream.Unpublish.*, NetStream.Publish.Stop, or StreamEOF"
    )
    CLOSED = "close"
    MOVE = "NetConnection.Connect.ReconnectRequest"
    COMPLAINT = "a status that says what else is wrong"
    REMARK = "anything else"


class Do(Enum):
    """What follows. `Client` has a method for each but `IGNORE` and `MISUSE`."""

    IGNORE = "nothing"
    MISUSE = "RuntimeError: the driver asked for what is not possible now"
    CONNECT = "send Set Chunk Size and connect"
    ACCEPTED = "tell of the answer to connect"
    CREATE = "send releaseStream, FCPublish and createStream"
    NAME = "send publish"
    START = "tell that it is live"
    REFUSE = "tell of the refusal, with the server's words"
    OVER = "tell that the server ended the publication, with its words"
    MOVE = "tell where the server wants us"
    TELL = "tell of it, and go on"
    LEAVE = "send FCUnpublish and deleteStream"
    STOP = "say nothing more"


_DEAF: Mapping[Input, Do] = {
    Input.PUBLISH: Do.MISUSE,
    Input.END: Do.STOP,
    Input.OPENED: Do.IGNORE,
    Input.CONNECT_ANSWERED: Do.IGNORE,
    Input.CONNECT_REFUSED: Do.IGNORE,
    Input.CREATED: Do.IGNORE,
    Input.CREATE_REFUSED: Do.IGNORE,
    Input.PUBLISH_REFUSED: Do.IGNORE,
    Input.STARTED: Do.IGNORE,
    Input.BAD_STATUS: Do.IGNORE,
    Input.UNPUBLISHED: Do.IGNORE,
    Input.CLOSED: Do.IGNORE,
    Input.MOVE: Do.IGNORE,
    Input.COMPLAINT: Do.IGNORE,
    Input.REMARK: Do.IGNORE,
}
"""What is true where no server is listened to: before the handshake, and after the end."""

_LISTENING: Mapping[Input, Do] = {
    **_DEAF,
    Input.BAD_STATUS: Do.REFUSE,
    Input.CLOSED: Do.REFUSE,
    Input.MOVE: Do.MOVE,
    Input.COMPLAINT: Do.TELL,
}
"""What any server may say to any client at any time."""

TABLE: Mapping[State, Mapping[Input, Do]] = {
    State.HANDSHAKE: {**_DEAF, Input.OPENED: Do.CONNECT},
    State.CONNECTING: {
        **_LISTENING,
        Input.CONNECT_ANSWERED: Do.ACCEPTED,
        Input.CONNECT_REFUSED: Do.REFUSE,
    },
    State.CONNECTED: {**_LISTENING, Input.PUBLISH: Do.CREATE},
    State.CREATING: {
        **_LISTENING,
        Input.CREATED: Do.NAME,
        Input.CREATE_REFUSED: Do.REFUSE,
    },
    State.PUBLISHING: {
        **_LISTENING,
        Input.STARTED: Do.START,
        # No server answers publish this way when all is well, but some refuse so.
        Input.PUBLISH_REFUSED: Do.REFUSE,
    },
    State.LIVE: {
        **_LISTENING,
        Input.END: Do.LEAVE,
        # The socket may stay open for ever behind it: without this, connected, well, and nothing to see.
        Input.UNPUBLISHED: Do.OVER,
        # Some say Start at once and ask about the key afterwards.
        Input.PUBLISH_REFUSED: Do.REFUSE,
    },
    # What came first was told; a server that says more is talking to nobody.
    State.REFUSED: _DEAF,
    State.ENDED: {**_DEAF, Input.END: Do.IGNORE},
}

AFTER: Mapping[Do, State] = {
    Do.CONNECT: State.CONNECTING,
    Do.ACCEPTED: State.CONNECTED,
    Do.CREATE: State.CREATING,
    Do.NAME: State.PUBLISHING,
    Do.START: State.LIVE,
    Do.REFUSE: State.REFUSED,
    Do.OVER: State.REFUSED,
    Do.LEAVE: State.ENDED,
    Do.STOP: State.ENDED,
}
"""The state that each step leads to; the others change nothing."""
