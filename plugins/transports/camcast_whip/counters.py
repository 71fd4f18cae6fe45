"""What one attempt has done, in numbers. Each is written by one thread only and may be read by the other."""

from __future__ import annotations

import attrs

from camcast.contracts import PathReport


@attrs.define(eq=False)
class Counters:
    """Bytes are those of units, as the transport was handed them."""

    handed: int = 0
    """Written by the engine's loop, all others by the thread's."""
    gone: int = 0
    """Bytes that went to the socket or were left out."""
    acked: int = 0
    report: PathReport | None = None
    """The newest, of what came there."""
    queued_packets: int = 0
    overflow_packets: int = 0
    damaged_packets: int = 0
    keyframe_awaited_packets: int = 0
    """Pictures left out after one that was, up to the next keyframe."""
    unknown_packets: int = 0
    refused_packets: int = 0
    """Of a track that the server did not take."""
    keyframe_requests: int = 0
    impaired: bool = False
    """Whether receiver reports say that pictures can hardly be whole."""
    blind: bool = False
    """Whether the server did not take the picture."""
