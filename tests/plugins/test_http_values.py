"""What the HTTP interface keeps and hands out, by itself: events, looks, and values as JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from camcast.events import Event, SessionKey, SessionState
from camcast_http import happenings as module
from camcast_http.forms import EVENT_SCHEMA
from camcast_http.happenings import Happenings
from camcast_http.looks import Look, Looks
from camcast_http.problems import Problem
from camcast_http.texts import written


class Events:
    """A queue of as many events, which are there already."""

    lost = 0

    def __init__(self, count: int) -> None:
        self._events = iter(range(count))

    def __aiter__(self) -> Events:
        return self

    async def __anext__(self) -> Event:
        for number in self._events:
            return Event(label=str(number))
        raise StopAsyncIteration

    def close(self) -> None:
        """Nothing is waited for."""


async def follow(happenings: Happenings, count: int) -> None:
    await happenings.follow(Events(count))


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


async def hear(happenings: Happenings, after: int | None, run: str = "") -> list[tuple[str, str]]:
    """What a listener hears who begins now and reads to the end: ids and names."""
    listening = happenings.listen(after, run)
    await anext(listening)
    await follow(happenings, 0)
    lines = [one.decode().split("\n") for one in await _all(listening)]
    return [(one[0].removeprefix("id: "), one[1].removeprefix("event: ")) for one in lines]


async def test_however_many_come_at_once_who_reads_hears_them_all() -> None:
    """A camera site that goes dark is hundreds of events in one turn of the loop."""
    happenings = Happenings(1)
    listening = happenings.listen(None)
    await anext(listening)
    heard = asyncio.ensure_future(_all(listening))
    await asyncio.sleep(0)
    await follow(happenings, 5 * module.KEPT)
    async with asyncio.timeout(5):
        assert [int(one.split(b"\n")[0].rpartition(b"-")[2]) for one in await heard] == list(range(1, 5_001))


async def _all(listening: AsyncIterator[bytes]) -> list[bytes]:
    """Each event by itself, several of which may come in one piece."""
    return events([one async for one in listening])


def events(pieces: list[bytes]) -> list[bytes]:
    return b"".join(pieces).split(b"\n\n")[:-1]


async def test_who_falls_behind_what_is_kept_is_told_how_many_are_missing_and_goes_on() -> None:
    happenings = Happenings(1)
    listening = happenings.listen(None)
    await anext(listening)
    await follow(happenings, module.KEPT + 7)
    first, *others = events([await anext(listening)])
    missed = first.decode().split("\n")
    assert missed[:2] == [f"id: {happenings.run}-7", "event: Missed"]
    told = json.loads(missed[2].removeprefix("data: "))
    assert (told["id"], told["fields"], told["level"]) == (7, {"missed": 7}, "warning")
    assert Draft202012Validator(EVENT_SCHEMA).is_valid(told)
    assert [one.split(b"\n")[0] for one in others[:2]] == [
        f"id: {happenings.run}-{number}".encode() for number in (8, 9)
    ]


async def test_an_id_that_is_gone_is_answered_with_what_is_missing_first() -> None:
    happenings = Happenings(1)
    await follow(happenings, module.KEPT + 10)
    run = happenings.run
    assert (await hear(happenings, 3, run))[:2] == [(f"{run}-10", "Missed"), (f"{run}-11", "Event")]
    assert (await hear(happenings, 10, run))[0] == (f"{run}-11", "Event")
    assert await hear(happenings, module.KEPT + 10, run) == []


async def test_whoever_heard_another_run_last_hears_all_of_this_one_whatever_its_number() -> None:
    happenings = Happenings(1)
    await follow(happenings, 3)
    run = happenings.run
    assert await hear(happenings, 2, "another") == [(f"{run}-{number}", "Event") for number in (1, 2, 3)]
    assert await hear(happenings, 2, run) == await hear(happenings, 2) == [(f"{run}-3", "Event")]


async def test_events_that_were_lost_on_the_way_here_are_missing_in_the_numbers() -> None:
    happenings = Happenings(1)

    class Lossy(Events):
        async def __anext__(self) -> Event:
            event = await super().__anext__()
            self.lost += 5 if event.label == "2" else 0
            return event

    await happenings.follow(Lossy(3))
    assert numbers(happenings.since(0, 100)) == [1, 2, 8]
    assert [name for _, name in await hear(happenings, 0)] == ["Event", "Event", "Missed", "Event"]


async def test_a_listener_that_knows_a_number_of_another_run_hears_all_that_there_is() -> None:
    happenings = Happenings(1)
    await follow(happenings, 2)
    listening = happenings.listen(100)
    await anext(listening)
    assert [one.split(b"\n")[0] for one in events([await anext(listening)])] == [
        f"id: {happenings.run}-{number}".encode() for number in (1, 2)
    ]


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

    async def stats(self, age: float = 0.0) -> Any:
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
    ("value", "text"),
    [
        ({"a": [1, 2.5, None]}, '{"a":[1,2.5,null]}'),
        ([float("inf"), "ü"], '[null,"ü"]'),
        ({}, "{}"),
        (
            {"ü": [], "b": {"c": [{}, [1, [2]]]}, "d": ({"e": float("nan")},)},
            '{"ü":[],"b":{"c":[{},[1,[2]]]},"d":[{"e":null}]}',
        ),
        ({"x": [{"at": SessionKey(0, 1, "a")}, SessionState.CONNECTED]}, '{"x":[{"at":"0/1/a"},"connected"]}'),
        ({SessionKey(0, 1, "a"): 1, 7: [True]}, '{"0/1/a":1,"7":[true]}'),
    ],
)
def test_values_are_written_without_spaces_and_as_they_are_read(value: object, text: str) -> None:
    assert written(value).decode() == text
