"""What one read of a file brings."""

from __future__ import annotations

import attrs

from camcast.media import MediaKind, Packet


@attrs.define(eq=False)
class Batch:
    """`dropped` counts what was left out, by kind and reason."""

    packets: list[Packet] = attrs.field(factory=list)
    dropped: dict[tuple[MediaKind, str], int] = attrs.field(factory=dict)
    ended: bool = False

    def drop(self, kind: MediaKind, reason: str) -> None:
        self.dropped[kind, reason] = self.dropped.get((kind, reason), 0) + 1
