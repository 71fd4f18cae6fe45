"""Forms in which media arrives that nobody writes any more: aggregates, and data in AMF3's form. No I/O.

RTMP 1.0 §7.1.6: an aggregate holds several messages of audio, video and data, each like the tag of an FLV file with its
size behind it; servers send what they have stored so. Their times count from that of the first, which stands for the
aggregate's own. Data of type 15 is AMF0 after one byte, as FFmpeg and librtmp have it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from camcast_rtmp.chunk import ChunkReader, TooManyPieces
from camcast_rtmp.messages import Message, ProtocolError, Type

_HEADER, _BEHIND = 11, 4


def plain(messages: Iterable[Message], reader: ChunkReader) -> Iterator[Message]:
    """The same in the forms that everybody knows. Each in an aggregate counts for the `reader` as if it had come alone.

    Raises `ProtocolError` for one that is cut off, or holds more than the reader may still read.
    """
    for message in messages:
        if message.type == Type.AGGREGATE:
            yield from _split(message, reader)
        elif message.type == Type.DATA_AMF3:
            yield Message(Type.DATA, message.time, message.stream_id, message.payload[1:])
        else:
            yield message


def _split(message: Message, reader: ChunkReader) -> Iterator[Message]:
    payload, at = message.payload, 0
    first: int | None = None
    while at < len(payload):
        body = at + _HEADER
        size = int.from_bytes(payload[at + 1 : at + 4], "big")
        if body + size > len(payload):
            raise ProtocolError("an aggregate message ends within a message that it holds")
        reader.messages_allowed -= 1
        if reader.messages_allowed < 0:
            raise TooManyPieces("the peer sends more messages than are accepted")
        time = int.from_bytes(payload[at + 4 : at + 7], "big") | payload[at + 7] << 24
        first = time if first is None else first
        moved = (message.time + time - first) % (1 << 32)
        yield Message(payload[at], moved, message.stream_id, payload[body : body + size])
        at = body + size + _BEHIND  # which some leave out behind the last one
