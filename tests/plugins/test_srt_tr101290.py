"""What strict decoders want of a transport stream, and that the checker of it sees what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.media import made
from tests.plugins.transport_harness import Clip, codecs, load
from tests.tr101290 import PCR_WANTED, TS_PACKET, Report, check

from camcast.media import MediaKind, Track
from camcast_srt.mpegts import LEAD, TICK, TsMuxer
from camcast_srt.programme_clock import CLOCK
from camcast_srt.psi import crc32

VIDEO = Track(kind=MediaKind.VIDEO, codec="h264")
AUDIO = Track(kind=MediaKind.AUDIO, codec="aac")
PICTURE = b"\0\0\0\1\x65" + bytes(3000)
SOUND = b"\xff\xf1\x50\x80\x08\x7f\xfc" + bytes(60)
MS = CLOCK // 1000


def muxed(clip: Clip) -> bytes:
    muxer = TsMuxer(clip.tracks)
    parts = []
    for packet in clip.packets:
        annexb = codecs().codec(packet.track.codec).annexb
        data = annexb(packet) if annexb else packet.payload
        dts, pts = (time * 9 // 100_000 for time in (packet.dts, packet.pts))
        parts.append(muxer.mux(packet.track.kind, data, dts, pts, packet.keyframe))
    return b"".join((*parts, muxer.flush(0.0)))


def played(
    units: list[tuple[float, MediaKind, int]], tracks: tuple[Track, ...] = (VIDEO, AUDIO), *, ticking: bool = True
) -> Report:
    """A stream of units (when they come, in seconds; what; their dts in ms) as a transport makes it in real time."""
    muxer = TsMuxer(tracks)
    stream, now = b"", 0.0
    for at, kind, dts in units:
        while ticking and at - now > TICK + 1e-9:
            now += TICK
            stream += waited(muxer, now) + muxer.tick(now)
        now = max(now, at)
        stream += waited(muxer, now)
        data = PICTURE if kind is MediaKind.VIDEO else SOUND
        stream += muxer.mux(kind, data, dts * MS, dts * MS, kind is MediaKind.VIDEO, now)
    return check(stream + muxer.flush(now), pcr_within=PCR_WANTED + 0.002)


def waited(muxer: TsMuxer, now: float) -> bytes:
    """Sound that has waited for long enough."""
    due = muxer.due_in(now)
    return muxer.flush(now) if due is not None and due <= 0 else b""


@pytest.mark.parametrize("name", ["h264_aac", "h264_b_aac", "h264_only", "h264_opus", "hevc_aac", "hevc_b_aac"])
def test_no_clip_breaks_a_rule(name: str) -> None:
    clip = load(made(name))
    report = check(muxed(clip), pcr_within=PCR_WANTED)
    assert report.errors == []
    assert report.frames == len(clip.packets)
    assert all(report.tables[table] for table in ("PAT", "PMT", "SDT"))


def test_sound_alone_breaks_none() -> None:
    clip = load(made("h264_aac"))
    track = next(track for track in clip.tracks if track.kind is MediaKind.AUDIO)
    sound = Clip((track,), tuple(p for p in clip.packets if p.track.kind is MediaKind.AUDIO))
    report = check(muxed(sound), pcr_within=PCR_WANTED)
    assert report.errors == []
    assert report.frames == len(sound.packets)


def test_the_clock_runs_a_fixed_lead_behind_the_decode_times() -> None:
    report = check(muxed(load(made("h264_only"))))
    assert {unit.dts - unit.pcr for unit in report.units} == {LEAD}
    assert report.clocks[0] >= 0, "and begins within its 33 bits"


@pytest.mark.parametrize("rate", [1.6, 2, 5, 8, 24, 25, 50])
@pytest.mark.parametrize("sound", [False, True])
def test_the_clock_comes_every_40_ms_at_any_frame_rate(rate: float, sound: bool) -> None:
    pictures = [(n / rate, MediaKind.VIDEO, round(n * 1000 / rate)) for n in range(int(3 * rate))]
    heard = [(n * 0.0213 + 0.005, MediaKind.AUDIO, round(n * 21.3)) for n in range(140)] if sound else []
    video = attrs.evolve(VIDEO, frame_rate=rate)
    report = played(sorted(pictures + heard, key=lambda unit: unit[0]), (video, AUDIO) if sound else (video,))
    assert report.errors == []
    assert report.frames == len(pictures) + len(heard)


def test_without_anybody_ticking_the_next_unit_makes_up_for_it() -> None:
    report = played([(n / 5, MediaKind.VIDEO, n * 200) for n in range(20)], (VIDEO,), ticking=False)
    assert report.errors == []
    assert report.clock_only == 19 * 4


@pytest.mark.parametrize(("late", "together"), [(20, 3), (100, 3), (250, 1)])
def test_sound_that_comes_later_than_the_picture_is_not_due_before_the_clock(late: int, together: int) -> None:
    """What comes so late that it could not wait for the next one waits for none."""
    units = [(n * 0.04, MediaKind.VIDEO, n * 40) for n in range(100)]
    units += [(n * 0.02 + late / 1000 + 0.001, MediaKind.AUDIO, n * 20) for n in range(190)]
    report = played(sorted(units, key=lambda unit: unit[0]))
    assert report.errors == []
    sound = [unit for unit in report.units if unit.pid == 0x101]
    steps = {later.dts - earlier.dts for earlier, later in pairwise(sound)}
    assert {step % (20 * MS) for step in steps} == {0}, "and its times are as they were"
    assert max(steps) == together * 20 * MS


def test_a_source_that_stammers_breaks_no_decoder() -> None:
    """It stands still, and then brings what it owes: no unit is due before the clock, which stopped when it had nothing
    to go by."""
    units = [(n * 0.04, MediaKind.VIDEO, n * 40) for n in range(25)]
    units += [(2.5, MediaKind.VIDEO, n * 40) for n in range(25, 62)]
    units += [(n * 0.04, MediaKind.VIDEO, n * 40) for n in range(63, 100)]
    report = played(units, (VIDEO,))
    assert [error for error in report.errors if "2.3 PCR" not in error] == []
    assert report.clocks == sorted(report.clocks)


def test_a_jump_of_the_media_is_told_as_one() -> None:
    units = [(n * 0.04, MediaKind.VIDEO, n * 40 + (7000 if n > 50 else 0)) for n in range(100)]
    report = played(units, (VIDEO,))
    assert [error for error in report.errors if "PTS" not in error and "PAT" not in error] == [
        error for error in report.errors if error.startswith(("1 PMT", "1 SDT"))
    ]
    assert max(later - earlier for earlier, later in pairwise(report.clocks)) > 6 * CLOCK


def test_a_track_that_falls_silent_does_not_hold_the_clock_back() -> None:
    units = [(n * 0.04, MediaKind.VIDEO, n * 40) for n in range(200)]
    units += [(n * 0.02 + 0.001, MediaKind.AUDIO, n * 20) for n in range(100)]
    report = played(sorted(units, key=lambda unit: unit[0]))
    assert report.errors == []
    last = report.units[-1]
    assert last.dts - last.pcr == LEAD


@pytest.mark.parametrize("late", [0, 150])
def test_a_track_that_pauses_does_not_stop_the_clock_and_goes_on_in_time(late: int) -> None:
    """As a camera's sound does that is told to send none of silence. It stood still for 0.7 s each time."""
    units = [(n * 0.04, MediaKind.VIDEO, n * 40) for n in range(250)]
    units += [(n * 0.02 + late / 1000 + 0.001, MediaKind.AUDIO, n * 20) for n in range(480) if not 150 < n < 300]
    report = played(sorted(units, key=lambda unit: unit[0]))
    (pause,) = report.errors
    assert pause.startswith("2.5 PTS: PID 0x101: a step of 30")
    pictures = [unit for unit in report.units if unit.pid == 0x100]
    early = [unit.dts - unit.pcr - LEAD for unit in pictures]
    assert max(early) <= late * MS + 1, "the clock was late for none"
    assert min(early) >= 0
    sound = [unit for unit in report.units if unit.pid == 0x101]
    assert {(unit.dts - sound[0].dts) % (20 * MS) for unit in sound} == {0}, "and its times are as they were"


