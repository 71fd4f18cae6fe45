"""When a recording's pictures came, as its files say it: read by FFmpeg, and from the boxes."""

from __future__ import annotations

import itertools
import struct
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import attrs
import av
import pytest
from tests.media import made
from tests.plugins.test_record import index, written
from tests.plugins.transport_harness import Clip, feed, load, longer, publishing

from camcast.media import NS_PER_MS, NS_PER_S, MediaKind, Packet
from camcast_record import camcast_transports
from camcast_record.options import RecordOptions
from camcast_record.segment import SegmentWriter

AGO = 3600.0
"""Seconds: the packets came an hour before they are written, whatever the machine does meanwhile."""
SECONDS = 6.0
_EPOCH = 2_208_988_800


@attrs.frozen
class Said:
    """What a box of producer reference time says (ISO/IEC 14496-12 §8.16.5)."""

    track: int
    wall: float
    media: int


def came(packets: Sequence[Packet], begin: int) -> list[Packet]:
    """The same, which came at `begin` (monotonic ns) and as their times have it, but for a jitter."""
    return [
        attrs.evolve(packet, arrival=begin + packet.dts + number % 3 * 10_000_000)
        for number, packet in enumerate(packets)
    ]


def reference_times(data: bytes) -> Iterator[Said]:
    """Those of a file, each of which is followed by the fragment that it is about."""
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if name == b"prft":
            flags, track, ntp, media = struct.unpack_from(">IIQQ", data, at + 8)
            assert flags == 1 << 24 | 24
            assert data[at + size + 4 : at + size + 8] == b"moof"
            yield Said(track, ntp / (1 << 32) - _EPOCH, media)
        at += size


async def recorded(path: Path, clip: Clip) -> tuple[list[Packet], float]:
    """What was recorded, and `time.time()` at the 0 of their times."""
    (kind,) = camcast_transports()
    monotonic, wall = time.monotonic_ns(), time.time()
    packets = came(longer(clip, SECONDS), monotonic - round(AGO * NS_PER_S))
    options = RecordOptions(fragment=0.4)
    async with publishing(kind, f"record://{path}", clip, options=options) as (transport, events):
        await feed(transport, packets, speed=1000)
        await written(transport)
    assert not events.losses
    return packets, wall - AGO


