"""RTMP messages: their types, their fields, and the bytes of control messages and commands.

Rules (RTMP 1.0 §5.4, §6.2, §7): control messages travel on chunk stream 2 and message stream 0. Only types that
every server knows are ever written: 1, 3, 4, 5, 6, 8, 9, 18, 20. Commands are AMF0: name, transaction id, then
null or an object, then arguments. What a peer writes may also be AMF3 "command" (17) and "data" (15), which are AMF0
after one byte, and aggregates (22, `aggregate.py`).
"""

from __future__ import annotations

import struct
from typing import Any

import attrs

from camcast.errors import NetworkError
from camcast.flv import amf0
from camcast_kit_rtmp.status import information

MAX_COMMAND_VALUES = 1000
"""Values of a command that are read, inner ones counted: a millisecond's worth."""
MAX_TEXT = 8192
"""Characters of a text that are kept: more than `camcast.redaction` reads, so that it knows when it was cut."""


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
    DATA_AMF3 = 15
    COMMAND_AMF3 = 17
    DATA = 18
    COMMAND = 20
    AGGREGATE = 22


class Control:
    """Events of user control messages."""

    STREAM_BEGIN = 0
    STREAM_EOF = 1
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
        """The information object of an answer or status; empty without one."""
        return information((self.object, *self.arguments))


def parse_command(message: Message) -> Command | None:
    """The command in `message`, as far as it can be read; None when not even its name can.

    Nobody should lose a stream over the fifth value of a remark: servers put AMF3 values and references behind what
    matters. Who waits for an answer finds out whether what it needs is there.
    """
    payload = message.payload
    if message.type == Type.COMMAND_AMF3:
        payload = payload[1:]
    values, _ = amf0.decode_some(payload, MAX_COMMAND_VALUES)
    if not values or not isinstance(values[0], str):
        return None
    # FFmpeg's onFCPublish is a name and nothing else.
    transaction = values[1] if len(values) > 1 and isinstance(values[1], float) else 0.0
    return Command(values[0], transaction, values[2] if len(values) > 2 else None, tuple(values[3:]), message.stream_id)


def u32(value: int) -> bytes:
    return struct.pack(">I", value & 0xFFFFFFFF)


def user_control(event: int, data: bytes) -> bytes:
    return struct.pack(">H", event) + data


def text(value: object, limit: int = MAX_TEXT) -> str:
    """A peer's words, of bounded length, otherwise as they came: secrets are hidden in the whole of them, before
    anything is cut to be shown (`Target.words`)."""
    return value[:limit] if isinstance(value, str) else ""