def test_times_wrap_at_33_bits() -> None:
    start = (1 << 33) // MS - 1000
    report = played([(n * 0.04, MediaKind.VIDEO, start + n * 40) for n in range(60)], (VIDEO,))
    assert report.errors == []
    assert report.clocks[0] > report.clocks[-1]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.floats(0, 0.2), st.booleans(), st.integers(-50, 300)), min_size=1, max_size=60))
def test_whatever_comes_nothing_is_due_before_the_clock(steps: list[tuple[float, bool, int]]) -> None:
    units, now, dts = [], 0.0, {MediaKind.VIDEO: 0, MediaKind.AUDIO: 0}
    for wait, video, step in steps:
        now += wait
        kind = MediaKind.VIDEO if video else MediaKind.AUDIO
        dts[kind] += step
        units.append((now, kind, dts[kind]))
    report = played(units)
    assert [error for error in report.errors if error.startswith(("due", "1.4", "2.2", "PES", "adapt"))] == []
    assert report.frames == len(units)


# --- the checker itself ---------------------------------------------------------------------------------------


def spoiled(change: Callable[[bytearray], object]) -> list[str]:
    stream = bytearray(muxed(load(made("h264_aac"))))
    change(stream)
    return check(bytes(stream)).errors


def _first(stream: bytearray, pid: int) -> int:
    return next(
        at for at in range(0, len(stream), TS_PACKET) if stream[at + 1 : at + 3] == bytes((0x40 | pid >> 8, pid & 255))
    )


