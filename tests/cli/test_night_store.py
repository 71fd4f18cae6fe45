"""`camcast fleet run` with a store whose plugin has a bug: it is named, and once is not enough to leave the air."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
from tests.installed import installed
from tests.media import made
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for

LEASE = 10.0
STORE = """
import asyncio
import os
from pathlib import Path

from camcast import hookimpl
from camcast.coordinators import CoordinatorKind, Desired
from camcast.testing.coordinator import MemoryCoordinator, MemoryStore

store = MemoryStore()
stream = {
    "source": {"type": "file", "url": os.environ["CLIP"], "options": {"loop": True}},
    "outputs": {"out": {"url": os.environ["TARGET"]}},
}
mapping = {"cameras": [{"camera_id": 0, "streams": [stream]}]}
store.versions.append(Desired(version=1, mapping=mapping, origin="1"))

class Sick(MemoryCoordinator):
    async def renew(self, card, after):
        file = Path(os.environ["BREAKS"])
        how = file.read_text() if file.exists() else ""
        if how:
            file.with_suffix(".seen").touch()
        if how == "raises":
            raise KeyError("of the store")
        if how == "hangs":
            await asyncio.Event().wait()
        if how == "gives nothing":
            return None
        return await super().renew(card, after)

@hookimpl
def camcast_coordinators():
    build = lambda context: Sick(store, context.name)
    return [CoordinatorKind(name="sick", title="Sick", schemes=("sick",), build=build)]
"""


@attrs.define
class Member:
    process: subprocess.Popen[bytes]
    breaks: Path
    logged: Path

    @property
    def log(self) -> str:
        return self.logged.read_text()

    def says(self, text: str) -> None:
        wait_for(lambda: text in self.log, timeout=60, why=text)


@contextmanager
def member(folder: Path, nginx: Nginx) -> Iterator[Member]:
    logged, breaks = folder / "log", folder / "breaks"
    places = {"CLIP": str(made("h264_aac")), "TARGET": nginx.url("fleet"), "BREAKS": str(breaks)}
    path = os.pathsep.join([str(installed(folder, "sick", STORE)), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "camcast", "fleet", "run", "--store", "sick://store", "--name", "a"]
    command += ["--lease", f"{LEASE:g} s", "--state", str(folder / "state"), "--plain", "--log-level", "DEBUG"]
    with logged.open("w") as log:
        process = subprocess.Popen(command, stderr=log, stdout=log, env={**os.environ, **places, "PYTHONPATH": path})
    try:
        yield Member(process, breaks, logged)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("raises", "Coordinator sick failed in renew (told once, counted from now on)"),
        ("gives nothing", "Coordinator sick failed in renew (told once, counted from now on)"),
        ("hangs", "coordinator sick did not renew within 2.5 s, nor did it give up"),
    ],
)
def test_a_store_whose_plugin_breaks_for_a_moment_is_named_and_no_camera_leaves_the_air(
    nginx: Nginx, tmp_path: Path, how: str, told: str
) -> None:
    with member(tmp_path, nginx) as one:
        nginx.wait_publishing("fleet", "record", least=50_000, timeout=60)
        one.breaks.write_text(how)
        wait_for(one.breaks.with_suffix(".seen").exists, timeout=20)
        one.breaks.unlink()  # so it was one renewal
        (path,) = nginx.recordings("fleet")
        size = path.stat().st_size
        time.sleep(LEASE)  # in which a member that had not renewed would have stopped
        nginx.wait_publishing("fleet", "record", least=size + 100_000, timeout=40)
        one.says(told)
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(40) == 0, one.log
    assert nginx.recordings("fleet") == [path]
    assert one.log.count("failed in renew (told once") == (0 if how == "hangs" else 1)
    assert "internal error" not in one.log
