"""Signals at every moment of `camcast run`: each is understood, and none ends it without a goodbye."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_run import write
from tests.compare import Media
from tests.programs import beside
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for

from camcast.cli.signals import command

CAMCAST = [str(Path(sys.executable).with_name("camcast"))]


@contextlib.contextmanager
def running(file: Path, *arguments: str, **settings: Any) -> Iterator[subprocess.Popen[str]]:
    """`camcast run`, in a process group of its own, its stderr in the file `log` beside `file`."""
    with (
        file.with_name("log").open("w") as log,
        subprocess.Popen(
            [*CAMCAST, "run", str(file), *arguments],
            **{"stdout": subprocess.PIPE, "stderr": log, "text": True, "start_new_session": True, **settings},
        ) as process,
    ):
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def log(file: Path) -> str:
    return file.with_name("log").read_text()


def handles_signals(process: subprocess.Popen[Any]) -> bool:
    """Whether the process has taken its signals over; SIGHUP is the last of them."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = re.search(r"^SigCgt:\s*(\w+)", status, re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGHUP - 1) & 1)


def workers(process: subprocess.Popen[str]) -> list[int]:
    """Worker processes by their ids."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [pid for pid in map(int, children) if b"camcast.engine.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def on_workers(path: Path, nginx: Nginx, cameras: int = 4) -> Path:
    file = write(path, nginx, cameras=cameras)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"system": {"workers": 2}}))
    return file


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_before_the_beginning_is_clean(
    nginx: Nginx, tmp_path: Path, number: signal.Signals, delay: float
) -> None:
    file = write(tmp_path / "c.json", nginx)
    with running(file) as process:
        wait_for(lambda: handles_signals(process), timeout=10)
        time.sleep(delay)
        process.send_signal(number)
        process.communicate(timeout=15)
    assert process.returncode == 0 or "1 sessions, 1 not healthy" in log(file)
    assert re.search("asked to stop before anything had begun|1 sessions,", log(file))
    assert "Traceback" not in log(file)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 1)])
def test_whoever_ends_a_service_is_not_told_that_it_failed(tmp_path: Path, number: signal.Signals, status: int) -> None:
    """A server that is away is no reason for systemd to call a unit failed that it stopped; a person wants to know."""
    camera = {"streams": [{"source": {"type": "testsrc"}, "rtmp": {"url": "rtmp://127.0.0.1:9/live/x"}}]}
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"cameras": [camera]}))
    with running(file) as process:
        wait_for(lambda: "next try" in log(file), timeout=30)
        process.send_signal(number)
        process.communicate(timeout=20)
    assert process.returncode == status, log(file)
    assert "1 sessions, 1 not healthy" in log(file)


def test_a_sighup_before_the_beginning_is_a_reload(nginx: Nginx, tmp_path: Path) -> None:
    file = write(tmp_path / "c.json", nginx)
    with running(file) as process:
        wait_for(lambda: handles_signals(process), timeout=10)
        process.send_signal(signal.SIGHUP)
        nginx.wait_publishing("cam0_main", "record", least=50_000, timeout=20)
        assert "Reloaded: nothing has changed" in log(file)
        process.terminate()
        process.communicate(timeout=15)
    assert process.returncode == 0
    assert len(nginx.recordings("cam0_main")) == 1


def test_asked_twice_it_ends_in_order_all_the_same(nginx: Nginx, tmp_path: Path) -> None:
    file = write(tmp_path / "c.json", nginx)
    with running(file, "--json") as process:
        nginx.wait_publishing("cam0_main", "record", least=50_000, timeout=20)
        for _ in range(3):
            process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    assert process.returncode == 0, log(file)
    assert json.loads(out)["healthy"]
    assert "Traceback" not in log(file)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_group_ends_workers_in_order(nginx: Nginx, tmp_path: Path, number: signal.Signals) -> None:
    """As a terminal (SIGINT) and systemd (SIGTERM) do: to every process."""
    file = on_workers(tmp_path / "c.json", nginx)
    with running(file, "--json") as process:
        for camera in range(4):
            nginx.wait_publishing(f"cam{camera}_main", "record", least=50_000, timeout=30)
        os.killpg(process.pid, number)
        out, _ = process.communicate(timeout=6)  # less than a worker that does not answer is given
    assert process.returncode == 0, log(file)
    assert "Traceback" not in log(file)
    assert "started anew" not in log(file)
    for session in json.loads(out)["sessions"]:
        recorded = Media.read(nginx.recording(session["label"]))
        assert len(recorded.video) == session["video_sent"] + session["replayed"]
        assert len(recorded.audio) == session["audio_sent"]


def test_a_terminal_that_hangs_up_is_a_reload_and_ends_no_worker(nginx: Nginx, tmp_path: Path) -> None:
    file = on_workers(tmp_path / "c.json", nginx)
    with running(file) as process:
        wait_for(lambda: workers(process), timeout=20)
        os.killpg(process.pid, signal.SIGHUP)  # while the worker is starting
        for camera in range(4):
            nginx.wait_publishing(f"cam{camera}_main", "record", least=50_000, timeout=30)
        (worker,) = workers(process)
        os.killpg(process.pid, signal.SIGHUP)
        wait_for(lambda: log(file).count("Reloaded: nothing has changed") == 2, timeout=30)
        assert workers(process) == [worker]
        process.terminate()
        process.communicate(timeout=15)
    assert process.returncode == 0, log(file)
    assert "started anew" not in log(file)


def test_a_worker_that_is_stopped_is_noticed_and_its_cameras_come_back(nginx: Nginx, tmp_path: Path) -> None:
    file = on_workers(tmp_path / "c.json", nginx, cameras=2)
    with running(file) as process:
        nginx.wait_publishing("cam0_main", "record", least=50_000, timeout=30)
        nginx.wait_publishing("cam1_main", "record", least=50_000, timeout=30)
        (worker,) = workers(process)
        os.kill(worker, signal.SIGSTOP)
        wait_for(lambda: "stood still" in log(file), timeout=15)
        assert re.search(r"Process worker 1 stood still for 5 s .* started anew with cameras \d", log(file))

        def again() -> bool:
            """Both are recorded, one of them once more."""
            found = [*nginx.recordings("cam0_main"), *nginx.recordings("cam1_main")]
            return len(found) == 3 and all(path.stat().st_size > 50_000 for path in found)

        wait_for(again, timeout=20)
        process.terminate()
        process.communicate(timeout=15)
    assert process.returncode == 0, log(file)


def test_a_machine_that_is_suspended_blames_no_worker(nginx: Nginx, tmp_path: Path) -> None:
    """A laptop's lid, a virtual machine that is moved: all processes stand still together."""
    file = on_workers(tmp_path / "c.json", nginx, cameras=2)
    with running(file) as process:
        nginx.wait_publishing("cam0_main", "record", least=50_000, timeout=30)
        nginx.wait_publishing("cam1_main", "record", least=50_000, timeout=30)
        before = workers(process)
        os.killpg(process.pid, signal.SIGSTOP)
        time.sleep(6.5)  # longer than a worker may be silent
        os.killpg(process.pid, signal.SIGCONT)
        wait_for(lambda: "This process stood still for " in log(file), timeout=30)
        # By the time that media flows again everybody has been looked at.
        for camera in range(2):
            nginx.wait_publishing(f"cam{camera}_main", "record", least=150_000, timeout=60)
        assert workers(process) == before
        process.terminate()
        process.communicate(timeout=15)
    assert process.returncode == 0, log(file)
    # Each says of itself what happened, and none says it of another.
    told = [line.split(" WARNING ")[-1] for line in log(file).splitlines() if "stood still" in line]
    assert all(line.startswith("This process stood still for ") for line in told), told


