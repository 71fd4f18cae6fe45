"""What an audience has done, in numbers. Written by the WHIP thread, read by the engine's."""

from __future__ import annotations

import attrs

from camcast_whip.whep import refusals

_REFUSED = {
    refusals.FULL: "viewers_refused",
    refusals.OFFER: "offers_refused",
    refusals.TOKEN: "tokens_refused",
    refusals.NO_TOKEN: "tokens_missing",
    refusals.ORIGIN: "origins_refused",
}


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
    tokens_missing: int = 0
    """Requests without one, where one is wanted."""
    origins_refused: int = 0
    """Requests of pages that may not watch."""
    units: int = 0
    packetized_units: int = 0
    """Units that were cut into RTP payloads: each once, whoever watches, and none while nobody does."""
    damaged_units: int = 0
    overflow_units: int = 0
    """Times that a unit was left out for one viewer, who took no more."""
    packets_sent: int = 0
    packets_resent: int = 0
    keyframe_requests: int = 0

    def refused(self, reason: str) -> None:
        """Count one who may not watch, for a reason of `refusals`."""
        name = _REFUSED[reason]
        setattr(self, name, getattr(self, name) + 1)
