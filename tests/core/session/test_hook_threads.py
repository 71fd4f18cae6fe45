"""Hooks that block: bounded in time, not in each other's way, and no bar to the program's end."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import time

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


async def test_a_hook_that_exits_is_told_at_once_and_keeps_no_thread() -> None:
    threads = HookThreads(threads=1)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="SystemExit on a thread"):
            await threads.run(lambda: sys.exit("no such library"), 5)
    assert await threads.run(lambda: 7, 5) == 7


async def test_what_a_hook_raises_when_nobody_waits_any_more_is_not_printed(caplog: pytest.LogCaptureFixture) -> None:
    """Its text may hold the secret that was asked for."""
    threads, release = HookThreads(), threading.Event()

    def fails() -> None:
        release.wait(5)
        raise ValueError("hunter2")

    for turns in range(4):
        waiting = asyncio.create_task(threads.run(fails, 5))
        await asyncio.sleep(0.02)
        release.set()
        time.sleep(0.05)  # noqa: ASYNC251  the answer is there when the loop goes on
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        release.clear()
        if not waiting.cancelled():
            waiting.exception()
    del waiting
    gc.collect()
    await asyncio.sleep(0)
    assert "hunter2" not in caplog.text


def test_a_hook_that_hangs_does_not_keep_the_program_from_ending() -> None:
    ended = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=20, check=True)
    assert ended.stdout == "late\n"
