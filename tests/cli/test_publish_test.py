"""How `camcast check --publish-test` ends, with which exit status, and when it publishes nothing: real servers."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.cli.test_check import run
from tests.cli.test_run import start, write
from tests.media import made
from tests.programs import beside
from tests.servers.nginx import Nginx
from tests.servers.process import free_port, wait_for
from tests.servers.stream_reader import Listener

from camcast.camera.stats import Stats, StreamMetrics
from camcast.cli import publish_test, sockets
from camcast.cli.summary import summarise
from camcast.events import SessionKey, SessionState
from camcast.session.health import Health
from camcast.session.metrics import Recorder, SessionMetrics, total

CAMCAST = [sys.executable, "-m", "camcast"]


def one_camera(path: Path, url: str, clip: str, *, loop: bool = True, **more: Any) -> Path:
    source = {"type": "file", "url": str(made(clip)), "options": {"loop": loop}}
    stream = {"source": source, "outputs": {"o": {"url": url, "retry_policy": {"initial_delay": 0.1}}}}
    path.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [stream]}], **more}))
    return path


def test_files_that_end_are_published_and_it_ends_with_them(nginx: Nginx, tmp_path: Path) -> None:
    begun = time.monotonic()
    status, out, err = run("check", str(write(tmp_path / "c.json", nginx, loop=False)), "--publish-test", "60")
    assert status == 0, out + err
    assert time.monotonic() - begun < 40
    (line,) = [line for line in out.splitlines() if line.startswith("cam0_main: published to rtmp://")]
    assert re.search(r": \d s, (9\d|100) pictures and 1\d\d packets of sound sent, \d+ kB acknowledged$", line)


def test_what_nobody_can_confirm_has_the_exit_status_of_a_run(tmp_path: Path) -> None:
    with Listener(tmp_path / "server", again=True) as server:
        file = one_camera(tmp_path / "c.json", server.url("cam"), "hevc_aac")
        status, out, _ = run("check", str(file), "--publish-test", "3")
    assert status == 1
    assert "cam0_main/o: sent to rtmp://" in out
    assert "but nobody can say whether it is taken: " in out
    assert "published to" not in out


def test_a_source_that_brings_nothing_is_told_with_its_reason(nginx: Nginx, tmp_path: Path) -> None:
    nobody = f"rtsp://127.0.0.1:{free_port()}/x"
    stream = {"source": {"type": "rtsp", "url": nobody}, "outputs": {"o": {"url": nginx.url("nothing")}}}
    (tmp_path / "c.json").write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [stream]}]}))
    status, out, _ = run("check", str(tmp_path / "c.json"), "--publish-test", "1")
    assert status == 1
    assert ": no media came: " in out
    assert "Connection refused" in out or "cannot connect" in out


def test_with_nothing_to_publish_it_ends_at_once(tmp_path: Path) -> None:
    services = {"http": {"port": free_port()}}
    (tmp_path / "c.json").write_text(json.dumps({"cameras": [], "services": services}))
    begun = time.monotonic()
    status, out, err = run("check", str(tmp_path / "c.json"), "--publish-test", "60")
    assert (status, out.splitlines()[-1][:19]) == (1, "nothing to publish:"), err
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(nginx: Nginx, tmp_path: Path, number: signal.Signals) -> None:
    file = write(tmp_path / "c.json", nginx)
    with beside([*CAMCAST, "check", str(file), "--publish-test", "300"], stdout=subprocess.PIPE) as process:
        nginx.wait_publishing("cam0_main", "record", least=50_000, timeout=30)
        process.send_signal(number)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 0, out
        assert "cam0_main" not in nginx.publishing("record"), "its name is free again"
    assert "\nended by a signal, after " in out
    assert "\ncam0_main: published to rtmp://" in out


def test_beside_a_run_of_the_same_file_nothing_is_published(nginx: Nginx, tmp_path: Path) -> None:
    file = write(tmp_path / "gate.json", nginx)
    with start(file, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: sockets.answering("gate"), timeout=30)
            status, out, err = run("check", str(file), "--publish-test", "60")
        finally:
            process.terminate()
            process.wait(20)
    assert (status, out) == (1, "")
    assert err.startswith("error: a camcast called gate runs here (")
    assert "end it first (camcast stop --name gate)" in err
    assert sockets.answering("gate") is None


def metrics(**figures: Any) -> SessionMetrics:
    made = Recorder().snapshot(
        key=SessionKey(0, 0, "o"),
        label="cam0_main",
        state=SessionState.CONNECTED,
        health=Health.HEALTHY,
        target="rtmp://x/***",
        target_index=0,
        retries=0,
        next_attempt_at=None,
        on_air=None,
    )
    return attrs.evolve(made, **figures)


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"bytes_sent": 5000, "pending": 1000, "attempts": 1}, "4 kB acknowledged"),
        (
            {"bytes_sent": 5000, "pending": 1000, "attempts": 2, "failed_attempts": 1, "last_error": "it hung up"},
            "5 kB in all; 1 of 2 attempts failed: it hung up",
        ),
    ],
)
def test_bytes_of_connections_that_are_gone_count_for_nothing(figures: dict[str, Any], said: str) -> None:
    stream = StreamMetrics(camera_id=0, stream_id=0, label="cam0_main")
    (line,) = publish_test.report(metrics(**figures), stream, True, {})
    assert line == f"cam0_main: published to rtmp://x/***: 0 s, 0 pictures and 0 packets of sound sent, {said}"


def test_after_a_reconnect_without_acknowledgement_it_is_not_published() -> None:
    """More was sent in all than the present connection holds; that says nothing of this connection."""
    stream = StreamMetrics(camera_id=0, stream_id=0, label="cam0_main")
    one = metrics(bytes_sent=5000, frames_sent=9, pending=1000, health=Health.UNHEALTHY)
    stats = Stats(uptime=1.0, sessions=(one,), streams=(stream,), totals=total([one]))
    assert not summarise(stats, stats).healthy
    (line,) = publish_test.report(one, stream, False, {})
    assert line.startswith("cam0_main: not published to rtmp://x/***: nothing was acknowledged")


def test_looking_at_sources_speaks_to_no_service(tmp_path: Path) -> None:
    """It may run beside a run of the same file, whose ports and whose broker they are."""
    with socket.create_server(("127.0.0.1", 0)) as broker, socket.create_server(("127.0.0.1", 0)) as taken:
        services = {
            "mqtt": {"url": f"mqtt://127.0.0.1:{broker.getsockname()[1]}"},
            "http": {"port": taken.getsockname()[1]},
        }
        file = one_camera(tmp_path / "c.json", "rtmp://127.0.0.1:1/live/k", "h264_only", services=services)
        status, out, err = run("check", str(file), "--sources", "--seconds", "1.5")
        assert status == 0, out + err
        broker.settimeout(0)
        with pytest.raises(BlockingIOError):
            broker.accept()
