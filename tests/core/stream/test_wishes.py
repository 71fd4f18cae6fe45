"""Several who share an encoder: the least wish counts."""

from __future__ import annotations

from camcast.encode.smaller import AS_IT_IS, Smaller
from camcast.stream.wishes import Wishes


class Told:
    def __init__(self, limit: int = 0, *, encodes: bool = True) -> None:
        self.rates: list[int] = []
        self.sizes: list[Smaller] = []
        self.encodes = encodes
        self.wishes = Wishes(self.apply, limit, self.make)

    def make(self, smaller: Smaller) -> bool:
        self.sizes.append(smaller)
        return self.encodes

    def apply(self, bitrate: int) -> bool:
        self.rates.append(bitrate)
        return self.encodes


def test_the_least_wish_counts() -> None:
    told = Told(4000)
    assert told.wishes.ask("a", 3000)
    told.wishes.ask("b", 2000)
    told.wishes.ask("a", 1000)
    told.wishes.ask("b", 500)
    assert told.rates == [3000, 2000, 1000, 500]
    assert (told.wishes.asked("a"), told.wishes.asked("b"), told.wishes.asked("c")) == (1000, 500, 0)


def test_what_the_encoder_is_configured_with_anew_lifts_no_wish() -> None:
    """It has just been told the configured bitrate."""
    told = Told(4000)
    told.wishes.adopt(3000)
    assert told.rates == [], "nobody wishes anything"
    told.wishes.ask("a", 1000)
    told.wishes.adopt(6000)
    assert told.rates == [1000, 1000]
    told.wishes.leave("a")
    assert told.rates[-1] == 6000


def test_who_leaves_holds_nobody_down() -> None:
    told = Told(4000)
    told.wishes.ask("a", 1000)
    told.wishes.ask("b", 3000)
    told.wishes.leave("a")
    assert told.rates[-1] == 3000
    told.wishes.leave("b")
    assert told.rates[-1] == 4000
    told.wishes.leave("b")
    assert len(told.rates) == 4


def test_who_is_away_holds_nobody_down_and_finds_what_it_bears_when_it_is_back() -> None:
    told = Told(4000)
    told.wishes.ask("a", 1000)
    told.wishes.rest("a")
    assert told.rates[-1] == 1000, "it is the only one"
    told.wishes.ask("b", 3000)
    assert told.rates[-1] == 3000
    told.wishes.ask("a", 1000)
    assert told.rates[-1] == 1000


def test_somebodys_order_is_never_passed() -> None:
    told = Told(4000)
    told.wishes.cap(2000)
    told.wishes.ask("a", 3000)
    assert told.rates == [2000, 2000]
    told.wishes.ask("a", 1000)
    told.wishes.leave("a")
    assert told.rates[-2:] == [1000, 2000]


def test_an_encoder_of_unknown_limit_goes_back_to_the_most_that_was_asked() -> None:
    told = Told()
    told.wishes.ask("a", 3000)
    told.wishes.ask("a", 800)
    told.wishes.leave("a")
    assert told.rates[-1] == 3000


def test_an_encoder_that_is_made_anew_is_told_what_anybody_wishes() -> None:
    told = Told(4000)
    told.wishes.again()
    assert told.rates == [], "nobody wishes anything: it begins as it was configured"
    told.wishes.ask("a", 1000)
    told.wishes.again()
    told.wishes.rest("a")
    told.wishes.again()
    assert told.rates == [1000] * 4


def test_where_nothing_is_encoded_that_is_the_answer() -> None:
    assert not Told(encodes=False).wishes.ask("a", 1000)


SMALL, SLOW = Smaller(height=360), Smaller(frame_rate=10)


def test_the_smallest_picture_counts_and_is_told_once() -> None:
    told = Told(4000)
    for who in ("a", "b"):
        told.wishes.ask(who, 1000)
        told.wishes.shrink(who, AS_IT_IS)
    assert told.sizes == []
    told.wishes.shrink("a", SMALL)
    told.wishes.shrink("a", SMALL)
    told.wishes.shrink("b", SLOW)
    assert told.sizes == [SMALL, Smaller(10, 360)]
    assert told.wishes.size == Smaller(10, 360)
    told.wishes.shrink("a", AS_IT_IS)
    told.wishes.leave("b")
    assert told.sizes[2:] == [SLOW, AS_IT_IS]


def test_where_one_takes_no_other_picture_it_stays_as_it_is_for_all() -> None:
    told = Told(4000)
    told.wishes.ask("a", 1000)
    told.wishes.shrink("a", SMALL)
    told.wishes.fix("b", True)
    assert told.sizes == [SMALL, AS_IT_IS]
    told.wishes.rest("b")
    assert told.sizes[2:] == [SMALL]


def test_who_is_off_the_air_makes_it_small_for_nobody_else() -> None:
    told = Told(4000)
    told.wishes.ask("a", 1000)
    told.wishes.shrink("a", SMALL)
    told.wishes.ask("b", 3000)
    told.wishes.rest("a")
    assert told.sizes == [SMALL, AS_IT_IS]
    told.wishes.leave("b")
    assert told.sizes[2:] == [SMALL], "alone, it goes on as it was"


def test_what_encodes_anew_is_told_how_large_its_picture_is() -> None:
    told = Told(4000)
    told.wishes.ask("a", 1000)
    told.wishes.shrink("a", SMALL)
    told.wishes.again()
    assert told.sizes == [SMALL, SMALL]
