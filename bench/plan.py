"""Which rows are measured: in the full run, in the quick one, and for what was aimed at."""

from __future__ import annotations

from collections.abc import Iterator

from bench.case import Case

EVERYBODY = ("bare", "push", "file", "ffmpeg", "gstreamer", "librtmp", "tgrtmp")
OURS = ("fan-out", "read", "annexb", "sei", "threads")


def full() -> Iterator[Case]:
    for streams in (1, 4, 16):
        yield from _cases(EVERYBODY, streams)
    yield from _cases(OURS, 16)
    yield from _cases((*(way for way in EVERYBODY if way != "gstreamer"), *OURS), 64)
    yield from _cases(("bare", "push", "file", "fan-out"), 256)
    yield from _cases(("bare", "push", "file", "ffmpeg"), 16, clip="camera_1m")
    yield from _cases(("bare", "push", "file", "ffmpeg"), 4, clip="camera_20m")
    yield from _cases(("bare", "push", "file", "ffmpeg"), 16, clip="camera_b_long_gop")
    yield from _cases(("bare", "push", "ffmpeg"), 16, secure=True)
    yield from _cases(("bare", "bare-records", "push"), 64, secure=True)
    yield from _cases(("bare", "push", "file"), 1000, clip="camera_1m")
    yield Case(way="file", streams=1000, clip="camera_1m", workers=2)


def quick() -> Iterator[Case]:
    yield from _cases(("file",), 1)
    yield from _cases(("bare", "push", "file", "ffmpeg", "librtmp"), 4)
    yield from _cases(("file", "ffmpeg"), 16)
    yield from _cases(("bare", "push", "file", "fan-out"), 64)
    yield from _cases(("bare", "push"), 16, secure=True)


def reach() -> Iterator[Case]:
    """What `bench.reach` asks for that takes one group of rows each."""
    yield from _cases(("bare", "push", "fan-out", "file", "ffmpeg"), 64)
    yield from _cases(("bare", "bare-records", "push"), 64, secure=True)
    yield from _cases(("bare", "push", "file", "ffmpeg"), 4)
    yield from _cases(("bare", "push", "file", "ffmpeg"), 1)


def thousand() -> Iterator[Case]:
    """A thousand streams in one process."""
    yield from _cases(("bare", "push", "file"), 1000, clip="camera_1m")


def probes(cases: list[Case]) -> list[Case]:
    """The rows whose delay from source to socket is measured, in runs of their own."""
    wanted = {
        (way, streams, clip)
        for way in ("bare", "push", "file", "threads")
        for streams, clip in ((64, "camera_1080p"), (1000, "camera_1m"))
    }
    return [case for case in cases if (case.way, case.streams, case.clip) in wanted and case.workers == 1]


def _cases(ways: tuple[str, ...], streams: int, *, clip: str = "camera_1080p", secure: bool = False) -> Iterator[Case]:
    for way in ways:
        yield Case(way=way, streams=streams, clip=clip, secure=secure)
