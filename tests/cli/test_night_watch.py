"""It is not dead in the morning: what a run does that was left alone, and whom it blames."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.installed import installed
from tests.media import made
from tests.servers.nginx import Nginx
from tests.servers.process import free_port, wait_for


@attrs.define
class Run:
    """A running `camcast run`."""

    process: subprocess.Popen[str]
    file: Path
    logged: Path

    @property
    def log(self) -> str:
        return self.logged.read_text()

    def says(self, text: str, *, times: int = 1, timeout: float = 40.0) -> None:
        try:
            wait_for(lambda: self.log.count(text) >= times, timeout=timeout)
        except AssertionError:
            raise AssertionError(f"it does not say {text!r} {times} times:\n{self.log}") from None

    def end(self) -> None:
        """In order, whether it was healthy in that moment (0) or not (1)."""
        self.process.terminate()
        self.process.communicate(timeout=30)
        assert self.process.returncode in (0, 1), self.log


@contextmanager
def running(folder: Path, url: str, policy: dict[str, Any], **more: Any) -> Iterator[Run]:
    """One camera to `url`."""
    environment = more.pop("environment", {})
    source = more.pop("source", {"type": "file", "url": str(made("h264_aac")), "options": {"loop": True}})
    stream = {"source": source, "outputs": {"out": {"url": url, "retry_policy": policy, **more}}}
    file, logged = folder / "c.json", folder / "log"
    file.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [stream]}]}))
    with logged.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "camcast", "run", str(file), "--plain", "--json", "--log-level", "DEBUG"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **environment},
        )
    try:
        yield Run(process, file, logged)
    finally:
        process.kill()
        process.communicate()


GAVE_UP = "it gave up after 1 retries"
QUICK = {"max_attempts": 1, "initial_delay": 0.1, "max_delay": 0.1}


def test_a_session_that_has_given_up_is_revived_by_itself(nginx: Nginx, tmp_path: Path) -> None:
    nginx.kill()
    with running(tmp_path, nginx.url("cam0"), {**QUICK, "revive_after": 1}) as run:
        run.says(GAVE_UP)
        nginx.restart()
        nginx.wait_publishing("cam0", "record", timeout=40)
        run.end()


@pytest.mark.parametrize("change", ["the signal alone", "a changed file"])
def test_a_reload_revives_what_has_given_up_at_once(nginx: Nginx, tmp_path: Path, change: str) -> None:
    nginx.kill()
    with running(tmp_path, nginx.url("cam0"), {**QUICK, "revive_after": "1h"}) as run:
        run.says(GAVE_UP)
        nginx.restart()
        if change == "a changed file":
            config = json.loads(run.file.read_text())
            config["cameras"][0]["streams"][0]["outputs"]["out"]["retry_policy"]["revive_after"] = "2h"
            run.file.write_text(json.dumps(config))
        run.process.send_signal(signal.SIGHUP)
        nginx.wait_publishing("cam0", "record", timeout=40)
        run.end()


def test_a_lone_session_that_has_given_up_for_good_ends_the_process_and_one_that_may_revive_does_not(
    tmp_path: Path,
) -> None:
    url = f"rtmp://127.0.0.1:{free_port()}/live/x"
    for number, revival in enumerate((None, "1h")):
        folder = tmp_path / str(number)
        folder.mkdir()
        with running(folder, url, {**QUICK, "revive_after": revival}) as run:
            run.says(GAVE_UP)
            if revival is None:
                run.process.communicate(timeout=30)
                assert run.process.returncode == 1
            else:
                run.process.send_signal(signal.SIGHUP)
                run.says(GAVE_UP.partition(" after")[0], times=2)
                assert run.process.poll() is None


def test_auto_reconnect_false_is_a_session_that_never_revives(tmp_path: Path) -> None:
    url = f"rtmp://127.0.0.1:{free_port()}/live/x"
    with running(tmp_path, url, {"revive_after": 0.1}, auto_reconnect=False) as run:
        run.process.communicate(timeout=60)
        assert run.process.returncode == 1
        assert "tried again" not in run.log


def test_an_end_waits_for_no_file_that_is_being_read(nginx: Nginx, tmp_path: Path) -> None:
    """Whatever keeps the reading: here a pipe into which nobody writes stands in the file's place."""
    with running(tmp_path, nginx.url("cam0"), QUICK) as run:
        nginx.wait_publishing("cam0", "record", timeout=40)
        run.file.unlink()
        os.mkfifo(run.file)
        run.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "camcast-hook" in threads(run.process.pid), timeout=20)
        run.end()
        assert run.log.count("connected to") == 1
    assert len(nginx.recordings("cam0")) == 1


