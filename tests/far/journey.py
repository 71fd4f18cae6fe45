"""One stream from a process over a path to a server, and what became of its pictures."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path as File
from typing import Any

import attrs
import imageio_ffmpeg

from camcast.stream.flow import REASON_UNHEARD
from tests.compare import Media, fingerprint
from tests.far.clips import FPS
from tests.far.path import Path


@attrs.frozen
class Picture:
    number: int
    """In the clip."""
    arrived: float
    """Monotonic seconds."""


@attrs.frozen
class Pictures:
    """Those of a clip that came to a server, in order of arrival."""

    all: Sequence[Picture]

    @classmethod
    def of(cls, media: Media, numbers: Mapping[bytes, int], *, torn: bool = False) -> Pictures:
        """`torn`: some may have come in part only, which then count as lost."""
        found = [(numbers.get(fingerprint(unit), -1), unit.arrived) for unit in media.video]
        assert torn or all(number >= 0 for number, _ in found), "a picture that is not the clip's"
        return cls([Picture(number, arrived) for number, arrived in found if number >= 0])

    @property
    def first(self) -> float:
        """When the first one came."""
        return self.all[0].arrived

    @property
    def missing(self) -> list[int]:
        """Numbers between the first and the last that never came."""
        came = {picture.number for picture in self.all}
        return [number for number in range(self.all[0].number, self.all[-1].number) if number not in came]

    def missing_after(self, moment: float) -> list[int]:
        """Those that should have come after a moment: later in the clip than all that had come by then."""
        last = max((picture.number for picture in self.all if picture.arrived < moment), default=-1)
        return [number for number in self.missing if number > last]

    def lost(self, since: float, until: float) -> int:
        """How many are missing between the last picture before one moment and the last before another."""
        came = [max((p.number for p in self.all if p.arrived <= at), default=-1) for at in (since, until)]
        return sum(came[0] < number < came[1] for number in self.missing)

    def late(self, since: float, until: float) -> float | None:
        """How late the latest picture of a time was, in seconds, against the earliest of the whole journey."""
        lateness = [(picture.arrived, picture.arrived - picture.number / FPS) for picture in self.all]
        best = min(late for _, late in lateness)
        return max((late - best for at, late in lateness if since <= at < until), default=None)

    def next_after(self, moment: float, until: float = math.inf) -> float | None:
        """Seconds from a moment to the next picture's arrival; None = there is none."""
        return min((p.arrived - moment for p in self.all if moment <= p.arrived < until), default=None)

    def longest_gap(self, since: float, until: float) -> float:
        """Seconds without a picture."""
        times = [picture.arrived for picture in self.all if since <= picture.arrived < until]
        return max(after - before for before, after in zip([since, *times], [*times, until], strict=True))


def left_out(figures: Mapping[str, Any]) -> Mapping[str, int]:
    """What a session dropped, by kind and reason, without sound from before it had connected, which nobody misses."""
    dropped: Mapping[str, int] = figures["dropped"]
    return {reason: count for reason, count in dropped.items() if not reason.endswith(REASON_UNHEARD)}


class Sender:
    """A process that plays a clip once, in real time, to a URL."""

    def __init__(self, command: Sequence[str], path: Path, log: File) -> None:
        self.log = log
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [*path.near_prefix, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )

    def end(self, timeout: float = 15.0) -> str:
        """Ask it to end, and what it printed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            out, _ = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise AssertionError(f"it does not end:\n{self.log.read_text()[-2000:]}") from None
        return out.decode()


@contextmanager
def camcast(folder: File, path: Path, clip: File, url: str, **output: Any) -> Iterator[Sender]:
    """`camcast run` with a configuration file."""
    source = {"type": "file", "url": str(clip), "options": {"loop": False}}
    stream = {"source": source, "outputs": {"far": {"url": url, **output}}}
    file = folder / "camcast.json"
    file.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [stream]}]}))
    command = [sys.executable, "-m", "camcast", "run", str(file), "--json"]
    with _running(Sender(command, path, folder / "camcast.log")) as sender:
        yield sender


@contextmanager
def ffmpeg(folder: File, path: Path, clip: File, url: str) -> Iterator[Sender]:
    """FFmpeg doing the same."""
    form = "mpegts" if url.startswith("srt:") else "flv"
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-hide_banner",
        "-loglevel",
        "warning",
        "-nostdin",
        "-re",
        "-i",
        str(clip),
    ]
    with _running(Sender([*command, "-c", "copy", "-f", form, url], path, folder / "ffmpeg.log")) as sender:
        yield sender


@contextmanager
def _running(sender: Sender) -> Iterator[Sender]:
    try:
        yield sender
    finally:
        if sender.process.poll() is None:
            sender.process.kill()
        sender.process.wait(10)
