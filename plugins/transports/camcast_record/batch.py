"""What has come for a recording and is not yet with its thread. With the C form the fast path adds to it by itself."""

from __future__ import annotations

from typing import ClassVar

import attrs

from camcast.media import MediaKind, Packet
from camcast_record.gate import Timed
from camcast_record.native import BatchState, extension

_VIDEO = MediaKind.VIDEO


@attrs.define(eq=False)
class Batch(BatchState):
    """Of one attempt; see `native/batch.c`."""

    table: ClassVar[object] = extension.table if extension is not None else None
    """How the fast path calls the C form (`camcast/native/port.h`)."""

    units: list[Timed] = attrs.field(factory=list)
    size: int = 0
    """Bytes of these."""
    taken: int = 0
    """Bytes of all that have come."""
    room: int = 0
    """Bytes that there may be whose units need not be looked at; 0 = look at each."""
    whole_at: int = 0
    """Time of the unit, ms, with which a fragment is whole."""

    def take(self, packet: Packet, time: int) -> bool:
        """Add a unit of the usual kind; False = it is none, and nothing has been done."""
        size = self.size + len(packet.payload)
        if size > self.room or time >= self.whole_at or (packet.keyframe and packet.track.kind is _VIDEO):
            return False
        self.taken += len(packet.payload)
        self.size = size
        self.units.append((packet, time))
        return True
