"""The kernel ends a process whose lease is over: one that runs, one that is stopped, and none that has renewed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from camcast.fleet.fence import now

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
    """The parent is ended while it waits for the child, and the child goes on."""
    code = "import os, time; before = os.getppid(); time.sleep(1.5); print(before != os.getppid())"
    process = fenced(0.5, f"import subprocess; subprocess.run([sys.executable, '-c', {code!r}])")
    assert process.wait(20) == -signal.SIGKILL
    assert process.stdout is not None
    assert process.stdout.read() == "True\n"


def test_its_clock_is_the_one_that_counts_on_while_the_machine_sleeps() -> None:
    """As the kernel tells how long it has run, the time asleep included: proc_uptime(5)."""
    up = float(Path("/proc/uptime").read_text().split()[0])
    assert 0 <= now() - up < 5


def test_the_first_process_of_a_namespace_is_refused() -> None:
    """There the timer would do nothing, and nobody would be ended."""
    command = [
        "unshare",
        "-r",
        "-p",
        "-f",
        sys.executable,
        "-c",
        "from camcast.fleet.fence import KernelFence; KernelFence()",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "begin it under an init" in done.stderr


def test_under_an_init_the_lease_ends_it() -> None:
    """A shell is the first process here, as `tini` is in the image."""
    code = CODE.format(seconds=0.3, then="time.sleep(60)")
    command = ["unshare", "-r", "-p", "-f", "sh", "-c", '"$@"; echo "ended by $?"', "sh", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.stdout.splitlines() == ["set", f"ended by {128 + signal.SIGKILL}"]
