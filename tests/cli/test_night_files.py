"""What a run does with a configuration that nobody could have meant, and how little it says of hosts that are dead."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.command_run import command_run
from tests.media import made
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for

LARGE = 900_000
"""Bytes."""
WRONG = {
    "nested deeply": "[" * 100_000,
    "broken after much": '{"cameras": [ // no end\n' + '{"camera_id": 0, /* x */ },\n' * (LARGE // 30),
    "larger than any": '{"cameras": [' + " " * 9 * 2**20 + "]}",
    "much that is no text": '{"a": "' + "\\u" * (LARGE // 2),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_wrong_in_a_large_way_is_one_error_with_its_place(tmp_path: Path, name: str) -> None:
    file = tmp_path / "c.json"
    file.write_text(WRONG[name])
    command = [sys.executable, "-m", "camcast", "run", str(file), "--plain"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2, ended.stderr[-2000:]
    assert "Traceback" not in ended.stderr
    assert ended.stderr.startswith("error: ")
    assert len(ended.stderr) < 2000


def test_a_reload_of_one_is_refused_and_takes_nothing_off_the_air(nginx: Nginx, tmp_path: Path) -> None:
    source = {"type": "file", "url": str(made("h264_aac")), "options": {"loop": True}}
    stream = {"source": source, "outputs": {"out": {"url": nginx.url("files")}}}
    with command_run(tmp_path, {"cameras": [{"camera_id": 0, "streams": [stream]}]}) as command:
        nginx.wait_publishing("files", "record", least=50_000, timeout=40)
        for times, text in enumerate(WRONG.values(), 1):
            (tmp_path / "c.json").write_text(text)
            command.process.send_signal(signal.SIGHUP)
            wait_for(lambda times=times: command.log.count("Not reloaded") == times, timeout=40)  # type: ignore[misc]
        (path,) = nginx.recordings("files")
        nginx.wait_publishing("files", "record", least=path.stat().st_size + 50_000, timeout=40)
        (session,) = command.end()["sessions"]
    assert session["attempts"] == 1, command.log
    assert session["frames_dropped"] == 0
    assert "Traceback" not in command.log


def test_many_sessions_to_dead_hosts_are_a_line_or_two_a_host(tmp_path: Path) -> None:
    hosts, each = 3, 20
    outputs = {
        f"out{host}x{number}": {
            "url": f"rtmp://127.0.0.{host}:1/live/{number}",
            "retry_policy": {"initial_delay": 0.2, "max_delay": 0.4, "max_attempts": None},
        }
        for host in range(1, hosts + 1)
        for number in range(each)
    }
    source = {"type": "file", "url": str(made("h264_aac")), "options": {"loop": True}}
    config = {"cameras": [{"camera_id": 0, "streams": [{"source": source, "outputs": outputs}]}]}
    with command_run(tmp_path, config) as command:
        # It is told every ten seconds how it stands, so by then each has been tried many times.
        wait_for(lambda: command.log.count(f"0 of {hosts * each} sessions connected") >= 2, timeout=60)
        figures = command.end()
    failed = [session["failed_attempts"] for session in figures["sessions"]]
    assert min(failed) >= 5, failed
    told = [line for line in command.log.splitlines() if "WARNING" in line or "ERROR" in line]
    assert hosts <= len(told) <= 3 * hosts, told
