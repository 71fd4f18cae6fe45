"""Has what a session sends fit its link, by its configuration's `adapt`: two ways, of which each finds its own work.

What is encoded here gets another bitrate (`adapting.py`); of what comes encoded, other pictures are sent
(`thinning.py`).
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from camcast.config import SessionConfig
from camcast.session.adapting import Adapted, Adapting
from camcast.session.stage import OnAir
from camcast.session.telling import Telling
from camcast.session.thinning import Thinned, Thinning
from camcast.stream.feed import Feed


@attrs.frozen
class Fitted:
    """How it stands."""

    adapted: Adapted = attrs.field(factory=Adapted)
    thinned: Thinned = attrs.field(factory=Thinned)


class Fitting:
    """Of one session. All calls on the loop."""

    def __init__(
        self, config: SessionConfig, feed: Feed, others: Callable[[str], Feed | None], telling: Telling
    ) -> None:
        """`others` is that of `Thinning`."""
        self._adapting = Adapting(config, feed, telling)
        self._thinning = Thinning(config, feed, others, telling)

    @property
    def now(self) -> Fitted:
        return Fitted(self._adapting.now, self._thinning.now)

    def adopt(self, config: SessionConfig) -> None:
        """Go on by this."""
        self._adapting.adopt(config)
        self._thinning.adopt(config)

    def look(self, on_air: OnAir | None, now: float) -> None:
        """Look at the path of what is on the air, None = nothing is. `now` is `time.monotonic()`."""
        self._adapting.look(on_air, now)
        self._thinning.look(on_air, now)

    def end(self) -> None:
        """The session has ended."""
        self._adapting.end()
        self._thinning.end()