@pytest.mark.parametrize("name", ["h264_b_aac", "hevc_b_aac"])
async def test_each_fragment_says_when_its_first_picture_came(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.mp4"
    packets, zero = await recorded(path, load(made(name)))
    pictures = [packet for packet in packets if packet.track.kind is MediaKind.VIDEO]
    with av.open(str(path)) as container:
        shown = [round(p.pts * p.time_base * 1000) for p in container.demux(video=0) if p.size and p.pts is not None]
        tick = container.streams.video[0].time_base
        assert tick is not None
    said = list(reference_times(path.read_bytes()))
    assert len(said) >= SECONDS / 0.4 * 0.8
    for one in said:
        number = shown.index(round(one.media * tick * 1000))
        assert one.track == 1
        assert one.wall == pytest.approx(zero + pictures[number].dts / NS_PER_S, abs=0.1)
    steps = [later.wall - one.wall for one, later in itertools.pairwise(said)]
    assert all(0.1 < step < 1.0 for step in steps)


async def test_sound_alone_says_when_it_came(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    both = load(made("h264_aac"))
    sound = [packet for packet in both.packets if packet.track.kind is MediaKind.AUDIO]
    _, zero = await recorded(path, Clip(both.tracks[1:], tuple(sound)))
    said = list(reference_times(path.read_bytes()))
    assert said[0].wall == pytest.approx(zero, abs=0.1)
    assert said[-1].wall == pytest.approx(zero + SECONDS, abs=1.0)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
async def test_a_file_says_when_it_began(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    _, zero = await recorded(path, load(made("h264_b_aac")))
    with av.open(str(path)) as container:
        said = datetime.fromisoformat(container.metadata["creation_time"])
    # MP4 counts whole seconds.
    assert said.timestamp() == pytest.approx(zero, abs=1.5)
    complete = next(line for line in index(tmp_path) if "end" in line)
    assert complete["begin"] == pytest.approx(zero, abs=0.5)
    assert complete["end"] == pytest.approx(zero + SECONDS, abs=1.5)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("name", ["h264_b_aac", "hevc_b_aac"])
async def test_each_picture_is_shown_when_it_was_to_be(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    packets, _ = await recorded(path, load(made(name)))
    shown: dict[str, list[float]] = {}
    with av.open(str(path)) as container:
        for unit in container.demux():
            if unit.size and unit.pts is not None:
                shown.setdefault(unit.stream.type, []).append(float(unit.pts * unit.time_base))
    first = next(packet.pts for packet in packets if packet.track.kind is MediaKind.VIDEO)
    for kind in MediaKind:
        was = [(packet.pts - first) / NS_PER_S for packet in packets if packet.track.kind is kind][-100:]
        found = [at - shown["video"][0] for at in shown[kind.value]][-100:]
        assert found == pytest.approx(was, abs=0.0021), (
            "to the millisecond, of which decoding and showing lose one each"
        )
    assert any(packet.pts > packet.dts for packet in packets), "with pictures out of order"


def kept(path: Path, packets: Sequence[Packet], clip: Clip) -> list[tuple[str, float, float]]:
    """What is read of a file that these were written into: kind, when it is decoded and when it is shown, seconds."""
    writer = SegmentWriter(path, "mp4", clip.tracks, 0.4, time.time())
    for begin in range(0, len(packets), 7):
        writer.write([(packet, packet.dts // NS_PER_MS) for packet in packets[begin : begin + 7]], 0.0)
    writer.finish(sync=False)
    with av.open(str(path)) as container:
        return [
            (unit.stream.type, float(unit.dts * unit.time_base), float(unit.pts * unit.time_base))
            for unit in container.demux()
            if unit.dts is not None and unit.pts is not None and unit.time_base is not None
        ]


def test_a_picture_that_is_to_be_shown_after_days_costs_no_file(tmp_path: Path) -> None:
    """A fragment has room for 2^31 ticks from decoding to showing (ISO/IEC 14496-12 §8.8.8)."""
    clip = load(made("h264_only"))
    packets = [
        attrs.evolve(packet, pts=packet.pts + 200_000 * NS_PER_S) if number == 30 else packet
        for number, packet in enumerate(clip.packets)
    ]
    found = kept(tmp_path / "a.mp4", packets, clip)
    assert len(found) == len(packets)
    assert [shown - decoded > 100 for _, decoded, shown in found].count(True) == 1


def test_sound_that_goes_on_after_days_costs_no_file(tmp_path: Path) -> None:
    """… and for 2^32 ticks from one unit to the next, which is a day of sound."""
    clip = load(made("h264_aac"))
    sound = [packet for packet in clip.packets if packet.track.kind is MediaKind.AUDIO]
    later = [attrs.evolve(one, dts=one.dts + 200_000 * NS_PER_S, pts=one.pts + 200_000 * NS_PER_S) for one in sound]
    found = kept(tmp_path / "a.mp4", [*clip.packets, *later], clip)
    assert len(found) == len(clip.packets) + len(later)
    first = next(decoded for kind, decoded, _ in found if kind == "audio" and decoded > 100)
    assert first == pytest.approx(200_000, abs=1)


def test_the_end_of_a_file_says_where_its_keyframes_are(tmp_path: Path) -> None:
    """ISO/IEC 14496-12 §8.8.9 to §8.8.11: from the file's end backwards."""
    clip, path = load(made("h264_b_aac")), tmp_path / "a.mp4"
    kept(path, clip.packets, clip)
    with av.open(str(path)) as container:
        keyframes = [unit.pts for unit in container.demux(video=0) if unit.is_keyframe and unit.size]
    data = path.read_bytes()
    (size,) = struct.unpack(">I", data[-4:])
    assert data[-size + 4 : -size + 8] == b"mfra"
    assert data[-size + 12 : -size + 16] == b"tfra"
    version, track, lengths, count = struct.unpack_from(">IIII", data, len(data) - size + 16)
    assert (version, track, lengths) == (1 << 24, 1, 0)
    entries = list(struct.iter_unpack(">QQBBB", data[len(data) - size + 32 : -16]))
    assert len(entries) == count
    assert [one[0] for one in entries] == keyframes
    assert all(data[at + 4 : at + 8] == b"moof" and rest == [1, 1, 1] for _, at, *rest in entries)
