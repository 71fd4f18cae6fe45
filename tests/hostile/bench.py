"""Rows, one after the other: three good sessions beside hostile peers, and three more in a process without any.

Both engines run at the same time on the same machine, so what the machine does to one it does to the other: the row's
figures are judged against the control's. They go on from row to row; what a row finds is theirs from its first to its
last moment, and what they sent in their whole lives is settled in the end (`Bench.settle`).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import attrs
import av
from bench.peers import Peer, slices

from tests.hostile.child import Child
from tests.hostile.engine import GOOD
from tests.hostile.peers import CERTIFICATE, PEERS, PRIVATE_KEY, HostilePeer
from tests.hostile.script import ATTACKED, NOBODY
from tests.media import RECIPES, encode, made
from tests.servers.certificates import Authority

PICTURES = 100
"""Of the clip that the good sessions send again and again; no two are the same."""
RECIPES["hostile"] = (".mp4", lambda path: encode(path, fps=25, seconds=PICTURES / 25, bitrate=1_000_000, gop=1.0))
SHOWN = 30.0
"""Seconds in which a peer must have attacked and been answered, on the busiest of machines."""
SETTLED = 10.0
"""Seconds in which the pictures of a row arrive."""
PLACES = ("beside", "control")
_LOOK = 0.1
_BEFORE = 100_000_000
"""Nanoseconds before a row in which each good session's last picture came."""


@attrs.frozen
class Side:
    """What three good sessions of one process did."""

    lost: int
    """What camcast says that it dropped, or pictures that the receiver misses, whichever is more."""
    gap: float
    """The longest time between two pictures at the receiver, seconds."""
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
    shown: bool
    """The attack was seen to begin, and its text to be told where there is one."""

    @property
    def good_errors(self) -> dict[str, list[str]]:
        """What was told of the good sessions and cameras, which should be nothing."""
        good = tuple(f"cam{number}_" for number in range(GOOD))
        return {label: texts for label, texts in self.beside.errors.items() if label.startswith(good)}

    @property
    def told(self) -> str:
        """Of the first of the hostile peers."""
        return " ".join(
            text for label, texts in self.beside.errors.items() if label.startswith("cam10_") for text in texts
        )


