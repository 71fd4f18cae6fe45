"""One episode of drops: told when it begins, once a second while it lasts, and when it ends."""

from __future__ import annotations

import time

from camcast.events import DropEpisode, SessionKey
from camcast.media import MediaKind


class Episode:
    """Counts from its first drop."""

    def __init__(self, key: SessionKey, label: str) -> None:
        self._key = key
        self._label = label
        self._since = time.monotonic()
        self._counts = dict.fromkeys(MediaKind, 0)
        self._fresh = False

    def add(self, kind: MediaKind) -> None:
        self._counts[kind] += 1
        self._fresh = True

    def tell(self, *, over: bool = False) -> DropEpisode:
        """The event that is due; `over` in it is True when nothing was dropped since the last one."""
        over = over or not self._fresh
        self._fresh = False
        return DropEpisode(
            label=self._label,
            key=self._key,
            video=self._counts[MediaKind.VIDEO],
            audio=self._counts[MediaKind.AUDIO],
            seconds=time.monotonic() - self._since,
            over=over,
        )
