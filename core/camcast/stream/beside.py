"""What else goes over one attempt's connection: tracks beside the outlet's own, which share its queue and its bounds.

The outlet tells them when they must leave, and what has become of what they sent; otherwise it knows nothing of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs

from camcast.flv.packer import to_ms
from camcast.media import MediaKind, Tag
from camcast.stream.ledger import Ledger
from camcast.stream.sender import Sender


class OtherTrack(Protocol):
    """Another picture or sound that goes over the same connection. All calls return at once."""

    def leave(self) -> None:
        """Nothing more can be sent."""

    def write_off(self, acknowledged: int) -> None:
        """What ends beyond this position is lost; nothing more will be known of it."""

    def settled(self, acknowledged: int) -> bool:
        """Whether it has left, and nothing of it ends beyond this position."""


@attrs.define(eq=False)
class Beside:
    """Of one outlet."""

    _sender: Sender
    _ledger: Ledger
    _open: Callable[[], bool]
    """Whether the outlet sends now, be it sound alone."""
    tracks: tuple[OtherTrack, ...] = attrs.field(default=(), init=False)
    """Those that have joined, until nothing of them is under way."""

    def join(self, track: OtherTrack) -> None:
        """It sends here from now on, until it is told to leave."""
        done = self._ledger.acknowledged
        self.tracks = (*(one for one in self.tracks if not one.settled(done)), track)

    def takes(self, kind: MediaKind, dts: int, *, again: bool) -> bool:
        """Whether a unit at `dts` ns of the outlet's timeline may be sent now; `again`: after a gap.

        What waits is one queue, so the bounds are the outlet's. Whether its own pictures go on is no matter.
        """
        base = self._sender.base
        if base is None or to_ms(dts) < base or not self._open():
            return False
        now = self._sender.look()
        return self._ledger.caught_up(now, dts) if again else not self._ledger.behind(kind, dts, now)

    def send(self, tag: Tag, arrival: int) -> int | None:
        """Send a tag; returns where it ends in the connection's bytes, None = it was not taken."""
        before = self._ledger.end
        self._sender.send(tag, None, arrival)
        return self._ledger.end if self._ledger.end > before else None

    @property
    def acknowledged(self) -> int:
        """How far in the connection's bytes the peer was at the last look."""
        return self._ledger.acknowledged

    # --- what the outlet tells ----------------------------------------------------------------------------

    def leave(self) -> None:
        """It is closed."""
        for track in self.tracks:
            track.leave()

    def write_off(self) -> None:
        """What has not been acknowledged is lost with the connection."""
        tracks, self.tracks = self.tracks, ()
        for track in tracks:
            track.write_off(self._ledger.acknowledged)
