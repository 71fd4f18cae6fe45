"""What the benches say of wakings counts threads that have ended as well."""

from __future__ import annotations

import os
import threading

from bench.meter import Switches


def test_a_thread_that_has_ended_is_not_forgotten() -> None:
    """Each of the thread's steps is one that it has to wait for."""
    steps, ready, over, done = threading.Semaphore(0), threading.Semaphore(0), threading.Event(), threading.Event()

    def work() -> None:
        for _ in range(50):
            ready.release()
            steps.acquire()
        done.set()
        over.wait()

    switches = Switches([os.getpid()])
    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(50):
        ready.acquire()
        steps.release()
    assert done.wait(30)
    switches.look()
    before = switches.waited
    over.set()
    thread.join()
    switches.look()
    assert before > 0
    assert switches.waited >= before
    assert switches.taken >= 0


def test_what_was_before_does_not_count() -> None:
    first = Switches([os.getpid()])
    threading.Event().wait(0.01)
    first.look()
    assert first.waited > 0
    assert Switches([os.getpid()]).waited == 0
