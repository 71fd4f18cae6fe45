"""One run of one way to take cameras: its processes started, watched from outside, and judged by what arrived."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import imageio_ffmpeg
from tests.servers.gst_rtsp import GstRtsp

from bench import meter
from bench.clips import FPS, MAIN, loaded
from bench.senders.child import VIDEO
from bench.senders.rtsp import config
from bench.server import BenchServer

DEADLINE = 30.0
"""Seconds until all cameras' pictures come."""
SETTLE = 1.5
IN_TIME = 0.99
"""The part of the pictures due that must have come for a run to count."""
MOUNT = "/cam"
OUTSIDE = ("rtmp", "engine", "ffmpeg")
"""Ways whose pictures are counted by the server that they publish to."""


@attrs.frozen
class Run:
    """What one run brought."""

    cpu: float
    """% of a core a camera."""
    memory: float
    """MB, all processes together (PSS)."""
    fps: float
    """Pictures a second and camera."""
    valid: bool


@attrs.frozen
class Delay:
    """ms from the arrival of a picture's last byte to its hand-over, and pictures that never were handed over."""

    p50: float
    p99: float
    max: float
    pictures: int
    missing: int


class Stand:
    """The camera, the server, and what the clip is like."""

    def __init__(self, camera: GstRtsp, server: BenchServer, folder: Path) -> None:
        self.camera, self.server = camera, server
        self._folder = folder
        self._number = 0
        _, packets, length = loaded(MAIN)
        sizes = [len(packet.payload) + 5 for packet in packets if packet.track.kind is VIDEO]
        self.loop = length / 1e9
        self.mean = sum(sizes) / len(sizes)
        self.largest = max(sizes)

    def name(self) -> str:
        """A new one at the server."""
        self._number += 1
        return f"r{self._number}x"

    def command(self, way: str, urls: Sequence[str], name: str, *, probe: bool = False) -> list[list[str]]:
        target = self.server.prefix_of(secure=False) + name
        if way == "ffmpeg":
            take = ["-nostdin", "-loglevel", "quiet", "-rtsp_transport", "tcp", "-i"]
            give = ["-c", "copy", "-f", "flv"]
            program = imageio_ffmpeg.get_ffmpeg_exe()
            return [[program, *take, url, *give, f"{target}{number}"] for number, url in enumerate(urls)]
        if way == "rtmp":
            path = self._folder / f"{name}.json"
            path.write_text(json.dumps(config(list(urls), target)))
            return [[sys.executable, "-m", "camcast", "run", str(path)]]
        told = {"way": way, "urls": urls, "target": target, "probe": probe}
        return [[sys.executable, "-m", "bench.senders.rtsp", json.dumps(told)]]


class Child:
    """A process that is asked by lines and answers in JSON."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def line(self) -> str:
        assert self._process.stdout is not None
        found = self._process.stdout.readline().strip()
        if not found:
            raise RuntimeError("ended without a word")
        return found

    def ask(self, word: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return json.loads(self.line())


@contextlib.contextmanager
def running(commands: Sequence[Sequence[str]]) -> Iterator[list[subprocess.Popen[str]]]:
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    asked = len(commands) == 1
    processes = []
    try:
        for command in commands:
            ends = (pipe, pipe) if asked else (quiet, quiet)
            processes.append(subprocess.Popen(command, stdin=ends[0], stdout=ends[1], stderr=quiet, text=True))
        yield processes
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
            for end in (process.stdin, process.stdout):
                if end is not None:
                    end.close()


def measure(stand: Stand, way: str, cameras: int, seconds: float) -> Run:
    """CPU, memory and pictures of `seconds`. Raises `RuntimeError` when not all cameras' pictures come."""
    name = stand.name()
    outside = way in OUTSIDE
    with running(stand.command(way, [stand.camera.url(MOUNT)] * cameras, name)) as processes:
        child = Child(processes[0])
        if outside:
            _on_the_air(stand, name, cameras)
        else:
            child.line()
        time.sleep(SETTLE)
        if outside:
            _behind_keyframe(stand, name)
        pids = [process.pid for process in processes]
        used, came, begun = meter.cpu(pids), _pictures(stand, name, None if outside else child), time.monotonic()
        time.sleep(seconds)
        wall = time.monotonic() - begun
        came = _pictures(stand, name, None if outside else child) - came
        used = meter.cpu(pids) - used
        fps = came / wall / cameras
        return Run(100 * used / wall / cameras, meter.pss(pids), fps, valid=fps >= FPS * IN_TIME)


def _pictures(stand: Stand, name: str, child: Child | None) -> float:
    if child is not None:
        return float(child.ask("count")[0])
    return sum(stand.server.received(name).values()) / stand.mean


def _on_the_air(stand: Stand, name: str, cameras: int) -> None:
    deadline = time.monotonic() + DEADLINE
    while len([size for size in stand.server.received(name).values() if size > stand.largest]) < cameras:
        if time.monotonic() > deadline:
            raise RuntimeError(f"not on the air: {len(stand.server.received(name))} of {cameras}")
        time.sleep(0.2)


def _behind_keyframe(stand: Stand, name: str) -> None:
    """Until a keyframe has passed, so that none lies at an end of the window, where it would count as many pictures."""
    deadline = time.monotonic() + 5
    before = sum(stand.server.received(name).values())
    count = max(1, len(stand.server.received(name)))
    while time.monotonic() < deadline:
        time.sleep(0.05)
        now = sum(stand.server.received(name).values())
        if now - before > count * stand.largest * 0.7:
            break
        before = now
    time.sleep(0.5)


def delay(stand: Stand, way: str, cameras: int, seconds: float) -> Delay:
    """What `way` adds to each picture, with a relay before it. Raises `RuntimeError`."""
    told = json.dumps({"camera": stand.camera.port, "viewers": cameras})
    with running([[sys.executable, "-m", "bench.senders.relay", told]]) as (process,):
        relay = Child(process)
        urls = [f"rtsp://127.0.0.1:{port}{MOUNT}" for port in json.loads(relay.line())]
        with running(stand.command(way, urls, stand.name(), probe=True)) as (viewer,):
            child = Child(viewer)
            child.line()
            time.sleep(SETTLE)
            begun = time.monotonic_ns()
            time.sleep(seconds)
            ended = time.monotonic_ns()
            time.sleep(0.5)
            taken = child.ask("notes")
            return _compare(relay.ask("notes"), taken, begun, ended)


def _compare(passed: Sequence[Any], taken: Sequence[Any], begun: int, ended: int) -> Delay:
    """By camera and picture. The clip comes round again, so a picture is looked for before it can."""
    times: dict[tuple[int, str], list[int]] = {}
    for camera, end, at in taken:
        times.setdefault((camera, end), []).append(at)
    delays, missing = [], 0
    for camera, end, at in passed:
        if begun <= at < ended:
            found = next((time for time in times.get((camera, end), ()) if 0 <= time - at < 5e9), None)
            if found is None:
                missing += 1
            else:
                delays.append((found - at) / 1e6)
    if not delays:
        raise RuntimeError("no picture was known again")
    delays.sort()
    last = len(delays) - 1
    return Delay(delays[last // 2], delays[last * 99 // 100], delays[-1], len(delays), missing)
