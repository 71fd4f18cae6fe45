"""The RTMP chunk stream, both ways (RTMP 1.0 §5.3).

Reading takes everything that the specification allows: all four header types, two- and three-byte chunk stream
ids, interleaved messages, extended timestamps (repeated on every continuation), Abort and Set Chunk Size.

Writing uses only what every server reads alike: the first message of a chunk stream has header type 0, later ones
type 1 with a delta below 0xFFFFFF; never a message that starts with type 2 or 3; the chunks of a message stay
together. Only when time goes back, jumps or the message stream changes is type 0 written again; its extended
timestamp is then repeated after every continuation header.
"""

from __future__ import annotations

import struct
from collections.abc import Container

import attrs

from camcast_rtmp.messages import Message, ProtocolError, Type
from camcast_rtmp.native import LastState, WriterState

DEFAULT_CHUNK_SIZE = 128
MAX_CHUNK_SIZE = 0xFFFFFF
MAX_CHUNK_STREAMS = 64
EXTENDED = 0xFFFFFF
UNLIMITED = 1 << 62
_MASK = 0xFFFFFFFF
_MANY = 64
"""A message of more chunks than this is written as one copy instead of as slices."""

Buffers = list[bytes | memoryview]


@attrs.define(eq=False)
class Last(LastState):
    """What was last written on a chunk stream."""

    time: int
    """ms, modulo 2**32."""
    stream_id: int


@attrs.define(eq=False)
class ChunkWriter(WriterState):
    """Turns messages into buffers that are ready to send."""

    chunk_size: int = DEFAULT_CHUNK_SIZE
    _last: dict[int, Last] = attrs.field(factory=dict, init=False)
    """By chunk stream."""

    def message(
        self, chunk_stream: int, type: int, time: int, stream_id: int, head: bytes, body: bytes | memoryview = b""
    ) -> Buffers:
        """The buffers of one message whose payload is `head` followed by `body`; `body` is sliced, not copied.

        `time` is ms and may be any integer; it is written modulo 2**32.
        """
        time &= _MASK
        length = len(head) + len(body)
        last = self._last.get(chunk_stream)
        if last is not None and last.stream_id == stream_id and (delta := (time - last.time) & _MASK) < EXTENDED:
            last.time = time
            header = (1 << 62 | chunk_stream << 56 | delta << 32 | length << 8 | type).to_bytes(8, "big")
            extended = b""
        else:
            short = time if time < EXTENDED else EXTENDED
            header = (chunk_stream << 56 | short << 32 | length << 8 | type).to_bytes(8, "big")
            extended = b"" if time < EXTENDED else time.to_bytes(4, "big")
            header += struct.pack("<I", stream_id) + extended
            self._last[chunk_stream] = Last(time, stream_id)
        if length <= self.chunk_size:
            return [header + head, body] if body else [header + head]
        return self._cut(bytes((0xC0 | chunk_stream,)) + extended, header, head, body)

    def _cut(self, continuation: bytes, header: bytes, head: bytes, body: bytes | memoryview) -> Buffers:
        size = self.chunk_size
        if len(head) > size or len(body) > _MANY * size:
            payload = memoryview(head + body)
            whole = bytearray(header + payload[:size])
            for start in range(size, len(payload), size):
                whole += continuation
                whole += payload[start : start + size]
            return [bytes(whole)]
        view = memoryview(body)
        first = size - len(head)
        out: Buffers = [header + head]
        if first:
            out.append(view[:first])
        for start in range(first, len(view), size):
            out += (continuation, view[start : start + size])
        return out


class _Incoming:
    """What the reader remembers of one chunk stream."""

    __slots__ = ("came", "delta", "extended", "length", "payload", "stream_id", "time", "type")

    def __init__(self) -> None:
        self.time = self.delta = self.length = self.type = self.stream_id = 0
        self.extended = False
        self.payload: bytearray | None = None
        """Of the message that is being read; empty where that is passed over. None = none is."""
        self.came = 0
        """Bytes of it that have come."""


class TooManyPieces(ProtocolError):
    """The peer sends more chunks or messages than it is allowed."""


