"""RTMP messages: their types, their fields, and the bytes of control messages and commands.

Rules (RTMP 1.0 §5.4, §6.2, §7): control messages travel on chunk stream 2 and message stream 0. Only types that
every server knows are ever written: 1, 3, 4, 5, 6, 8, 9, 18, 20. Commands are AMF0: name, transaction id, then
null or an object, then arguments. What a peer writes may also be AMF3 "command" (17), which is AMF0 after one byte.
"""

from __future__ import annotations

import struct
from typing import Any

import attrs

from camcast.errors import MediaError, NetworkError
from camcast.flv import amf0


class ProtocolError(NetworkError):
    """The peer broke the protocol, or is not speaking it at all."""


class Type:
    """Message types."""

    SET_CHUNK_SIZE = 1
    ABORT = 2
    ACKNOWLEDGEMENT = 3
    USER_CONTROL = 4
    WINDOW_ACK_SIZE = 5
    SET_PEER_BANDWIDTH = 6
    AUDIO = 8
    VIDEO = 9
    COMMAND_AMF3 = 17
    DATA = 18
    COMMAND = 20


class Control:
    """Events of user control messages."""

    STREAM_BEGIN = 0
    PING_REQUEST = 6
    PING_RESPONSE = 7


class ChunkStream:
    """Which chunk stream carries what: one kind of media each, so that time deltas are never negative."""

    CONTROL = 2
    COMMAND = 3
    AUDIO = 4
    DATA = 5
    VIDEO = 6
    STREAM_COMMAND = 8


@attrs.define(eq=False)
class Message:
    """One whole message. `time` is ms, modulo 2**32."""

    type: int
    time: int
    stream_id: int
    payload: bytes = attrs.field(repr=False)


@attrs.frozen
class Command:
    """A command or its answer. `arguments` is all that follows the command object."""

    name: str
    transaction: float
    object: Any = attrs.field(repr=False)
    arguments: tuple[Any, ...] = attrs.field(default=(), repr=False)
    stream_id: int = 0

    @property
    def info(self) -> dict[str, Any]:
        """The information object of an answer or status: the first argument that is an object."""
        return next((value for value in self.arguments if isinstance(value, dict)), {})


def parse_command(message: Message) -> Command:
    """The command in `message`; raises `ProtocolError`."""
    payload = message.payload
    if message.type == Type.COMMAND_AMF3:
        payload = payload[1:]
    try:
        values = amf0.decode(payload)
    except MediaError as error:
        raise ProtocolError(f"the server sent a command that cannot be read: {error}", stage="command") from error
    if not values or not isinstance(values[0], str):
        raise ProtocolError("the server sent a command without a name", stage="command")
    # FFmpeg's onFCPublish is a name and nothing else.
    transaction = values[1] if len(values) > 1 and isinstance(values[1], float) else 0.0
    return Command(values[0], transaction, values[2] if len(values) > 2 else None, tuple(values[3:]), message.stream_id)


def u32(value: int) -> bytes:
    return struct.pack(">I", value & 0xFFFFFFFF)


def user_control(event: int, data: bytes) -> bytes:
    return struct.pack(">H", event) + data


def text(value: object, limit: int = 300) -> str:
    """A peer's words as one printable line of bounded length."""
    if not isinstance(value, str):
        return ""
    line = "".join(c if c.isprintable() else " " for c in value[: 2 * limit]).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"