def _without(stream: bytearray, pid: int) -> None:
    kept = [
        stream[at : at + TS_PACKET]
        for at in range(0, len(stream), TS_PACKET)
        if (stream[at + 1] & 0x1F) << 8 | stream[at + 2] != pid
    ]
    stream[:] = b"".join(kept)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda s: s.__setitem__(TS_PACKET * 9, 0), "1.2 sync byte"),
        (lambda s: s.__delitem__(slice(TS_PACKET * 9, TS_PACKET * 10)), "1.4 continuity"),
        (lambda s: s.__setitem__(TS_PACKET * 9 + 1, s[TS_PACKET * 9 + 1] | 0x80), "2.1 transport error"),
        (lambda s: s.__setitem__(TS_PACKET * 9 + 3, s[TS_PACKET * 9 + 3] | 0x80), "2.6 CAT"),
        (lambda s: s.__setitem__(_first(s, 0x1000) + 12, s[_first(s, 0x1000) + 12] ^ 1), "2.2 CRC"),
        (lambda s: _without(s, 0x11), "1 SDT"),
        (lambda s: _without(s, 0x0), "1 PAT"),
        (lambda s: _without(s, 0x101), "1.6 PID"),
        (lambda s: _without(s, 0x100), "1.6 PID"),
    ],
)
def test_the_checker_sees_what_is_wrong(change: Callable[[bytearray], object], found: str) -> None:
    assert any(error.startswith(found) for error in spoiled(change))


def test_the_checker_knows_what_ffmpeg_does_not_do() -> None:
    """A clock that is the decode time, sound before it, and 221 ms between clocks: what hardware rejects."""
    muxer = TsMuxer((VIDEO,))
    muxer._clock.lead = 0
    report = check(b"".join(muxer.mux(MediaKind.VIDEO, PICTURE, n * 221 * MS, n * 221 * MS, True) for n in range(5)))
    assert not any(error.startswith("due") for error in report.errors), "the muxer holds them apart even so"
    ahead = bytearray(b"".join(TsMuxer((VIDEO,)).mux(MediaKind.VIDEO, PICTURE, 0, 0, True) for _ in range(1)))
    at = _first(ahead, 0x100)
    ahead[at + 6 : at + 12] = ((LEAD + 1) << 15 | 0x3F << 9).to_bytes(6)
    assert any(error.startswith("due") for error in check(bytes(ahead)).errors)


def test_the_crc_of_a_section_and_its_crc_is_nothing() -> None:
    assert crc32(b"123456789") == 0x0376E6E7
    assert crc32(b"123456789" + (0x0376E6E7).to_bytes(4)) == 0
