"""What hundreds of outputs cost whose servers are all dead: `camcast run`, its processor time and its log.

A third of the hosts refuse connections, a third are never heard of, the names of a third are not known. Measured is the
whole process, once it runs, in two parts: the start, in which every session goes through the short waits (1, 2, 4, 8,
16, 32 s), and what comes after that for as long as the hosts are dead: an attempt a minute and session. Reach: below
3 % of one core from then on, and a line for each host and each change of how it is.

    python -m bench.dead [--sessions 300] [--hosts 30] [--start 66] [--seconds 60]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from tests.media import made
from tests.servers.process import free_port, wait_for
from typer.testing import CliRunner

from bench.report import Row, keep, show
from camcast.cli.app import app

MOST_CPU = 3.0
"""% of one core, once the start is over."""
START = 66.0
"""Seconds until the waits between attempts are as long as they become: 1 + 2 + 4 + 8 + 16 + 32, and the attempts."""
ALONE = 10.0, 20.0
"""Seconds of both parts for the camera with one output: what its media costs has nothing to do with dead hosts."""


@contextlib.contextmanager
def deaf() -> Iterator[int]:
    """A port whose kernel answers nobody: its queue of connections is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def configuration(sessions: int, hosts: int, refusing: int, silent: int) -> dict[str, Any]:
    """One camera with so many outputs, spread over the hosts."""
    kinds = (
        lambda host: f"rtmp://127.0.0.{2 + host}:{refusing}",
        lambda host: f"rtmp://127.0.0.1:{silent}",
        lambda host: f"rtmp://dead{host}.invalid",
    )
    outputs = {
        f"out{number}": {"url": f"{kinds[number % 3](number % hosts)}/live/key{number}"} for number in range(sessions)
    }
    source = {"type": "file", "url": str(made("h264_aac")), "options": {"loop": True}}
    return {"cameras": [{"camera_id": 0, "streams": [{"source": source, "outputs": outputs}]}]}


def spent(pid: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def started(file: Path, log: IO[str], *options: str) -> subprocess.Popen[bytes]:
    """`camcast run` with its figures on the pipe and its log in `log`."""
    command = [sys.executable, "-m", "camcast", "run", str(file), "--plain", "--json", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)


def attempts(socket_path: Path) -> int:
    """So far, of all sessions of a run."""
    told = CliRunner().invoke(app, ["status", "--json", "--socket", str(socket_path)])
    return sum(one["attempts"] for one in json.loads(told.stdout)["sessions"])


def part(process: subprocess.Popen[bytes], control: Path, name: str, seconds: float) -> Row:
    """What it costs for so long. To ask how far it is costs something too, and is left out."""
    begun = attempts(control)
    before, since = spent(process.pid), time.monotonic()
    time.sleep(seconds)
    used, took = spent(process.pid) - before, time.monotonic() - since
    made = attempts(control) - begun
    return {
        f"{name}_seconds": round(took, 1),
        f"{name}_cpu_percent": round(100 * used / took, 2),
        f"{name}_attempts": made,
        f"{name}_attempts_per_s": round(made / took, 1),
    }


def measure(folder: Path, sessions: int, hosts: int, start: float, seconds: float) -> Row:
    """Run it; returns the figures."""
    with deaf() as silent:
        file, logged, control = folder / "dead.json", folder / "log", folder / "control"
        file.write_text(json.dumps(configuration(sessions, hosts, free_port(), silent)))
        with logged.open("w") as log:
            process = started(file, log, "--socket", str(control))
        try:
            wait_for(lambda: "starting -> running" in logged.read_text() and control.exists(), timeout=60)
            begins = part(process, control, "start", start)
            goes_on = part(process, control, "steady", seconds)
            lines = logged.read_text().splitlines()
            process.terminate()
            process.communicate(timeout=30)
        finally:
            process.kill()
            process.wait()
    return {"sessions": sessions, "hosts": hosts, **begins, **goes_on, "log_lines": len(lines)}


def main() -> int:
    """Measure, show, and say whether the reach is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=300)
    parser.add_argument("--hosts", type=int, default=30)
    parser.add_argument("--start", type=float, default=START)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as alone, tempfile.TemporaryDirectory() as folder:
        camera = measure(Path(alone), 1, 1, *ALONE)
        found = measure(Path(folder), asked.sessions, asked.hosts, asked.start, asked.seconds)
    show("outputs whose servers are all dead; first the camera alone, with one of them", [camera, found])
    print(keep("dead", [camera, found], reach=f"below {MOST_CPU:g} % of one core after the start, without the camera"))
    # The camera has nothing to do with dead hosts.
    return 0 if found["steady_cpu_percent"] - camera["steady_cpu_percent"] < MOST_CPU else 1


if __name__ == "__main__":
    sys.exit(main())
