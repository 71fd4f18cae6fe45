"""The publishing end of RTMP as a state machine: bytes in → events, bytes out. No I/O, no clock.

Rules (RTMP 1.0 §7.2, and what servers really do): Set Chunk Size goes out before connect. releaseStream and
FCPublish are both sent and neither is waited for. Answers are matched by transaction id, onStatus by its name,
because servers disagree on its id; onFCPublish proves nothing. An answer that is not asked for is ignored.
Media goes on the message stream that createStream's answer names. What the table below does not list is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from camcast.flv import amf0
from camcast_kit_rtmp.state import Refused, State
from camcast_rtmp.chunk import Buffers
from camcast_rtmp.connection import Connection
from camcast_rtmp.messages import ChunkStream, Command, ProtocolError, Type, parse_command, text

MAX_INCOMING_MESSAGE = 1 << 18


@attrs.frozen
class Connected:
    """The server accepted the application. `info` is its whole answer."""

    properties: Mapping[str, Any] = attrs.field(repr=False)
    info: Mapping[str, Any] = attrs.field(repr=False)


@attrs.frozen
class Published:
    """The server said Publish.Start, for what that is worth."""


@attrs.frozen
class ReconnectRequested:
    """The server asks to move to `tc_url` (which may be relative, or empty for the same)."""

    tc_url: str = attrs.field(repr=False)
    description: str = ""


ClientEvent = Connected | Published | Refused | ReconnectRequested

CHUNK_STREAMS: dict[int, int] = {
    int(Type.AUDIO): int(ChunkStream.AUDIO),
    int(Type.VIDEO): int(ChunkStream.VIDEO),
    int(Type.DATA): int(ChunkStream.DATA),
}
"""Plain numbers: arithmetic on members of an IntEnum costs several times as much."""
_ASKED = {State.CONNECTING: "connect", State.CREATING: "publish", State.PUBLISHING: "publish"}
"""The command that a bad onStatus answers, where one is waited for."""
_START = "NetStream.Publish.Start"
_RECONNECT = "NetConnection.Connect.ReconnectRequest"
_GONE = frozenset({"NetConnection.Connect.Closed", "NetConnection.Connect.AppShutdown"})
"""Said without level "error" by some, and final all the same."""


@attrs.define(kw_only=True)
class ClientSettings:
    """What the client says. `connect` is the command object; `key` the name to publish, sent verbatim."""

    connect: Mapping[str, Any] = attrs.field(repr=False)
    key: str = attrs.field(repr=False)
    chunk_size: int = 60000


class Client(Connection):
    """Publishes one stream to one server."""

    def __init__(self, settings: ClientSettings) -> None:
        super().__init__(server=False, max_message=MAX_INCOMING_MESSAGE)
        self.state = State.HANDSHAKE
        self.stream_id = 0
        self._settings = settings
        self._transaction = 0
        self._waiting: dict[float, str] = {}
        self._events: list[ClientEvent] = []
        self._table: dict[tuple[State, str], Callable[[Command, bool], None]] = {
            (State.CONNECTING, "connect"): self._on_connect,
            (State.CREATING, "createStream"): self._on_create,
            (State.PUBLISHING, "publish"): self._on_publish,
        }
        self.put(self.handshake.start())

    # --- what the driver asks for -----------------------------------------------------------------------

    def publish(self) -> None:
        """Ask to publish; `Published` or `Refused` follows."""
        if self.state is not State.CONNECTED:
            raise RuntimeError(f"publish() in state {self.state.value}")
        self.state = State.CREATING
        self._command("releaseStream", None, self._settings.key)
        self._command("FCPublish", None, self._settings.key)
        self._command("createStream", None)

    def media(self, type: int, time: int, head: bytes, body: bytes | memoryview) -> Buffers:
        """One tag as buffers to send. `time` is ms."""
        return self.writer.message(CHUNK_STREAMS[type], type, time, self.stream_id, head, body)

    def end(self) -> None:
        """Say goodbye, so that the name is free at once."""
        if self.state is State.LIVE:
            self._command("FCUnpublish", None, self._settings.key)
            self._command("deleteStream", None, self.stream_id)
        self.state = State.ENDED

    def feed(self, data: bytes) -> list[ClientEvent]:
        """Take what arrived. Raises `ProtocolError`."""
        for message in self.receive(data):
            if message.type in (Type.COMMAND, Type.COMMAND_AMF3):
                self._on_command(parse_command(message))
        events, self._events = self._events, []
        return events

    # --- what arrives -----------------------------------------------------------------------------------

    def opened(self) -> None:
        self.state = State.CONNECTING
        self.set_chunk_size(self._settings.chunk_size)
        self._command("connect", dict(self._settings.connect))

    def _on_command(self, command: Command) -> None:
        match command.name:
            case "_result" | "_error":
                asked = self._waiting.pop(command.transaction, "")
                handler = self._table.get((self.state, asked))
                if handler is not None:
                    handler(command, command.name == "_result")
            case "onStatus":
                self._on_status(command)
            case "close" if self.state is not State.ENDED:
                self._refuse("close", {"description": "the server closed the connection"})
            case _:
                pass  # onBWDone, onFCPublish, |RtmpSampleAccess, …: nothing depends on them

    def _on_connect(self, command: Command, ok: bool) -> None:
        if not ok:
            self._refuse("connect", command.info)
            return
        self.state = State.CONNECTED
        properties = command.object if isinstance(command.object, dict) else {}
        self._events.append(Connected(properties, command.info))

    def _on_create(self, command: Command, ok: bool) -> None:
        if not ok:
            self._refuse("createStream", command.info)
            return
        number = command.arguments[0] if command.arguments else None
        if not isinstance(number, float) or not 0 <= number <= 0xFFFFFFFF:
            raise ProtocolError("createStream was answered without a stream id", stage="publish")
        self.state = State.PUBLISHING
        self.stream_id = int(number)
        self._command("publish", None, self._settings.key, "live", stream_id=self.stream_id)

    def _on_publish(self, command: Command, ok: bool) -> None:
        """No server answers publish this way when all is well, but some refuse so."""
        if not ok:
            self._refuse("publish", command.info)

    def _on_status(self, command: Command) -> None:
        info = command.info
        code, level = text(info.get("code"), 100), text(info.get("level"), 20)
        if code == _RECONNECT:
            self._events.append(ReconnectRequested(text(info.get("tcUrl"), 2000), text(info.get("description"))))
        elif self.state is State.PUBLISHING and code == _START:
            self.state = State.LIVE
            self._events.append(Published())
        elif code in _GONE or level == "error" or (not level and _sounds_bad(code)):
            self._refuse(_ASKED.get(self.state, "onStatus"), info)

    def _refuse(self, command: str, info: Mapping[str, Any]) -> None:
        if self.state is State.ENDED:
            return
        self.state = State.REFUSED
        self._events.append(Refused(command, text(info.get("code"), 100), text(info.get("description")), info))

    def _command(self, name: str, object: Any, *arguments: Any, stream_id: int = 0) -> None:
        self._transaction += 1
        self._waiting[float(self._transaction)] = name
        stream = ChunkStream.STREAM_COMMAND if stream_id else ChunkStream.COMMAND
        payload = amf0.encode(name, self._transaction, object, *arguments)
        self.send(stream, Type.COMMAND, stream_id, payload)


def _sounds_bad(code: str) -> bool:
    """For servers that give only a code (go2rtc)."""
    return code.rpartition(".")[2] in ("BadName", "BadAuth", "Denied", "Rejected", "Unauthorized", "Failed")
