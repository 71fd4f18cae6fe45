"""`camcast run` with cameras while the process is suspended, and while the system's clock is set.

RTSP over TCP and UDP: GStreamer's server, which goes on sending. V4L2: no kernel of a test machine has a camera or lets
one be made, so it is one at the ioctl boundary, which fills its buffers while nobody looks and loses the rest, as a
driver does; that a real one does too is its documentation's word (V4L2 API, "Streaming I/O").
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compare import Media
from tests.installed import installed
from tests.integration.peers import KEY, PEERS, RtmpPeer
from tests.integration.test_suspended_and_set_clocks import BACK, BUSY, SUSPENDED, Command, set_clock
from tests.media import made
from tests.servers.gst_rtsp import GstRtsp, loop
from tests.servers.process import wait_for

__all__ = ["set_clock"]

ROOT = Path(__file__).parents[2]
FPS, SIZE = 25, (320, 240)
"""Of the clip."""
PLUGIN = """
import threading
import time
from pathlib import Path

from camcast import hookimpl
from camcast.kinds import Gives, SourceKind
from camcast_v4l2.options import V4l2Options
from camcast_v4l2.source import V4l2Source
from tests.plugins.fake_camera import FakeCamera

STEP = 1_000_000_000 // FPS

def shoot(camera, units):
    # Each picture at its time. Those of a time in which nothing ran are taken as well, as by a driver.
    at, number, pause = time.monotonic_ns(), 0, threading.Event()
    while True:
        at += STEP
        pause.wait(max(0, at - time.monotonic_ns()) / 1e9)
        camera.shoot(units[number % len(units)], at=at)
        number += 1

def build(context):
    data, units = Path(context.url).read_bytes(), []
    while data:
        size = int.from_bytes(data[:4], "big")
        units.append(data[4 : 4 + size])
        data = data[4 + size :]
    camera = FakeCamera({"H264": {SIZE: (float(FPS),)}})
    threading.Thread(target=shoot, args=(camera, units), daemon=True).start()
    return V4l2Source(context, camera)

@hookimpl
def camcast_sources():
    return [SourceKind(name="v4l2-made-up", title="Made up", build=build, options=V4l2Options, gives=Gives.EITHER)]
"""
WAYS = ("tcp", "udp", "v4l2")


@contextlib.contextmanager
def running(folder: Path, **environment: str) -> Iterator[tuple[Command, dict[str, RtmpPeer]]]:
    """A camera of each way, each to a server of its own."""
    units = folder / "units"
    text = PLUGIN.replace("FPS", str(FPS)).replace("SIZE", repr(SIZE))
    mounts = {"/cam": loop(made("h264_only"), "h264", FPS, units)}
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(GstRtsp(folder / "camera", mounts))
        peers: dict[str, RtmpPeer] = {}
        for way in WAYS:
            peer = stack.enter_context(PEERS["rtmp"](folder / way))  # type: ignore[call-arg]
            assert isinstance(peer, RtmpPeer)
            peers[way] = peer
        sources: dict[str, dict[str, Any]] = {
            way: {"type": "rtsp", "url": server.url("/cam"), "options": {"transport": way}} for way in ("tcp", "udp")
        }
        sources["v4l2"] = {"type": "v4l2-made-up", "url": str(units)}
        cameras = [
            {
                "camera_id": number,
                "name": way,
                "streams": [{"source": sources[way], "outputs": {way: {"url": peers[way].target().url}}}],
            }
            for number, way in enumerate(WAYS)
        ]
        file, logged = folder / "camcast.json", folder / "log"
        file.write_text(json.dumps({"cameras": cameras}))
        path = os.pathsep.join((str(installed(folder, "made_up", text)), str(ROOT)))
        with logged.open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "camcast", "run", str(file), "--plain", "--json"],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **environment, "PYTHONPATH": path},
            )
        try:
            yield Command(process, logged), peers
        finally:
            process.kill()
            process.communicate()


def arrived(peer: RtmpPeer) -> int:
    return sum(path.stat().st_size for path in peer.nginx.recordings(KEY))


def more_arrives(peers: dict[str, RtmpPeer], seconds: int, within: float, command: Command) -> None:
    """Wait until each server has taken about so many seconds more."""
    before = {way: arrived(peer) for way, peer in peers.items()}
    late = set(peers)

    def all_have() -> bool:
        late.difference_update([way for way in late if arrived(peers[way]) >= before[way] + seconds * A_SECOND])
        return not late

    try:
        wait_for(all_have, timeout=within)
    except AssertionError:
        raise AssertionError(f"of {late} no more than {seconds} s came within {within:g} s:\n{command.log}") from None


A_SECOND = made("h264_only").stat().st_size // 8
"""Bytes of a part of the clip that is less than a second of it, wherever in it."""


def in_order(peers: dict[str, RtmpPeer]) -> None:
    """No recording has a picture before another."""
    for peer in peers.values():
        for recording in peer.nginx.recordings(KEY):
            times = [unit.dts for unit in Media.read(recording).video]
            assert times == sorted(times)


def test_cameras_of_a_process_that_was_suspended_are_back_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as (command, peers):
        more_arrives(peers, 1, 60, command)
        command.process.send_signal(signal.SIGSTOP)
        time.sleep(SUSPENDED)
        command.process.send_signal(signal.SIGCONT)
        more_arrives(peers, 1, BACK * BUSY, command)
        more_arrives(peers, 3, 30, command)
        figures = command.end()
    assert "This process stood still for" in command.log
    assert "hangs" not in command.log, "nobody is blamed for it"
    for stream in figures["streams"]:
        assert stream["state"] == "running", (stream, command.log)
        assert stream["restarts"] <= 1, (stream, command.log)
    for session in figures["sessions"]:
        assert session["state"] == "connected", (session, command.log)
        assert session["latency"] < 1.5, session
        lived = session["uptime"] + session["downtime"] + session["waiting"]
        assert lived == pytest.approx(figures["seconds"], abs=5)
    in_order(peers)


def test_a_clock_that_is_set_moves_no_camera(tmp_path: Path, set_clock: Callable[[int], dict[str, str]]) -> None:
    with running(tmp_path, **set_clock(0)) as (command, peers):
        more_arrives(peers, 1, 60, command)
        for moved in (3600, -3600):
            set_clock(moved)
            more_arrives(peers, 3, 30, command)
        figures = command.end()
    assert "The system's clock was set forward by 3600 s" in command.log
    assert "The system's clock was set back by 7200 s" in command.log
    for stream in figures["streams"]:
        assert (stream["state"], stream["restarts"]) == ("running", 0), (stream, command.log)
        assert stream["clock_jumps"] == 0, (stream, command.log)
    for session in figures["sessions"]:
        assert session["attempts"] == 1, (session, command.log)
        assert session["latency"] < 1.5, session
    in_order(peers)
