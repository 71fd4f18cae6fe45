"""Has what a session sends fit its link, by its configuration's `adapt`: two ways, of which each finds its own work.

What is encoded here gets another bitrate (`adapting.py`); of what comes encoded, other pictures are sent
(`thinning.py`). What others leave of an uplink (`share.py`) bounds both.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from camcast.config import SessionConfig
from camcast.session.adapting import Adapted, Adapting
from camcast.session.share import Share
from camcast.session.stage import OnAir
from camcast.session.streams import Streams
from camcast.session.telling import Telling
from camcast.session.thinning import Thinned, Thinning
from camcast.session.uplinks import Uplinks
from camcast.stream.feed import Feed
from camcast.stream.regulator import LOOK


@attrs.frozen
class Fitted:
    """How it stands."""

    adapted: Adapted = attrs.field(factory=Adapted)
    thinned: Thinned = attrs.field(factory=Thinned)
    uplink: str = ""
    """That it shares with others."""
    share: int = 0
    """bit/s of it that it may send; 0 = anything."""


_NOTHING = Fitted()


class Fitting:
    """Of one session. All calls on the loop."""

    def __init__(
        self,
        config: SessionConfig,
        feed: Feed,
        others: Callable[[str], Feed | None],
        telling: Telling,
        uplinks: Uplinks,
    ) -> None:
        """`others` is that of `Streams`."""
        self._config = config
        self.used = _asks(config)
        """Whether there is, or was, anything to look after."""
        self._share = Share(config, uplinks, telling.key)
        self._adapting = Adapting(config, feed, telling)
        self._thinning = Thinning(config, Streams(feed, others), telling)

    @property
    def now(self) -> Fitted:
        if not self.used:
            return _NOTHING
        return Fitted(self._adapting.now, self._thinning.now, self._share.uplink, self._share.rate)

    @property
    def thin(self) -> bool:
        """Whether less is sent than its stream brings, or something else, because of what the link bears."""
        return bool(self._thinning.now.picture) or bool(self._adapting.now.bitrate)

    def pause(self, on_air: OnAir) -> float:
        """Seconds until the next look."""
        # What others do on an uplink, and what fits less than the first of several, shows at no output itself.
        return LOOK if self._config.adapt.chooses or self._config.uplink else self._adapting.pause(on_air)

    def adopt(self, config: SessionConfig) -> None:
        """Go on by this."""
        self._config = config
        self.used = self.used or _asks(config)
        self._share.adopt(config)
        self._adapting.adopt(config)
        self._thinning.adopt(config)

    def look(
        self, on_air: OnAir | None, now: float, sent: int = 0, beside: OnAir | None = None, tracks: float = 0.0
    ) -> None:
        """Look at the path of what is on the air, None = nothing is. `now` is `time.monotonic()`.

        `sent`: bytes of media so far, to whatever place was the active one; `beside`: a second place; `tracks`: bit/s
        of further ones in the same connection.
        """
        share, adapt = self._share, self._config.adapt
        share.see(on_air, now, sent, beside)
        self._adapting.look(on_air, now, share, tracks, beside)
        self._thinning.look(on_air, now, share)
        if not adapt.max and not adapt.chooses:
            share.fixed()

    def end(self) -> None:
        """The session has ended."""
        self._share.end()
        self._adapting.end()
        self._thinning.end()


def _asks(config: SessionConfig) -> bool:
    """Whether what is sent depends on the link."""
    return bool(config.adapt.max or config.adapt.chooses or config.uplink)
