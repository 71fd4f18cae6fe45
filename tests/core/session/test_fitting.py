"""Both ways to fit a link are gone, and how each stands is told."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.session.test_thinning import config

from camcast.config import Adapt
from camcast.events import SessionKey
from camcast.session import fitting
from camcast.session.adapting import Adapted
from camcast.session.fitting import Fitted, Fitting
from camcast.session.share import Share
from camcast.session.streams import Streams
from camcast.session.telling import Telling
from camcast.session.thinning import Thinned
from camcast.session.uplinks import Uplinks


class Way:
    """One of the two, which notes what it is told."""

    def __init__(self, now: object) -> None:
        self.now = now
        self.heard: list[tuple[object, ...]] = []

    def adopt(self, *what: object) -> None:
        self.heard.append(("adopt", *what))

    def look(self, *what: object) -> None:
        self.heard.append(("look", *what))

    def end(self) -> None:
        self.heard.append(("end",))


def test_both_ways_hear_everything_and_both_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    adapting, thinning = Way(Adapted()), Way(Thinned("sub", "why", 3))
    made: list[tuple[object, ...]] = []

    def make(way: Way) -> Any:
        def makes(*given: object) -> Way:
            made.append(given)
            return way

        return makes

    monkeypatch.setattr(fitting, "Adapting", make(adapting))
    monkeypatch.setattr(fitting, "Thinning", make(thinning))
    feed: Any = object()
    others: Any = object()
    telling = Telling(SessionKey(0, 0, "rtmp"), "cam0_main", lambda event: None)
    on_air: Any = object()
    before, after = config(Adapt()), config()
    found = Fitting(before, feed, others, telling, Uplinks())
    (for_encoder, for_streams) = made
    assert for_encoder == (before, feed, telling)
    configured, streams, told = for_streams
    assert (configured, told) == (before, telling)
    assert isinstance(streams, Streams)
    assert streams.find("") is feed
    found.adopt(after)
    found.look(on_air, 5.0, tracks=7.0)
    found.look(None, 6.0)
    found.end()
    (_, _, _, share), _ = thinning.heard[1:3]
    assert isinstance(share, Share)
    looks = [("look", on_air, 5.0, share), ("look", None, 6.0, share)]
    assert thinning.heard == [("adopt", after), *looks, ("end",)]
    # Further tracks and pictures to choose from are not had together.
    assert adapting.heard == [("adopt", after), (*looks[0], 7.0, None), (*looks[1], 0.0, None), ("end",)]
    assert found.now == Fitted(Adapted(), Thinned("sub", "why", 3))
