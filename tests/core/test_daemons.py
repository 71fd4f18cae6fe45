"""Threads that are kept: used again, as many as needed, gone after a while, no bar to the program's end."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from camcast.daemons import Daemons

HANGS = """
import threading
from camcast.daemons import Daemons

Daemons("hangs").run(threading.Event().wait)
print("over")
"""


def until(holds: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def count(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


def test_a_hundred_calls_one_after_another_need_one_thread() -> None:
    daemons, seen = Daemons("one-by-one"), list[int]()
    for number in range(100):
        daemons.run(lambda: seen.append(threading.get_ident()))
        until(lambda number=number: len(seen) > number and len(daemons._idle) == 1)  # type: ignore[misc]
    assert len(set(seen)) == 1


def test_calls_at_once_have_a_thread_each_and_none_waits_for_another() -> None:
    daemons, gate = Daemons("at-once"), threading.Barrier(8)
    for _ in range(8):
        daemons.run(lambda: gate.wait(10))
    until(lambda: len(daemons._idle) == 8)
    assert not gate.broken


def test_a_thread_without_a_call_is_gone_after_a_while() -> None:
    daemons = Daemons("resting", rest=0.01)
    daemons.run(lambda: None)
    until(lambda: not count("resting"))
    seen: list[int] = []
    daemons.run(lambda: seen.append(1))
    until(lambda: seen)


def test_no_call_is_lost_where_threads_come_and_go() -> None:
    """The rest is as short as the pause between two calls, so that both meet again and again."""
    daemons, done = Daemons("meeting", rest=0.001), list[int]()
    for number in range(500):
        daemons.run(lambda number=number: done.append(number))  # type: ignore[misc]
        time.sleep(0.001)
    until(lambda: len(done) == 500)
    assert sorted(done) == list(range(500))


def test_what_a_call_held_is_let_go() -> None:
    class Held:
        pass

    daemons, held = Daemons("holding"), Held()
    gone = weakref.ref(held)
    daemons.run(lambda held=held: None)  # type: ignore[misc]
    del held
    until(lambda: len(daemons._idle) == 1)
    gc.collect()
    assert gone() is None


def test_where_no_thread_can_be_started_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="can't start"):
        Daemons("none").run(lambda: None)


def test_a_call_that_hangs_does_not_keep_the_program_from_ending() -> None:
    ended = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=20, check=True)
    assert ended.stdout == "over\n"
