"""`camcast run` with cameras while the process is suspended, and while the system's clock is set.

RTSP over TCP and UDP: GStreamer's server, which goes on sending. RTMP and SRT: FFmpeg, which sends to camcast and
begins again where it is cut off. A clip. V4L2: no kernel of a test machine has a camera or lets one be made, so it is
one at the ioctl boundary, which fills its buffers while nobody looks and loses the rest, as a driver does; that a real
one does too is its documentation's word (V4L2 API, "Streaming I/O").
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest

from tests.command_run import Command, command_run
from tests.installed import installed
from tests.integration.peers import KEY, PEERS, RtmpPeer
from tests.integration.suspended import BACK, BUSY, in_order, more_arrives, noticed, set_clock, suspend
from tests.media import made
from tests.servers.gst_rtsp import GstRtsp, loop
from tests.servers.process import free_port

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
WAYS = ("tcp", "udp", "v4l2", "rtmp", "srt", "file")


@contextlib.contextmanager
def sender(url: str, form: str) -> Iterator[None]:
    """A camera that sends to an address, begun again whenever it is cut off."""
    clip = ("-re", "-stream_loop", "-1", "-i", str(made("h264_only")), "-c", "copy")
    send = shlex.join([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *clip, "-f", form, url])
    process = subprocess.Popen(
        ["sh", "-c", f"while :; do {send} 2>/dev/null; sleep 0.3; done"],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


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
        pushed, called = f"rtmp://127.0.0.1:{free_port()}/live/cam", f"srt://127.0.0.1:{free_port()}"
        sources["rtmp"] = {"type": "rtmp", "url": pushed, "options": {"mode": "listen"}}
        sources["srt"] = {"type": "srt", "url": f"{called}?mode=listener"}
        sources["file"] = {"type": "file", "url": str(made("h264_only")), "options": {"loop": True}}
        cameras = [
            {
                "camera_id": number,
                "name": way,
                "streams": [{"source": sources[way], "outputs": {way: {"url": peers[way].target().url}}}],
            }
            for number, way in enumerate(WAYS)
        ]
        path = os.pathsep.join((str(installed(folder, "made_up", text)), str(ROOT)))
        command = stack.enter_context(command_run(folder, {"cameras": cameras}, **environment, PYTHONPATH=path))
        stack.enter_context(sender(pushed, "flv"))
        stack.enter_context(sender(called, "mpegts"))
        yield command, peers


def arrived(peer: RtmpPeer) -> int:
    return sum(path.stat().st_size for path in peer.nginx.recordings(KEY))


def seconds_arrive(peers: dict[str, RtmpPeer], seconds: int, within: float, command: Command) -> None:
    """Wait until each server has taken about so many seconds more."""
    counts = {way: partial(arrived, peer) for way, peer in peers.items()}
    more_arrives(counts, dict.fromkeys(peers, seconds * A_SECOND), within, command)


A_SECOND = made("h264_only").stat().st_size // 8
"""Bytes of a part of the clip that is less than a second of it, wherever in it."""


def recordings(peers: dict[str, RtmpPeer]) -> list[Path]:
    return [path for peer in peers.values() for path in peer.nginx.recordings(KEY)]


def test_cameras_of_a_process_that_was_suspended_are_back_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as (command, peers):
        seconds_arrive(peers, 1, 60, command)
        suspend(command)
        seconds_arrive(peers, 1, BACK * BUSY, command)
        seconds_arrive(peers, 3, 30, command)
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
    in_order(recordings(peers))


def test_a_clock_that_is_set_moves_no_camera(tmp_path: Path, set_clock: Callable[[int], dict[str, str]]) -> None:
    with running(tmp_path, **set_clock(0)) as (command, peers):
        seconds_arrive(peers, 1, 60, command)
        for times, moved in enumerate((3600, -3600), 1):
            set_clock(moved)
            noticed(command, times)
            seconds_arrive(peers, 3, 30, command)
        figures = command.end()
    assert "The system's clock was set forward by 3600 s" in command.log
    assert "The system's clock was set back by 7200 s" in command.log
    for stream in figures["streams"]:
        assert (stream["state"], stream["restarts"]) == ("running", 0), (stream, command.log)
        assert stream["clock_jumps"] == 0, (stream, command.log)
    for session in figures["sessions"]:
        assert session["attempts"] == 1, (session, command.log)
        assert session["latency"] < 1.5, session
    in_order(recordings(peers))
