"""What a thread has freed is the system's again, and asking often costs nothing."""

from __future__ import annotations

import subprocess

from tests.core.session.clock import Clock

from camcast.heap import PAUSE, GivingBack
from camcast.interpreter import interpreter

FREED = """
import re, threading
from camcast.heap import give_back

def held():
    with open("/proc/self/smaps_rollup") as file:
        return int(re.search(r"Anonymous: +(\\d+)", file.read())[1])

def large():
    # Too small for a mapping of their own, so they lie in the thread's part of the heap.
    pieces = [bytearray(100_000) for _ in range(300)]
    kept.append(bytearray(100_000))

kept = []
thread = threading.Thread(target=large)
thread.start()
thread.join()
before = held()
give_back()
print(before - held())
"""


def test_what_a_thread_has_freed_goes_back() -> None:
    run = subprocess.run([*interpreter(), "-c", FREED], capture_output=True, text=True, timeout=60, check=True)
    assert int(run.stdout) > 20_000


def test_it_is_done_once_in_a_while() -> None:
    clock, asked = Clock(), list[int]()

    def trim(pad: int) -> int:
        asked.append(pad)
        return 1

    give_back = GivingBack(lambda: trim, clock)
    for _ in range(3):
        give_back()
    assert asked == [0]
    clock.time += PAUSE
    give_back()
    assert asked == [0, 0]


def test_where_there_is_no_way_it_is_as_it_was() -> None:
    asked: list[str] = []
    GivingBack(lambda: asked.append("a way"))()
    assert asked == ["a way"]
