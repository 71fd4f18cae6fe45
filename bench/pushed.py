"""What it costs to take streams that are pushed: by RTMP and by SRT, to be published or to be recorded; FFmpeg beside.

Each stream is the main clip (4 Mbit/s, 1080p, AAC), pushed by an FFmpeg of its own. It is taken by one camcast for all
of them, or by one FFmpeg for each (`-listen 1`, `mode=listener`), copied, and published to a local RTMP server or
written in files of ten seconds (fragmented MP4); both at the same time, so that whatever else the machine does concerns
them alike. Measured is the processor time of all processes of those who take; what they brought is counted by the
server, or in the files, and a run counts only where nothing of it is missing.

    python -m bench.pushed [--streams 8] [--seconds 15] [--rounds 3]     seven minutes

MediaMTX does the same and is not here: it is had as a program of its own only, not from a registry of packages.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import av
import imageio_ffmpeg
from tests.media import made
from tests.servers.process import family, free_port, listens, wait_for

from bench import meter
from bench.clips import FPS, MAIN
from bench.peers import Peer
from bench.report import Row, keep, show

WHO, BY, TO = ("camcast", "ffmpeg"), ("rtmp", "srt"), ("publish", "record")
FFMPEG = (imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error")
SETTLE = 3.0
"""Seconds from when all are there until it is measured."""
IN_TIME = 0.98
"""The part of the pictures due that must have come for a run to count."""
SEGMENT = 10


@attrs.frozen
class Case:
    """One way to take so many streams."""

    who: str
    by: str
    to: str
    ports: Sequence[int]
    folder: Path
    peer: Peer

    def pushed(self, number: int) -> list[str]:
        """The command that pushes one stream."""
        form, url = ("flv", self._rtmp(number)) if self.by == "rtmp" else ("mpegts", self._srt(number, "caller"))
        return [*FFMPEG, "-re", "-stream_loop", "-1", "-i", str(made(MAIN)), "-c", "copy", "-f", form, url]

    def taking(self) -> list[list[str]]:
        """The commands that take them all."""
        if self.who == "ffmpeg":
            return [self._ffmpeg(number) for number in range(len(self.ports))]
        path = self.folder / "pushed.json"
        path.write_text(json.dumps({"cameras": [self._camera(number) for number in range(len(self.ports))]}))
        return [[sys.executable, "-m", "camcast", "run", str(path), "--plain"]]

    def pictures(self) -> int:
        """So far, at the server. What is recorded is counted when it is whole."""
        return sum(count["video"] for count in self.peer.ask("counts").values())

    def arrived(self) -> int:
        """Streams of which the server has pictures."""
        return sum(count["video"] > 0 for count in self.peer.ask("counts").values())

    def recorded(self) -> int:
        """In all files."""
        found = 0
        for path in self.folder.glob("*.mp4"):
            with contextlib.suppress(av.error.FFmpegError), av.open(str(path)) as container:
                found += sum(packet.size > 0 for packet in container.demux(video=0))
        return found

    def _rtmp(self, number: int) -> str:
        return f"rtmp://127.0.0.1:{self.ports[number]}/live/key{number}"

    def _srt(self, number: int, mode: str) -> str:
        return f"srt://127.0.0.1:{self.ports[number]}?mode={mode}"

    def _ffmpeg(self, number: int) -> list[str]:
        take = (
            ["-listen", "1", "-i", self._rtmp(number)] if self.by == "rtmp" else ["-i", self._srt(number, "listener")]
        )
        if self.to == "publish":
            give = ["-f", "flv", self.peer.url(f"{number}")]
        else:
            form = ["-segment_format_options", "movflags=frag_keyframe+empty_moov+default_base_moof"]
            give = ["-f", "segment", "-segment_time", str(SEGMENT), *form, str(self.folder / f"{number}-%d.mp4")]
        return [*FFMPEG, *take, "-map", "0", "-c", "copy", *give]

    def _camera(self, number: int) -> dict[str, Any]:
        if self.by == "rtmp":
            source = {"type": "rtmp", "url": self._rtmp(number), "options": {"mode": "listen"}}
        else:
            source = {"type": "srt", "url": self._srt(number, "listener")}
        output: dict[str, Any] = {"url": self.peer.url(f"{number}")}
        if self.to == "record":
            output = {"url": f"record://{self.folder}/%H%M%S-{number}.mp4", "options": {"segment": SEGMENT}}
        return {"camera_id": number, "streams": [{"source": source, "outputs": {"out": output}}]}


@contextlib.contextmanager
def running(commands: Sequence[Sequence[str]], folder: Path, name: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    with contextlib.ExitStack() as stack:
        processes = []
        for number, command in enumerate(commands):
            log = stack.enter_context((folder / f"{name}{number}.log").open("wb"))
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
            processes.append(process)
        yield processes


@attrs.define
class Taken:
    """Streams that one of `WHO` takes, since they all do."""

    case: Case
    takers: list[subprocess.Popen[bytes]]

    def pids(self) -> list[int]:
        return list(itertools.chain.from_iterable(family(process.pid) for process in self.takers))

    def pictures(self) -> int:
        """So far, at the server. What is recorded is counted when it is whole."""
        return self.case.pictures() if self.case.to == "publish" else 0

    def end(self) -> None:
        for process in self.takers:
            process.terminate()
        for process in self.takers:
            process.wait(timeout=30)


@contextlib.contextmanager
def taken(who: str, by: str, to: str, streams: int) -> Iterator[Taken]:
    """Raises `TimeoutError` where not all streams come."""
    with tempfile.TemporaryDirectory() as name, Peer(keep=False) as peer:
        case = Case(who, by, to, [free_port() for _ in range(streams)], Path(name), peer)
        with running(case.taking(), case.folder, "takes") as takers:
            wait_for(
                lambda: all(listens(os.getpid(), port, udp=by == "srt") for port in case.ports),
                timeout=60,
                why="they listen",
            )
            with running([case.pushed(number) for number in range(streams)], case.folder, "pushes"):
                here = case.arrived if to == "publish" else lambda: len({*case.folder.glob("*.mp4")})
                wait_for(lambda: here() >= streams, timeout=60, why="all are taken")
                yield Taken(case, takers)


def measure(by: str, to: str, streams: int, seconds: float, order: Sequence[str]) -> dict[str, Row]:
    """One run of all who take, at the same time, so that whatever else the machine does concerns them alike."""
    with contextlib.ExitStack() as stack:
        all_of_them = {who: stack.enter_context(taken(who, by, to, streams)) for who in order}
        time.sleep(SETTLE)
        pids = {who: one.pids() for who, one in all_of_them.items()}
        before = {who: (meter.cpu(pids[who]), one.pictures()) for who, one in all_of_them.items()}
        began = time.monotonic()
        time.sleep(seconds)
        wall = time.monotonic() - began
        used = {who: meter.cpu(pids[who]) - before[who][0] for who in all_of_them}
        came = {who: one.pictures() - before[who][1] for who, one in all_of_them.items()}
        memory = {who: meter.pss(pids[who]) for who in all_of_them}
        rows: dict[str, Row] = {}
        for who, one in all_of_them.items():
            one.end()
            pictures = came[who] if to == "publish" else one.case.recorded()
            rows[who] = {
                "by": by,
                "to": to,
                "who": who,
                "%_of_a_core_each": round(100 * used[who] / wall / streams, 3),
                "MB_together": round(memory[who], 1),
                "whole": pictures >= FPS * wall * streams * IN_TIME,
            }
        return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    rows: list[Row] = []
    for by, to in itertools.product(BY, TO):
        runs = [
            measure(by, to, asked.streams, asked.seconds, WHO[:: 1 if turn % 2 else -1]) for turn in range(asked.rounds)
        ]
        rows += [_middle([run[who] for run in runs]) for who in WHO]
    show(f"{asked.streams} streams that are pushed, in the middle of {asked.rounds} runs", rows)
    print(keep("pushed", rows, streams=asked.streams, seconds=asked.seconds))
    return 0 if all(row["whole"] for row in rows) else 1


def _middle(runs: Sequence[Row]) -> Row:
    ordered = sorted(runs, key=lambda row: float(row["%_of_a_core_each"]))
    middle = ordered[len(ordered) // 2]
    memory = statistics.median(float(row["MB_together"]) for row in runs)
    return {**middle, "MB_together": memory, "whole": all(row["whole"] for row in runs)}


if __name__ == "__main__":
    sys.exit(main())
