"""Recordings on a file system whose disk loses its power at any write: all but the last fragment plays.

The recorder, ext4 and the kernel are the real ones; what the disk was told is written down (`tests/faults/disk.py`),
and each state that it may have been left in is mounted, which plays its journal back, and read by FFmpeg.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import NamedTemporaryFile

import attrs
import pytest
from tests.faults import crash
from tests.faults.disk import SIZE, Disk, faults, make, mount, unmount
from tests.media import made
from tests.plugins.test_record import written
from tests.plugins.test_record_power import read
from tests.plugins.transport_harness import feed, load, longer, publishing

from camcast.media import MediaKind, Packet
from camcast_record import camcast_transports
from camcast_record.durable import DurableFile
from camcast_record.index import lines
from camcast_record.options import RecordOptions
from camcast_record.shelf import Shelf

SECONDS = 9.0
STATES = 24
LABEL = "cam0_main"


@attrs.frozen
class Mark:
    """`size` bytes of the file `name` were on the disk, the recorder was told, when its log was `logged` bytes long."""

    name: str
    size: int
    logged: int


@attrs.frozen
class Recorded:
    """What was recorded on a disk, and all that the disk was told."""

    marks: list[Mark]
    files: dict[str, bytes]
    base: bytes
    told: list[crash.Told]
    sent: list[Packet]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    found = Disk(tmp_path).create()
    try:
        yield found
    finally:
        found.remove()


async def recorded(disk: Disk, suffix: str, patch: pytest.MonkeyPatch, options: RecordOptions) -> Recorded:
    """Nine seconds in several files, written in a third of that."""
    marks: list[Mark] = []
    sync = DurableFile.sync

    def marked(file: DurableFile) -> None:
        size = file.size
        sync(file)
        marks.append(Mark(Path(os.readlink(f"/proc/self/fd/{file._descriptor}")).name, size, disk.logged))

    patch.setattr(DurableFile, "sync", marked)
    (kind,) = camcast_transports()
    clip = load(made("h264_b_aac"))
    packets = longer(clip, SECONDS)
    async with publishing(kind, f"record://{disk.folder}/%S.{suffix}", clip, options=options) as (transport, events):
        await feed(transport, packets, speed=3)
        await written(transport)
    assert not events.losses
    files = {path.name: path.read_bytes() for path in disk.folder.glob(f"*.{suffix}")}
    assert len(files) == 3
    await asyncio.to_thread(disk.remove)
    return Recorded(marks, files, disk.base.read_bytes(), crash.parsed(disk.log()), packets)


@contextmanager
def after(image: bytes, directory: Path) -> Iterator[Path]:
    """The folder of a disk that was left like this. Raises `AssertionError` where the file system is damaged."""
    folder = directory / "crashed"
    folder.mkdir(exist_ok=True)
    # A file of its own each time: `mount` takes a loop device that still has the same file, with what that remembers.
    with NamedTemporaryFile(dir=directory, suffix=".image") as file:
        file.write(image)
        file.flush()
        mount(Path(file.name), folder)
        try:
            yield folder
        finally:
            unmount(folder)
        assert faults(Path(file.name)) == ""


class Reader:
    """What plays of files that are cut. `directory` is for its own."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "prefix"
        self._known: dict[tuple[str, int], dict[MediaKind, list[bytes]]] = {}

    def plays(self, path: Path) -> dict[MediaKind, list[bytes]]:
        return {kind: [payload for _, payload in units] for kind, units in read(path).items()}

    def least(self, name: str, data: bytes, size: int) -> dict[MediaKind, list[bytes]]:
        """Of the first `size` bytes of `data`."""
        if (name, size) not in self._known:
            path = self._path.with_suffix(Path(name).suffix)
            path.write_bytes(data[:size])
            self._known[name, size] = self.plays(path)
        return self._known[name, size]


def states(recorded: Recorded) -> Iterator[tuple[int, bytes]]:
    """Cut at drawn writes: (how long the log was, the disk)."""
    chance = Random(21)
    first = next(number for number, one in enumerate(recorded.told) if one.end >= recorded.marks[0].logged)
    for turn in range(STATES):
        count = chance.randrange(first, len(recorded.told)) + 1
        at = recorded.told[count - 1].end
        if turn % 3:
            yield at, crash.out_of_order(recorded.base, recorded.told, count, chance)
        else:
            yield at, crash.in_order(recorded.base, recorded.told, count)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