def test_workers_end_with_a_parent_that_is_killed(nginx: Nginx, tmp_path: Path) -> None:
    file = on_workers(tmp_path / "c.json", nginx, cameras=2)
    with running(file) as process:
        nginx.wait_publishing("cam1_main", "record", least=50_000, timeout=30)
        (worker,) = workers(process)
        process.kill()
        wait_for(lambda: not Path(f"/proc/{worker}").exists() or _is_over(worker), timeout=15)


def _is_over(pid: int) -> bool:
    return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()


def test_files_of_the_working_directory_are_not_run(nginx: Nginx, tmp_path: Path) -> None:
    file = on_workers(tmp_path / "c.json", nginx, cameras=2)
    for name in ("json", "logging", "asyncio", "attrs", "camcast_rtmp", "camcast_file", "sitecustomize", "typing"):
        (tmp_path / f"{name}.py").write_text("open('surprise', 'w').close(); raise SystemExit('surprise')")
    with running(file, "--json", cwd=tmp_path) as process:
        for number in range(2):
            nginx.wait_publishing(f"cam{number}_main", "record", least=300_000, timeout=30)
        process.terminate()
        out, _ = process.communicate(timeout=40)
    assert process.returncode == 0, log(file)
    assert len([session for session in json.loads(out)["sessions"] if session["frames_sent"]]) == 2
    assert not (tmp_path / "surprise").exists()


