"""A disk that is full below a command's output: an error of one line, and nothing else changes."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from tests.media import made
from tests.servers.nginx import Nginx

CAMCAST = [sys.executable, "-m", "camcast"]
FULL = "/dev/full"
TOLD = "error: cannot write the output: No space left on device\n"


@pytest.mark.parametrize("command", [("schema",), ("plugins",), ("--version",), ("run", "--help")], ids=" ".join)
def test_what_stdout_does_not_take_is_an_error_of_one_line(command: tuple[str, ...]) -> None:
    with open(FULL, "w") as full:
        ended = subprocess.run([*CAMCAST, *command], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.stderr, ended.returncode) == (TOLD, 1)


def test_a_run_whose_stderr_is_full_ends_as_it_would_have(nginx: Nginx) -> None:
    url = nginx.url("quiet")
    file = f"{made('h264_aac')}"
    with open(FULL, "w") as full, subprocess.Popen([*CAMCAST, "push", file, url], stderr=full) as run:
        nginx.wait_publishing("quiet", "record", least=1, timeout=40)
        run.send_signal(signal.SIGTERM)
        assert run.wait(30) == 0


def test_figures_that_cannot_be_written_are_told_too(nginx: Nginx) -> None:
    command = [*CAMCAST, "push", f"{made('h264_aac')}", nginx.url("figures"), "--json", "--duration", "1"]
    with open(FULL, "w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.stderr.endswith(TOLD), ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 1


def test_a_signal_while_the_interpreter_ends_changes_no_exit_status() -> None:
    ends = "import os, signal; from camcast.cli.signals import asked; asked.install(); asked.over();"
    late = "import atexit; atexit.register(os.kill, os.getpid(), signal.SIGTERM); raise SystemExit(3)"
    assert subprocess.run([sys.executable, "-c", ends + late], check=False).returncode == 3
