"""What the HTTP side says that is not simply a failure."""

from __future__ import annotations

from camcast.errors import RefusedError


class Moved(RefusedError):
    """The server wants to be asked at another origin, `url`."""

    def __init__(self, message: str, url: str) -> None:
        super().__init__(message, stage="publish")
        self.url = url
