"""A process that has no file descriptor left says so in a line, goes on with what it has, and needs no restart."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.test_run import write
from tests.command_run import Command, command_run
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for

CAMERAS = 4
LASTS = 4.0
"""Seconds of it: some rounds of every session."""
TOLD = "no file descriptor is left: this process may have"


@contextmanager
def without_descriptors(command: Command) -> Iterator[None]:
    """It may open nothing more until the end of the block."""
    pid = command.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@contextmanager
def running(folder: Path, nginx: Nginx) -> Iterator[Command]:
    config = json.loads(write(folder / "written.json", nginx, cameras=CAMERAS).read_text())
    config["rtmp"]["retry_policy"] = {"initial_delay": 0.2, "max_delay": 0.5, "max_attempts": None}
    with command_run(folder, config) as command:
        yield command


def on_the_air(nginx: Nginx) -> None:
    for number in range(CAMERAS):
        nginx.wait_publishing(f"cam{number}_main", "record", least=50_000, timeout=60)


def test_a_process_without_descriptors_says_so_in_one_line_and_is_on_the_air_again_once_it_has_some(
    nginx: Nginx, tmp_path: Path
) -> None:
    with running(tmp_path, nginx) as command:
        on_the_air(nginx)
        with without_descriptors(command):
            nginx.restart()
            wait_for(lambda: TOLD in command.log, timeout=40)
            time.sleep(LASTS)
        for path in [path for number in range(CAMERAS) for path in nginx.recordings(f"cam{number}_main")]:
            path.unlink()
        on_the_air(nginx)
        figures = command.end()
    assert "Traceback" not in command.log
    lines = [line for line in command.log.splitlines() if TOLD in line]
    assert len(lines) <= CAMERAS, lines
    assert {session["state"] for session in figures["sessions"]} == {"connected"}
    assert sum(session["failed_attempts"] for session in figures["sessions"]) >= 3 * CAMERAS, "several rounds"
