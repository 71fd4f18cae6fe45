"""One row of the comparison, and one run of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from bench import meter
from bench.clips import FPS, MAIN, TITLES, long
from bench.senders import programs
from bench.server import BenchServer

MODULES = {
    "bare": "bare",
    "bare-records": "bare",
    "librtmp": "threads",
    "tgrtmp": "telegram",
}
"""Senders with a module of their own; programs are started as they are, the rest is camcast."""
PROGRAMS = {"ffmpeg": programs.ffmpeg, "gstreamer": programs.gstreamer}
READY_DEADLINE = 90.0
LOOKS = 4
"""How often threads are asked how often they slept, before they end."""
IN_TIME = 0.9
"""The part of what is due in the window that must have arrived; the rest is the spread of large frames at its ends."""


@attrs.frozen(kw_only=True)
class Case:
    """What is measured: `way` of sending, number of streams, clip, and whether over TLS."""

    way: str
    streams: int
    clip: str = MAIN
    secure: bool = False
    workers: int = 1

    @property
    def group(self) -> tuple[str, bool, int]:
        """Cases that may be compared: the same work for all senders."""
        return (self.clip, self.secure, self.streams)

    @property
    def sender(self) -> str:
        name = self.way if self.way in (*MODULES, *PROGRAMS) else f"camcast {self.way}"
        return f"{name}, {self.workers} workers" if self.workers > 1 else name

    @property
    def title(self) -> str:
        return f"{self.sender}, {self.streams} × {TITLES[self.clip]}, {'RTMPS' if self.secure else 'RTMP'}"


@attrs.define
class Run:
    """What one run brought."""

    cpu: float = 0.0
    """% of one core a stream."""
    system: float = 0.0
    """Of it in the kernel, %."""
    wakes: float = 0.0
    """A second, of all the sender's threads: how often one went to sleep and was woken."""
    preempted: float = 0.0
    """A second: how often one had the processor taken from it."""
    memory: float = 0.0
    """MB, all processes of the sender."""
    group: float = 0.0
    """MB of it held as groups of pictures."""
    seconds: float = 0.0
    frames: int = 0
    """Delivered, audio and video."""
    lost: int = 0
    delays: list[float] = attrs.field(factory=list)
    error: str = ""

    @property
    def valid(self) -> bool:
        return not self.error and not self.lost


class Missing(Exception):
    """A sender that is not installed."""


