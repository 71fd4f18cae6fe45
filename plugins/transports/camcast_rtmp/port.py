"""This transport's port: how the fast path hands it tags without Python (`camcast/native/port.h`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import attrs

from camcast.media import TagType
from camcast.net.wire import Wire
from camcast_rtmp.chunk import ChunkWriter
from camcast_rtmp.client import CHUNK_STREAMS
from camcast_rtmp.native import CountsState, LineState, PortState, TransportState, extension

if TYPE_CHECKING:
    from camcast_rtmp.driver import RtmpTransport
    from camcast_rtmp.line import Line


@attrs.define(eq=False)
class Port(PortState):
    """Of one connection that is live. What it needs of each object lies in C; see `native/port.c`."""

    table: ClassVar[object] = extension.table if extension is not None else None

    transport: TransportState
    line: LineState
    writer: ChunkWriter
    counts: CountsState
    wire: Wire
    encrypt: Callable[[bytes], bytes] | None
    """Over TLS: makes records of a message."""
    stream_id: int

    @classmethod
    def of(cls, transport: RtmpTransport, line: Line, counts: CountsState) -> Port | None:
        """None where there is no C form."""
        if extension is None:
            return None
        client = line.client
        return cls(transport, line, client.writer, counts, line.wire, line.encrypt, client.stream_id)


if extension is not None:
    extension.setup(CHUNK_STREAMS[TagType.AUDIO.value], CHUNK_STREAMS[TagType.VIDEO.value])
