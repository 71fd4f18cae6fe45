"""Recordings, read back by FFmpeg: frames as they were sent, cut at keyframes; disks that are full, slow or dead."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import av
import imageio_ffmpeg
import pytest
from tests.media import made
from tests.plugins.transport_harness import context, feed, load, longer, publishing, reached

from camcast.contracts import Delivery
from camcast.errors import NetworkError
from camcast.kinds import TransportKind
from camcast.media import NS_PER_MS, MediaKind, Packet
from camcast_record import camcast_transports
from camcast_record.durable import DurableFile
from camcast_record.options import RecordOptions


@pytest.fixture
def kind() -> TransportKind:
    (found,) = camcast_transports()
    return found


def recorded(*paths: Path) -> dict[MediaKind, list[bytes]]:
    """Payloads in files one after another, as FFmpeg's demuxer gives them."""
    found: dict[MediaKind, list[bytes]] = {one: [] for one in MediaKind}
    for path in paths:
        with av.open(str(path)) as container:
            for packet in container.demux():
                if packet.size:
                    found[MediaKind(packet.stream.type)].append(bytes(packet))
    return found


def sent(packets: Sequence[Packet]) -> dict[MediaKind, list[bytes]]:
    """Payloads, from the first keyframe on: a file begins with one."""
    first = next(number for number, packet in enumerate(packets) if packet.track.kind is MediaKind.VIDEO)
    return {one: [packet.payload for packet in packets[first:] if packet.track.kind is one] for one in MediaKind}


def decodes(path: Path) -> str:
    """What FFmpeg complains of when it decodes all of a file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "warning", "-xerror", "-i", str(path), "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stderr + ("" if done.returncode == 0 else f"status {done.returncode}")


def index(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "cam0_main.index.jsonl").read_text().splitlines()]


def gaps(folder: Path) -> list[dict[str, Any]]:
    return [line for line in index(folder) if "gap" in line]


async def record(kind: TransportKind, url: str, packets: Sequence[Packet], clip: Any, **options: Any) -> Any:
    """Record these as fast as they come; the events."""
    chosen = RecordOptions(**options)
    async with publishing(kind, url, clip, options=chosen) as (transport, events):
        await feed(transport, packets, speed=1000)
        await written(transport)
        assert not events.losses
    assert events.notes == []
    return events


async def written(transport: Any) -> None:
    """Until the disk has what was sent: how long a test's disk takes is nothing that a test is about."""
    await reached(lambda: transport.stats()["waiting_bytes"] == 0, timeout=30.0)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize(
    "name", ["h264_b_aac", "h264_only", "h264_opus", "h264_mp3", "hevc_b_aac", "av1_opus", "vp9_opus"]
)
async def test_each_codec_comes_back_as_it_was_sent(
    kind: TransportKind, tmp_path: Path, name: str, suffix: str
) -> None:
    clip = load(made(name))
    events = await record(kind, f"record://{tmp_path}/%Y%m%d.{suffix}", clip.packets, clip)
    (segment,) = events.segments
    path = Path(segment.path)
    assert recorded(path) == sent(clip.packets)
    assert segment.frames == sum(map(len, sent(clip.packets).values()))
    assert segment.size == os.stat(path).st_size
    assert decodes(path) == ""
    with av.open(str(path)) as container:
        if name == "hevc_b_aac" and suffix == "mp4":
            assert container.streams.video[0].codec_context.codec_tag == "hvc1", "Apple's players play no hev1"
        times = [
            (float((packet.pts or 0) * packet.time_base), packet.stream.type)
            for packet in container.demux()
            if packet.size
        ]
    first = {
        one: min(time for time, which in times if which == one.value) for one in {p.track.kind for p in clip.packets}
    }
    if len(first) == 2:
        begun = clip.packets[next(n for n, p in enumerate(clip.packets) if p.track.kind is MediaKind.VIDEO) :]
        was = {one: min(p.pts for p in begun if p.track.kind is one) / 1e9 for one in MediaKind}
        shift = first[MediaKind.VIDEO] - first[MediaKind.AUDIO] - (was[MediaKind.VIDEO] - was[MediaKind.AUDIO])
        assert abs(shift) < 0.005, "picture and sound have moved against each other"


