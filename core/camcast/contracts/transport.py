"""One attempt on one target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from camcast.acceptance import Acceptance
from camcast.codec_kind import CodecKind
from camcast.contracts.lent import Handover, Resolver
from camcast.errors import TransportError
from camcast.media import Track, Unit
from camcast.target import Target


@attrs.frozen(kw_only=True)
class Segment:
    """A file of a recording that is complete."""

    path: str
    begin: float
    """`time.time()` seconds of its first frame; likewise `end`, of its last."""
    end: float
    size: int
    """Bytes."""
    frames: int


@attrs.frozen(kw_only=True)
class Delivery:
    """How an output does at this moment."""

    delivers: bool
    """On the air, acknowledged, and with a picture gone out within its usual distance."""
    lost: int
    """Frames that it has dropped, or lost with a connection, since it began."""


class TransportEvents(Protocol):
    """What a transport tells its attempt. All calls on the loop; harmless after `close()`."""

    def lost(self, error: TransportError) -> None:
        """The connection is gone or refused. Only the first call counts."""

    def redirect(self, url: str) -> None:
        """The server asks to move there; the attempt goes on meanwhile. The session decides."""

    def keyframe_wanted(self) -> None:
        """The receiver needs a keyframe (PLI)."""

    def note(self, code: str, text: str) -> None:
        """Something an operator should know; becomes an event. `text` must not hold a secret."""

    def segment(self, segment: Segment) -> None:
        """A file of a recording is complete; becomes an event, and the hook `camcast_segment` is called."""


@attrs.frozen(kw_only=True)
class TransportContext:
    """What a transport is built with."""

    target: Target
    options: Any = attrs.field(repr=False)
    """Instance of the kind's options class."""
    events: TransportEvents = attrs.field(repr=False)
    resolver: Resolver = attrs.field(repr=False)
    handover: Handover = attrs.field(repr=False)
    codec: Callable[[str], CodecKind] = attrs.field(repr=False)
    """Finds a codec kind by any of its names; raises `MediaError`."""
    label: str = ""
    beside: Callable[[str], Delivery | None] = attrs.field(default=lambda output: None, repr=False)
    """How another output of the same stream does, by its name; None = there is none. Costs little; on the loop."""


class Transport(Protocol):
    """One attempt on one target: `connect`, `publish`, `send` …, `close`; used once.

    Failures of `connect` and `publish` are raised as `TransportError`; later ones are told by `events.lost`.
    Both honour `target.connect_timeout` for each step, and cancellation at any await. No method ever waits
    for longer than its deadline, and `send` never waits at all.
    """

    async def connect(self) -> Acceptance | None:
        """Open the connection up to the point where publishing may begin.

        Returns what the server's answer says about codecs, or None to keep what the kind's `accepts` said.
        """

    async def publish(self, tracks: Sequence[Track]) -> None:
        """Begin publishing these tracks. Returns when the server has agreed."""

    def send(self, unit: Unit, time: int) -> int | None:
        """Send one tag or packet; keep what the socket does not take. Never blocks, never raises for the network.

        `time` is the decode time in ms on this attempt's own timeline: near 0 at first, never falling within
        one kind of media, or within one `track` of it where the tag's is not 0: that is sent only to a target whose
        `Acceptance.tracks` says that it takes several. A packet's composition time is its own pts - dts.

        Returns the position in this transport's stream of bytes at which the unit ends: the peer has all of it once
        `acked` has reached that position. So whatever the transport adds (a handshake, headers, control messages)
        is counted exactly. A unit that is left out ends where the one before it did. None = not known: units then
        count by their own sizes against `pending`, and a transport returns None always or never.
        """

    @property
    def pending(self) -> int:
        """Bytes handed to `send` that the peer has not acknowledged."""

    @property
    def acked(self) -> int:
        """Bytes that the peer has acknowledged, counted as the positions are that `send` returns; never falls.

        Whatever is counted before publishing begins is no media: from then on only its growth says something.
        """

    async def close(self) -> None:
        """End cleanly if possible, within 2 s, and free everything. Safe at any time and more than once."""

    def stats(self) -> Mapping[str, float]:
        """Figures of this protocol's own (losses, …), by snake_case name with the unit in it; `rtt_ms` = round trip."""
