"""A camera's media, and where it is put."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import attrs

from camcast.codec_kind import CodecKind
from camcast.contracts.lent import Handover, Resolver
from camcast.media import Frame, MediaKind, Packet, Track


class MediaSink(Protocol):
    """Where a source puts its media. All calls on the loop."""

    def tracks(self, tracks: Sequence[Track]) -> None:
        """Say which tracks there are, before the first packet or frame, and again when the set changes.

        At most one track of each kind. Parameter changes need no call: packets carry their track.
        """

    def packet(self, packet: Packet) -> None:
        """Hand over one access unit. Timestamps are the source's own; the clock stage rebases them."""

    def frame(self, frame: Frame) -> None:
        """Hand over one unencoded frame."""

    def discontinuity(self) -> None:
        """The next packet's timestamps do not continue the last one's (reconnect, seek)."""

    def dropped(self, kind: MediaKind, reason: str, count: int = 1) -> None:
        """Count what the source had to leave out: "damaged", "rtp loss", "overflow", …"""


class Source(Protocol):
    """One camera stream's media, while it runs."""

    async def run(self, sink: MediaSink) -> None:
        """Bring media until it ends (return), fails (`SourceError`) or is cancelled. Runs once per object.

        Must let the loop run, must return within 2 s of cancellation, must leave nothing open behind it. The
        camera instance reconnects by building a new source.
        """

    def request_keyframe(self) -> bool:
        """Ask for a keyframe soon. False = this source cannot."""


@attrs.frozen(kw_only=True)
class SourceContext:
    """What a source is built with."""

    url: str = attrs.field(repr=False)
    options: Any = attrs.field(repr=False)
    """Instance of the kind's options class."""
    camera_id: int
    stream_id: int
    stream_name: str
    camera_name: str
    width: int = 0
    """Wanted picture size and rate for sources that make or choose pictures; 0 = as the source likes."""
    height: int = 0
    frame_rate: float = 0.0
    codec: Callable[[str], CodecKind]
    """Finds a codec kind by any of its names; raises `MediaError` naming those known."""
    handover: Handover
    log: logging.Logger | logging.LoggerAdapter[Any]
    resolver: Resolver | None = attrs.field(default=None, repr=False)
    """For sources that connect somewhere; None = the system's own look-up."""
    note: Callable[[str, str], object] = attrs.field(default=lambda code, text: None, repr=False)
    """Tell an operator something about this source; becomes a `SourceNote`. `(code, text)`: the code is stable, the
    text is for people and must not hold a secret. "camera_odd" is for what is put right and needs no action."""
    waits: Callable[[str], object] = attrs.field(default=lambda what: None, repr=False)
    """Say what the source waits for while it brings nothing, without a secret: "a publisher at rtmp://0.0.0.0:1935/live".
    "" = for nothing any more; so it is at a run's end, too."""
    refused: Callable[[str, int], object] = attrs.field(default=lambda reason, count: None, repr=False)
    """Count those who were not let in, of a source that others publish to: `(reason, how many)`. The reason is one of a
    few texts of the source's own, and holds no word of theirs."""

    @property
    def label(self) -> str:
        return f"cam{self.camera_id}_{self.stream_name}"
