"""What a thread has freed is the system's again, and asking often costs nothing."""

from __future__ import annotations

import os
import subprocess

import pytest
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


PARTED = """
import ctypes, threading
from camcast import heap

heap.share()
together, places, kept = threading.Barrier(8), set(), []

def hold():
    piece = bytearray(100_000)  # too small for a mapping of its own
    kept.append(piece)
    together.wait(10)
    address = ctypes.addressof(ctypes.c_char.from_buffer(piece))
    places.add(address >> 26)  # each part begins at a multiple of 64 MB

threads = [threading.Thread(target=hold) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(places))
"""


@pytest.mark.parametrize(("said", "parts"), [({}, range(1, 3)), ({"MALLOC_ARENA_MAX": "8"}, range(4, 9))])
def test_threads_share_the_heap_unless_the_user_says_otherwise(said: dict[str, str], parts: range) -> None:
    left = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    run = subprocess.run(
        [*interpreter(), "-c", PARTED], env={**left, **said}, capture_output=True, text=True, timeout=60, check=True
    )
    assert int(run.stdout) in parts


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
