"""`camcast run` against a real server: its exit status, signals, figures, and what it shows."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import resource
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.compare import Media, compare
from tests.media import made
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for
from typer.testing import CliRunner

from camcast.cli.app import app
from camcast.config import ServiceConfig

KEY = "k?y/with&all#of%it"


def write(path: Path, nginx: Nginx, *, cameras: int = 1, loop: bool = True, **camera: Any) -> Path:
    """A configuration of clips that go to nginx's recording application."""
    source = {"type": "file", "url": str(made("h264_aac")), "options": {"loop": loop}}
    config = {
        "rtmp": {"url_template": nginx.url("cam{camera_id}_{stream_name}")},
        "cameras": [{"camera_id": number, "streams": [{"source": source}], **camera} for number in range(cameras)],
    }
    path.write_text(json.dumps(config))
    return path


def start(*arguments: object, **settings: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "camcast", "run", *map(str, arguments)],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **settings},
    )


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["run", *map(str, arguments)], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("services", "more"),
    [({}, ["http"]), ({"prometheus": {}}, ["http"]), ({"http": {"port": 8080, "token": "secret"}}, [])],
)
def test_the_http_of_the_command_line_is_for_files_that_have_none(
    services: dict[str, Any], more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def carried_out(*arguments: object, services: Sequence[ServiceConfig], **settings: object) -> None:
        asked.extend(one.type for one in services)

    monkeypatch.setattr("camcast.cli.run.carry_out", carried_out)
    file = tmp_path / "c.json"
    camera = {"streams": [{"source": {"type": "testsrc"}, "rtmp": {"url": "rtmp://127.0.0.1:9/live/x"}}]}
    file.write_text(json.dumps({"services": services, "cameras": [camera]}))
    assert run(file, "--http", "--no-socket")[0] == 0
    assert asked == more


def test_runs_to_the_end_of_its_media_and_reports(nginx: Nginx, tmp_path: Path) -> None:
    status, out, log = run(write(tmp_path / "c.json", nginx, cameras=2, loop=False), "--json")
    summary = json.loads(out)
    assert (status, summary["healthy"]) == (0, True), log
    assert [session["label"] for session in summary["sessions"]] == ["cam0_main", "cam1_main"]
    for session in summary["sessions"]:
        # A session that begins in mid-stream has been offered everything from then on.
        offered = session["video_offered"] + session["audio_offered"]
        assert offered == session["frames_sent"] + sum(session["dropped"].values())
        assert session["state"] == "connected"
        assert session["uptime"] > 3
        found = compare(made("h264_aac"), nginx.recording(session["label"]), from_keyframe=1)
        assert found.missing_tail == {"video": 0, "audio": 0}
    assert summary["totals"]["active"] == 2
    assert "Session cam0_main connected to rtmp://" in log


def test_one_refused_session_makes_the_exit_status_1(nginx: Nginx, tmp_path: Path) -> None:
    outputs = {"other": {"url": nginx.url("x", "denied"), "retry_policy": {"max_attempts": 0}}}
    file = write(tmp_path / "c.json", nginx, cameras=1)
    config = json.loads(file.read_text())
    config["cameras"][0]["streams"][0]["outputs"] = outputs
    file.write_text(json.dumps(config))
    status, out, log = run(file, "--duration", "2", "--json")
    summary = json.loads(out)
    assert (status, summary["healthy"]) == (1, False)
    assert {session["label"]: session["healthy"] for session in summary["sessions"]} == {
        "cam0_main": True,
        "cam0_main/other": False,
    }
    assert "not healthy" not in log  # That line is for people; with --json the figures say it.


def test_ends_by_itself_when_every_session_has_given_up(nginx: Nginx, tmp_path: Path) -> None:
    file = write(tmp_path / "c.json", nginx)
    config = json.loads(file.read_text())
    config["rtmp"] = {"url_template": nginx.url("x", "denied"), "auto_reconnect": False}
    file.write_text(json.dumps(config))
    status, _, log = run(file)
    assert status == 1
    assert "1 sessions, 1 not healthy: cam0_main" in log


def test_wrong_configurations_are_exit_status_2(nginx: Nginx, tmp_path: Path) -> None:
    file = write(tmp_path / "c.json", nginx)
    config = json.loads(file.read_text())
    config["cameras"][0]["streams"][0]["source"]["options"] = {"lop": True}
    config["sistem"] = {}
    file.write_text(json.dumps(config))
    status, out, log = run(file)
    assert (status, out) == (2, "")
    assert 'cameras[0].streams[0].source.options.lop: unknown key; did you mean "loop"?' in log
    assert "sistem" in log
    assert log.count("error:") == 2
    assert run(tmp_path / "none.json")[0] == 2


def test_nothing_to_run_is_said(nginx: Nginx, tmp_path: Path) -> None:
    status, _, log = run(write(tmp_path / "c.json", nginx, enabled=False))
    assert status == 2
    assert "nothing to run" in log


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(nginx: Nginx, tmp_path: Path, number: signal.Signals) -> None:
    with start(write(tmp_path / "c.json", nginx)) as process:
        nginx.wait_publishing("cam0_main", "record", least=50_000, timeout=20)
        process.send_signal(number)
        _, log = process.communicate(timeout=15)
    assert process.returncode == 0, log
    assert "connected -> disconnected (stopped)" in log
    assert "1 sessions, 0 not healthy" in log
    assert "Traceback" not in log
    # Unpublished, not just gone: nginx logs deleteStream before the end of the connection.
    assert "deleteStream" in wait_for(lambda: nginx.log_text if "deleteStream" in nginx.log_text else "")


def test_sighup_reads_the_file_again(nginx: Nginx, tmp_path: Path) -> None:
    file = write(tmp_path / "c.json", nginx)
    with start(file, stderr=(tmp_path / "log").open("w")) as process:
        nginx.wait_publishing("cam0_main", "record", timeout=20)
        file.write_text("{")
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: "Not reloaded" in (tmp_path / "log").read_text())
        write(file, nginx, cameras=2)
        file.write_text(json.dumps(json.loads(file.read_text()) | {"system": {"log_level": "DEBUG"}}))
        process.send_signal(signal.SIGHUP)
        nginx.wait_publishing("cam1_main", "record", least=50_000)
        assert "Reloaded: camera 1 added" in (tmp_path / "log").read_text()
        assert "system.log_level is DEBUG now" in (tmp_path / "log").read_text()
        process.terminate()
        process.communicate(timeout=15)
    assert process.returncode == 0
    assert len(nginx.recordings("cam0_main")) == 1


