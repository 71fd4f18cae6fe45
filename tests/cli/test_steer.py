"""A run that is seen and steered by other commands, over its socket: real processes."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from typer.testing import CliRunner, Result

from camcast.cli import sockets
from camcast.cli.app import app
from camcast.errors import CamcastError

pytestmark = pytest.mark.timeout(300)

CAMCAST = [sys.executable, "-m", "camcast"]


@attrs.define
class Place:
    """A folder for sockets, and the commands that look there."""

    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "XDG_RUNTIME_DIR": str(self.folder)}

    def command(self, *words: str) -> Result:
        """Another command, here: starting an interpreter for each takes much longer than what it does."""
        return CliRunner(env={"XDG_RUNTIME_DIR": str(self.folder)}).invoke(app, words)

    @contextlib.contextmanager
    def run(self, file: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
        command = [*CAMCAST, "run", str(file), "--plain", *words]
        log = (self.folder / "log").open("w")
        process = subprocess.Popen(command, stderr=log, stdout=log, text=True, env=self.environ, cwd=self.folder)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            finally:
                process.kill()
            log.close()

    def socket(self, name: str) -> Path:
        return self.folder / "camcast" / f"{name}.sock"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    # Other runs of this machine are none of this test's.
    monkeypatch.setattr(sockets, "folders", lambda environ=None: iter([tmp_path / "camcast"]))
    return Place(tmp_path)


def configuration(folder: Path, *urls: str, name: str = "gate") -> Path:
    camera = {
        "camera_id": 0,
        "name": "gate",
        "streams": [
            {
                "source": {"type": "testsrc"},
                "encoder": {"width": 320, "height": 240, "framerate": 25},
                "rtmp": {"urls": list(urls or ("rtmp://127.0.0.1:9/live/s3cret", "rtmp://127.0.0.1:9/live/s3cret2"))},
            }
        ],
    }
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"cameras": [camera]}))
    return file


def wait(condition: Callable[[], object], seconds: float = 90.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)


def test_a_run_is_seen_steered_reloaded_and_ended(place: Place, tmp_path: Path) -> None:
    file = configuration(tmp_path)
    with place.run(file) as process:
        wait(place.socket("gate").exists)
        assert stat.S_IMODE(place.socket("gate").stat().st_mode) == 0o600
        assert stat.S_IMODE(place.socket("gate").parent.stat().st_mode) == 0o700

        wait(lambda: "unhealthy" in place.command("status").stdout)
        shown = place.command("status")
        assert "cam0_main" in shown.stdout
        assert "s3cret" not in shown.stdout
        assert shown.exit_code == 1
        figures = json.loads(place.command("status", "--json", "--name", "gate").stdout)
        assert figures["sessions"][0]["key"] == "0/0/rtmp"

        assert place.command("pause", "cam0_main").stdout == "done\n"
        wait(lambda: "paused" in place.command("status").stdout)
        assert place.command("resume", "0/0/rtmp").stdout == "done\n"
        assert place.command("retry", "cam0_main").exit_code == 0
        assert place.command("switch", "cam0_main", "1").exit_code == 0
        wrong = place.command("switch", "cam0_main", "7")
        assert (wrong.exit_code, wrong.stderr) == (1, "error: target 7 is not in the chain; it has 0 to 1\n")
        wrong = place.command("pause", "cam7_main")
        assert (wrong.exit_code, wrong.stderr) == (1, "error: there is no session cam7_main; known: cam0_main\n")
        assert place.command("bitrate", "cam0_main", "300").exit_code == 1
        assert "there is no picture yet" in place.command("snapshot", "cam0_main").stderr

        events = place.command("events", "--json", "--socket", "/nowhere.sock")
        assert "the camcast at /nowhere.sock is not heard any more: No such file or directory" in events.stderr

        configuration(tmp_path, "rtmp://127.0.0.1:9/live/other")
        assert place.command("reload").stdout == "session cam0_main restarted (targets)\n"
        assert place.command("reload").stdout == "nothing has changed\n"
        file.write_text('{"cameras": [], "kameras": 1}')
        wrong = place.command("reload")
        assert "kameras: unknown key" in wrong.stderr
        assert wrong.exit_code == 1
        assert place.command("status").exit_code == 1  # it runs on

        assert place.command("stop").stdout == "it ends\n"
        assert process.wait(60) == 0  # though no server is there
    assert not place.socket("gate").exists()
    gone = place.command("status")
    assert gone.exit_code == 1
    assert "no camcast runs here that listens on a socket (looked in " in gone.stderr


def test_status_shows_uplinks_and_services_that_do_not_run(place: Place, tmp_path: Path) -> None:
    file = configuration(tmp_path)
    written = json.loads(file.read_text())
    written["system"] = {"uplinks": {"lte": {"limit": 4000}}}
    written["cameras"][0]["streams"][0]["rtmp"]["uplink"] = "lte"
    with socket.create_server(("127.0.0.1", 0)) as other, place.run(file):
        written["services"] = {"http": {"port": other.getsockname()[1]}}
        file.write_text(json.dumps(written))
        wait(place.socket("gate").exists)
        assert place.command("reload").exit_code == 0
        wait(lambda: "is taken by another program" in place.command("status").stdout)
        lines = place.command("status").stdout.splitlines()
        assert "uplink lte: 0 kbit/s of 4.00 Mbit/s, 0 outputs" in lines
        assert [line for line in lines if line.startswith("service http: ")]
        assert not [line for line in lines if line.startswith("service socket: ")]
        reader = subprocess.Popen(
            [*CAMCAST, "events", "--since", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=place.environ
        )
        assert reader.stdout is not None
        assert reader.stderr is not None
        assert reader.stdout.readline()
        reader.stdout.close()
        assert place.command("retry", "cam0_main").exit_code == 0
        assert reader.stderr.read() == b""
        reader.stderr.close()
        reader.wait(60)


def test_events_are_followed_until_the_run_ends(place: Place, tmp_path: Path) -> None:
    with place.run(configuration(tmp_path)) as process:
        wait(place.socket("gate").exists)
        words = [*CAMCAST, "events", "--json", "--since", "0", "--name", "gate"]
        follower = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=place.environ, cwd=tmp_path)
        assert follower.stdout is not None
        first = json.loads(follower.stdout.readline())
        assert first["id"] == 1
        place.command("pause", "cam0_main")
        while json.loads(follower.stdout.readline())["name"] != "StateChanged":
            continue
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        rest, _ = follower.communicate(timeout=30)
        assert "s3cret" not in rest


def test_status_goes_on_showing_what_changes(place: Place, tmp_path: Path) -> None:
    """On a terminal, where it draws; until Ctrl-C."""
    with place.run(configuration(tmp_path)):
        wait(lambda: "cam0_main" in place.command("status").stdout)
        master, slave = pty.openpty()
        environ = {**place.environ, "TERM": "xterm", "COLUMNS": "200"}
        watcher = subprocess.Popen(
            [*CAMCAST, "status", "--watch", "--socket", str(place.socket("gate"))],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environ,
        )
        os.close(slave)
        seen = bytearray()

        def shows(words: bytes) -> bool:
            while select.select([master], [], [], 0)[0]:
                seen.extend(os.read(master, 65536))
            return words in seen

        try:
            wait(lambda: shows(b"unhealthy") or shows(b"error"))
            assert place.command("pause", "cam0_main").stdout == "done\n"
            wait(lambda: shows(b"paused"))
            watcher.send_signal(signal.SIGINT)
            assert watcher.wait(30) in (0, 1)
            with contextlib.suppress(OSError):  # the other end is gone
                shows(b"")
            assert b"Traceback" not in seen
        finally:
            watcher.kill()
            watcher.wait()
            os.close(master)


def test_a_run_serves_its_interface_to_look_at_once_its_port_is_free(place: Place, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = other.getsockname()[1]
        file = configuration(tmp_path)
        file.write_text(json.dumps({**json.loads(file.read_text()), "services": {"http": {"port": port}}}))
        stack.enter_context(place.run(file, "--http"))
        wait(lambda: f"port {port} of 127.0.0.1 is taken by another program" in place.log)
        # The run goes on without, and looks after it again.
        wait(lambda: "cam0_main" in place.command("status").stdout)
        other.close()
        wait(lambda: f"http://127.0.0.1:{port}/ [listening]" in place.log)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/sessions", timeout=20) as answer:
            assert [one["label"] for one in json.load(answer)] == ["cam0_main"]
        request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/stop", method="POST")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request, timeout=20)
        # What --http asks for is there already.
        assert ":8080/" not in place.log
        assert "port 8080" not in place.log


def test_two_runs_have_two_names_and_a_second_of_one_name_goes_without(place: Place, tmp_path: Path) -> None:
    file = configuration(tmp_path)
    with place.run(file), place.run(file, "--name", "yard", "--no-socket"), place.run(file, "--name", "door"):
        wait(lambda: place.socket("gate").exists() and place.socket("door").exists())
        several = place.command("status")
        assert several.stderr == "error: several run here; say which with --name: door, gate\n"
        assert not place.socket("yard").exists()
        inode = place.socket("gate").stat().st_ino
        with place.run(file, "--name", "gate") as process:
            wait(lambda: "somebody listens at" in place.log)
            assert process.poll() is None
        assert place.socket("gate").stat().st_ino == inode


def test_one_that_was_left_over_is_replaced(place: Place, tmp_path: Path) -> None:
    file = configuration(tmp_path)
    with place.run(file) as process:
        wait(place.socket("gate").exists)
        process.kill()
        process.wait(60)
        assert place.socket("gate").exists()
    with place.run(file):
        wait(lambda: "cam0_main" in place.command("status").stdout)


def test_names_and_places() -> None:
    assert sockets.name_of(Path("/etc/camcast/gate 1.json")) == "gate_1"
    assert sockets.name_of(Path("/x/.json")) == ".json"
    first, *_ = sockets.folders({"RUNTIME_DIRECTORY": "/run/unit:/run/other", "XDG_RUNTIME_DIR": "/run/user/1"})
    assert first == Path("/run/unit")
    with pytest.raises(CamcastError, match="no camcast of the name nosuch runs here"):
        sockets.find("nosuch", None)


@pytest.fixture
def last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder among temporary files, where no better one is."""
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    return tmp_path / f"camcast-{os.getuid()}"


def test_the_folder_among_temporary_files_is_made_for_this_user_only(last: Path) -> None:
    assert list(sockets.folders({}))[-1] == last
    last.mkdir(mode=0o700)
    assert list(sockets.folders({}))[-1] == last


@pytest.mark.parametrize("kind", ["a link", "others may write", "somebody else's", "a file"])
def test_a_folder_that_somebody_else_may_have_made_is_not_looked_into(
    kind: str, last: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command would tell whoever listens there what it is told, such as a URL to switch to."""
    if kind == "a link":
        (tmp_path / "real").mkdir(mode=0o700)
        last.symlink_to(tmp_path / "real")
    elif kind == "a file":
        last.touch()
    else:
        last.mkdir(mode=0o700)
    if kind == "others may write":
        last.chmod(0o777)
    if kind == "somebody else's":
        user = os.getuid()
        monkeypatch.setattr("os.getuid", lambda: user + 1)
        last.rename(tmp_path / f"camcast-{user + 1}")
    assert not any(str(folder).startswith(str(tmp_path)) for folder in sockets.folders({}))
