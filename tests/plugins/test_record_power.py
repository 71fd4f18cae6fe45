"""Recordings whose program is killed, or of which the disk has a part: all but the last fragment plays.

What survives a loss of power is a prefix of what was written: the file is never written to but at its end (MP4), or at
its end and, when it is complete, in its header (Matroska), and each fragment is synchronised before the next begins.
"""

from __future__ import annotations

import asyncio
import random
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import av
import pytest
from tests.media import made
from tests.plugins.test_record import written
from tests.plugins.transport_harness import feed, load, longer, publishing

from camcast.media import NS_PER_MS, MediaKind
from camcast_record import camcast_transports
from camcast_record.durable import DurableFile
from camcast_record.options import RecordOptions
from camcast_record.repair import repair
from camcast_record.shelf import Shelf

ROOT = Path(__file__).parent.parent.parent
FRAGMENT = 0.5
_CLUSTER = b"\x1f\x43\xb6\x75"
"""What a cluster of Matroska begins with (RFC 9559 §5.1.3)."""

_RECORDS = """
import asyncio, sys, time
from tests.media import made
from tests.plugins.transport_harness import load, longer, publishing
from camcast_record import camcast_transports
from camcast_record.options import RecordOptions

async def main(url):
    (kind,) = camcast_transports()
    clip = load(made("h264_b_aac"))
    async with publishing(kind, url, clip, options=RecordOptions(fragment=0.5, segment=60.0)) as (transport, _):
        began = time.monotonic()
        for packet in longer(clip, 60.0):
            at = packet.dts // 1_000_000
            await asyncio.sleep(max(0.0, began + at / 1000 - time.monotonic()))
            transport.send(packet, at)
            print(at, flush=True)

asyncio.run(main(sys.argv[1]))
"""