class Bench:
    """One receiver, two engines, and a process that plays the peers by turns."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._numbers = _numbers()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._receiver = stack.enter_context(Peer())
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            issued = Authority(Path(directory)).issue()
            self._files = {CERTIFICATE: str(issued.cert_file), PRIVATE_KEY: str(issued.key_file)}
            self._peers = stack.enter_context(Child("tests.hostile.script"))
            self._engines = {
                place: stack.enter_context(Child("tests.hostile.engine")) for place in ("beside", "control")
            }
            for place, engine in self._engines.items():
                good = [_good(number, self._receiver, place) for number in range(GOOD)]
                engine.say({"system": {"max_cameras": 64, "max_connects_per_second": 100}, "cameras": good})
            deadline = time.monotonic() + SHOWN
            while not all(self._frames(place, number) for place in self._engines for number in range(GOOD)):
                assert time.monotonic() < deadline, "the good sessions do not come on the air"
                time.sleep(_LOOK)
            time.sleep(1.0)  # what is imported late is read then
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def row(self, name: str, *, copies: int = 1, seconds: float = 0.0) -> Row:
        """`copies` of the peer called `name`, each with a session or a camera of its own, for `seconds` of its attack.

        The row ends no sooner than the peer's text was told, within `SHOWN`. 0 = the peer's own time.
        """
        peer = PEERS[name]
        url = peer.url.format(port=self._peers.ask(name))
        options = {key: self._files.get(value, value) for key, value in peer.options.items()}
        attacked = [
            _camera(10 + n, url, options, self._receiver) if peer.camera else _session(10 + n, f"{url}{n}", options)
            for n in range(copies)
        ]
        begun = time.monotonic_ns()
        self._ask("meet", lambda place: [attacked if place == "beside" else []])
        shown = self._watch(peer, seconds or peer.seconds)
        seen = self._ask("look")
        self._peers.ask(NOBODY)
        self._ask("part")
        sides = {place: self._side(place, figures, begun) for place, figures in seen.items()}
        return Row(name, copies, sides["beside"], sides["control"], shown)

    def settle(self) -> dict[str, int]:
        """End the good sessions: for each how many of the pictures that it sent in its life were not received."""
        sent = self._ask("settle")
        return {
            f"{place} {number}": sent[place][f"cam{number}_main"] - len(self._frames(place, number))
            for place in self._engines
            for number in range(GOOD)
        }

    def _ask(self, what: str, more: Any = lambda place: []) -> dict[str, Any]:
        for place, engine in self._engines.items():
            engine.say([what, *more(place)])
        return {place: engine.answer() for place, engine in self._engines.items()}

    def _watch(self, peer: HostilePeer, seconds: float) -> bool:
        deadline = time.monotonic() + SHOWN
        end = 0.0
        beside = self._engines["beside"]
        while time.monotonic() < deadline:
            time.sleep(_LOOK)
            errors = beside.ask(["look"])["errors"]
            told = not peer.says or any(peer.cut_off(text) for label in errors for text in errors[label])
            if not end and (self._peers.ask(ATTACKED) or (peer.says and told)):
                end = time.monotonic() + seconds
            if end and told and time.monotonic() >= end:
                return True
        return False

    def _frames(self, place: str, number: int) -> list[list[Any]]:
        """When each picture came, ns, and the digest of its slices."""
        frames: list[list[Any]] = self._receiver.ask("slices", f"{place}{number}")
        return frames

    def _side(self, place: str, figures: dict[str, Any], begun: int) -> Side:
        gap, count, missed = 0.0, 0, 0
        for number in range(GOOD):
            row = [frame for frame in self._arrived(place, number, figures) if frame[0] > begun - _BEFORE]
            count += len(row)
            missed += missing([self._numbers[digest] for _, digest in row])
            gap = max([gap, *((later - at) / 1e9 for (at, _), (later, _) in pairwise(row))])
        turn, cpu, memory = (figures[name] for name in ("turn", "cpu", "memory_mb"))
        return Side(
            max(figures["dropped"], missed), gap, turn, cpu, memory, count, figures["errors"], figures["failures"]
        )

    def _arrived(self, place: str, number: int, figures: dict[str, Any]) -> list[list[Any]]:
        """What came until after the row, so that what is late is seen to be, and a hole at its end has an end."""
        sent = figures["sent"][f"cam{number}_main"]
        deadline = time.monotonic() + SETTLED
        while True:
            frames = self._frames(place, number)
            after = bool(frames) and frames[-1][0] > figures["now"]
            if after and (len(frames) > sent or time.monotonic() > deadline):
                return frames
            assert time.monotonic() < deadline, f"{place} {number}: no more pictures come"
            time.sleep(_LOOK)


def missing(numbers: Sequence[int]) -> int:
    """How many pictures should stand between those with these numbers in the clip, behind whose last comes its first.

    Fewer than a whole clip in a row; a picture that comes twice is as good as a clip that is missing.
    """
    return sum((later - number - 1) % PICTURES for number, later in pairwise(numbers))


def _numbers() -> dict[int, int]:
    """Which picture of the clip it is, by the digest of its slices."""
    with av.open(str(made("hostile"))) as file:
        found = {slices(bytes(packet)): number for number, packet in enumerate(file.demux(video=0)) if packet.size}
    assert sorted(found.values()) == list(range(PICTURES))
    return found


def _source() -> dict[str, Any]:
    return {"type": "file", "url": str(made("hostile")), "options": {"loop": True}}


def _good(number: int, receiver: Peer, place: str) -> dict[str, Any]:
    stream = {"name": "main", "source": _source(), "rtmp": {"url": receiver.url(f"{place}{number}")}}
    return {"camera_id": number, "name": "good", "streams": [stream]}


def _session(number: int, url: str, options: Mapping[str, Any]) -> dict[str, Any]:
    # Whoever it is: the certificate is not what is tried here.
    trust = {"insecure": True} if url.startswith(("rtmps", "whips")) else {}
    output = {
        "url": url,
        **trust,
        "options": dict(options),
        "retry_policy": {"max_attempts": None, "initial_delay": 0.5, "max_delay": 0.5},
    }
    return {"camera_id": number, "streams": [{"name": "main", "source": _source(), "outputs": {"bad": output}}]}


def _camera(number: int, url: str, options: Mapping[str, Any], receiver: Peer) -> dict[str, Any]:
    kind = url.partition(":")[0].removesuffix("s")
    # Of those who publish at one port each has a key.
    url = url if kind == "rtsp" or number == 10 else f"{url}{number}"
    source = {"type": kind, "url": url, "options": dict(options)}
    stream = {"name": "main", "source": source, "rtmp": {"url": receiver.url(f"cam{number}")}}
    return {"camera_id": number, "streams": [stream]}
