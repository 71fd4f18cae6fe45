"""The reasons and the figures of a night: what a run says of a camera that goes, a server that falls silent, one that
sends elsewhere.

One run for all of it, watched by the commands that an operator has.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.command_run import command_run
from tests.installed import installed
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for
from typer.testing import CliRunner

from camcast.cli.app import app
from camcast_rtmp.server import ConnectAsked, Server

pytestmark = pytest.mark.timeout(600)

FLICKER = """
import os
from pathlib import Path

from camcast import hookimpl
from camcast.errors import SourceError
from camcast.kinds import Gives, SourceKind
from camcast_testsrc.options import PictureOptions
from camcast_testsrc.source import PictureSource

class Flicker(PictureSource):
    def work(self):
        self.look()
        super().work()

    def wait(self, seconds):
        self.look()
        return super().wait(seconds)

    def look(self):
        if Path(os.environ["UNPLUGGED"]).exists():
            raise SourceError("somebody has pulled the plug")

@hookimpl
def camcast_sources():
    return [
        SourceKind(
            name="flicker", title="Flicker", build=Flicker, options=PictureOptions, gives=Gives.FRAMES, needs_url=False
        )
    ]
"""
OUT, MOVED = "cam0_main/out", "cam0_main/moved"
STALL = 2.0
WAITED = 3.0
"""Seconds in which there is no camera at first."""


class Relay:
    """Passes bytes on to a port until it falls silent: then it reads no more, and says nothing of it."""

    def __init__(self, port: int) -> None:
        self.silent = threading.Event()
        self._there = port
        self._kept: list[socket.socket] = []
        self._listener = socket.socket()
        # A kernel that takes little more, and so acknowledges little more, once nobody reads.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(("127.0.0.1", self._there))
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(2048):
                if self.silent.is_set():
                    self._kept.append(one)
                    return
                other.sendall(data)


class Redirects:
    """An RTMP server that names another place to each that asks."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                with here, suppress(OSError):
                    self._refuse(here)

    def _refuse(self, here: socket.socket) -> None:
        server = Server()
        while data := here.recv(65536):
            for event in server.feed(data):
                if isinstance(event, ConnectAsked):
                    there = {"code": 302.0, "redirect": self._url}
                    server.refuse_connect(event, "NetConnection.Connect.Rejected", "moved", ex=there)
            here.sendall(b"".join(server.outgoing()))


@attrs.define
class Night:
    """A run, what its commands say at each hour, and what it came to."""

    log: str = ""
    hours: dict[str, Any] = attrs.field(factory=dict)
    tables: dict[str, str] = attrs.field(factory=dict)
    figures: dict[str, Any] = attrs.field(factory=dict)

    def session(self, hour: str, label: str) -> dict[str, Any]:
        return next(one for one in self.hours[hour]["sessions"] if one["label"] == label)

    def stream(self, label: str) -> dict[str, Any]:
        return next(one for one in self.figures["streams"] if one["label"] == label)


def configuration(fifo: Path, primary: str, fallback: str, moved: str) -> dict[str, Any]:
    more = {"idle_timeout": 1, "stall_timeout": STALL, "retry_policy": {"stable_after": 1}}
    outputs = {"out": {"urls": [primary, fallback], **more}, "moved": {"url": moved, **more}}
    retry = {"initial_delay": 0.5, "max_delay": 0.5, "max_attempts": None, "stable_after": 1}
    stream = {
        "source": {"type": "flicker", "retry_policy": retry},
        "encoder": {"width": 320, "height": 180, "framerate": 15, "gop": 1},
        "outputs": outputs,
    }
    source = {"type": "file", "url": str(fifo), "options": {"loop": True}, "retry_policy": retry}
    hung = {"source": source, "outputs": {"out": {"url": fallback + "-hung"}}}
    return {"cameras": [{"camera_id": 0, "streams": [stream]}, {"camera_id": 1, "streams": [hung]}]}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("night")
    with ExitStack() as stack:
        first = stack.enter_context(Nginx(folder / "first"))
        second = stack.enter_context(Nginx(folder / "second"))
        relay, redirects = Relay(first.port), Redirects(f"rtmp://{second.address}/record")
        stack.callback(relay.close)
        stack.callback(redirects.close)
        config = configuration(
            folder / "fifo",
            f"rtmp://127.0.0.1:{relay.port}/record/out",
            second.url("out"),
            f"rtmp://127.0.0.1:{redirects.port}/record/key",
        )
        yield lived(folder, config, first, second, relay)


