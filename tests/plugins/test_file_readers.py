"""The threads in which file sources read: what one file's dead disk means for the others."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.plugins.source_kit import until

from camcast.errors import SourceError
from camcast_file.readers import MAX_THREADS, READ_DEADLINE, SLOW, THREADS, Readers

DEAD, GOOD = Path("/dead/a"), Path("/good/b")
HANGS = "a read of this file hangs"


def dead(number: int) -> Path:
    return Path(f"/dead/{number}")


def read() -> str:
    return "read"


@pytest.fixture
async def disk() -> AsyncIterator[threading.Event]:
    """Reads of a dead disk wait for it."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def threads() -> Callable[[], int]:
    """How many reading threads there are, without those of other tests."""
    before = set(threading.enumerate())
    return lambda: sum(one.name == "camcast-file" for one in set(threading.enumerate()) - before)


async def test_a_file_whose_reads_hang_keeps_no_other_from_being_read(
    disk: threading.Event, threads: Callable[[], int]
) -> None:
    readers = Readers(asyncio.get_running_loop())
    hanging = [readers.submit(disk.wait, DEAD, 0.01) for _ in range(8)]
    said = [str(error) for error in await asyncio.gather(*hanging, return_exceptions=True)]
    assert "took more than 0.01 s" in said[0]
    assert all(HANGS in one for one in said[1:])
    with pytest.raises(SourceError, match=HANGS):
        readers.submit(disk.wait, DEAD)
    assert (readers.hung, threads()) == (1, 1)
    assert await readers.run(read, GOOD) == "read"
    # Its mount is back: so is the file, by itself.
    disk.set()
    await until(lambda: not readers.hung)
    assert await readers.run(read, DEAD) == "read"
    readers.close()


async def test_dead_files_asked_for_in_the_same_moment_do_not_make_a_good_one_fail(disk: threading.Event) -> None:
    readers = Readers(asyncio.get_running_loop())
    hanging = [readers.submit(disk.wait, dead(number), SLOW + 0.1) for number in range(THREADS)]
    # It waits for longer than it may take, which counts from when it begins.
    assert await readers.run(read, GOOD, SLOW - 0.05) == "read"
    for one in hanging:
        with pytest.raises(SourceError, match="took more than"):
            await one
    assert readers.hung == THREADS
    readers.close()


async def test_what_waits_behind_dead_files_is_read_long_before_those_are_given_up(disk: threading.Event) -> None:
    readers = Readers(asyncio.get_running_loop())
    hanging = [readers.submit(disk.wait, dead(number)) for number in range(THREADS)]
    async with asyncio.timeout(READ_DEADLINE / 2):
        assert await readers.run(read, GOOD) == "read"
    assert not any(one.done() for one in hanging)
    readers.close()


async def test_many_dead_files_take_a_thread_each_up_to_a_limit_and_leave_none_behind(
    disk: threading.Event, threads: Callable[[], int]
) -> None:
    readers = Readers(asyncio.get_running_loop(), most=8)
    said = await asyncio.gather(
        *(readers.run(disk.wait, dead(number % 12), 0.01) for number in range(100)), return_exceptions=True
    )
    assert all(isinstance(one, SourceError) for one in said)
    assert (readers.hung, threads()) == (8, 8)
    with pytest.raises(SourceError, match="8 reads of other files hang, which leaves no thread"):
        readers.submit(read, GOOD)
    # What a source has open is closed when there is a thread again.
    closing = readers.submit(read, GOOD, closing=True)
    disk.set()
    assert await closing == "read"
    await until(lambda: not readers.hung and threads() <= THREADS)
    assert await readers.run(read, GOOD) == "read"
    readers.close()
    await until(lambda: threads() == 0)


async def test_thirty_dead_files_leave_a_good_one_readable(disk: threading.Event, threads: Callable[[], int]) -> None:
    readers = Readers(asyncio.get_running_loop())
    for _ in range(3):
        tries = (readers.run(disk.wait, dead(number), 0.01) for number in range(MAX_THREADS - THREADS))
        await asyncio.gather(*tries, return_exceptions=True)
    assert (readers.hung, threads()) == (30, 30)
    assert await readers.run(read, GOOD) == "read"
    disk.set()
    await until(lambda: threads() <= THREADS)
    readers.close()


async def test_closing_does_not_wait_for_a_read_that_it_is_to_end() -> None:
    readers = Readers(asyncio.get_running_loop())
    told = threading.Event()
    reading = readers.submit(lambda: told.wait(30), GOOD)
    await readers.submit(told.set, GOOD, closing=True)
    assert await reading
    readers.close()


async def test_what_is_cancelled_before_its_turn_is_not_read(disk: threading.Event) -> None:
    readers = Readers(asyncio.get_running_loop())
    done: list[int] = []
    first = readers.submit(disk.wait, GOOD)
    second = readers.submit(lambda: done.append(2), GOOD)
    third = readers.submit(lambda: done.append(3), GOOD)
    second.cancel()
    disk.set()
    await asyncio.gather(first, third)
    assert done == [3]
    readers.close()


async def test_a_result_that_comes_with_its_deadline_counts() -> None:
    readers = Readers(asyncio.get_running_loop())
    begun, came = threading.Event(), threading.Event()

    def late() -> str:
        begun.wait(30)
        came.set()
        return "read"

    reading = [readers.submit(late, file, 0.1) for file in (DEAD, GOOD)]
    await asyncio.sleep(0)
    begun.set()
    came.wait(30)
    time.sleep(0.4)  # noqa: ASYNC251 - the loop is held beyond the deadline
    assert await asyncio.gather(*reading) == ["read", "read"]
    assert readers.hung == 0
    assert await readers.run(read, DEAD) == "read"
    readers.close()


async def test_a_program_that_was_stopped_takes_no_read_for_a_hung_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("camcast_file.readers.SLOW", 0.1)
    readers = Readers(asyncio.get_running_loop())
    disk = threading.Event()
    reading = readers.submit(lambda: disk.wait(30), GOOD, 1.0)
    await asyncio.sleep(0.05)
    time.sleep(1.2)  # noqa: ASYNC251 - nothing of the program ran meanwhile
    # Nor did its thread: it has the rest of its time yet.
    await asyncio.sleep(0.05)
    assert readers.hung == 0
    disk.set()
    assert await reading
    readers.close()


async def test_a_thread_that_comes_back_to_a_closed_loop_ends(threads: Callable[[], int]) -> None:
    disk = threading.Event()

    def a_life() -> None:
        async def live() -> None:
            readers = Readers(asyncio.get_running_loop())
            readers.submit(disk.wait, DEAD)
            readers.close()

        asyncio.run(live())

    await asyncio.to_thread(a_life)
    assert threads() == 1
    disk.set()
    await until(lambda: threads() == 0)