class Sender:
    """The processes of one run."""

    def __init__(
        self, case: Case, server: BenchServer, name: str, *, probe: bool, services: Mapping[str, Any] | None = None
    ) -> None:
        self.case = case
        self.name = name
        self._server = server
        prefix = server.prefix_of(secure=case.secure) + name
        self.children: list[subprocess.Popen[str]] = []
        if case.way in PROGRAMS:
            clip = long(case.clip)
            for number in range(case.streams):
                try:
                    ca_file = server.authority.ca_file if case.secure else None
                    command = PROGRAMS[case.way](clip, f"{prefix}{number}", ca_file)
                except FileNotFoundError as error:
                    raise Missing(str(error)) from None
                self.children.append(
                    subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
                )
        else:
            told: dict[str, Any] = {
                "way": case.way,
                "streams": case.streams,
                "clip": case.clip,
                "prefix": prefix,
                "probe": probe,
                "services": services or {},
                "workers": case.workers,
            }
            if case.secure:
                told["ca_file"] = str(server.authority.ca_file)
            module = f"bench.senders.{MODULES.get(case.way, 'camcast')}"
            self.children.append(
                subprocess.Popen(
                    [sys.executable, "-m", module, json.dumps(told)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )

    @property
    def pids(self) -> list[int]:
        if self.case.workers == 1:
            return [child.pid for child in self.children]
        import psutil

        return [
            pid
            for child in self.children
            for pid in (child.pid, *(p.pid for p in psutil.Process(child.pid).children(True)))
        ]

    def wait_ready(self) -> None:
        """Until media of all streams arrives."""
        if self.case.way in PROGRAMS:
            deadline = time.monotonic() + READY_DEADLINE
            while len([size for size in self._server.received(self.name).values() if size > 1000]) < self.case.streams:
                if time.monotonic() > deadline or any(child.poll() is not None for child in self.children):
                    raise RuntimeError("not on the air")
                time.sleep(0.1)
            return
        child = self.children[0]
        assert child.stdout is not None
        assert child.stderr is not None
        line = child.stdout.readline().strip()
        if line != "ready":
            child.wait(10)
            raise RuntimeError((child.stderr.read().strip().splitlines() or ["ended without a word"])[-1][:200])

    def hold(self) -> dict[str, Any] | None:
        """Stop feeding while the connections stay; returns what the sender says it sent, if it can."""
        if self.case.way in PROGRAMS:
            return None
        child = self.children[0]
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write("hold\n")
        child.stdin.flush()
        line = child.stdout.readline()
        found: dict[str, Any] = json.loads(line)
        return found

    def end(self) -> None:
        for child in self.children:
            child.kill()
        for child in self.children:
            child.wait()
            for pipe in (child.stdin, child.stdout, child.stderr):
                if pipe is not None:
                    pipe.close()


def measure(
    case: Case,
    server: BenchServer,
    name: str,
    seconds: float,
    *,
    probe: bool = False,
    services: Mapping[str, Any] | None = None,
    on_air: Callable[[], object] = lambda: None,
) -> Run:
    """Run `case` once for `seconds`. `name` must be new at the server. Raises `Missing`.

    `services`: what runs beside the streams, as in a configuration. `on_air` is called before anything is measured.
    """
    sender = Sender(case, server, name, probe=probe, services=services)
    run = Run()
    try:
        sender.wait_ready()
        on_air()
        time.sleep(1.0)
        pids = sender.pids
        switches = meter.Switches(pids)
        before, ticks = meter.cpu(pids), meter.user_share(pids)
        arrived, begun = sum(server.received(name).values()), time.monotonic()
        for _ in range(LOOKS):
            time.sleep(seconds / LOOKS)
            switches.look()
        used, wall = meter.cpu(pids) - before, time.monotonic() - begun
        delivered = sum(server.received(name).values()) - arrived
        user, system = (now - then for now, then in zip(meter.user_share(pids), ticks, strict=True))
        run.wakes, run.preempted = switches.waited / wall, switches.taken / wall
        run.memory = meter.pss(pids)
        run.seconds = wall
        run.cpu = 100 * used / wall / case.streams
        run.system = run.cpu * system / max(1, user + system)
        _settle(run, case, server, name, sender.hold(), delivered)
    except (RuntimeError, ValueError, OSError) as error:
        run.error = str(error)
    finally:
        sender.end()
    return run


def _settle(run: Run, case: Case, server: BenchServer, name: str, sent: dict[str, Any] | None, delivered: int) -> None:
    """What arrived against what was sent, or was due."""
    size, per_second = frame_size(case.clip), frames_per_second(case.clip)
    in_window = delivered / size
    due = per_second * run.seconds * case.streams
    if sent is None or not sent["bytes"]:
        run.frames = round(in_window)
        run.lost = (sent or {}).get("dropped", 0) or (0 if in_window >= due * IN_TIME else round(due - in_window))
        return
    expected = sent["bytes"]
    got = server.settled(name, expected)
    run.frames = sent["frames"]
    run.group = sent["group_bytes"] / 1e6
    run.delays = sent["delays"]
    missing = expected - got
    run.lost = sent["dropped"] + (max(1, round(abs(missing) / size)) if missing else 0)
    if in_window < due * IN_TIME:
        run.error = f"too slow: {100 * in_window / due:.0f} % of what was due"


_known: dict[str, tuple[float, float]] = {}


def _figures(clip: str) -> tuple[float, float]:
    from bench.clips import loaded

    if clip not in _known:
        _, packets, length = loaded(clip)
        payload = sum(len(packet.payload) + (5 if packet.track.kind.value == "video" else 2) for packet in packets)
        _known[clip] = payload / len(packets), len(packets) * 1e9 / length
    return _known[clip]


def frame_size(clip: str) -> float:
    """Mean bytes of a message."""
    return _figures(clip)[0]


def frames_per_second(clip: str) -> float:
    """Audio and video."""
    return _figures(clip)[1]


__all__ = ["FPS", "Case", "Missing", "Run", "measure"]
