"""While a service works, other threads wait for it less; while it waits itself, turns are as they were."""

from __future__ import annotations

import subprocess

from camcast.interpreter import interpreter

RUN = """
import asyncio, sys
from camcast.engine.service_thread import ServiceThread
from camcast.interpreter import take_turns

def turn(): return round(1e6 * sys.getswitchinterval())

async def until_turns_are(wanted):
    while turn() != wanted:
        await asyncio.sleep(0.01)

async def main():
    own, seen = asyncio.get_running_loop(), []
    asked = asyncio.Event()

    async def service():
        seen.append(turn())
        own.call_soon_threadsafe(asked.set)
        await asyncio.sleep(0.3)
        seen.append(turn())
        if {fails}: raise SystemExit(3)

    take_turns()
    thread = ServiceThread("one", service)
    thread.start()
    async with asyncio.timeout(30):
        await asked.wait()
        await until_turns_are(1000)
        rested = not thread.ended.is_set()
        await thread.ended.wait()
        await until_turns_are(1000)
    print(*seen, rested, type(thread.error).__name__)

asyncio.run(main())
"""


def told(*, fails: bool) -> list[str]:
    code = RUN.replace("{fails}", str(fails))
    run = subprocess.run([*interpreter(), "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return run.stdout.split()


def test_turns_are_short_while_it_works_and_not_while_it_waits() -> None:
    assert told(fails=False) == ["200", "200", "True", "NoneType"]


def test_they_are_as_before_when_it_has_failed() -> None:
    assert told(fails=True) == ["200", "200", "True", "SystemExit"]
