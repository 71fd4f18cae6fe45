"""The MPEG-TS muxer: what goes in comes out at once, whole, and as a stream that strict readers take."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from tests.compare import Media, compare, demux
from tests.media import clip as real_clip
from tests.media import made
from tests.plugins.transport_harness import Clip, codecs, load
from tests.tr101290 import check

from camcast.errors import MediaError
from camcast.media import NS_PER_S, MediaKind, Packet, Track
from camcast_srt.gathering import HOLD
from camcast_srt.mpegts import TsMuxer
from camcast_srt.programme_clock import CLOCK
from camcast_srt.psi import TS_PACKET


def ticks(ns: int) -> int:
    return ns * CLOCK // NS_PER_S


def mux(clip: Clip) -> list[tuple[Packet, bytes]]:
    muxer = TsMuxer(clip.tracks)
    out = []
    for packet in clip.packets:
        annexb = codecs().codec(packet.track.codec).annexb
        data = annexb(packet) if annexb else packet.payload
        kind = packet.track.kind
        out.append((packet, muxer.mux(kind, data, ticks(packet.dts), ticks(packet.pts), packet.keyframe)))
    packet, last = out[-1]
    out[-1] = packet, last + muxer.flush(0.0)
    return out


def ts_packets(stream: bytes) -> list[bytes]:
    assert len(stream) % TS_PACKET == 0
    packets = [stream[at : at + TS_PACKET] for at in range(0, len(stream), TS_PACKET)]
    assert all(packet[0] == 0x47 for packet in packets)
    return packets


def pid(packet: bytes) -> int:
    return (packet[1] & 0x1F) << 8 | packet[2]


@pytest.mark.parametrize("name", ["h264_aac", "h264_b_aac", "h264_only", "h264_opus", "hevc_aac", "hevc_b_aac"])
def test_an_independent_reader_gets_every_unit(name: str, tmp_path: Path) -> None:
    source = made(name)
    path = tmp_path / "out.ts"
    path.write_bytes(b"".join(part for _, part in mux(load(source))))
    result = compare(source, path)
    assert result.frames == len(Media.read(source).video) > 0


def test_a_real_file_with_surround_sound(tmp_path: Path) -> None:
    source = real_clip("bigbuckbunny.mp4")
    path = tmp_path / "out.ts"
    path.write_bytes(b"".join(part for _, part in mux(load(source))))
    compare(source, path)


def test_sound_alone() -> None:
    clip = load(made("h264_opus"))
    sound = Clip((clip.tracks[1],), tuple(p for p in clip.packets if p.track.kind is MediaKind.AUDIO))
    stream = b"".join(part for _, part in mux(sound))
    media = read(stream)
    assert [unit.data for unit in media.audio] == [packet.payload for packet in sound.packets]
    assert media.audio[0].codec == "opus"


def read(stream: bytes) -> Media:
    return Media.of(demux(io.BytesIO(stream)))  # type: ignore[arg-type]


def test_a_picture_is_not_held_back() -> None:
    for packet, part in mux(load(made("h264_b_aac"))):
        if packet.track.kind is MediaKind.VIDEO:
            media = [piece for piece in ts_packets(part) if pid(piece) == 0x100]
            assert len(media) * 184 > len(packet.payload), "a unit's bytes came later than the unit"


@pytest.mark.parametrize(("name", "together"), [("h264_aac", 3), ("h264_opus", 3)])
def test_sound_waits_for_no_more_than_is_said(name: str, together: int) -> None:
    """Some frames share a packet, which begins with the oldest; none is held for longer than 50 ms of the media."""
    waiting: list[Packet] = []
    most = 0
    for packet, part in mux(load(made(name))):
        if packet.track.kind is not MediaKind.AUDIO:
            continue
        waiting.append(packet)
        if any(pid(piece) == 0x101 for piece in ts_packets(part)):
            assert packet.dts - waiting[0].dts <= HOLD * NS_PER_S
            most = max(most, len(waiting))
            waiting.clear()
    assert not waiting, "the last is there"
    assert most == together


SOUND = Track(kind=MediaKind.AUDIO, codec="aac")
MS = CLOCK // 1000


def adts(size: int) -> bytes:
    """A frame of 48 kHz, 1920 ticks long."""
    return bytes((0xFF, 0xF1, 0x4C, 0x80 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC)).ljust(
        size, b"s"
    )


def packed(*frames: tuple[int, int]) -> list[int]:
    """How many frames (their time, bytes) each PES packet has."""
    muxer = TsMuxer((SOUND,))
    parts = [muxer.mux(MediaKind.AUDIO, adts(size), time, time, True) for time, size in frames]
    return [unit.frames for unit in check(b"".join(parts) + muxer.flush(0.0)).units]


@pytest.mark.parametrize(
    ("frames", "groups"),
    [
        ([(n * 1920, 200) for n in range(7)], [3, 3, 1]),
        ([(n * 1920 + n % 2 * MS, 200) for n in range(6)], [3, 3]),
        ([(0, 200), (1920, 200), (1920 * 2 + 6 * MS, 200)], [2, 1]),
        ([(0, 200), (1920, 200), (1920 * 40, 200)], [2, 1]),
        ([(n * 1920, 700) for n in range(3)], [1, 1, 1]),
        ([(n * 1920, 600) for n in range(4)], [2, 2]),
        ([(0, 5000), (1920, 200), (1920 * 2, 200), (1920 * 3, 200)], [1, 3]),
    ],
    ids=["in turn", "rounded to ms", "its own time", "behind a gap", "no room for two", "room for two", "a large one"],
)
def test_which_frames_go_together(frames: list[tuple[int, int]], groups: list[int]) -> None:
    assert packed(*frames) == groups


def test_what_waits_is_due_by_real_time_and_comes_when_asked_for() -> None:
    muxer = TsMuxer((SOUND,))
    assert muxer.due_in(0.0) is None
    assert muxer.mux(MediaKind.AUDIO, adts(200), 0, 0, True, 7.0) == b""
    assert muxer.waits == 200
    assert muxer.due_in(7.02) == pytest.approx(HOLD - 0.02)
    assert check(muxer.flush(7.05)).frames == 1
    assert (muxer.waits, muxer.due_in(7.05), muxer.flush(7.05)) == (0, None, b"")


def test_continuity_counters_and_tables() -> None:
    """TR 101 290: counters without a gap in each PID, PAT and PMT often and before each keyframe."""
    counters: dict[int, int] = {}
    tables_at = -1
    for packet, part in mux(load(made("h264_aac"))):
        pieces = ts_packets(part)
        if not pieces:
            continue
        for piece in pieces:
            counter = piece[3] & 0x0F
            if piece[3] & 0x10:
                assert pid(piece) not in counters or counter == (counters[pid(piece)] + 1) % 16
                counters[pid(piece)] = counter
        if pid(pieces[0]) == 0:
            assert pid(pieces[1]) == 0x1000
            tables_at = packet.dts
        assert packet.dts - tables_at < 120_000_000, "100 ms by the clock, which the slower track makes"
        if packet.track.kind is MediaKind.VIDEO and packet.keyframe:
            assert tables_at == packet.dts
    assert set(counters) == {0, 0x11, 0x1000, 0x100, 0x101}


def test_units_of_one_time_are_kept_apart() -> None:
    clip = load(made("h264_only"))
    muxer = TsMuxer(clip.tracks)
    parts = []
    for packet in clip.packets[:10]:
        annexb = codecs().codec("h264").annexb
        assert annexb is not None
        parts.append(muxer.mux(MediaKind.VIDEO, annexb(packet), 1000, 900, packet.keyframe))
    media = read(b"".join(parts))
    assert len(media.video) == 10


def test_nonsense_is_refused_and_harms_nothing_else() -> None:
    clip = load(made("h264_only"))
    muxer = TsMuxer(clip.tracks)
    for number in range(3):
        with pytest.raises(MediaError):
            muxer.mux(MediaKind.VIDEO, b"not annex b", number, number, True)
    annexb = codecs().codec("h264").annexb
    assert annexb is not None
    good = muxer.mux(MediaKind.VIDEO, annexb(clip.packets[0]), 10, 10, True)
    assert len(read(good).video) == 1
