"""An encoder that hangs, one that is slow, a worker whose loop is held: each is told for what it is; all goes on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests.command_run import Command, command_run
from tests.installed import installed
from tests.media import made
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for

ODD = """
import os
import threading
import time
from pathlib import Path

import attrs
from camcast import hookimpl
from camcast.kinds import EncoderKind, Gives, SourceKind
from camcast_h264.encoders import KINDS
from camcast_testsrc.options import PictureOptions
from camcast_testsrc.source import PictureSource

MORE = {"gives": Gives.FRAMES, "needs_url": False}
FOLDER = Path(os.environ["ODD"])
(X264,) = (kind for kind in KINDS if kind.name == "libx264")

class Odd:
    def __init__(self, settings):
        self._inner = X264.open(attrs.evolve(settings, options=X264.options()))
        self._first = not (FOLDER / "hung").exists()

    def encode(self, frame):
        if (FOLDER / "hang").exists() and self._first:
            (FOLDER / "hung").touch()
            self.ask_the_card()
        if (FOLDER / "slow").exists():
            time.sleep(0.5)
        return self._inner.encode(frame)

    def ask_the_card(self):
        threading.Event().wait()

    def __getattr__(self, name):
        return getattr(self._inner, name)

def broken(settings):
    raise RuntimeError("no such card")

class Holds(PictureSource):
    async def run(self, sink):
        if not (FOLDER / "held").exists():
            (FOLDER / "held").touch()
            time.sleep(600)
        await super().run(sink)

@hookimpl
def camcast_encoders():
    return [
        EncoderKind(name="odd", title="Odd", codec="h264", open=Odd, priority=10_000),
        EncoderKind(name="broken", title="Broken", codec="h264", open=broken),
    ]

@hookimpl
def camcast_sources():
    return [SourceKind(name="holds", title="Holds", build=Holds, options=PictureOptions, **MORE)]
"""


def environment(folder: Path) -> dict[str, str]:
    installed(folder, "odd", ODD)
    return {"ODD": str(folder), "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


def camera(number: int, url: str, source: dict[str, Any], implementation: str = "auto") -> dict[str, Any]:
    encoder = {"width": 320, "height": 180, "framerate": 15, "gop": 1, "implementation": implementation}
    return {"camera_id": number, "streams": [{"source": source, "encoder": encoder, "outputs": {"out": {"url": url}}}]}


def says(command: Command, text: str, timeout: float = 60.0) -> None:
    wait_for(lambda: text in command.log, timeout=timeout, why=f"{text}\n{command.log}")


def grows(nginx: Nginx, name: str) -> None:
    """Wait until more is recorded than there is now."""
    so_far = sum(path.stat().st_size for path in nginx.recordings(name))
    wait_for(
        lambda: sum(path.stat().st_size for path in nginx.recordings(name)) > so_far + 30_000, timeout=60, why=name
    )


def test_an_encoder_that_hangs_is_named_with_its_line_and_a_slow_one_is_told_apart(
    nginx: Nginx, tmp_path: Path
) -> None:
    picture = {"type": "testsrc", "retry_policy": {"initial_delay": 0.2, "max_delay": 0.2}}
    clip = {"type": "file", "url": str(made("h264_aac")), "options": {"loop": True}}
    cameras = [camera(0, nginx.url("gate"), picture, "odd"), camera(1, nginx.url("other"), clip)]
    with command_run(tmp_path, {"cameras": cameras}, **environment(tmp_path)) as command:
        nginx.wait_publishing("gate", "record", least=30_000, timeout=60)
        (tmp_path / "slow").touch()
        says(command, "encoding is slower than real time here; pictures are left out")
        assert "hung" not in command.log
        (tmp_path / "slow").unlink()
        (tmp_path / "hang").touch()
        says(command, "plugin odd has hung for 10 s in odd_plugin.py:")
        grows(nginx, "gate")
        figures = command.end()
    told = [line for line in command.log.splitlines() if "has hung" in line]
    assert all("in ask_the_card" in line and "this machine is not too slow" in line for line in told), told
    other = next(one for one in figures["sessions"] if one["label"] == "cam1_main/out")
    assert (other["attempts"], other["frames_dropped"]) == (1, 0)


def test_a_worker_whose_loop_is_held_is_begun_anew_and_no_camera_of_another_notices(
    nginx: Nginx, tmp_path: Path
) -> None:
    clip = {"type": "file", "url": str(made("h264_aac")), "options": {"loop": True}}
    sources: tuple[dict[str, Any], ...] = ({"type": "holds"}, clip, clip, clip)
    cameras = [camera(number, nginx.url(f"cam{number}"), source) for number, source in enumerate(sources)]
    with command_run(tmp_path, {"cameras": cameras, "system": {"workers": 2}}, **environment(tmp_path)) as command:
        says(command, "stood still for 5 s")
        for number in range(4):
            nginx.wait_publishing(f"cam{number}", "record", least=50_000, timeout=60)
        figures = command.end()
    (line,) = (line for line in command.log.splitlines() if "stood still for 5 s" in line)
    assert "started anew with cameras" in line
    assert "by plugin odd, odd_plugin.py:" in command.log, "the worker said itself who holds it"
    begun_anew = {int(number) for number in line.rpartition("with cameras ")[2].replace(",", " ").split()}
    for session in figures["sessions"]:
        number = int(session["label"][3])
        assert number in begun_anew or (session["attempts"], session["frames_dropped"]) == (1, 0), session
    assert 0 in begun_anew
    assert len(begun_anew) < 4


def test_an_encoder_with_a_bug_that_is_the_only_one_asked_for_is_no_trouble_of_the_network(
    nginx: Nginx, tmp_path: Path
) -> None:
    cameras = [camera(0, nginx.url("gate"), {"type": "testsrc"}, "broken")]
    with command_run(tmp_path, {"cameras": cameras}, **environment(tmp_path)) as command:
        says(command, "broken: failed by a bug of its own: RuntimeError: no such card")
        says(command, "next try in 30")
        (session,) = command.end()["sessions"]
    assert set(session["errors"]) == {"plugin"}, session["errors"]
    assert "network:" not in command.log
