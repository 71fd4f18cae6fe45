"""What became of everything that was pushed."""

from __future__ import annotations

from collections.abc import Mapping

import attrs


@attrs.frozen(kw_only=True)
class PushCounts:
    """A snapshot: `offered == delivered + absorbed + sum(dropped) + waiting`, always."""

    offered: int
    """Calls of `packet`, `frame` and `audio` that were well-formed."""
    delivered: int
    """Handed to the engine."""
    absorbed: int
    """Held only parameter sets, which go along with the next keyframe."""
    waiting: int
    """On their way from a thread to the loop, or held until every track is known."""
    dropped: Mapping[str, int]
    """By reason: "not running", "full", "damaged", "stopped"."""