def threads(pid: int) -> str:
    """What each thread of a process waits for in the kernel, or its name where that is not told."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # it has just ended
            call = (task / "syscall").read_text().split()
            found.append("camcast-hook" if call[0] in OPENING else call[0])
    return " ".join(found)


OPENING = ("2", "56", "257")
"""`open` and `openat` of x86-64, `openat` of arm64."""


HOLDS = """
import time

from camcast import hookimpl
from camcast.kinds import Gives, SourceKind
from camcast_testsrc.options import PictureOptions
from camcast_testsrc.source import PictureSource

class Holds(PictureSource):
    async def run(self, sink):
        self.ask_the_camera()
        await super().run(sink)

    def ask_the_camera(self):
        time.sleep(4)

@hookimpl
def camcast_sources():
    kind = SourceKind(
        name="holds", title="Holds", build=Holds, options=PictureOptions, gives=Gives.FRAMES, needs_url=False
    )
    return [kind]
"""


def test_a_plugin_that_holds_the_loop_is_named_with_its_line_and_its_cameras(tmp_path: Path) -> None:
    path = str(installed(tmp_path, "holding", HOLDS))
    url = f"rtmp://127.0.0.1:{free_port()}/live/x"
    with running(tmp_path, url, QUICK, source={"type": "holds"}, environment={"PYTHONPATH": path}) as run:
        run.says("All cameras of this process stand still: the event loop has been held for")
        run.says("by plugin holding, holding_plugin.py:")
        run.says("in ask_the_camera")
        run.says("Stream cam0_main: plugin holding held every camera for")
        run.end()


BLOCKS = """
import time

from camcast import hookimpl
from camcast.kinds import Acceptance, Confidence, Gives, SourceKind, Take, TransportKind
from camcast_testsrc.options import PictureOptions
from camcast_testsrc.source import PictureSource

class Wire:
    acked = pending = 0

    def __init__(self, context): ...

    async def connect(self):
        time.sleep(0.2)

    async def publish(self, tracks): ...

    def send(self, unit, time_):
        time.sleep(0.15)
        Wire.acked += 1
        return None

    async def close(self): ...

    def stats(self):
        return {}

class Blocks(PictureSource):
    async def run(self, sink):
        time.sleep(0.3)
        await super().run(sink)

@hookimpl
def camcast_transports():
    takes = Acceptance(codecs={"h264": Take(Confidence.YES, "legacy")})
    return [TransportKind(name="wire", title="Wire", schemes=("wire",), build=Wire, accepts=lambda target: takes)]

@hookimpl
def camcast_sources():
    return [
        SourceKind(
            name="blocks", title="Blocks", build=Blocks, options=PictureOptions, gives=Gives.FRAMES, needs_url=False
        )
    ]
"""


def test_a_plugin_that_holds_the_loop_for_a_moment_is_named_with_the_call_and_counted(tmp_path: Path) -> None:
    path = str(installed(tmp_path, "blocking", BLOCKS))
    source = {"type": "blocks"}
    with running(tmp_path, "wire://somewhere/live/x", QUICK, source=source, environment={"PYTHONPATH": path}) as run:
        run.says("Source blocks held up every camera for 0.3")
        run.says("Transport wire held up every camera for 0.2")
        for time in ("first", "10th"):
            run.says(f"s in send, for the {time} time")
        run.end()
    assert "s in run, for the first time" in run.log
    assert "s in connect, for the first time" in run.log
