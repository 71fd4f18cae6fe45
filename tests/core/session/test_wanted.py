"""What a session is to do: the product of orders, and of media or none."""

from __future__ import annotations

import itertools

import pytest

from camcast.config import Schedule
from camcast.session.timetable import Timetable
from camcast.session.wanted import Orders, Wish

ORDERS = ("publish", "pause", "end", "anew", "left")


def given(*orders: str, media: bool = True) -> Orders:
    made = Orders(lambda: media)
    for order in orders:
        made.anew("the tracks changed") if order == "anew" else getattr(made, order)()
    return made


@pytest.mark.parametrize(
    ("orders", "wish", "reason"),
    [
        ((), Wish.PUBLISH, ""),
        (("pause",), Wish.PAUSE, "paused"),
        (("pause", "publish"), Wish.PUBLISH, ""),
        (("anew",), Wish.ANEW, "the tracks changed"),
        (("anew", "left"), Wish.PUBLISH, ""),
        (("anew", "pause"), Wish.PAUSE, "paused"),
        (("pause", "anew"), Wish.PAUSE, "paused"),
        (("anew", "publish"), Wish.ANEW, "the tracks changed"),
        (("anew", "pause", "publish"), Wish.ANEW, "the tracks changed"),
        (("pause", "anew", "publish"), Wish.ANEW, "the tracks changed"),
        (("pause", "left"), Wish.PAUSE, "paused"),
        (("end",), Wish.END, "stopped"),
    ],
)
def test_what_is_wanted(orders: tuple[str, ...], wish: Wish, reason: str) -> None:
    wanted = given(*orders).now
    assert (wanted.wish, wanted.reason) == (wish, reason)
    assert wanted.on_air is (wish in (Wish.PUBLISH, Wish.ANEW))


@pytest.mark.parametrize("orders", list(itertools.product(ORDERS, repeat=3)))
def test_the_end_is_the_end_and_a_pause_lasts(orders: tuple[str, ...]) -> None:
    wish = given(*orders).now.wish
    if "end" in orders:
        assert wish is Wish.END
    elif "pause" in orders:
        back = "publish" in orders[orders.index("pause") :] and orders[::-1].index("publish") < orders[::-1].index(
            "pause"
        )
        assert (wish is Wish.PAUSE) is not back
    else:
        assert wish in (Wish.PUBLISH, Wish.ANEW)


@pytest.mark.parametrize(
    ("order", "wish"), [("publish", Wish.WAIT), ("anew", Wish.WAIT), ("pause", Wish.PAUSE), ("end", Wish.END)]
)
def test_without_media_a_session_waits_unless_it_is_off_anyway(order: str, wish: Wish) -> None:
    wanted = given(order, media=False).now
    assert wanted.wish is wish
    assert not wanted.on_air
    assert wish is not Wish.WAIT or wanted.reason == "waiting for media"


@pytest.mark.parametrize("media", [True, False])
@pytest.mark.parametrize(
    ("order", "wish"), [("publish", Wish.OFF), ("anew", Wish.OFF), ("pause", Wish.PAUSE), ("end", Wish.END)]
)
def test_a_schedule_that_says_off_gives_way_to_a_pause_and_to_the_end_only(order: str, wish: Wish, media: bool) -> None:
    orders = given(order, media=media)
    schedule = Schedule(timezone="UTC", windows=[{"start": "08:00", "stop": "09:00"}])
    orders.timetable = Timetable(schedule, now=lambda: 0.0)
    assert orders.now.wish is wish
    assert not orders.now.on_air
    assert wish is not Wish.OFF or orders.now.reason == "off by its schedule until Thu 1970-01-01 08:00 UTC"
    orders.timetable = Timetable(Schedule())
    assert orders.now.wish is not Wish.OFF


def test_media_that_comes_and_goes_changes_no_order() -> None:
    media = [False]
    orders = Orders(lambda: media[0])
    orders.anew("the tracks changed")
    assert orders.now.wish is Wish.WAIT
    media[0] = True
    assert orders.now.wish is Wish.ANEW  # type: ignore[comparison-overlap]
