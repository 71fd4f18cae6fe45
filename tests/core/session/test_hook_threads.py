"""Hooks that block: bounded in time, not in each other's way, and no bar to the program's end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from camcast.session.hook_threads import HookThreads

HANGS = """
import asyncio, threading
from camcast.session.hook_threads import HookThreads

async def main():
    try:
        await HookThreads().run(threading.Event().wait, 0.05)
    except TimeoutError:
        print("late")

asyncio.run(main())
"""


async def test_results_and_exceptions_come_back() -> None:
    threads = HookThreads()
    assert await threads.run(lambda: threading.current_thread() is threading.main_thread(), 5) is False
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0, 5)


async def test_hooks_that_hang_take_a_thread_and_nothing_else() -> None:
    threads, release = HookThreads(threads=2), threading.Event()
    with pytest.raises(TimeoutError):
        await threads.run(release.wait, 0.02)
    assert await threads.run(lambda: 7, 5) == 7
    with pytest.raises(TimeoutError):
        await threads.run(release.wait, 0.02)
    with pytest.raises(TimeoutError):
        await threads.run(lambda: 8, 0.02)
    release.set()
    assert await threads.run(lambda: 9, 5) == 9
    late = [asyncio.create_task(threads.run(lambda number=number: number, 5)) for number in range(9)]  # type: ignore[misc]
    assert await asyncio.gather(*late) == list(range(9))


def test_a_hook_that_hangs_does_not_keep_the_program_from_ending() -> None:
    ended = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=20, check=True)
    assert ended.stdout == "late\n"
