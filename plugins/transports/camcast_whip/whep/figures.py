"""What an audience has done, in numbers. Written by the WHIP thread, read by the engine's."""

from __future__ import annotations

import attrs


@attrs.define(eq=False)
class Figures:
    """Of one attempt. All are sums, but for `viewers` and `connecting`."""

    viewers: int = 0
    """Who watch now."""
    connecting: int = 0
    """Who have an answer, and no media path yet."""
    viewers_seen: int = 0
    """Who have watched, those of now included."""
    viewers_refused: int = 0
    """For want of room."""
    viewers_failed: int = 0
    """Who had an answer and were never reached."""
    viewers_gone: int = 0
    """Who went without a DELETE: closed, silent for too long, or cut off."""
    offers_refused: int = 0
    """That could not be read, or had no codec in common."""
    tokens_refused: int = 0
    units: int = 0
    packetized_units: int = 0
    """Units that were cut into RTP payloads: each once, whoever watches, and none while nobody does."""
    damaged_units: int = 0
    overflow_units: int = 0
    """Times that a unit was left out for one viewer, who took no more."""
    packets_sent: int = 0
    packets_resent: int = 0
    keyframe_requests: int = 0
