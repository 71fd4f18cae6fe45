"""The threads in which file sources read: what one file's dead disk means for the others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from camcast.errors import SourceError
from camcast_file.readers import MAX_HUNG, THREADS, Readers

DEAD, GOOD = Path("/dead/a"), Path("/good/b")


@pytest.fixture
async def disk() -> AsyncIterator[threading.Event]:
    """Reads of a dead disk wait for it."""
    event = threading.Event()
    yield event
    event.set()


async def test_a_file_whose_reads_hang_keeps_no_other_from_being_read(disk: threading.Event) -> None:
    readers = Readers(asyncio.get_running_loop())
    hanging = [readers.submit(disk.wait, DEAD) for _ in range(MAX_HUNG)]
    for one in hanging:
        with pytest.raises(SourceError, match="took more than"):
            await readers.guard(one, 0.01)
    with pytest.raises(SourceError, match="reads of this file hang"):
        readers.submit(disk.wait, DEAD)
    assert await readers.run(lambda: "read", GOOD) == "read"
    # Its mount is back: so is the file, by itself.
    disk.set()
    await asyncio.wait(hanging)
    assert await readers.run(lambda: "read", DEAD) == "read"
    readers.close()


async def test_what_waits_behind_a_dead_disk_is_read_as_soon_as_that_is_given_up(disk: threading.Event) -> None:
    readers = Readers(asyncio.get_running_loop())
    hanging = [readers.submit(disk.wait, DEAD) for _ in range(THREADS)]
    waiting = readers.submit(lambda: "read", GOOD)
    with pytest.raises(SourceError):
        await readers.guard(hanging[0], 0.05)
    async with asyncio.timeout(10):
        assert await waiting == "read"
    readers.close()