def read(path: Path) -> dict[MediaKind, list[tuple[int, bytes]]]:
    """What plays of a file: decode times in ms, and payloads. A demuxer that stumbles over the cut ends there."""
    found: dict[MediaKind, list[tuple[int, bytes]]] = {one: [] for one in MediaKind}
    try:
        with av.open(str(path)) as container:
            for packet in container.demux():
                if packet.size:
                    # Matroska has no decode times, and FFmpeg makes them up a few pictures late.
                    time = packet.pts if packet.dts is None else packet.dts
                    assert time is not None
                    found[MediaKind(packet.stream.type)].append((round(time * packet.time_base * 1000), bytes(packet)))
    except (av.error.InvalidDataError, av.error.EOFError):
        return found
    return found


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_program_that_is_killed_leaves_all_but_its_last_fragment(tmp_path: Path, suffix: str) -> None:
    made("h264_b_aac")
    path = tmp_path / f"a.{suffix}"
    command = [sys.executable, "-c", _RECORDS, f"record://{path}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            last = 0
            for line in program.stdout:
                last = int(line)
                if last > 2600:
                    break
        finally:
            program.send_signal(signal.SIGKILL)
    got = read(path)
    video = [packet for packet in longer(load(made("h264_b_aac")), 60.0) if packet.track.kind is MediaKind.VIDEO]
    assert [payload for _, payload in got[MediaKind.VIDEO]] == [
        one.payload for one in video[: len(got[MediaKind.VIDEO])]
    ]
    # A fragment that was being gathered, and what was not handed to the disk's thread yet.
    assert got[MediaKind.VIDEO][-1][0] >= last - 2 * FRAGMENT * 1000 - 300
    assert got[MediaKind.AUDIO]


def fragments(data: bytes) -> Iterator[int]:
    """Where each fragment of an MP4 ends: behind its mdat (ISO/IEC 14496-12 §8.8)."""
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        at += size
        if name == b"mdat":
            yield at


async def recording(path: Path, seconds: float) -> bytes:
    (kind,) = camcast_transports()
    clip = load(made("h264_b_aac"))
    options = RecordOptions(fragment=FRAGMENT)
    async with publishing(kind, f"record://{path}", clip, options=options) as (transport, _):
        await feed(transport, longer(clip, seconds), speed=1000)
        await written(transport)
    return await asyncio.to_thread(path.read_bytes)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
async def test_a_file_that_is_cut_at_any_byte_plays_up_to_its_last_whole_fragment(tmp_path: Path, suffix: str) -> None:
    """What is there after the recorder has begun again, which looks after what was cut off."""
    archive = tmp_path / "again"
    archive.mkdir()
    cut = archive / f"cut.{suffix}"
    data = await recording(tmp_path / f"a.{suffix}", 8.0)
    whole = read(tmp_path / f"a.{suffix}")
    ends = [*fragments(data)] if suffix == "mp4" else [match.start() for match in re.finditer(_CLUSTER, data)][1:]
    assert len(ends) >= 8
    held: dict[int, dict[MediaKind, int]] = {}
    for end in ends:
        cut.write_bytes(data[:end])
        held[end] = {one: len(units) for one, units in read(cut).items()}
    chance = random.Random(7)
    cuts = [*(end + 20 for end in ends), *(end + 300 for end in ends)]
    cuts += [chance.randrange(ends[0], len(data)) for _ in range(30)]
    for at in cuts:
        cut.write_bytes(data[:at])
        shelf = Shelf(archive, "cut")
        shelf.began(cut, 1.0)
        shelf.prepare()
        got = read(cut)
        least = held[max(end for end in ends if end <= at)]
        for one in MediaKind:
            assert len(got[one]) >= least[one], f"cut at {at} of {len(data)}"
            assert got[one] == whole[one][: len(got[one])] or suffix == "mkv", f"cut at {at} of {len(data)}"
            played = [payload for _, payload in got[one]]
            assert played[: least[one]] == [payload for _, payload in whole[one]][: least[one]]


def test_what_is_no_recording_is_left_as_it_is(tmp_path: Path) -> None:
    for name, data in (("a.mp4", b"no boxes at all, but much more text"), ("b.mp4", b""), ("c.mkv", b"\x1a\x45")):
        (tmp_path / name).write_bytes(data)
        assert repair(tmp_path / name) == len(data)
        assert (tmp_path / name).read_bytes() == data


async def test_the_disk_has_each_fragment_before_the_next_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of writes and of what asks the disk for them, as the kernel is told."""
    told: list[tuple[str, int]] = []
    write, sync = DurableFile.write_pieces, DurableFile.sync

    def writes(file: DurableFile, pieces: Sequence[bytes]) -> None:
        told.append(("write", sum(map(len, pieces))))
        write(file, pieces)

    def syncs(file: DurableFile) -> None:
        told.append(("sync", file.size))
        sync(file)

    monkeypatch.setattr(DurableFile, "write_pieces", writes)
    monkeypatch.setattr(DurableFile, "sync", syncs)
    (kind,) = camcast_transports()
    clip = load(made("h264_aac"))
    policies: list[tuple[Literal["fragment", "segment", "never"], int, int]]
    policies = [("fragment", 7, 12), ("segment", 1, 1), ("never", 0, 0)]
    for fsync, least, most in policies:
        told.clear()
        options = RecordOptions(fragment=FRAGMENT, fsync=fsync)
        async with publishing(kind, f"record://{tmp_path}/{fsync}.mp4", clip, options=options) as (transport, _):
            for packet in clip.packets:
                transport.send(packet, packet.dts // NS_PER_MS)
                transport._flush()  # batch by batch, as when time goes by
            await written(transport)
        assert least <= sum(what == "sync" for what, _ in told) <= most
        if most:
            assert told[-1] == ("sync", (tmp_path / f"{fsync}.mp4").stat().st_size), "the end of the file as well"
        if fsync == "fragment":
            for at, (what, size) in enumerate(told):
                assert what == "write" or size == sum(size for one, size in told[:at] if one == "write")
            sizes = [size for what, size in told if what == "sync"]
            data = (tmp_path / f"{fsync}.mp4").read_bytes()
            whole = [*fragments(data)]
            assert {*whole[:-1]} <= {*sizes}, "the disk has each before anything of the next is written"
            assert set(sizes) <= {*fragments(data), *(size for size in sizes if size < 2000), len(data)}
