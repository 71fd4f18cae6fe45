"""`camcast run` as a process that is suspended, and whose system's clock is set: what tests of that share."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from tests.command_run import Command
from tests.compare import Media
from tests.servers.process import family, wait_for

SUSPENDED = 33.0
"""Seconds."""
BACK = 5.0
"""Seconds in which each is back, by what the project promises."""
BUSY = 3.0
"""Times that a machine which does much else may take for it."""


def suspend(command: Command) -> None:
    """With all processes that it has begun, for `SUSPENDED`."""
    all_of_it = family(command.process.pid)
    for pid in all_of_it:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(SUSPENDED)
    for pid in all_of_it:
        os.kill(pid, signal.SIGCONT)


def more_arrives(
    arrived: Mapping[str, Callable[[], int]], more: Mapping[str, int], within: float, command: Command
) -> None:
    """Wait until so much `more` than now has `arrived` at each server, by its name; `within` seconds."""
    wanted = {name: so_far() + more[name] for name, so_far in arrived.items()}
    late = set(wanted)

    def all_has() -> bool:
        late.difference_update([name for name in late if arrived[name]() >= wanted[name]])
        return not late

    try:
        wait_for(all_has, timeout=within)
    except AssertionError:
        raise AssertionError(f"of {late} not enough came within {within:g} s:\n{command.log}") from None


def noticed(command: Command, times: int) -> None:
    """Wait until it has been told so many `times` that the clock was set."""
    told = "The system's clock was set"
    wait_for(lambda: command.log.count(told) >= times, timeout=20, why=f"{times} x {told}")


def in_order(recordings: Iterable[Path]) -> None:
    """None has a picture before another."""
    for recording in recordings:
        times = [unit.dts for unit in Media.read(recording).video]
        assert times == sorted(times)


@pytest.fixture
def set_clock(tmp_path: Path) -> Callable[[int], dict[str, str]]:
    """Set the clock that a process sees, by seconds; returns what its environment needs for that."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    moved = tmp_path / "clock"

    def move(seconds: int) -> dict[str, str]:
        fresh = moved.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.rename(moved)
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(moved),
            "FAKETIME_CACHE_DURATION": "1",  # else the file is read at each look at a clock, which are thousands
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    return move