def test_no_output_shows_the_stream_key(nginx: Nginx, tmp_path: Path) -> None:
    file = write(tmp_path / "c.json", nginx, cameras=1)
    config = json.loads(file.read_text())
    config["rtmp"] = {"url": f"rtmp://{nginx.address}/record", "stream_key": KEY}
    config["cameras"][0]["streams"][0]["outputs"] = {
        "refused": {"url": f"rtmp://{nginx.address}/denied", "stream_key": KEY, "retry_policy": {"max_attempts": 1}}
    }
    file.write_text(json.dumps(config))
    status, out, log = run(file, "--duration", "4", "--json")
    assert status == 1
    summary = json.loads(out)
    assert {session["label"] for session in summary["sessions"] if session["frames_sent"] > 50} == {"cam0_main"}
    for part in (KEY, "y/with", "all#of", "of%it", "all%23of"):
        assert part not in out + log


@contextlib.contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal of 40 lines and 160 columns."""
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
    try:
        yield near, far
    finally:
        os.close(near)


def test_a_terminal_shows_a_live_table(nginx: Nginx, tmp_path: Path) -> None:
    with terminal() as (near, far):
        file = write(tmp_path / "c.json", nginx, cameras=2)
        # These two would outrank the terminal's own size.
        kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        settings = {"stdin": far, "stdout": far, "stderr": far, "env": kept | {"TERM": "xterm-256color"}}
        with start(file, "--duration", "4", **settings) as process:
            os.close(far)
            shown = b""
            with contextlib.suppress(OSError):  # How Linux tells that the other end is closed.
                while piece := os.read(near, 65_536):
                    shown += piece
        text = shown.decode()
    assert process.returncode == 0, text
    assert all(word in text for word in ("session", "bitrate", "why", "cam0_main", "cam1_main"))
    assert "2 of 2 connected" in text
    assert "\x1b[" in text
    assert "2 sessions, 0 not healthy" in text


def test_ctrl_c_reaches_worker_processes_through_the_parent_only(nginx: Nginx, tmp_path: Path) -> None:
    file = write(tmp_path / "c.json", nginx, cameras=4)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"system": {"workers": 2}}))
    with start(file, "--json", start_new_session=True) as process:
        for number in range(4):
            nginx.wait_publishing(f"cam{number}_main", "record", least=50_000, timeout=30)
        os.killpg(process.pid, signal.SIGINT)  # As a terminal does: to the whole group.
        out, log = process.communicate(timeout=6)  # Less than a worker that does not answer is given.
    assert process.returncode == 0, log
    assert "Traceback" not in log
    for session in json.loads(out)["sessions"]:
        recorded = Media.read(nginx.recording(session["label"]))
        assert len(recorded.video) == session["video_sent"] + session["replayed"]
        assert len(recorded.audio) == session["audio_sent"]


@pytest.mark.parametrize(("soft", "hard"), [(40, 4096), (40, 40)])
def test_a_descriptor_limit_is_raised_or_told(nginx: Nginx, tmp_path: Path, soft: int, hard: int) -> None:
    file = write(tmp_path / "c.json", nginx, cameras=16)
    limited = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))  # noqa: E731
    with start(file, "--duration", "6", preexec_fn=limited) as process:
        _, log = process.communicate(timeout=60)
    assert "Traceback" not in log
    if hard > soft:
        assert process.returncode == 0, log
        assert "descriptor" not in log
    else:
        assert log.count("16 sources and 16 sessions may need about 160 file descriptors, and this process may") == 1
        assert "raise the limit (ulimit -n 160, or LimitNOFILE=160 in a systemd unit)" in log
