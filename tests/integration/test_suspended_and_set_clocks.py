"""`camcast run` to the other end of each transport while the process is suspended, and while the system's clock is set.

Real servers, a file, and a viewer.

Suspended: a machine that is moved live, a process under a debugger. For longer than the longest patience of any of the
servers (30 s, of WebRTC's consent), so what holds here holds for longer ones. The clock: set by a time server or by
hand, an hour forward or back, which libfaketime shows to the process and everything in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from camcast.config import TargetConfig
from tests.command_run import Command, command_run
from tests.integration.peers import KEY, PEERS, Peer, RtmpPeer, SrtPeer, WhipPeer
from tests.integration.suspended import BACK, BUSY, SUSPENDED, in_order, more_arrives, noticed, set_clock, suspend
from tests.media import made
from tests.servers.process import free_port

OVER_THE_NETWORK = ("rtmp", "rtmps", "librtmp", "srt", "whip")
VIEWER = Path(__file__).parents[1] / "servers" / "whep_viewers.py"


class FilePeer(Peer):
    """A folder."""

    def __init__(self, directory: Path) -> None:
        self.folder = directory
        directory.mkdir()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *exc: object) -> None: ...

    def target(self) -> TargetConfig:
        return TargetConfig(url=f"record://{self.folder}/a.mp4", options={"fragment": 0.5})

    def refused(self) -> TargetConfig:
        raise NotImplementedError

    def holds_every_frame(self, clip: Path) -> int:
        raise NotImplementedError

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.mp4"))


class ViewerPeer(FilePeer):
    """Somebody who watches in a browser, and loads the page again where the picture stands still."""

    def __enter__(self) -> Peer:
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.watch()
        return self

    def __exit__(self, *exc: object) -> None:
        self.leave()

    def target(self) -> TargetConfig:
        return TargetConfig(url=f"whep://127.0.0.1:{self.port}/gate")

    def watch(self) -> None:
        self.leave()
        settings = {"url": f"http://127.0.0.1:{self.port}/gate", "addresses": ["127.0.0.1"]}
        viewer = shlex.join([sys.executable, str(VIEWER), json.dumps(settings)])
        with (self.folder / "seen").open("ab") as seen:
            self.process = subprocess.Popen(
                ["sh", "-c", f"until {viewer} 2>/dev/null; do sleep 0.3; done"],
                stdin=subprocess.PIPE, stdout=seen, start_new_session=True,
            )  # fmt: skip

    def leave(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()

    @property
    def seen(self) -> int:
        """Pictures and sounds."""
        return (self.folder / "seen").read_bytes().count(b'"hashes"')


LOCAL: dict[str, type[FilePeer]] = {"record": FilePeer, "whep": ViewerPeer}

__all__ = ["set_clock"]


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[dict[str, Peer]]:
    """What is at the other end of each transport, by its name."""
    kinds = {**{name: PEERS[name] for name in OVER_THE_NETWORK}, **LOCAL}
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(kind(tmp_path / name)) for name, kind in kinds.items()}  # type: ignore[call-arg]


def arrived(peer: Peer) -> int:
    """How much the server has taken so far: bytes, or units."""
    match peer:
        case RtmpPeer():
            return sum(path.stat().st_size for path in peer.nginx.recordings(KEY))
        case SrtPeer():
            return peer.tool.output.stat().st_size if peer.tool.output.exists() else 0
        case WhipPeer():
            return len(peer.whip.received())
        case ViewerPeer():
            return peer.seen
        case FilePeer():
            return sum(path.stat().st_size for path in peer.files)
    raise AssertionError(peer)


def output(target: TargetConfig) -> dict[str, Any]:
    """The keys of an output that `target` was made of, with time enough to connect for a busy machine."""
    target = attrs.evolve(target, connect_timeout=15.0)
    given = attrs.asdict(target, filter=lambda field, value: field.init and value != field.default, recurse=False)
    return {key: dict(value) if key == "options" else value for key, value in given.items()}


@contextlib.contextmanager
def running(folder: Path, peers: dict[str, Peer], **environment: str) -> Iterator[Command]:
    """One camera to all of them."""
    source = {"type": "file", "url": str(made("h264_aac")), "options": {"loop": True}}
    stream = {"source": source, "outputs": {name: output(peer.target()) for name, peer in peers.items()}}
    with command_run(folder, {"cameras": [{"camera_id": 0, "streams": [stream]}]}, **environment) as command:
        yield command


def seconds_arrive(peers: dict[str, Peer], seconds: int, within: float, command: Command) -> None:
    """Wait until each server has taken about so many seconds more of the clip."""
    counts = {name: partial(arrived, peer) for name, peer in peers.items()}
    more = {name: seconds * A_SECOND.get(type(peer), BYTES) for name, peer in peers.items()}
    more_arrives(counts, more, within, command)


A_SECOND = {WhipPeer: 60, ViewerPeer: 60}
"""Units of the clip that come in a second, where these are counted; else bytes, `BYTES`."""
BYTES = 60_000


def recordings(peers: dict[str, Peer]) -> list[Path]:
    """Of those that write down what comes; one each, as no connection is lost."""
    written = [peer.nginx.recordings(KEY) for peer in peers.values() if isinstance(peer, RtmpPeer)]
    written += [peer.files for peer in peers.values() if type(peer) is FilePeer]
    return [path for paths in written for path in one(paths)]


def one(paths: Sequence[Path]) -> Sequence[Path]:
    assert len(paths) == 1
    return paths


def test_a_process_that_was_suspended_is_back_at_once_with_true_figures(peers: dict[str, Peer], tmp_path: Path) -> None:
    with running(tmp_path, peers) as command:
        seconds_arrive(peers, 1, 90, command)
        suspend(command)
        for peer in peers.values():
            if isinstance(peer, ViewerPeer):
                peer.watch()  # WebRTC gives up what has been silent for 30 s
        seconds_arrive(peers, 1, BACK * BUSY, command)
        seconds_arrive(peers, 4, 20, command)
        figures = command.end()
    assert command.log.count("This process stood still for 33 s: it was stopped, or got no processor") == 1
    for session in figures["sessions"]:
        assert session["healthy"], session
        assert session["attempts"] <= 2, session
        # Nothing was on the air meanwhile, whatever the connection says; and no picture took half a minute.
        assert SUSPENDED - 1 < session["downtime"] < SUSPENDED + 20, session
        lived = session["uptime"] + session["downtime"] + session["waiting"]
        assert lived == pytest.approx(figures["seconds"], abs=1.5)
        assert session["bitrate_average"] > 300_000, "the clip's is 550 kbit/s"
        assert session["latency"] < 1.5, session
    in_order(recordings(peers))


def test_a_clock_that_is_set_moves_no_stream(
    peers: dict[str, Peer], tmp_path: Path, set_clock: Callable[[int], dict[str, str]]
) -> None:
    with running(tmp_path, peers, **set_clock(0)) as command:
        seconds_arrive(peers, 1, 90, command)
        for times, moved in enumerate((3600, -3600), 1):
            set_clock(moved)
            noticed(command, times)
            seconds_arrive(peers, 3, 20, command)
        figures = command.end()
    assert "The system's clock was set forward by 3600 s" in command.log
    assert "The system's clock was set back by 7200 s" in command.log
    assert "network" not in command.log.partition("set forward")[2]
    for session in figures["sessions"]:
        assert session["healthy"], session
        assert session["attempts"] == 1, session
        # Over UDP nobody says at the end that the last second has arrived; librtmp has a thread which blocks, and WHIP
        # and WHEP share one that a busy machine holds up for longer than what may wait for it.
        whole = session["frames_dropped"] == 0 or session["label"].endswith(("whip", "whep", "librtmp"))
        assert whole, f"{session}\n{command.log}"
        parts = [session[name] for name in ("label", "latency", "latency_inside", "latency_way")]
        assert session["latency"] < 1.5, f"{parts}\n{command.log}"
        lived = session["uptime"] + session["downtime"] + session["waiting"]
        assert lived == pytest.approx(figures["seconds"], abs=1.5)
    in_order(recordings(peers))
