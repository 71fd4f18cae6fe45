"""A camera's streams by name, and what was read of each."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.session.test_thinning import PER_LOOK, SUB, Feed
from tests.core.world import VIDEO

from camcast.media import NS_PER_S
from camcast.session.streams import Streams
from camcast.stream.meters import Times
from camcast.stream.regulator import LOOK

LATER = 7 * NS_PER_S


class Camera:
    """Two streams, of which the second began later."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.number = 0
        self.main = Feed(VIDEO, 12_500)
        self.others: dict[str, Any] = {"sub": Feed(SUB, 2_500, later=LATER)}
        own: Any = self.main
        self.streams = Streams(own, self.others.get)

    def play(self, *names: str, seconds: float = 3.0) -> None:
        """With a look at those streams now and then."""
        for _ in range(round(seconds / LOOK)):
            for _ in range(PER_LOOK):
                for feed in (self.main, *self.others.values()):
                    feed.bring(self.number)
                self.number += 1
            self.now += LOOK
            self.streams.look(names, self.now)


def test_the_own_one_has_no_name() -> None:
    camera = Camera()
    own: Any = camera.main
    assert camera.streams.find("") is own
    assert camera.streams.find("sub") is camera.others["sub"]
    assert camera.streams.find("another") is None


def test_each_is_measured_by_itself_and_one_is_behind_the_other() -> None:
    camera = Camera()
    camera.play("", "sub")
    rates = [camera.streams.meter(name).pictures for name in ("", "sub")]
    assert rates == pytest.approx([2_000_000, 400_000], rel=0.05)
    assert camera.streams.measured("sub")
    assert camera.streams.behind("sub") == Times(LATER, LATER)
    assert camera.streams.behind("") == Times()


def test_what_was_not_looked_at_is_not_known() -> None:
    camera = Camera()
    camera.play("")
    assert camera.streams.measured("")
    assert not camera.streams.measured("sub")
    assert camera.streams.meter("sub").rate == 0


def test_a_name_that_nothing_has_is_left_out_and_not_measured() -> None:
    camera = Camera()
    camera.play("", "another")
    assert not camera.streams.measured("another")
    assert camera.streams.measured("")


def test_one_that_was_replaced_begins_with_nothing() -> None:
    camera = Camera()
    camera.play("", "sub")
    camera.others["sub"] = Feed(SUB, 2_500)
    assert not camera.streams.measured("sub")
    camera.play("", "sub")
    assert camera.streams.behind("sub") == Times()


def test_one_that_went_away_and_came_back_is_known() -> None:
    camera = Camera()
    camera.play("", "sub")
    sub = camera.others.pop("sub")
    assert not camera.streams.measured("sub")
    camera.others["sub"] = sub
    assert camera.streams.behind("sub") == Times(LATER, LATER)
