"""Whether what is written is heard again. Who hears nothing of it is deaf, however well calls are answered."""

from __future__ import annotations

import attrs


@attrs.define
class Echo:
    """Revisions that were written here, against those that were heard. The clock is passed in."""

    heard: int = 0
    _wrote: int = 0
    _since: float = 0.0
    """While something is not heard yet: when the oldest of it was written, or something of it was last heard."""

    def write(self, revision: int, now: float) -> None:
        """It has been written. What was written before and is waited for stays the oldest."""
        if self._wrote <= self.heard < revision:
            self._since = now
        self._wrote = max(self._wrote, revision)

    def hear(self, revision: int, now: float) -> None:
        """It has been told; not all are, but they are told in order."""
        if self.heard < revision:
            self.heard, self._since = revision, now

    def is_late(self, now: float, within: float) -> bool:
        """Whether something was written, and nothing has been heard since for longer than `within` seconds."""
        return self._wrote > self.heard and now > self._since + within
