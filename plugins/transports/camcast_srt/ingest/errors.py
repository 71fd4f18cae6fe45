"""What ends a sender's connection, and nothing else."""

from __future__ import annotations

from camcast.errors import NetworkError


class StreamError(NetworkError):
    """What comes is no transport stream, or too much of it."""
