"""Our receiver in a process of its own that can be killed and asked what came, and when.

The child reads commands from its stdin, one a line, and answers each with one line of JSON:

- "first NAME NS": when the first keyframe of NAME came after NS
- "frames NAME": [arrival ns, time ms, keyframe, digest] of every picture
- "slices NAME": [arrival ns, digest of its slices] of every picture
- "rates": by name [ms a picture, ms a sound, ms of the last picture]; "anew": what follows alone shall count there
- "take FOLDER": writes what came since the last time as FOLDER/NAME.flv, whole groups of pictures only, and forgets it
- "counts": everything by name; "accepts": when connections were accepted, ns; "drop": reset everybody
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import zlib
from collections import defaultdict
from pathlib import Path
from typing import Any, Self

import attrs
from tests.servers.process import free_port

from bench.rate import Rate
from camcast.media import Tag, TagType
from camcast.testing.recording import Recording
from camcast_rtmp.receiver import Receiver

KEEP = 1 << 50
"""Bytes: everything. Long runs take it away piece by piece."""


class Peer:
    """One such process."""

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, keep: bool = True, prefix: tuple[str, ...] = ()
    ) -> None:
        self.host = host
        self.port = port or free_port()
        self._keep = keep
        self._prefix = prefix
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        command = [*self._prefix, sys.executable, "-m", "bench.peers", self.host, str(self.port), str(int(self._keep))]
        # In a session of its own: what interrupts a run from the terminal must leave it what it ends with.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._answer() == "listening"
        return self

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def url(self, name: str) -> str:
        return f"rtmp://{self.host}:{self.port}/live/{name}"

    def ask(self, *words: object) -> Any:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def _answer(self) -> Any:
        assert self._process is not None
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def is_picture(tag: Tag) -> bool:
    """Whether an AVC tag holds a picture, not a header or an end."""
    return tag.type is TagType.VIDEO and tag.body[1] == 1


def is_key(tag: Tag) -> bool:
    return is_picture(tag) and tag.body[0] >> 4 == 1


def is_header(tag: Tag) -> bool:
    """Whether a tag says how to decode what follows, of AVC and AAC."""
    return tag.type is TagType.SCRIPT or tag.body[1] == 0


class _Dated(Receiver):
    """Remembers when connections came, and each track's pace."""

    def __init__(self, host: str, port: int, keep: int) -> None:
        super().__init__(host=host, port=port, keep=keep)
        self.accepts: list[int] = []
        self.rates: defaultdict[tuple[str, TagType], Rate] = defaultdict(Rate)
        self.on_tag = lambda recording, kind, at: self.rates[recording.name, kind].add(at)

    def take(self, recording: Recording, folder: Path) -> None:
        """Write and forget what came before the newest keyframe. The headers stay."""
        tags = recording.tags
        first = next((at for at, tag in enumerate(tags) if is_picture(tag)), 0)
        end = max((at for at, tag in enumerate(tags) if is_key(tag)), default=first)
        piece = attrs.evolve(recording, tags=tags[:end])
        (folder / f"{recording.name}.flv").write_bytes(piece.flv())
        headers = [tag for tag in tags[:end] if is_header(tag)]
        recording.arrivals = recording.arrivals[: len(headers)] + recording.arrivals[end:]
        recording.tags = headers + tags[end:]

    def happened(self) -> None:
        if len(self.accepts) < self.accepted:
            self.accepts += [time.monotonic_ns()] * (self.accepted - len(self.accepts))
        super().happened()


def slices(payload: bytes | memoryview) -> int:
    """A digest of the slices of an H.264 access unit with lengths of four bytes; what may come and go is left out."""
    found, at = 0, 0
    while at + 5 <= len(payload):
        size = int.from_bytes(payload[at : at + 4])
        if 1 <= payload[at + 4] & 31 <= 5:
            found = zlib.crc32(payload[at + 4 : at + 4 + size], found)
        at += 4 + size
    return found


async def _serve(host: str, port: int, keep: bool) -> None:
    receiver = _Dated(host, port, KEEP if keep else 0)
    async with receiver:
        print(json.dumps("listening"), flush=True)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            print(json.dumps(_reply(receiver, line.decode().split())), flush=True)


def _reply(receiver: _Dated, words: list[str]) -> Any:
    match words:
        case ["first", name, since]:
            return min(
                (at for r in receiver.of(name) for tag, at in _tags(r) if is_key(tag) and at >= int(since)),
                default=None,
            )
        case ["frames", name]:
            return [
                [at, tag.time, is_key(tag), zlib.crc32(tag.body[5:])]
                for recording in receiver.of(name)
                for tag, at in _tags(recording)
                if is_picture(tag)
            ]
        case ["slices", name]:
            return [
                [at, slices(tag.body[5:])]
                for recording in receiver.of(name)
                for tag, at in _tags(recording)
                if is_picture(tag)
            ]
        case ["counts"]:
            counts: dict[str, Any] = {}
            for recording in receiver.recordings:
                one = counts.setdefault(recording.name, {"video": 0, "audio": 0, "times": 0, "live": False})
                one["video"] += recording.counts[TagType.VIDEO]
                one["audio"] += recording.counts[TagType.AUDIO]
                one["times"] += 1
                one["live"] = recording.live
            return counts
        case ["rates"]:
            video, audio = TagType.VIDEO, TagType.AUDIO
            return {
                name: [rate.slope, receiver.rates[name, audio].slope, rate.last]
                for (name, kind), rate in [*receiver.rates.items()]
                if kind is video
            }
        case ["anew"]:
            receiver.rates.update({key: Rate() for key in receiver.rates})
            return None
        case ["take", folder]:
            for recording in receiver.live():
                receiver.take(recording, Path(folder))
            return None
        case ["accepts"]:
            return receiver.accepts
        case ["drop"]:
            return receiver.drop(reset=True)
    raise ValueError(words)


def _tags(recording: Recording) -> zip[tuple[Tag, int]]:
    return zip(recording.tags, recording.arrivals, strict=True)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "1"))