async def test_files_are_cut_at_keyframes_and_nothing_is_lost_between_them(kind: TransportKind, tmp_path: Path) -> None:
    clip = load(made("h264_b_aac"))
    packets = longer(clip, 12.0)
    events = await record(
        kind, f"record://{tmp_path}/%S.mp4", packets, clip, segment=2.0, fragment=0.5, archive=str(tmp_path)
    )
    paths = [Path(segment.path) for segment in events.segments]
    assert len(paths) == 6
    assert recorded(*paths) == sent(packets)
    assert [decodes(path) for path in paths] == [""] * 6
    complete = [line for line in index(tmp_path) if "end" in line]
    assert [line["file"] for line in complete] == [path.name for path in paths]
    assert sum(line["frames"] for line in complete) == len(packets)
    assert not gaps(tmp_path)


async def test_other_parameters_in_mid_stream_begin_another_file(kind: TransportKind, tmp_path: Path) -> None:
    one, other = load(made("h264_aac")), load(made("h264_aac_mono_16k"))
    step = one.packets[-1].dts + 40_000_000
    moved = [attrs.evolve(packet, dts=packet.dts + step, pts=packet.pts + step) for packet in other.packets]
    events = await record(kind, f"record://{tmp_path}/%H.mkv", [*one.packets, *moved], one)
    paths = [Path(segment.path) for segment in events.segments]
    assert recorded(paths[0]) == sent(one.packets)
    last = recorded(*paths[1:])
    assert last[MediaKind.VIDEO] == sent(moved)[MediaKind.VIDEO]
    assert (decodes(paths[0]), decodes(paths[-1])) == ("", "")


async def test_media_that_stays_away_is_a_gap_in_the_index(kind: TransportKind, tmp_path: Path) -> None:
    clip = load(made("h264_aac"))
    later = [attrs.evolve(packet, dts=packet.dts + 60 * 10**9, pts=packet.pts + 60 * 10**9) for packet in clip.packets]
    await record(kind, f"record://{tmp_path}/a.mp4", [*clip.packets, *later], clip)
    (gap,) = gaps(tmp_path)
    assert gap["gap"] == "no media came"
    assert 55 < gap["end"] - gap["begin"] < 60


# --- disks ------------------------------------------------------------------------------------------------