def test_as_a_module_it_does_not_look_into_the_working_directory_either(tmp_path: Path) -> None:
    (tmp_path / "camcast_rtmp.py").write_text("raise SystemExit('surprise')")
    command = [sys.executable, "-m", "camcast", "plugins"]
    listed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert listed.returncode == 0, listed.stderr
    assert "rtmps://" in listed.stdout


def test_other_commands_are_ended_by_signals_as_usual(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "c.json")  # nobody writes: reading it takes for ever
    with beside([*CAMCAST, "check", str(tmp_path / "c.json")]) as process:
        wait_for(lambda: handles_signals(process), timeout=10)
        wait_for(lambda: not handles_signals(process), timeout=10)
        process.terminate()
        assert process.wait(10) == -signal.SIGTERM


def test_ended_before_they_know_what_to_do_other_commands_are_ended_too(tmp_path: Path) -> None:
    with beside([*CAMCAST, "check", str(tmp_path / "c.json")]) as process:
        wait_for(lambda: handles_signals(process), timeout=10)
        process.terminate()
        assert process.wait(10) == -signal.SIGTERM


def test_a_pipe_that_nobody_reads_holds_up_no_camera_and_no_end(nginx: Nginx, tmp_path: Path) -> None:
    file = write(tmp_path / "c.json", nginx)
    config = json.loads(file.read_text()) | {"system": {"log_level": "DEBUG"}}
    stream = config["cameras"][0]["streams"][0]
    stream["outputs"] = {
        f"dead{number}": {"url": f"rtmp://127.0.0.1:1/live/{number}", "retry_policy": {"initial_delay": 0.05}}
        for number in range(20)
    }
    file.write_text(json.dumps(config))
    read, written = os.pipe()
    fcntl.fcntl(written, fcntl.F_SETPIPE_SZ, 4096)
    with running(file, "--json", stderr=written) as process:
        os.close(written)
        nginx.wait_publishing("cam0_main", "record", least=200_000, timeout=20)
        process.terminate()
        out, _ = process.communicate(timeout=15)
    os.close(read)
    assert process.returncode == 0
    (main,) = (session for session in json.loads(out)["sessions"] if session["label"] == "cam0_main")
    assert main["healthy"]
    assert main["frames_dropped"] == 0


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["run", "file"], "run"),
        (["--block", "run", "check", "x"], "check"),
        (["--block=x", "--block", "y", "run"], "run"),
        (["--version"], ""),
        ([], ""),
    ],
)
def test_the_command_is_known_before_anything_is_parsed(arguments: list[str], found: str) -> None:
    assert command(arguments) == found


def test_all_options_with_values_before_the_command_are_known() -> None:
    import typer

    from camcast.cli.app import app
    from camcast.cli.signals import VALUED

    options = [one for one in typer.main.get_command(app).params if not getattr(one, "is_flag", False)]
    assert {name for one in options for name in one.opts} == set(VALUED)


@pytest.mark.parametrize(
    ("then", "status"),
    [
        ("time.sleep(0.5)", 3),
        ("time.sleep(60)", 1),
        ("with asked.at_work(): time.sleep(3)", 3),
        ("with asked.at_work(): time.sleep(1)\ntime.sleep(60)", 1),
    ],
)
def test_an_end_that_does_not_come_is_made_but_not_in_the_middle_of_work(then: str, status: int) -> None:
    code = f"import time\nfrom camcast.cli.signals import asked\nasked.install()\nasked.end_within(1.5)\n{then}\n"
    ended = subprocess.run([sys.executable, "-c", f"{code}raise SystemExit(3)"], capture_output=True, check=False)
    assert (ended.returncode, b"did not end in order" in ended.stderr) == (status, status == 1)