async def test_whatever_the_disk_lost_all_but_the_last_fragment_plays(
    disk: Disk, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = RecordOptions(fragment=0.5, segment=2.5)
    made_of = await recorded(disk, suffix, monkeypatch, options)
    assert len(made_of.marks) >= 15
    reader, cut_off, lost = Reader(tmp_path), 0, 0
    for at, image in states(made_of):
        held: dict[str, int] = {}
        for mark in made_of.marks:
            if mark.logged <= at:
                held[mark.name] = max(held.get(mark.name, 0), mark.size)
        with after(image, tmp_path) as folder:
            Shelf(folder, LABEL).prepare()  # what the next recorder begins with
            complete = {line["file"]: line for line in lines(folder / f"{LABEL}.index.jsonl") if "bytes" in line}
            for name, size in held.items():
                got, least = reader.plays(folder / name), reader.least(name, made_of.files[name], size)
                whole = reader.least(name, made_of.files[name], len(made_of.files[name]))
                for kind in MediaKind:
                    assert got[kind][: len(least[kind])] == least[kind], f"{name} of a disk cut at {at}"
                    assert got[kind] == whole[kind][: len(got[kind])], f"{name} of a disk cut at {at}"
                assert complete[name]["bytes"] == (folder / name).stat().st_size
                cut_off += got != whole
            for path in folder.glob(f"*.{suffix}"):
                lost += path.name not in held and not any(reader.plays(path).values())
    assert cut_off >= STATES // 4, "files that were being written"
    # What is drawn has to be what it is meant to be: some states hold less than was written by then.
    assert lost < STATES


@pytest.mark.parametrize("fsync", ["segment", "never"])
async def test_what_the_disk_was_not_asked_for_may_be_lost_and_harms_nothing(
    disk: Disk, tmp_path: Path, fsync: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = RecordOptions(fragment=0.5, segment=2.5, fsync=fsync)  # type: ignore[arg-type]
    made_of = await recorded(disk, "mp4", monkeypatch, options)
    reader, seen = Reader(tmp_path), Counter[bool]()
    chance = Random(5)
    for _ in range(STATES // 2):
        count = chance.randrange(len(made_of.told)) + 1
        at = made_of.told[count - 1].end
        image = crash.out_of_order(made_of.base, made_of.told, count, chance)
        complete = {mark.name for mark in made_of.marks if mark.logged <= at and mark.size > 2000}
        with after(image, tmp_path) as folder:
            Shelf(folder, LABEL).prepare()
            for name, data in made_of.files.items():
                whole = reader.least(name, data, len(data))
                got = reader.plays(folder / name) if (folder / name).exists() else {}
                seen[got == whole] += 1
                if name in complete:
                    assert got == whole, f"{name} of a disk cut at {at}"
                for kind, units in got.items():
                    assert units == whole[kind][: len(units)]
    assert seen[False], "something was lost"


def test_a_disk_is_never_seen_through_what_is_known_of_another(tmp_path: Path) -> None:
    """While somebody has the loop device open, be it for a moment, it stays: then `mount` takes it again, with what it
    remembers, for a file that has another content meanwhile."""
    base, held = tmp_path / "base", -1
    make(base, SIZE)
    with after(base.read_bytes(), tmp_path) as folder:
        (folder / "first").write_bytes(b"1" * 100_000)
        device = next(line.split()[0] for line in Path("/proc/mounts").read_text().splitlines() if str(folder) in line)
        held = os.open(device, os.O_RDONLY)
    try:
        with after(base.read_bytes(), tmp_path) as folder:
            assert not (folder / "first").exists()
            (folder / "second").write_bytes(b"2" * 100_000)
    finally:
        os.close(held)


async def test_a_recording_goes_on_where_the_power_was_lost(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_of = await recorded(disk, "mp4", monkeypatch, RecordOptions(fragment=0.5, segment=2.5))
    (kind,) = camcast_transports()
    clip = load(made("h264_b_aac"))
    chance = Random(3)
    middle = next(n for n, one in enumerate(made_of.told) if one.end >= made_of.marks[len(made_of.marks) // 2].logged)
    with after(crash.out_of_order(made_of.base, made_of.told, middle + 2, chance), tmp_path) as folder:
        before = {*folder.glob("*.mp4")}
        async with publishing(kind, f"record://{folder}/again.mp4", clip) as (transport, events):
            await feed(transport, clip.packets, speed=1000)
            await written(transport)
        assert not events.losses
        (segment,) = events.segments
        assert Path(segment.path) == folder / "again.mp4"
        ended = {line["file"] for line in lines(folder / f"{LABEL}.index.jsonl") if "end" in line and "file" in line}
        assert ended == {path.name for path in before} | {"again.mp4"}
