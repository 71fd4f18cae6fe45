"""SIGHUP with other rules for sessions: what is published goes on, in this process and in workers."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from tests.cli.test_run import write
from tests.cli.test_signals import log, running
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for


@pytest.mark.parametrize("workers", [1, 2])
def test_other_rules_take_nothing_off_the_air(nginx: Nginx, tmp_path: Path, workers: int) -> None:
    file = write(tmp_path / "c.json", nginx, cameras=2)
    config = json.loads(file.read_text()) | {"system": {"workers": workers}}
    file.write_text(json.dumps(config))
    with running(file, "--json") as process:
        for camera in range(2):
            nginx.wait_publishing(f"cam{camera}_main", "record", least=50_000, timeout=60)
        config["rtmp"] |= {"failback_after": 7, "queue": {"seconds": 2}, "retry_policy": {"max_delay": 5}}
        for camera in config["cameras"]:
            camera["name"] = "gate"
        file.write_text(json.dumps(config))
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: "Reloaded" in log(file), timeout=30)
        for camera in range(2):
            nginx.wait_publishing(f"cam{camera}_main", "record", least=400_000, timeout=60)
        process.terminate()
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0, log(file)
    for camera in range(2):
        assert f"camera {camera} goes on with another name" in log(file)
        assert f"session cam{camera}_main goes on with another" in log(file)
        assert len(nginx.recordings(f"cam{camera}_main")) == 1
    assert [session["attempts"] for session in json.loads(out)["sessions"]] == [1, 1]
