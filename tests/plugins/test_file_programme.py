"""A transport stream whose tables give a number (PID) to another codec in the middle: both parts are played."""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from pathlib import Path

import imageio_ffmpeg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.source_kit import demuxed

from camcast.host import PluginHost
from camcast_file.programme import MAX_TABLES, MOST, SIZE, Programme
from camcast_file.reader import FileReader

X265 = "log-level=none:pools=none:frame-threads=1:keyint=12"
PICTURES = {
    "h264": ("-c:v", "libx264", "-preset", "ultrafast", "-g", "12"),
    "h265": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", X265),
}
SOUNDS = {"aac": ("-c:a", "aac"), "mp2": ("-c:a", "mp2")}


def part(folder: Path, picture: str, sound: str) -> Path:
    """A second of it, as FFmpeg writes it: the picture is 256, the sound 257."""
    path = folder / f"{picture}_{sound}.ts"
    inputs = ["-f", "lavfi", "-i", "testsrc=s=160x96:r=25:d=1", "-f", "lavfi", "-i", "sine=d=1:r=48000"]
    more = [*PICTURES[picture], "-pix_fmt", "yuv420p", *SOUNDS[sound], "-f", "mpegts", str(path)]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", *inputs, *more]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return path


def joined(folder: Path, *parts: Path) -> Path:
    path = folder / "joined.ts"
    path.write_bytes(b"".join(one.read_bytes() for one in parts))
    return path


@pytest.mark.parametrize(
    "order",
    [
        [("h264", "aac"), ("h265", "aac")],
        [("h265", "aac"), ("h264", "aac"), ("h265", "aac")],
        [("h264", "aac"), ("h264", "mp2")],
    ],
    ids=lambda order: " then ".join(f"{picture} {sound}" for picture, sound in order),
)
def test_each_part_is_played_as_what_it_is(order: list[tuple[str, str]], tmp_path: Path) -> None:
    parts = [part(tmp_path, *one) for one in order]
    reader = FileReader(joined(tmp_path, *parts), PluginHost().codec)
    reader.open()
    came: list[tuple[str, int]] = []
    while not (batch := reader.read()).ended:
        came += [(packet.track.codec, packet.dts) for packet in batch.packets]
    came += [(packet.track.codec, packet.dts) for packet in batch.packets]
    reader.close()
    expected: Counter[str] = Counter()
    for one, (picture, sound) in zip(parts, order, strict=True):
        found = demuxed(one)
        expected[picture] += len(found["video"])
        expected[sound] += len(found["audio"])
    counts = Counter(codec for codec, _ in came)
    # FFmpeg holds the last picture and sound before a change back.
    assert all(expected[codec] - len(order) < counts[codec] <= expected[codec] for codec in PICTURES if expected[codec])
    assert all(expected[codec] - counts[codec] <= len(order) for codec in SOUNDS)
    times = [dts for codec, dts in came if codec in PICTURES]
    assert times == sorted(times)


def test_a_stream_that_stays_what_it_is_shows_no_change(tmp_path: Path) -> None:
    path = part(tmp_path, "h264", "aac")
    whole = joined(tmp_path, path, path)
    watch = Programme(whole, 0)
    try:
        assert not [at for at in range(0, whole.stat().st_size, 5 * SIZE) if watch.changed_before(at) is not None]
    finally:
        watch.close()


def test_the_change_is_where_the_new_tables_begin_however_far_one_looks(tmp_path: Path) -> None:
    first, second = part(tmp_path, "h264", "aac"), part(tmp_path, "h265", "aac")
    path, joint = joined(tmp_path, first, second), first.stat().st_size
    for step in (1, SIZE, 7 * SIZE + 3, 10**6):
        watch = Programme(path, 0)
        seen = [watch.changed_before(at) for at in range(0, joint + 10 * SIZE + step, step)]
        watch.close()
        told = next(at for at in seen if at is not None)
        # The tables are behind a description of the service.
        assert joint <= told <= joint + 2 * SIZE


def test_tables_without_end_cost_no_more_than_their_bytes() -> None:
    """Lists of tables, each with 40 others."""
    entries = [b"".join((n + 1 << 16 | 40 * n + at + 1).to_bytes(4, "big") for at in range(40)) for n in range(200)]
    heads = [b"\x47\x40\x00\x10\0\0\xb0" + bytes((9 + len(one),)) + bytes(5) + one + bytes(4) for one in entries]
    data = b"".join(head.ljust(SIZE, b"\xff") for head in heads) * 200
    watch = Programme(Path("/dev/zero"), 0)
    begun = time.thread_time()
    watch._look(data, 0)
    assert time.thread_time() - begun < 3
    assert len(watch._tables) < MAX_TABLES + 50
    watch.close()


@given(st.integers(0, 2**32), st.integers(1, 40))
def test_noise_is_no_change(seed: int, packets: int) -> None:
    chance = random.Random(seed)
    watch = Programme(Path("/dev/zero"), 0)
    try:
        data = b"".join(b"\x47\x40\x00" + chance.randbytes(SIZE - 3) for _ in range(packets))
        watch._look(data, 0)
        assert watch.changed_before(2 * MOST) is None
    finally:
        watch.close()