class ChunkReader:
    """Turns bytes into messages. Keeps at most two largest messages, whatever the peer does."""

    def __init__(self, max_message: int = 1 << 20, needed: Container[int] | None = None) -> None:
        """`needed`: types of messages of which none is done without; larger ones of other types are passed over."""
        self.allowed = UNLIMITED
        """Chunks that may still be read; each costs time, however small. The owner tops it up."""
        self.messages_allowed = UNLIMITED
        """Messages likewise: what they say is looked at."""
        self.chunk_size = DEFAULT_CHUNK_SIZE
        self.max_message = max_message
        self.passed_over = 0
        """Messages that were too large, of types that are not needed."""
        self._needed = needed
        self._streams: dict[int, _Incoming] = {}
        self._current: _Incoming | None = None
        """The chunk stream whose chunk is being read; None = at a chunk header."""
        self._left = 0
        """Bytes left of that chunk."""
        self._held = 0
        """Bytes kept of unfinished messages."""
        self._rest = b""
        """The beginning of a chunk header."""

    def feed(self, data: bytes) -> list[Message]:
        """All messages that `data` completes. Set Chunk Size and Abort are obeyed here. Raises `ProtocolError`."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        messages: list[Message] = []
        at, end = 0, len(data)
        while True:
            if self._current is None:
                begin = self._header(data, at)
                if begin < 0:
                    self._rest = data[at:]
                    return messages
                at = begin
                self.allowed -= 1
                if self.allowed < 0:
                    raise TooManyPieces("the peer sends more chunks than are accepted")
            stream = self._current
            assert stream is not None
            if stream.payload is None and self._left == stream.length and end - at >= self._left <= self.max_message:
                payload = data[at : at + self._left]  # the usual case: a whole message in one chunk, at hand
                at += self._left
            else:
                if stream.payload is None:
                    stream.payload = bytearray()
                piece = min(self._left, end - at)
                if stream.length <= self.max_message:
                    stream.payload += memoryview(data)[at : at + piece]
                    self._held += piece
                at += piece
                self._left -= piece
                stream.came += piece
                if self._held > 2 * self.max_message:
                    raise ProtocolError(f"over {2 * self.max_message} bytes of unfinished messages are not accepted")
                if self._left:
                    return messages
                if stream.came < stream.length:
                    self._current = None
                    continue
                payload = bytes(stream.payload)
                self._held -= len(payload)
                stream.payload, stream.came = None, 0
            self._current = None
            self.messages_allowed -= 1
            if self.messages_allowed < 0:
                raise TooManyPieces("the peer sends more messages than are accepted")
            if stream.length > self.max_message:
                self.passed_over += 1
            elif stream.type in (Type.SET_CHUNK_SIZE, Type.ABORT):
                self._obey(stream.type, payload)
            else:
                messages.append(Message(stream.type, stream.time, stream.stream_id, payload))

    def _header(self, data: bytes, at: int) -> int:
        """Read the chunk header at `at`; return where its payload begins, or -1 when more bytes are needed."""
        left = len(data) - at
        if left < 1:
            return -1
        form, number = data[at] >> 6, data[at] & 0x3F
        size = 1
        if number < 2:
            size += number + 1
            if left < size:
                return -1
            number = 64 + int.from_bytes(data[at + 1 : at + size], "little")
        stream = self._streams.get(number)
        if stream is None:
            if form > 1:
                raise ProtocolError(f"chunk stream {number} begins with header type {form}, expected 0")
            if len(self._streams) >= MAX_CHUNK_STREAMS:
                raise ProtocolError(f"more than {MAX_CHUNK_STREAMS} chunk streams are not accepted")
            stream = _Incoming()
        elif stream.payload is not None and form != 3:
            raise ProtocolError(f"chunk stream {number}: header type {form} in the middle of a message, expected 3")
        fields = at + size
        size += (11, 7, 3, 0)[form]
        if left < size:
            return -1
        time = int.from_bytes(data[fields : fields + 3], "big") if form < 3 else 0
        extended = time == EXTENDED if form < 3 else stream.extended
        if extended:
            size += 4
            if left < size:
                return -1
            time = int.from_bytes(data[at + size - 4 : at + size], "big")
            if form == 3 and stream.payload is not None and time != stream.delta:
                # Inside a message some leave it out, as the first edition of the specification could be read.
                size -= 4
        elif form == 3:
            time = stream.delta
        if stream.payload is None:
            self._begin(stream, form, time, extended, data, fields)
            self._streams[number] = stream
        self._current = stream
        self._left = min(self.chunk_size, stream.length - stream.came)
        return at + size

    def _begin(self, stream: _Incoming, form: int, time: int, extended: bool, data: bytes, fields: int) -> None:
        """Start a new message on `stream`. After type 0, type 3 means the type-0 time again (§5.3.1.2.4)."""
        if form < 2:
            stream.length = int.from_bytes(data[fields + 3 : fields + 6], "big")
            stream.type = data[fields + 6]
            if stream.length > self.max_message and (self._needed is None or stream.type in self._needed):
                raise ProtocolError(f"a message of {stream.length} bytes is not accepted, {self.max_message} at most")
        if form == 0:
            stream.stream_id = int.from_bytes(data[fields + 7 : fields + 11], "little")
            stream.time = time
        else:
            stream.time = (stream.time + time) & _MASK
        stream.delta, stream.extended = time, extended

    def _obey(self, type: int, payload: bytes) -> None:
        value = int.from_bytes(payload[:4], "big")
        if type == Type.SET_CHUNK_SIZE:
            # Without it nothing that follows can be read.
            if len(payload) < 4:
                raise ProtocolError(f"Set Chunk Size has {len(payload)} bytes, expected 4")
            if not 1 <= value <= 0x7FFFFFFF:
                raise ProtocolError(f"a chunk size of {value} is not possible")
            self.chunk_size = min(value, MAX_CHUNK_SIZE)
        elif len(payload) >= 4 and (stream := self._streams.get(value)) is not None and stream.payload is not None:
            self._held -= len(stream.payload)
            stream.payload = None
            stream.came = 0
