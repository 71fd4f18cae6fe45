"""What both ends of an RTMP connection have in common: bytes in → messages; bytes out. No I/O, no clock.

Rules (RTMP 1.0 §5.4, §7.1.7): a ping is answered at once; what has been received is acknowledged each half window;
Set Peer Bandwidth is answered with a Window Acknowledgement Size when it changes. Chunk sizes are each way's own.
Control messages that are too short say nothing, and are passed over: only a chunk size must be known, since without
it nothing after it can be read.
"""

from __future__ import annotations

from collections.abc import Container

from camcast_rtmp.chunk import Buffers, ChunkReader, ChunkWriter
from camcast_rtmp.handshake import Handshake
from camcast_rtmp.messages import ChunkStream, Control, Message, ProtocolError, Type, u32, user_control

MAX_UNSENT = 1 << 20


class Connection:
    """One end. `receive` takes bytes and returns messages; `outgoing` gives the bytes to send and forgets them."""

    def __init__(self, *, server: bool, max_message: int, needed: Container[int] | None = None) -> None:
        self.handshake = Handshake(server=server)
        self.reader = ChunkReader(max_message, needed)
        self.writer = ChunkWriter()
        self.received = 0
        """Bytes received after the handshake."""
        self.acknowledged = 0
        """Bytes that the peer says it has received, modulo 2**32."""
        self.pings_answered = 0
        self._acknowledged_at = 0
        self.peer_window = 0
        """What they want acknowledged, in bytes; 0 = they have not said."""
        self._own_window = 0
        self._out: list[bytes | memoryview] = []
        self._out_bytes = 0

    def outgoing(self) -> Buffers:
        out, self._out, self._out_bytes = self._out, [], 0
        return out

    def receive(self, data: bytes) -> list[Message]:
        """Messages for the layer above; protocol control is dealt with here. Raises `ProtocolError`."""
        if not self.handshake.done:
            self.put(self.handshake.feed(data))
            if not self.handshake.done:
                return []
            data, self.handshake.rest = self.handshake.rest, b""
            self.opened()
        self.received += len(data)
        messages = [message for message in self.reader.feed(data) if message.type > 6 or not self._control(message)]
        if self.peer_window and self.received - self._acknowledged_at >= self.peer_window // 2:
            self._acknowledged_at = self.received
            self.control(Type.ACKNOWLEDGEMENT, u32(self.received))
        return messages

    def opened(self) -> None:
        """Called once, when the handshake is done."""

    def put(self, data: bytes | memoryview) -> None:
        """Queue bytes for `outgoing`. A peer that makes us answer without end and never reads is cut off."""
        if data:
            self._out.append(data)
            self._out_bytes += len(data)
            if self._out_bytes > MAX_UNSENT:
                raise ProtocolError("the peer asks for answers faster than it takes them")

    def send(self, chunk_stream: int, type: int, stream_id: int, payload: bytes) -> None:
        for piece in self.writer.message(chunk_stream, type, 0, stream_id, payload):
            self.put(piece)

    def control(self, type: int, payload: bytes) -> None:
        self.send(ChunkStream.CONTROL, type, 0, payload)

    def set_chunk_size(self, size: int) -> None:
        """Tell the peer, and use it for everything that follows."""
        self.control(Type.SET_CHUNK_SIZE, u32(size))
        self.writer.chunk_size = size

    def _control(self, message: Message) -> bool:
        """Deal with a protocol control message; False = it is for the layer above."""
        payload = message.payload
        if message.type == Type.USER_CONTROL:
            if not payload.startswith(Control.PING_REQUEST.to_bytes(2, "big")):
                return self.user_control(message)
            self.pings_answered += 1
            self.control(Type.USER_CONTROL, user_control(Control.PING_RESPONSE, payload[2:6]))
            return True
        if len(payload) < 4:
            return True
        value = int.from_bytes(payload[:4], "big")
        match message.type:
            case Type.ACKNOWLEDGEMENT:
                self.acknowledged = value
            case Type.WINDOW_ACK_SIZE:
                self.peer_window = value
            case Type.SET_PEER_BANDWIDTH if value != self._own_window:
                self._own_window = value
                self.control(Type.WINDOW_ACK_SIZE, u32(value))
        return True

    def user_control(self, message: Message) -> bool:
        """Other control messages; True = dealt with, as all are by default."""
        return True
