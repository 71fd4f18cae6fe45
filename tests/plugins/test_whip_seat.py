"""An attempt's place at the WHIP thread, which runs for those that have one and for nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
from tests.plugins.source_kit import until

from camcast.engine.handover import LoopHandover
from camcast.errors import NetworkError
from camcast_whip.seat import Seat
from camcast_whip.thread import WhipThread


def running() -> int:
    return sum(one.name == "camcast-whip" for one in threading.enumerate())


@pytest.fixture
async def thread() -> AsyncIterator[WhipThread]:
    handover = LoopHandover(asyncio.get_running_loop())
    before = running()
    yield WhipThread(handover)
    await until(lambda: running() == before)
    handover.close()


async def done(by: list[str], what: str) -> None:
    by.append(what)


def fails(text: str) -> None:
    raise AssertionError(text)


async def test_the_last_to_leave_ends_the_thread_after_what_it_had_to_do(thread: WhipThread) -> None:
    before, did = running(), list[str]()
    seats = [Seat(thread), Seat(thread)]
    for seat in seats:
        seat.begin()
        seat.take()
    assert running() == before + 1
    await seats[0].leave(lambda: done(did, "one"), fails)
    assert running() == before + 1
    await seats[1].leave(lambda: done(did, "two"), fails)
    await seats[1].leave(lambda: done(did, "two again"), fails)
    assert did == ["one", "two"]


async def test_it_begins_once(thread: WhipThread) -> None:
    seat = Seat(thread)
    seat.begin()
    with pytest.raises(NetworkError, match="used already"):
        seat.begin()


async def test_one_that_came_nowhere_has_nothing_to_leave(thread: WhipThread) -> None:
    before, did = running(), list[str]()
    seat = Seat(thread)
    seat.begin()
    await seat.leave(lambda: done(did, "nothing"), fails)
    assert (did, running()) == ([], before)
    with pytest.raises(NetworkError, match="used already"):
        seat.begin()


async def test_one_that_ends_while_it_looks_for_its_server_takes_no_place(thread: WhipThread) -> None:
    before = running()
    seat = Seat(thread)
    seat.begin()
    await seat.leave(lambda: None, fails)
    with pytest.raises(NetworkError, match="has ended"):
        seat.take()
    assert running() == before


async def test_a_farewell_that_fails_is_told_and_the_place_is_free(thread: WhipThread) -> None:
    async def refused() -> None:
        raise NetworkError("the server does not answer", stage="close")

    told = list[str]()
    seat = Seat(thread)
    seat.begin()
    seat.take()
    await seat.leave(refused, told.append)
    assert told == ["the server does not answer"]
