"""Another stream of the camera, as one whose pictures or sound an output sends beside, or instead of, its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import attrs

from camcast.errors import CamcastError
from camcast.stream.feed import Feed
from camcast.stream.negotiation import RenditionKey
from camcast.stream.rendition import Rendition


@attrs.define(eq=False)
class Other:
    """One rendition of it. Implements `RenditionUser`."""

    feed: Feed
    failed: Callable[[], object]
    rendition: Rendition = attrs.field(init=False)

    def take(self, key: RenditionKey) -> Self:
        """Raises `CamcastError`. Give it back with `release`."""
        self.rendition = self.feed.renditions.acquire(key, self)
        return self

    def release(self) -> None:
        """Nobody takes it any more."""
        self.feed.renditions.release(self.rendition, self)

    def tracks_changed(self) -> None:
        self.failed()

    def rendition_failed(self, error: CamcastError) -> None:
        self.failed()


def said(error: Exception) -> str:
    """What another's code raised; the text of a bug may hold anything."""
    return str(error) if isinstance(error, CamcastError) else f"{type(error).__name__}, a bug in a plugin"
