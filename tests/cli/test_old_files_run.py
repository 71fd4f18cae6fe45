"""The original's files against real servers: an RTSP server in the device's place, nginx where it pushed to.

As they are, and migrated, checked and run: the streams arrive under the same names as before.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.media import made
from tests.servers.gst_rtsp import GstRtsp, loop
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for

TOOL = Path(__file__).parents[2] / "tools" / "migrate_rtmp_config.py"
NAMES = ["stream1", "stream2"]


@pytest.fixture
def device(tmp_path: Path) -> Iterator[GstRtsp]:
    clip = made("h264_only")
    mounts = {f"/{name}": loop(clip, "h264", 25, tmp_path / f"{name}.units") for name in NAMES}
    with GstRtsp(tmp_path / "device", mounts) as server:
        yield server


@pytest.fixture
def old(tmp_path: Path, device: GstRtsp, nginx: Nginx) -> Path:
    """The shipped file with the switch on, as the device's owner left it."""
    urls = {"main_url": nginx.url("stream1", "live"), "sub_url": nginx.url("stream2", "live")}
    path = tmp_path / "net_service.json"
    push, port = json.dumps({"enable": 1, **urls}, indent=3), device.port
    path.write_text(f'{{"net_service" : {{ // on\n "rtmp" : {push},\n "rtsp" : {{ "port" : {port} }},\n }}\n}}\n')
    return path


@contextmanager
def running(path: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as stderr:
        command = [sys.executable, "-m", "camcast", "run", str(path), "--plain", "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def same_names_arrive(path: Path, nginx: Nginx, log: Path) -> None:
    with running(path, log) as process:
        wait_for(
            lambda: all(nginx.publishing("live").get(name, 0) > 50_000 for name in NAMES),
            timeout=30,
            why=f"both streams arrive: {log.read_text()}",
        )
        assert sorted(nginx.publishing("live")) == NAMES
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    assert (process.returncode, json.loads(out)["healthy"]) == (0, True), log.read_text()


def test_an_old_file_runs_as_it_is(old: Path, nginx: Nginx, tmp_path: Path) -> None:
    log = tmp_path / "log"
    same_names_arrive(old, nginx, log)
    assert log.read_text().count(f"{old} is a file of the original system, converted in memory") == 1


def test_migrated_checked_and_run(old: Path, nginx: Nginx, tmp_path: Path) -> None:
    new = tmp_path / "system_config.json"
    subprocess.run([sys.executable, str(TOOL), "--old", str(old), "--new", str(new)], check=True, timeout=60)
    subprocess.run([sys.executable, "-m", "camcast", "check", str(new)], check=True, timeout=60)
    same_names_arrive(new, nginx, tmp_path / "log")