def lived(folder: Path, config: dict[str, Any], first: Nginx, second: Nginx, relay: Relay) -> Night:
    installed(folder, "flicker", FLICKER)
    logged, unplugged = folder / "log", folder / "unplugged"
    os.mkfifo(folder / "fifo")  # a disk that hangs: to open it never ends
    unplugged.touch()
    paths = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    environment = {"PYTHONPATH": paths, "UNPLUGGED": str(unplugged), "XDG_RUNTIME_DIR": str(folder)}
    night = Night()
    address = str(folder / "camcast" / "c.sock")

    def command(*words: str) -> str:
        return CliRunner(env={"COLUMNS": "300"}).invoke(app, [*words, "--socket", address]).stdout

    def hour(name: str) -> None:
        night.hours[name] = json.loads(command("status", "--json"))
        night.tables[name] = command("status")

    def every(figure: str) -> bool:
        found = json.loads(command("status", "--json"))["sessions"]
        return all(one[figure] for one in found if one["label"] in (OUT, MOVED))

    def says(text: str) -> None:
        wait_for(lambda: text in logged.read_text(), timeout=120, why=text)

    with command_run(folder, config, **environment) as run:
        says("somebody has pulled the plug")
        time.sleep(WAITED)  # the stimulus: a camera that is not there for so long
        hour("no camera yet")
        unplugged.unlink()
        first.wait_publishing("out", "record", timeout=120)
        second.wait_publishing("key", "record", timeout=120)
        wait_for(lambda: every("latency_way"), timeout=120)
        hour("on the air")
        unplugged.touch()
        says("connected -> disconnected")
        hour("camera off")
        unplugged.unlink()
        wait_for(lambda: "pulled" not in command("status"), timeout=120)
        wait_for(lambda: every("healthy"), timeout=120)
        hour("camera back")
        relay.silent.set()
        says("without a picture)")
        wait_for(lambda: every("healthy"), timeout=120)
        hour("fallback")
        says("reading the file took more than")
        night.figures = run.end()
        night.log = run.log
        return night


def test_a_camera_that_is_off_is_the_reason_in_the_table_and_in_the_log(night: Night) -> None:
    for name in ("no camera yet", "camera off"):
        rows = [row for row in night.tables[name].splitlines() if "cam0_main" in row]
        assert len(rows) == 2
        assert all("waiting for media: source " in row and "somebody has pulled the plug" in row for row in rows), rows
    lines = [line for line in night.log.splitlines() if "connected -> disconnected (waiting for media" in line]
    assert len(lines) == 2
    assert all("somebody has pulled the plug" in line for line in lines)


def test_what_was_wrong_is_gone_once_it_is_well_again(night: Night) -> None:
    assert "pulled" not in night.tables["camera back"]
    assert [night.session("camera back", label)["last_error"] for label in (OUT, MOVED)] == ["", ""]
    assert night.stream("cam0_main")["last_error"] == ""


def test_downtime_counts_from_when_there_is_something_to_send(night: Night) -> None:
    for label in (OUT, MOVED):
        assert night.session("no camera yet", label)["downtime"] == 0
        assert night.session("no camera yet", label)["waiting"] >= WAITED
        assert night.session("no camera yet", label)["uptime"] == 0
    for one in night.figures["sessions"]:
        assert one["uptime"] + one["downtime"] + one["waiting"] <= night.figures["seconds"]


def test_what_is_said_at_a_failover_is_the_time_without_a_picture_and_not_that_of_reconnecting(night: Night) -> None:
    (gap,) = re.findall(r"/out failover: \S+ -> \S+ \((\d+) ms without a picture\)", night.log)
    # It stalled for so long before it was noticed.
    assert int(gap) >= STALL * 1000
    assert night.session("fallback", OUT)["target_index"] == 1


def test_after_a_redirect_the_figures_name_where_it_is_and_where_it_was_to_go(night: Night) -> None:
    moved, out = night.session("on the air", MOVED), night.session("fallback", OUT)
    assert moved["target"].rpartition("/")[0] == out["target"].rpartition("/")[0]
    assert moved["redirected_from"] not in ("", moved["target"])
    assert out["redirected_from"] == ""


def test_latency_is_told_by_its_reasons(night: Night) -> None:
    for label in (OUT, MOVED):
        found = night.session("on the air", label)
        assert found["latency_inside"] > 0
        assert found["latency_way"] > 0
        assert found["latency"] == pytest.approx(found["latency_inside"] + found["latency_way"])


def test_a_file_on_a_disk_that_hangs_is_told_and_holds_up_no_camera(night: Night) -> None:
    said = "reading the file took more than 10 s: is its disk or mount there?"
    assert f"Source cam1_main: starting -> waiting ({said}; next try in 0.5s)" in night.log
    # That read hangs on, so the next try is refused at once.
    refused = "a read of this file hangs, and no other is tried: is its disk or mount there?"
    assert night.stream("cam1_main")["last_error"] in (said, refused)
    assert "stand still" not in night.log
