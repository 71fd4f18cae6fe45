"""The receiving end of RTMP, of the same parts as the client: bytes in → events, bytes out. No I/O, no clock.

It answers what needs no decision (createStream, ping) and asks the caller about connect and publish. It is what the
receiver for tests and the demo is made of, and what the client is tested against without a network. Only publishing
is known; play is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from camcast.flv import amf0
from camcast_rtmp.aggregate import plain
from camcast_rtmp.connection import Connection
from camcast_rtmp.messages import (
    ChunkStream,
    Command,
    Control,
    Message,
    ProtocolError,
    Type,
    parse_command,
    text,
    u32,
    user_control,
)

MAX_STREAMS = 16
MAX_MESSAGE = 0xFFFFFF
WINDOW = 2_500_000
CHUNK_SIZE = 60000


@attrs.frozen
class ConnectAsked:
    """A client wants to use an application. Answer with `accept` or `refuse_connect`."""

    app: str
    properties: Mapping[str, Any] = attrs.field(repr=False)
    transaction: float = 0.0


@attrs.frozen
class PublishAsked:
    """A client wants to publish. `key` is verbatim. Answer with `accept_publish` or `refuse_publish`."""

    key: str = attrs.field(repr=False)
    stream_id: int = 0
    transaction: float = 0.0


@attrs.frozen
class Unpublished:
    """The client ended a publication cleanly."""

    stream_id: int


@attrs.frozen
class PingAnswered:
    value: int


ServerEvent = ConnectAsked | PublishAsked | Unpublished | PingAnswered | Message


class Server(Connection):
    """One client's connection."""

    def __init__(self, *, max_message: int = MAX_MESSAGE, chunk_size: int = CHUNK_SIZE) -> None:
        super().__init__(server=True, max_message=max_message)
        self._chunk_size = chunk_size
        self._streams = 0
        self._publishing: set[int] = set()
        self._events: list[ServerEvent] = []

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Take what arrived; media messages come out as they are. Raises `ProtocolError`."""
        for message in plain(self.receive(data), self.reader):
            if message.type in (Type.VIDEO, Type.AUDIO, Type.DATA):
                if message.stream_id in self._publishing:
                    self._events.append(message)
            elif message.type in (Type.COMMAND, Type.COMMAND_AMF3):
                command = parse_command(message)
                if command is not None:
                    self._on_command(command)
        events, self._events = self._events, []
        return events

    # --- answers ----------------------------------------------------------------------------------------

    def accept(self, asked: ConnectAsked, properties: Mapping[str, Any] | None = None) -> None:
        """Accept connect. `properties` (Enhanced RTMP's, for example) go into the information object."""
        self.control(Type.WINDOW_ACK_SIZE, u32(WINDOW))
        self.control(Type.SET_PEER_BANDWIDTH, u32(WINDOW) + b"\x02")
        self.set_chunk_size(self._chunk_size)
        info = {
            "level": "status",
            "code": "NetConnection.Connect.Success",
            "description": "Connection succeeded.",
            "objectEncoding": 0,
            **(properties or {}),
        }
        self._command(0, "_result", asked.transaction, {"fmsVer": "FMS/3,0,1,123", "capabilities": 31}, info)

    def refuse_connect(self, asked: ConnectAsked, code: str, description: str = "", **more: Any) -> None:
        info = {"level": "error", "code": code, "description": description, **more}
        self._command(0, "_error", asked.transaction, None, info)

    def accept_publish(self, asked: PublishAsked) -> None:
        self._publishing.add(asked.stream_id)
        self.control(Type.USER_CONTROL, user_control(Control.STREAM_BEGIN, u32(asked.stream_id)))
        self.status(asked.stream_id, "status", "NetStream.Publish.Start", "Publishing.")

    def refuse_publish(self, asked: PublishAsked, code: str, description: str = "") -> None:
        self.status(asked.stream_id, "error", code, description)

    def status(self, stream_id: int, level: str, code: str, description: str = "", **more: Any) -> None:
        """An onStatus, asked for or not."""
        info = {"level": level, "code": code, "description": description, **more}
        self._command(stream_id, "onStatus", 0, None, info)

    def request_reconnect(self, tc_url: str | None = None) -> None:
        """Ask the client to move (Enhanced RTMP v2 "Reconnect Request")."""
        more = {} if tc_url is None else {"tcUrl": tc_url}
        self.status(0, "status", "NetConnection.Connect.ReconnectRequest", "please move", **more)

    def ping(self, value: int) -> None:
        self.control(Type.USER_CONTROL, user_control(Control.PING_REQUEST, u32(value)))

    # --- what arrives -----------------------------------------------------------------------------------

    def _on_command(self, command: Command) -> None:
        match command.name:
            case "connect":
                found = command.object if isinstance(command.object, dict) else {}
                self._events.append(ConnectAsked(text(found.get("app")), found, command.transaction))
            case "createStream":
                if self._streams >= MAX_STREAMS:
                    raise ProtocolError(f"more than {MAX_STREAMS} streams in one connection are not accepted")
                self._streams += 1
                self._command(0, "_result", command.transaction, None, self._streams)
            case "publish":
                key = command.arguments[0] if command.arguments else None
                if not isinstance(key, str) or not 1 <= command.stream_id <= self._streams:
                    raise ProtocolError("publish without a stream key or on a stream that was not created")
                self._events.append(PublishAsked(key, command.stream_id, command.transaction))
            case "deleteStream":
                number = command.arguments[0] if command.arguments else None
                if isinstance(number, float) and number in self._publishing:
                    self._unpublish(int(number))
            case "closeStream":
                self._unpublish(command.stream_id)
            case "play" | "play2":
                self.status(command.stream_id, "error", "NetStream.Play.Failed", "only publishing is known here")
            case "releaseStream" | "FCPublish" | "FCUnpublish" if command.transaction:
                self._on_stream_asked(command)
            case _:
                pass  # _checkbw, getStreamLength, …

    def _on_stream_asked(self, command: Command) -> None:
        """Nothing has to be done; but some encoders go on only behind the answer, as Flash Media Server gave it
        (sergey-dryabzhinsky/nginx-rtmp-module#38)."""
        self._command(0, "_result", command.transaction, None, None)
        if command.name == "FCPublish":
            self._command(0, "onFCPublish", 0, None, {"level": "status", "code": "NetStream.Publish.Start"})
        elif command.name == "FCUnpublish":
            self._command(0, "onFCUnpublish", 0, None, {"level": "status", "code": "NetStream.Unpublish.Success"})

    def _unpublish(self, stream_id: int) -> None:
        if stream_id in self._publishing:
            self._publishing.discard(stream_id)
            self.status(stream_id, "status", "NetStream.Unpublish.Success", "Stopped.")
            self._events.append(Unpublished(stream_id))

    def user_control(self, message: Message) -> bool:
        if message.payload.startswith(Control.PING_RESPONSE.to_bytes(2, "big")) and len(message.payload) >= 6:
            self._events.append(PingAnswered(int.from_bytes(message.payload[2:6], "big")))
        return True

    def _command(self, stream_id: int, name: str, transaction: float, object: Any, *arguments: Any) -> None:
        stream = ChunkStream.STREAM_COMMAND if stream_id else ChunkStream.COMMAND
        self.send(stream, Type.COMMAND, stream_id, amf0.encode(name, transaction, object, *arguments))
