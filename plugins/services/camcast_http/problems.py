"""What an error of the engine's is in HTTP."""

from __future__ import annotations

from camcast.errors import (
    CamcastError,
    ConfigError,
    DeadlineError,
    MediaError,
    NotFound,
    OutOfRange,
    WrongState,
)
from camcast_kit_http.problem import TYPE, Problem

__all__ = ["TYPE", "Problem", "problem"]


def problem(error: CamcastError) -> Problem:
    """What an error of the engine's is in HTTP."""
    match error:
        case ConfigError():
            return Problem(422, "the configuration is wrong", issues=error.issues)
        case NotFound():
            return Problem(404, str(error))
        case OutOfRange():
            return Problem(422, str(error))
        case WrongState():
            return Problem(409, str(error))
        case MediaError():
            return Problem(409, str(error))
        case DeadlineError():
            return Problem(504, str(error))
    return Problem(503, str(error))
