"""How a session is, in one word: what an operator looks at first, and what a supervisor of supervisors asks."""

from __future__ import annotations

from enum import Enum


class Health(Enum):
    """How a session is."""

    HEALTHY = "healthy"
    """On the air: the peer acknowledges what is sent, and a picture has gone out within its usual distance."""
    WAITING = "waiting for media"
    """Nothing comes from the source, so there is nothing to send."""
    PAUSED = "paused"
    """Off the air because somebody said so."""
    UNHEALTHY = "unhealthy"
    """It is to be on the air and is not, or nothing of it arrives."""
