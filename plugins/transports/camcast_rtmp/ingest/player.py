"""The playing end of RTMP: bytes in → messages of media, bytes out. No I/O, no clock.

Rules (RTMP 1.0 §7.2): connect, createStream, play by its name, and a buffer length, without which some servers send
slowly. Media counts as soon as it comes on our stream: not every server says Play.Start. What ends a stream is told by
onStatus, by the user control event StreamEOF, or by closing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from camcast.flv import amf0
from camcast_kit_rtmp.status import agrees
from camcast_rtmp.aggregate import plain
from camcast_rtmp.connection import Connection
from camcast_rtmp.ingest import bounds
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

_SET_BUFFER_LENGTH = 3
_BUFFER = 1000
"""ms."""
_OVER = ("NetStream.Play.Stop", "NetStream.Play.UnpublishNotify", "NetStream.Play.Complete")
_NO = ("NetStream.Play.StreamNotFound", "NetStream.Play.Failed", "NetStream.Failed", "NetConnection.Connect.Rejected")


class Refused(Exception):
    """The server says no, or that there is nothing any more. Its words are hostile, and hold no secret of ours only as
    far as the caller hides them."""


class Player(Connection):
    """Plays one stream of one server."""

    def __init__(self, connect: Mapping[str, Any], key: str) -> None:
        super().__init__(server=False, max_message=bounds.MAX_MESSAGE)
        self.playing = False
        """Whether the server has agreed, or media has come."""
        self._asked = dict(connect)
        self._key = key
        self._stream_id = 0
        self._over = False
        self.put(self.handshake.start())

    def feed(self, data: bytes) -> list[Message]:
        """Take what arrived; audio, video and data come out. Raises `ProtocolError`, and `Refused`."""
        media = []
        for message in plain(self.receive(data), self.reader):
            if message.type in (Type.COMMAND, Type.COMMAND_AMF3):
                command = parse_command(message)
                if command is not None:
                    self._on(command)
            elif message.type in (Type.AUDIO, Type.VIDEO, Type.DATA) and self._stream_id == message.stream_id:
                self.playing = True
                media.append(message)
        if self._over:
            raise Refused("the stream has ended")
        return media

    def opened(self) -> None:
        self._command(0, "connect", 1.0, self._asked)

    def user_control(self, message: Message) -> bool:
        if self.playing and message.payload[:2] == Control.STREAM_EOF.to_bytes(2, "big"):
            self._over = True
        return True

    def _on(self, command: Command) -> None:
        match command.name:
            case "_result" | "_error" if not agrees(command.name, command.info):
                info = command.info
                raise Refused(text(info.get("description")) or text(info.get("code")) or "it gives no reason")
            case "_result" if command.transaction == 1.0:
                self.control(Type.WINDOW_ACK_SIZE, u32(2_500_000))
                self._command(0, "createStream", 2.0, None)
            case "_result" if command.transaction == 2.0:
                number = command.arguments[0] if command.arguments else None
                if not isinstance(number, float) or not 0 <= number <= 0xFFFFFFFF:
                    raise ProtocolError("createStream was answered without a stream id", stage="play")
                self._stream_id = int(number)
                self._command(self._stream_id, "play", 3.0, None, self._key, -2000.0)
                length = u32(self._stream_id) + u32(_BUFFER)
                self.control(Type.USER_CONTROL, user_control(_SET_BUFFER_LENGTH, length))
            case "onStatus":
                self._status(command.info)
            case "close":
                raise Refused("the server closed the connection")

    def _status(self, info: Mapping[str, Any]) -> None:
        code, level = text(info.get("code")), info.get("level")
        if code in _OVER:
            raise Refused("the stream has ended")
        if level == "error" or code in _NO:
            raise Refused(text(info.get("description")) or code or "it gives no reason")
        if code == "NetStream.Play.Start":
            self.playing = True

    def _command(self, stream_id: int, name: str, transaction: float, object: Any, *arguments: Any) -> None:
        stream = ChunkStream.STREAM_COMMAND if stream_id else ChunkStream.COMMAND
        self.send(stream, Type.COMMAND, stream_id, amf0.encode(name, transaction, object, *arguments))
