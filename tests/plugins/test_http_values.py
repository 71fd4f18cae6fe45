"""What the HTTP interface keeps and hands out, by itself: events, looks, and values as JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from camcast.events import Event
from camcast_http import happenings as module
from camcast_http.happenings import WAITING, Happenings
from camcast_http.looks import Look, Looks
from camcast_http.problems import Problem
from camcast_http.texts import written


async def follow(happenings: Happenings, count: int) -> None:
    async def events() -> AsyncIterator[Event]:
        for number in range(count):
            yield Event(label=str(number))

    await happenings.follow(events())  # type: ignore[arg-type]


def numbers(listed: bytes) -> list[int]:
    return [one["id"] for one in json.loads(listed)]


async def test_the_last_events_are_kept_and_the_newest_of_them_given() -> None:
    happenings = Happenings(1)
    await follow(happenings, 1_005)
    assert numbers(happenings.since(0, 10**6)) == list(range(6, 1_006))
    assert numbers(happenings.since(1_002, 10)) == [1_003, 1_004, 1_005]
    assert numbers(happenings.since(0, 2)) == [1_004, 1_005]
    assert numbers(happenings.since(0, 0)) == []


async def test_one_more_listener_than_may_be_is_told_when_to_come_again() -> None:
    happenings = Happenings(2)
    first, _ = happenings.listen(None), happenings.listen(None)
    with pytest.raises(Problem) as raised:
        happenings.listen(None)
    assert (raised.value.status, raised.value.headers) == (503, {"retry-after": "10"})
    await anext(first)
    await first.aclose()  # type: ignore[attr-defined]
    happenings.listen(None)


async def test_who_reads_too_slowly_is_cut_off() -> None:
    happenings = Happenings(1)
    listening = happenings.listen(None)
    await anext(listening)
    waits = asyncio.ensure_future(anext(listening))
    await asyncio.sleep(0)
    await follow(happenings, WAITING + 5)
    async with asyncio.timeout(5):
        assert (await waits).startswith(b"id: 1\n")
        assert [one async for one in listening] == []


async def test_a_listener_that_knows_a_number_of_another_run_hears_all_that_there_is() -> None:
    happenings = Happenings(1)
    await follow(happenings, 2)
    listening = happenings.listen(100)
    await anext(listening)
    assert [(await anext(listening)).split(b"\n")[0] for _ in range(2)] == [b"id: 1", b"id: 2"]


async def test_a_listener_without_news_gets_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 5 <= module.KEEP_ALIVE <= 30, "proxies end what is silent for a minute"
    monkeypatch.setattr(module, "KEEP_ALIVE", 0.01)
    listening = Happenings(1).listen(None)
    await anext(listening)
    assert await anext(listening) == b": still here\n\n"


class View:
    """An engine that is looked at, each time when the test lets it be."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.asked = 0

    async def stats(self) -> Any:
        self.asked += 1
        await self.let.wait()
        return self.asked

    async def cameras(self) -> Any:
        return ()

    async def sessions(self) -> Any:
        return ()


async def test_who_goes_away_ends_nobody_elses_look() -> None:
    view: Any = View()
    looks = Looks(view)
    one, other = asyncio.create_task(looks.look()), asyncio.create_task(looks.look())
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.sleep(0)
    view.let.set()
    await other
    assert view.asked == 1


async def test_who_asks_while_a_look_is_under_way_waits_for_it() -> None:
    view: Any = View()
    now = 0.0
    looks = Looks(view, now=lambda: now)
    one = asyncio.create_task(looks.look())
    await asyncio.sleep(0)
    now = 100.0
    other = asyncio.create_task(looks.look())
    await asyncio.sleep(0)
    view.let.set()
    assert await one is await other
    assert view.asked == 1


def test_what_is_written_of_a_look_is_written_once_and_is_json() -> None:
    stats: Any = None
    look, made = Look(0.0, stats, (), {}), []

    def make() -> str:
        made.append(1)
        return "ü"

    answers = [look.response("what", make) for _ in range(3)]
    assert made == [1]
    assert {bytes(one.body) for one in answers} == {'"ü"'.encode()}
    assert answers[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("value", "text"), [({"a": [1, 2.5, None]}, '{"a":[1,2.5,null]}'), ([float("inf"), "ü"], '[null,"ü"]')]
)
def test_values_are_written_without_spaces_and_as_they_are_read(value: object, text: str) -> None:
    assert written(value).decode() == text