@pytest.fixture
def stalled(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Writes hang for as long as this is not set."""
    goes = threading.Event()
    goes.set()
    plain = DurableFile.write_pieces

    def write(file: DurableFile, pieces: Sequence[bytes]) -> None:
        goes.wait(20)
        plain(file, pieces)

    monkeypatch.setattr(DurableFile, "write_pieces", write)
    yield goes
    goes.set()


async def test_a_disk_that_stands_still_for_a_while_costs_no_frame(
    kind: TransportKind, tmp_path: Path, stalled: threading.Event
) -> None:
    clip = load(made("h264_aac"))
    packets = longer(clip, 8.0)
    options = RecordOptions(fragment=0.5)
    async with publishing(kind, f"record://{tmp_path}/a.mp4", clip, options=options) as (transport, events):
        await feed(transport, packets[: len(packets) // 4], speed=20)
        stalled.clear()
        await feed(transport, packets[len(packets) // 4 :], speed=20, start=0)
        assert transport.stats()["waiting_bytes"] > 0
        assert not events.losses
        stalled.set()
        await written(transport)
    assert recorded(tmp_path / "a.mp4") == sent(packets)


async def test_a_disk_that_is_too_slow_costs_what_memory_does_not_hold_and_says_so(
    kind: TransportKind, tmp_path: Path, stalled: threading.Event
) -> None:
    clip = load(made("h264_aac"))
    packets = longer(clip, 16.0)
    half = len(packets) // 2
    options = RecordOptions(fragment=0.2, memory=200_000)
    async with publishing(kind, f"record://{tmp_path}/a.mp4", clip, options=options) as (transport, events):
        stalled.clear()
        await feed(transport, packets[:half], speed=1000)
        assert transport.stats()["left_out_frames"] > 0
        stalled.set()
        await reached(lambda: transport.stats()["waiting_bytes"] < 50_000)
        for packet in packets[half:]:
            transport.send(packet, packet.dts // NS_PER_MS)
            await reached(lambda: transport.stats()["waiting_bytes"] < 100_000)
        await written(transport)
        assert not events.losses
    assert [code for code, _ in events.notes] == ["record_too_slow"]
    got, was = recorded(tmp_path / "a.mp4"), sent(packets)
    missing = sum(map(len, was.values())) - sum(map(len, got.values()))
    assert missing == transport.stats()["left_out_frames"] - 1, "the sound before the first picture is left out too"
    pictures, all_of_them = got[MediaKind.VIDEO], was[MediaKind.VIDEO]
    head = next(number for number, pair in enumerate(zip(pictures, all_of_them, strict=False)) if pair[0] != pair[1])
    assert pictures[head:] == all_of_them[len(all_of_them) - len(pictures) + head :], "there is one hole"
    assert decodes(tmp_path / "a.mp4") == "", "after a hole the picture goes on with a keyframe"
    assert sum(gap["frames"] for gap in gaps(tmp_path)) == missing


async def test_a_dead_disk_ends_the_attempt_and_holds_one_thread_however_often_it_is_tried_again(
    kind: TransportKind, tmp_path: Path, stalled: threading.Event
) -> None:
    clip = load(made("h264_aac"))
    url, options = f"record://{tmp_path}/a.mp4", RecordOptions(patience=0.3)
    stalled.clear()
    async with publishing(kind, url, clip, options=options) as (transport, events):
        await feed(transport, clip.packets, speed=20, until=events.loss.is_set)
        await asyncio.wait_for(events.loss.wait(), 5)
        assert "taken nothing for 0.3 s" in str(events.losses[0])
    for _ in range(3):
        built, _told = context(kind, url, options=options)
        again = kind.build(built)
        with pytest.raises(NetworkError, match="still hangs"):
            await again.connect()
        await again.close()
    assert len([one for one in threading.enumerate() if one.name.startswith("camcast-record")]) == 1
    stalled.set()
    await reached(lambda: not [one for one in threading.enumerate() if one.name.startswith("camcast-record")])
    async with publishing(kind, url, clip, options=options):
        assert (tmp_path / "a.mp4").exists()


async def test_what_is_not_written_in_time_at_the_end_is_told_and_is_a_gap(
    kind: TransportKind, tmp_path: Path, stalled: threading.Event
) -> None:
    clip = load(made("h264_aac"))
    half = len(clip.packets) // 2
    async with publishing(kind, f"record://{tmp_path}/a.mp4", clip) as (transport, events):
        await feed(transport, clip.packets[:half], speed=1000)
        await written(transport)
        stalled.clear()
        for packet in clip.packets[half:]:
            transport.send(packet, packet.dts // NS_PER_MS)
            transport._flush()  # batch by batch, as when time goes by
    ((code, text),) = events.notes
    assert code == "record_cut_off"
    stalled.set()
    await reached(lambda: transport._recorder.ended)
    (gap,) = gaps(tmp_path)
    assert gap["gap"] == "the disk was too slow"
    up_to = gap["frames"] + 1  # that which hung was written in the end
    assert f"the disk of {tmp_path} is too slow; up to {up_to} frames were not written" in text
    arrived = sum(map(len, recorded(tmp_path / "a.mp4").values()))
    assert gap["frames"] > 0
    assert arrived + gap["frames"] + transport.stats()["left_out_frames"] == len(clip.packets)


@pytest.mark.parametrize("when", ["write", "sync"])
async def test_a_write_that_fails_at_the_end_is_told(
    kind: TransportKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """What was handed over just before, or what the end itself writes."""
    clip = load(made("h264_aac"))
    options = RecordOptions(fsync="segment", fragment=0.2)
    fails, goes = threading.Event(), threading.Event()
    name = {"write": "write_pieces", "sync": "sync"}[when]
    plain: Any = getattr(DurableFile, name)

    def failing(file: DurableFile, *pieces: Any) -> Any:
        if fails.is_set():
            goes.wait(10)  # until nothing is handed over any more
            raise OSError(errno.EIO, "Input/output error")
        return plain(file, *pieces)

    monkeypatch.setattr(DurableFile, name, failing)
    async with publishing(kind, f"record://{tmp_path}/a.mp4", clip, options=options) as (transport, events):
        await feed(transport, clip.packets[:50], speed=1000)
        await written(transport)
        fails.set()
        for packet in clip.packets[50:]:
            transport.send(packet, packet.dts // NS_PER_MS)
        closing = asyncio.create_task(transport.close())
        await reached(lambda: transport._state == "closed")
        goes.set()
        await closing
        assert not events.losses
    ((code, text),) = events.notes
    assert code == "record_cut_off"
    assert f"cannot write in {tmp_path}: Input/output error" in text
    assert [gap["gap"] for gap in gaps(tmp_path)] == (["it could not be written"] if when == "write" else [])


async def test_a_folder_that_goes_is_told_as_that_and_looked_for_again(kind: TransportKind, tmp_path: Path) -> None:
    """A disk that was unplugged, say: it is not too slow, and may be back soon."""
    clip, folder = load(made("h264_aac")), tmp_path / "disk"
    await asyncio.to_thread(folder.mkdir)
    options = RecordOptions(segment=0.1, fragment=0.1)
    async with publishing(kind, f"record://{folder}/%H%M%S.mp4", clip, options=options) as (transport, events):
        await feed(transport, clip.packets[:50], speed=1000)
        await written(transport)
        await asyncio.to_thread(shutil.rmtree, folder)
        await feed(transport, clip.packets[50:], speed=1000, until=events.loss.is_set)
        await asyncio.wait_for(events.loss.wait(), 10)
        for packet in clip.packets[50:]:
            transport.send(packet, packet.dts // NS_PER_MS)
    assert events.notes == []
    assert [str(error) for error in events.losses] == [f"cannot write in {folder}: No such file or directory"]
    again = kind.build(context(kind, f"record://{folder}/b.mp4", options=options)[0])
    with pytest.raises(NetworkError, match=f"the folder {folder} is not there; create or mount it"):
        await again.connect()
    await again.close()
    await asyncio.to_thread(folder.mkdir)
    await record(kind, f"record://{folder}/c.mp4", clip.packets, clip)


_FULL = """
import asyncio, sys
from pathlib import Path
from tests.media import made
from tests.plugins.transport_harness import load, longer, feed, publishing, context
from camcast_record import camcast_transports
from camcast_record.options import RecordOptions

async def main(folder):
    (kind,) = camcast_transports()
    clip = load(made("h264_aac"))
    options = RecordOptions(fragment=0.3)
    async with publishing(kind, f"record://{folder}/a.mp4", clip, options=options) as (transport, events):
        await feed(transport, longer(clip, 120.0), speed=200, until=events.loss.is_set)
        await asyncio.wait_for(events.loss.wait(), 10)
        print(type(events.losses[0]).__name__, events.losses[0])
    again = kind.build(context(kind, f"record://{folder}/b.mp4", options=options)[0])
    try:
        await again.connect()
    except Exception as error:
        print(type(error).__name__, error)
    await again.close()
    print(sum(1 for path in Path(folder).iterdir()), (Path(folder) / "a.mp4").stat().st_size)
    sys.stdout.flush()
    Path(sys.argv[2]).write_bytes((Path(folder) / "a.mp4").read_bytes())

asyncio.run(main(sys.argv[1]))
"""


async def test_a_full_disk_is_told_and_what_is_on_it_plays(tmp_path: Path) -> None:
    """On a file system of 3 MB of its own."""
    disk, kept = tmp_path / "disk", tmp_path / "kept.mp4"
    disk.mkdir()
    script = f'mount -t tmpfs -o size=3m camcast-test {disk} && exec {sys.executable} -c "$CODE" {disk} {kept}'
    command = ["unshare", *([] if os.geteuid() == 0 else ["-r"]), "-m", "sh", "-c", script]
    root = Path(__file__).parent.parent.parent
    environment = {**os.environ, "CODE": _FULL, "PYTHONPATH": str(root)}
    made("h264_aac")
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=60, cwd=root, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    first, second, figures = done.stdout.splitlines()
    for line in (first, second):
        assert line.startswith("NetworkError")
        assert f"the disk of {disk} is full" in line
    files, size = map(int, figures.split())
    assert files == 2, "the recording and its index"
    assert 1_500_000 < size < 3 << 20
    assert decodes(kept) == "", "what could not be written whole is not there"
    clip = load(made("h264_aac"))
    got, was = recorded(kept), sent(longer(clip, 120.0))
    assert all(got[one] == was[one][: len(got[one])] for one in MediaKind)
    assert len(got[MediaKind.VIDEO]) > 300


async def test_while_another_output_delivers_nothing_is_written(kind: TransportKind, tmp_path: Path) -> None:
    clip = load(made("h264_aac"))
    packets = longer(clip, 12.0)
    third = len(packets) // 3
    well = True
    options = RecordOptions(while_down="cloud", before=1.0, after=0.0)
    asked = []

    def beside(output: str) -> Delivery:
        asked.append(output)
        return Delivery(delivers=well, lost=0)

    async with publishing(kind, f"record://{tmp_path}/%S.mp4", clip, options=options, beside=beside) as (
        transport,
        events,
    ):
        for number, packet in enumerate(packets):
            well = not third <= number < 2 * third
            transport._look_at = 0.0  # each time
            transport.send(packet, packet.dts // NS_PER_MS)
        await written(transport)
    got = recorded(*sorted(map(Path, (segment.path for segment in events.segments))))
    was = sent(packets[third : 2 * third])
    begin = got[MediaKind.VIDEO].index(was[MediaKind.VIDEO][0])
    assert got[MediaKind.VIDEO][begin : begin + len(was[MediaKind.VIDEO])] == was[MediaKind.VIDEO]
    assert len(got[MediaKind.VIDEO]) < len(sent(packets)[MediaKind.VIDEO]) * 0.8
    assert set(asked) == {"cloud"}
