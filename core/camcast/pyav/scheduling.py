"""Threads keep the scheduling that they had, whatever a library makes of it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

Scheduling = tuple[int, int]
"""Policy and priority (sched(7))."""


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Whatever is called within, this thread goes on as it was scheduled, and so do threads that were begun within.

    SVT-AV1, where it may (as root, so in most containers), makes whoever opens it a real-time thread of the highest
    priority, which all that it begins inherits, other programs too [measured, FFmpeg 8's libsvtav1]. Such a thread that
    computes lets nothing else of the machine have its processor.
    """
    usual, threads = now(), _threads()
    try:
        yield
    finally:
        if now() != usual:
            restore(usual, _threads() - threads)


def now() -> Scheduling | None:
    """This thread's; None where the system does not tell."""
    if sys.platform != "linux":
        return None
    return os.sched_getscheduler(0), os.sched_getparam(0).sched_priority


def restore(usual: Scheduling | None, threads: set[int] | None = None) -> None:
    """Give it to this thread and to others, by their ids of the system; None = to all of this process."""
    if usual is None or sys.platform != "linux":
        return
    policy, priority = usual
    for thread in (0, *(_threads() if threads is None else threads)):
        # One may end meanwhile.
        with contextlib.suppress(ProcessLookupError):
            os.sched_setscheduler(thread, policy, os.sched_param(priority))


def _threads() -> set[int]:
    if sys.platform != "linux":
        return set()
    return {int(name) for name in os.listdir("/proc/self/task")}
