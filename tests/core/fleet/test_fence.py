"""The kernel ends a process whose lease is over: one that runs, one that is stopped, and none that has renewed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from camcast.fleet.fence import KernelFence, now

CODE = """
import sys, time
from camcast.fleet.fence import KernelFence, now
fence = KernelFence()
fence.set(now() + {seconds})
print("set", flush=True)
{then}
"""


def fenced(seconds: float, then: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CODE.format(seconds=seconds, then=then)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "set\n"
    return process


@pytest.mark.parametrize("stopped", [False, True])
def test_a_process_is_ended_in_time(stopped: bool) -> None:
    began = time.monotonic()
    process = fenced(0.4, "while True: pass")
    if stopped:
        process.send_signal(signal.SIGSTOP)
    assert process.wait(20) == -signal.SIGKILL
    assert time.monotonic() - began < 10


def test_one_that_has_come_already_ends_it_at_once() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", CODE.format(seconds=-5, then="time.sleep(60)")], stdout=subprocess.DEVNULL
    )
    assert process.wait(20) == -signal.SIGKILL


@pytest.mark.parametrize("then", ["fence.set(None)", "fence.set(now() + 600)", "fence.close()"])
def test_who_has_renewed_goes_on(then: str) -> None:
    process = fenced(0.6, f"{then}; time.sleep(1)")
    assert process.wait(20) == 0


def test_a_child_has_no_fence_of_its_parents() -> None:
    process = fenced(
        0.5, "import subprocess; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1.5); print(7)'])"
    )
    assert process.wait(20) in (0, -signal.SIGKILL)
    assert process.stdout is not None
    assert process.stdout.read() == "7\n"


def test_the_clock_counts_on_while_the_machine_sleeps() -> None:
    before = time.monotonic()
    assert now() >= before


def test_setting_it_twice_is_setting_it_once() -> None:
    fence = KernelFence()
    try:
        fence.set(now() + 3600)
        at = fence.at
        fence.set(at)
        assert fence.at == at
    finally:
        fence.close()
