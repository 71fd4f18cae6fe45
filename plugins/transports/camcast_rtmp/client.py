"""The publishing end of RTMP as a state machine: bytes in → events, bytes out. No I/O, no clock.

Rules (RTMP 1.0 §7.2, and what servers really do): Set Chunk Size goes out before connect. releaseStream and
FCPublish are both sent and neither is waited for. Answers are matched by transaction id, onStatus by its name,
because servers disagree on its id; onFCPublish proves nothing. Media goes on the message stream that createStream's
answer names. What follows from what stands in `table.py`. Only an answer that is waited for can be wrong; of
everything else as much is taken as can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from camcast.flv import amf0
from camcast_kit_rtmp.state import Refused, State
from camcast_kit_rtmp.status import ENDING, Status, agrees, complaint, ends, refuses_late, status, stream_number
from camcast_rtmp.chunk import Buffers
from camcast_rtmp.connection import Connection
from camcast_rtmp.messages import ChunkStream, Command, Message, ProtocolError, Type, parse_command, text
from camcast_rtmp.table import AFTER, TABLE, Do, Input

MAX_INCOMING_MESSAGE = 1 << 16
_NEEDED = frozenset((Type.SET_CHUNK_SIZE, Type.ABORT, Type.USER_CONTROL, Type.COMMAND, Type.COMMAND_AMF3))
"""What a publisher listens to. The rest (metadata, shared objects, media played back) is passed over where large."""


@attrs.frozen
class Connected:
    """The server accepted the application. `info` is its whole answer."""

    properties: Mapping[str, Any] = attrs.field(repr=False)
    info: Mapping[str, Any] = attrs.field(repr=False)
    manner: str = ""
    """How the server behaved until then: "echo window 5000000 chunks 4096"."""


@attrs.frozen
class Published:
    """The server said Publish.Start, for what that is worth."""

    description: str = ""
    """In its words."""


@attrs.frozen
class ReconnectRequested:
    """The server asks to move to `tc_url` (which may be relative, or empty for the same)."""

    tc_url: str = attrs.field(repr=False)
    description: str = ""


@attrs.frozen
class Complained:
    """The server says that something is wrong, and goes on: that it cannot record, for example."""

    words: str


ClientEvent = Connected | Published | Refused | ReconnectRequested | Complained

CHUNK_STREAMS: dict[int, int] = {
    int(Type.AUDIO): int(ChunkStream.AUDIO),
    int(Type.VIDEO): int(ChunkStream.VIDEO),
    int(Type.DATA): int(ChunkStream.DATA),
}
"""Plain numbers: arithmetic on members of an IntEnum costs several times as much."""
_FIRST_OF_TRACKS = 8
_ANSWERS = {
    ("connect", True): Input.CONNECT_ANSWERED,
    ("connect", False): Input.CONNECT_REFUSED,
    ("createStream", True): Input.CREATED,
    ("createStream", False): Input.CREATE_REFUSED,
    ("publish", False): Input.PUBLISH_REFUSED,
}
"""Answers that anything depends on, by what was asked and whether the server agrees."""
_ASKED = {State.CONNECTING: "connect", State.CREATING: "publish", State.PUBLISHING: "publish"}
"""The command that a bad onStatus answers, where one is waited for."""
_STATUS = {
    Status.STARTED: Input.STARTED,
    Status.MOVE: Input.MOVE,
    Status.ENDED: Input.UNPUBLISHED,
    Status.BAD: Input.BAD_STATUS,
    Status.REMARK: Input.REMARK,
}


def chunk_stream_of(type: int, track: int) -> int:
    """That of a track other than 0: one of its own, as each keeps its own time, and times fall between tracks."""
    return _FIRST_OF_TRACKS + 2 * track + (type == Type.VIDEO)


@attrs.define(kw_only=True)
class ClientSettings:
    """What the client says. `connect` is the command object; `key` the name to publish, sent verbatim."""

    connect: Mapping[str, Any] = attrs.field(repr=False)
    key: str = attrs.field(repr=False)
    chunk_size: int = 60000


class Client(Connection):
    """Publishes one stream to one server."""

    def __init__(self, settings: ClientSettings) -> None:
        super().__init__(server=False, max_message=MAX_INCOMING_MESSAGE, needed=_NEEDED)
        self.state = State.HANDSHAKE
        self.stream_id = 0
        self._settings = settings
        self._transaction = 0
        self._waiting: dict[float, str] = {}
        self._events: list[ClientEvent] = []
        self._steps: Mapping[Do, Callable[[Command], None]] = {
            Do.CONNECT: self._connect,
            Do.ACCEPTED: self._accepted,
            Do.CREATE: self._create,
            Do.NAME: self._name,
            Do.START: self._start,
            Do.REFUSE: self._refuse,
            Do.OVER: self._over,
            Do.MOVE: self._move,
            Do.TELL: self._tell,
            Do.LEAVE: self._leave,
            Do.STOP: _nothing,
        }
        self.put(self.handshake.start())

    # --- what the driver asks for -----------------------------------------------------------------------

    def publish(self) -> None:
        """Ask to publish; `Published` or `Refused` follows."""
        self._feed(Input.PUBLISH)

    def media(self, type: int, time: int, head: bytes, body: bytes | memoryview) -> Buffers:
        """One tag as buffers to send. `time` is ms."""
        return self.writer.message(CHUNK_STREAMS[type], type, time, self.stream_id, head, body)

    def end(self) -> None:
        """Say goodbye, so that the name is free at once."""
        self._feed(Input.END)

    def feed(self, data: bytes) -> list[ClientEvent]:
        """Take what arrived. Raises `ProtocolError`."""
        for message in self.receive(data):
            if message.type in (Type.COMMAND, Type.COMMAND_AMF3):
                command = parse_command(message)
                if command is not None:
                    self._feed(self._understood(command), command)
        events, self._events = self._events, []
        return events

    # --- what arrives -----------------------------------------------------------------------------------

    def opened(self) -> None:
        self._feed(Input.OPENED)

    def user_control(self, message: Message) -> bool:
        if ends(message.payload, self.stream_id):
            self._feed(Input.UNPUBLISHED, _said("StreamEOF", "the server says that the stream has ended"))
        return True

    def _understood(self, command: Command) -> Input:
        """What a command of the server's means."""
        match command.name:
            case "_result" | "_error":
                asked = self._waiting.pop(command.transaction, "")
                found = _ANSWERS.get((asked, agrees(command.name, command.info)), Input.REMARK)
                late = found is Input.PUBLISH_REFUSED and self.state is State.LIVE
                return Input.REMARK if late and not refuses_late(command.info) else found
            case "onStatus":
                said = _STATUS[status(command.info, asked=self.state is State.PUBLISHING)]
                return Input.COMPLAINT if said is Input.REMARK and complaint(command.info) else said
            case name if name in ENDING:
                return Input.UNPUBLISHED
            case "close":
                return Input.CLOSED
            case _:
                return Input.REMARK  # onBWDone, onFCPublish, |RtmpSampleAccess, …: nothing depends on them

    def _feed(self, input: Input, command: Command | None = None) -> None:
        do = TABLE[self.state][input]
        if do is Do.IGNORE:
            return
        if do is Do.MISUSE:
            raise RuntimeError(f"{input.value}: not in state {self.state.value}")
        self._steps[do](command or _said())
        self.state = AFTER.get(do, self.state)

    # --- the steps of the table, while the state is still the old one ---------------------------------------

    def _connect(self, _: Command) -> None:
        self.set_chunk_size(self._settings.chunk_size)
        self._command("connect", dict(self._settings.connect))

    def _accepted(self, command: Command) -> None:
        properties = command.object if isinstance(command.object, dict) else {}
        greeting = "echo" if self.handshake.echoes else "hello"
        manner = f"{greeting} window {self.peer_window} chunks {self.reader.chunk_size}"
        self._events.append(Connected(properties, command.info, manner))

    def _create(self, _: Command) -> None:
        self._command("releaseStream", None, self._settings.key)
        self._command("FCPublish", None, self._settings.key)
        self._command("createStream", None)

    def _name(self, command: Command) -> None:
        number = stream_number((command.object, *command.arguments))
        if number is None:
            raise ProtocolError("createStream was answered without a stream id", stage="publish")
        self.stream_id = number
        self._command("publish", None, self._settings.key, "live", stream_id=self.stream_id)

    def _start(self, command: Command) -> None:
        info = command.info
        self._events.append(Published(text(info.get("description")) if isinstance(info, Mapping) else ""))

    def _refuse(self, command: Command) -> None:
        if command.name == "close":
            self._tell_refused("close", {"description": "the server closed the connection"})
        elif command.name == "onStatus":
            self._tell_refused(_ASKED.get(self.state, "onStatus"), command.info)
        else:
            asked = {State.CONNECTING: "connect", State.CREATING: "createStream"}.get(self.state, "publish")
            self._tell_refused(asked, command.info)

    def _over(self, command: Command) -> None:
        info = command.info or {"code": command.name}
        self._tell_refused("onStatus", info)

    def _move(self, command: Command) -> None:
        info = command.info
        self._events.append(ReconnectRequested(text(info.get("tcUrl")), text(info.get("description"))))

    def _tell(self, command: Command) -> None:
        self._events.append(Complained(text(complaint(command.info))))

    def _leave(self, _: Command) -> None:
        self._command("FCUnpublish", None, self._settings.key)
        self._command("deleteStream", None, self.stream_id)

    def _tell_refused(self, command: str, info: Mapping[str, Any]) -> None:
        self._events.append(Refused(command, text(info.get("code")), text(info.get("description")), info))

    def _command(self, name: str, object: Any, *arguments: Any, stream_id: int = 0) -> None:
        self._transaction += 1
        self._waiting[float(self._transaction)] = name
        stream = ChunkStream.STREAM_COMMAND if stream_id else ChunkStream.COMMAND
        payload = amf0.encode(name, self._transaction, object, *arguments)
        self.send(stream, Type.COMMAND, stream_id, payload)


def _nothing(_: Command) -> None:
    """The state changes, and that is all."""


def _said(code: str = "", description: str = "") -> Command:
    """What is not said by a command, as if it were."""
    return Command("", 0.0, None, ({"code": code, "description": description},) if code else ())
