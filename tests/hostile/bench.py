"""One row: three good sessions beside a number of hostile peers, and three more in a process without any.

Both engines run at the same time on the same machine, so what the machine does to one it does to the other: the row's
figures are judged against the control's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import Any

import attrs
from bench.peers import Peer

from tests.hostile.peers import PEERS
from tests.media import RECIPES, ROOT, encode, made

GOOD = 3
RECIPES["hostile"] = (".mp4", lambda path: encode(path, fps=25, seconds=4.0, bitrate=1_000_000, gop=1.0))


@attrs.frozen
class Side:
    """What three good sessions of one process did."""

    lost: int
    """Pictures dropped by camcast, or sent and not received."""
    gap: float
    """The longest time between two pictures at the receiver, seconds, from the second second on."""
    turn: float
    """The most CPU seconds in one turn of the loop."""
    cpu: float
    """Of one core."""
    memory: float
    """MB at the most."""
    frames: int
    errors: dict[str, list[str]]
    """What is told of each camera and session."""
    failures: list[str]
    """Of attempts and sources."""


@attrs.frozen
class Row:
    peer: str
    copies: int
    beside: Side
    control: Side


def run(name: str, *, copies: int = 1, seconds: float = 4.0) -> Row:
    """`copies` of the peer called `name`, each with a session or a camera of its own."""
    peer = PEERS[name]
    with ExitStack() as stack:
        receiver = stack.enter_context(Peer())
        port = stack.enter_context(_serving(name))
        url = peer.url.format(port=port)
        attacked = [
            _camera(10 + n, url, peer.options, receiver) if peer.camera else _session(10 + n, f"{url}{n}")
            for n in range(copies)
        ]
        good = [_good(n, receiver, "beside") for n in range(GOOD)]
        control = [_good(n, receiver, "control") for n in range(GOOD)]
        engines = [
            (place, stack.enter_context(_engine([*cameras], seconds)))
            for place, cameras in (("beside", [*good, *attacked]), ("control", control))
        ]
        results = {place: json.loads(_output(engine)) for place, engine in engines}
        sides = {place: _side(result, place, receiver) for place, result in results.items()}
    return Row(name, copies, sides["beside"], sides["control"])


def _source() -> dict[str, Any]:
    return {"type": "file", "url": str(made("hostile")), "options": {"loop": True}}


def _good(number: int, receiver: Peer, place: str) -> dict[str, Any]:
    stream = {"name": "main", "source": _source(), "rtmp": {"url": receiver.url(f"{place}{number}")}}
    return {"camera_id": number, "name": "good", "streams": [stream]}


def _session(number: int, url: str) -> dict[str, Any]:
    # Whoever it is: the certificate is not what is tried here.
    trust = {"insecure": True} if url.startswith(("rtmps", "whips")) else {}
    output = {"url": url, **trust, "retry_policy": {"max_attempts": None, "initial_delay": 0.5, "max_delay": 0.5}}
    return {"camera_id": number, "streams": [{"name": "main", "source": _source(), "outputs": {"bad": output}}]}


def _camera(number: int, url: str, options: Mapping[str, Any], receiver: Peer) -> dict[str, Any]:
    source = {"type": "rtsp", "url": url, "options": dict(options)}
    stream = {"name": "main", "source": source, "rtmp": {"url": receiver.url(f"cam{number}")}}
    return {"camera_id": number, "streams": [stream]}


@contextmanager
def _serving(name: str) -> Iterator[int]:
    command = [sys.executable, "-m", "tests.hostile.script", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.kill()


@contextmanager
def _engine(cameras: list[dict[str, Any]], seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.hostile.engine"]
    config = {"system": {"max_cameras": 64, "max_connects_per_second": 100}, "cameras": cameras}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps({"config": config, "seconds": seconds}).encode() + b"\n")
        process.stdin.flush()
        try:
            yield process
        finally:
            process.kill()


def _output(engine: subprocess.Popen[bytes]) -> bytes:
    assert engine.stdout is not None
    line = engine.stdout.readline()
    assert line, f"the engine ended with {engine.wait(5)}"
    return line


def _side(result: dict[str, Any], place: str, receiver: Peer) -> Side:
    lost, gap, frames = 0, 0.0, 0
    for number in range(GOOD):
        figures = next(one for label, one in result["sessions"].items() if label.startswith(f"cam{number}_"))
        arrived = receiver.ask("frames", f"{place}{number}")
        frames += len(arrived)
        lost += figures["dropped"] + figures["sent"] + figures["replayed"] - len(arrived)
        times = [one[0] / 1e9 for one in arrived]
        steady = [at for at in times if at > times[0] + 1.0]
        gap = max([gap, *(later - earlier for earlier, later in pairwise(steady))])
    return Side(
        lost, gap, result["turn"], result["cpu"], result["memory_mb"], frames, result["errors"], result["failures"]
    )


HEADINGS = ("frames lost", "largest gap, ms", "longest turn, CPU ms", "CPU %", "memory, MB")


def table(rows: list[Row]) -> str:
    """For the page of results; in brackets what the control did."""
    lines = ["| " + " | ".join(("peer", "copies", *HEADINGS)) + " |", "|---" * (2 + len(HEADINGS)) + "|"]
    for row in rows:
        a, b = row.beside, row.control
        cells = [
            f"{a.lost} of {a.frames} ({b.lost})",
            *(
                f"{mine * factor:.0f} ({its * factor:.0f})"
                for mine, its, factor in (
                    (a.gap, b.gap, 1000),
                    (a.turn, b.turn, 1000),
                    (a.cpu, b.cpu, 100),
                    (a.memory, b.memory, 1),
                )
            ),
        ]
        lines.append(f"| {row.peer} | {row.copies} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def page(rows: list[Row]) -> str:
    return (
        "# Hostile peers beside three good sessions\n\nPrinted by `make hostile`. In brackets: three more good "
        "sessions, at the same time, in a process without hostile peers.\n\n" + table(rows) + "\n"
    )
