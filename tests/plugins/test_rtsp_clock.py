"""A camera's times: wrap, leaps, wrong rates, sound beside picture, and decode times for B-frames."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from itertools import pairwise

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.media import NS_PER_MS, NS_PER_S, MediaKind, Packet, Track
from camcast_rtsp.clock import Timeline, TrackClock
from camcast_rtsp.decode_order import DecodeTimes, needed_depth
from camcast_rtsp.rate import ArrivalClock

VIDEO = Track(kind=MediaKind.VIDEO, codec="test")
START = 1_000 * NS_PER_S


def play(clock: TrackClock, seconds: float, *, fps: int = 25, first: int = 0, begin: int = START) -> list[int]:
    """Stamps of a well-behaved camera; `first` is its timestamp at `begin`."""
    return [
        clock.stamp((first + number * 90_000 // fps) & 0xFFFFFFFF, begin + number * NS_PER_S // fps)
        for number in range(int(seconds * fps))
    ]


def test_thirteen_hours_wrap_without_a_step() -> None:
    clock = TrackClock(90_000, Timeline())
    times = play(clock, 40, first=2**32 - 20 * 90_000)
    assert all(later - earlier == 40 * NS_PER_MS for earlier, later in pairwise(times))
    assert clock.jumps == 0


@pytest.mark.parametrize("microseconds", [125, 250, 333, 1000, 1500])
@pytest.mark.parametrize("speed", [1.0, 0.4])
def test_sound_in_pieces_of_a_ms_and_less_keeps_its_clock(microseconds: int, speed: float) -> None:
    """Those of AES67 (section 7.2), also over a link that is too slow for five seconds."""
    clock = TrackClock(48_000, Timeline())
    each = 48 * microseconds // 1000
    for number in range(5_000_000 // microseconds):
        clock.stamp(number * each, START + int(number * each * NS_PER_S / 48_000 / speed))
    assert not clock.by_arrival
    assert clock.jumps == 0


@pytest.mark.parametrize("ticks", [lambda number: 0, lambda number: number * 20, lambda number: number // 50 * 48_000])
def test_sound_whose_times_stand_still_gets_those_of_arrival(ticks: Callable[[int], int]) -> None:
    """Always the same, counted in ms, or changing once a second."""
    clock = TrackClock(48_000, Timeline())
    times = [clock.stamp(ticks(number), START + number * 20 * NS_PER_MS) for number in range(150)]
    assert clock.by_arrival
    assert all(later > earlier for earlier, later in pairwise(times[101:]))


@pytest.mark.parametrize("leap", [2**31 + 7, 90_000 * 3600, -90_000 * 30])
def test_a_leap_goes_on_where_real_time_is(leap: int) -> None:
    clock = TrackClock(90_000, Timeline())
    before = play(clock, 3)
    after = play(clock, 3, first=3 * 90_000 + leap, begin=START + 3 * NS_PER_S)
    assert clock.jumps == 1
    assert after[0] - before[-1] == 40 * NS_PER_MS
    assert after[-1] - before[0] == 149 * 40 * NS_PER_MS


@pytest.mark.parametrize("seconds", [1.5, 3.0, 4.5, -3.0])
@pytest.mark.parametrize("burst", [0.0, 2.0])
def test_a_clock_that_is_set_goes_on_where_real_time_is(seconds: float, burst: float) -> None:
    clock = TrackClock(90_000, Timeline())
    times = []
    for number in range(25 * 8):
        arrival = START + max(number * 40 * NS_PER_MS, int(burst * NS_PER_S))
        leap = int(seconds * 90_000) if number >= 100 else 0
        times.append(clock.stamp(number * 3_600 + leap & 0xFFFFFFFF, arrival))
    assert clock.jumps == 1
    assert {later - earlier for earlier, later in pairwise(times)} == {40 * NS_PER_MS}


def test_pictures_that_a_camera_leaves_out_behind_a_slow_link_are_no_set_clock() -> None:
    clock = TrackClock(90_000, Timeline())
    offsets = []
    for number in range(25 * 10):
        if 100 <= number < 200:
            # The link takes half of what comes; at 8 s the camera is 2 s behind and leaves as much out.
            arrival = START + (100 + 2 * (number - 100)) * 40 * NS_PER_MS
            if number >= 150:
                continue
        else:
            arrival = START + number * 40 * NS_PER_MS
        offsets.append(clock.stamp(number * 3_600, arrival) - (START + number * 40 * NS_PER_MS))
    assert clock.jumps == 0
    assert max(map(abs, offsets)) < 100 * NS_PER_MS


@pytest.mark.parametrize("factor", [10.0, 3.0, 1.25, 0.8, 0.3, 0.0])
def test_a_wrong_rate_is_noticed(factor: float) -> None:
    verdicts: list[float] = []
    timeline = Timeline(on_wrong_rate=lambda clock, factor: verdicts.append(factor))
    clock = TrackClock(90_000, timeline)
    for number in range(25 * 60):
        clock.stamp(int(number * 3600 * factor) & 0xFFFFFFFF, START + number * 40 * NS_PER_MS)
    assert clock.by_arrival
    assert verdicts == [pytest.approx(factor, abs=0.05)]


@pytest.mark.parametrize("ppm", [-300, 0, 300])
def test_a_burst_a_stall_and_an_ordinary_drift_are_no_wrong_rate(ppm: int) -> None:
    timeline = Timeline()
    clock = TrackClock(90_000, timeline)
    for number in range(25 * 120):
        taken = START + number * 40 * NS_PER_MS
        # The first 4 s come at once; at 60 s nothing comes for 4 s, then all that is due.
        arrival = max(taken, START + 4 * NS_PER_S)
        if 60 <= number / 25 < 64:
            arrival = START + 64 * NS_PER_S
        clock.stamp(int(number * 3600 * (1 + ppm / 1e6)) & 0xFFFFFFFF, arrival)
    assert not clock.by_arrival


@pytest.mark.parametrize("rate", [0.3, 0.6])
def test_a_link_that_is_too_slow_for_a_while_is_no_slow_clock(rate: float) -> None:
    timeline = Timeline()
    clock = TrackClock(90_000, timeline)
    for number in range(25 * 120):
        taken = START + number * 40 * NS_PER_MS
        # Between 60 and 68 s a part only gets through; then comes all that is due.
        arrival = taken
        if 0 <= (late := number / 25 - 60) < 8 * rate:
            arrival = START + 60 * NS_PER_S + int(late / rate * NS_PER_S)
        elif 8 * rate <= late < 8:
            arrival = START + 68 * NS_PER_S
        clock.stamp(number * 3600 & 0xFFFFFFFF, arrival)
    assert not clock.by_arrival


def test_rtp_info_puts_sound_beside_the_picture() -> None:
    timeline = Timeline()
    video, audio = TrackClock(90_000, timeline), TrackClock(8_000, timeline)
    video.starts_at(1_000_000)
    audio.starts_at(500)
    shown = video.stamp(1_000_000, START)
    # Taken half a second after the picture, arriving late.
    assert audio.stamp(500 + 4_000, START + 650 * NS_PER_MS) == shown + 500 * NS_PER_MS


def test_rtp_info_that_makes_no_sense_is_not_believed() -> None:
    timeline = Timeline()
    video, audio = TrackClock(90_000, timeline), TrackClock(8_000, timeline)
    video.starts_at(1_000_000)
    audio.starts_at(2**31)
    video.stamp(1_000_000, START)
    assert audio.stamp(0, START) == START


@pytest.mark.parametrize("late", [-2_000, -200, 30, 900])
def test_sender_reports_bring_sound_to_the_picture_without_going_back(late: int) -> None:
    """Sound's first packet arrives `late` ms later than it should: the sender reports tell."""
    timeline = Timeline()
    video = TrackClock(90_000, timeline)
    audio = TrackClock(8_000, timeline, follows=video)
    ntp = 3_900_000_000 * NS_PER_S
    times: list[int] = []
    shown = 0
    for number in range(50 * 30):
        now = START + number * 20 * NS_PER_MS
        shown = video.stamp(number * 1_800, now)
        times.append(audio.stamp(number * 160, now + late * NS_PER_MS))
        if number % 250 == 100:
            video.report(number * 1_800, ntp + number * 20 * NS_PER_MS)
            audio.report(number * 160, ntp + number * 20 * NS_PER_MS)
    assert abs(times[-1] - shown) < 2 * NS_PER_MS
    assert all(later > earlier for earlier, later in pairwise(times))


def test_reports_of_different_clocks_are_ignored() -> None:
    timeline = Timeline()
    video = TrackClock(90_000, timeline)
    audio = TrackClock(8_000, timeline, follows=video)
    play(video, 1)
    audio.stamp(0, START)
    video.report(0, 3_900_000_000 * NS_PER_S)
    audio.report(0, 1 * NS_PER_S)
    assert audio.stamp(160, START + 20 * NS_PER_MS) == START + 20 * NS_PER_MS
    assert audio.beside is not None
    assert audio.beside.apart


HOUR = 3600


@attrs.define
class Hour:
    """What an hour of a camera with these clocks came to. Times are s; offsets are to the moment of capture."""

    real: float
    """Largest change of the picture's offset in the last ten minutes, from what it was in the beginning."""
    tracks: float
    """Largest distance of the tracks' offsets in the last ten minutes."""
    step: float
    """Largest difference of a step from the nominal one, ms, after the first ten seconds."""
    told: list[float]


def an_hour(video_rate: float, audio_rate: float, *, reports: float = 0.0) -> Hour:
    """10 pictures and 12.5 blocks of sound a second, each up to 30 ms late; `reports`: by a wall clock at this rate."""
    chance = random.Random(1)
    told: list[float] = []
    timeline = Timeline(on_drift=lambda clock, factor: told.append(round(factor, 3)))
    video = TrackClock(90_000, timeline)
    audio = TrackClock(8_000, timeline, follows=video)
    clocks = {"video": (video, video_rate, 0.1), "audio": (audio, audio_rate, 0.08)}
    offsets: dict[str, float] = {}
    first: dict[str, float] = {}
    last: dict[str, int] = {}
    hour = Hour(0.0, 0.0, 0.0, told)
    events = heapq.merge([(n / 10, "video") for n in range(HOUR * 10)], [(n * 0.08, "audio") for n in range(45_000)])
    for at, name in events:
        clock, rate, step = clocks[name]
        arrival = START + int((at + chance.random() * 0.03) * NS_PER_S)
        time = clock.stamp(int(at * rate * clock.rate) & 0xFFFFFFFF, arrival)
        if at > 10 and name in last:
            hour.step = max(hour.step, abs((time - last[name]) / 1e6 - step * 1000))
        last[name] = time
        offsets[name] = (time - START) / NS_PER_S - at
        first.setdefault(name, offsets[name])
        if reports and name == "audio" and round(at / step) % 60 == 30:
            for other, other_rate, _ in clocks.values():
                other.report(int(at * other_rate * other.rate) & 0xFFFFFFFF, int((4e9 + at * reports) * NS_PER_S))
        if at > HOUR - 600:
            hour.real = max(hour.real, abs(offsets["video"] - first["video"]))
            hour.tracks = max(hour.tracks, abs(offsets["video"] - offsets["audio"]))
    return hour


@pytest.mark.parametrize(
    ("video", "audio", "reports"),
    [
        (1.03, 1.03, 0.0),
        (0.97, 0.97, 0.97),
        (1.03, 1.0, 0.0),
        (1.0, 1.005, 0.0),
        (1.0, 0.995, 1.0),
        (1.001, 1.001, 1.001),
        (0.91, 1.0, 0.0),
        (1.1, 1.1, 0.0),
        (0.9, 0.9, 0.0),
        (1.03, 0.97, 0.0),
        (0.92, 1.05, 0.0),
        # The wall clock of the reports is right, the clock of the packets is not.
        (1.0, 1.03, 1.0),
        (1.0, 0.97, 1.0),
        (1.03, 0.97, 1.0),
    ],
)
def test_an_hour_with_a_slow_or_fast_clock_stays_beside_real_time(video: float, audio: float, reports: float) -> None:
    hour = an_hour(video, audio, reports=reports)
    assert hour.real < 1.0
    assert hour.tracks < 0.06
    assert hour.step < 20
    # With reports, sound is kept beside the picture by them, and needs no telling.
    wrong = {rate for rate in ((video,) if reports else (video, audio)) if rate != 1.0}
    assert {round(factor, 2) for factor in hour.told} == {round(rate, 2) for rate in wrong}
    assert len(hour.told) <= 2


def test_a_good_clock_is_left_alone_for_an_hour() -> None:
    hour = an_hour(1.0, 1.0, reports=1.0)
    assert not hour.told
    assert hour.step < 2
    assert hour.real < 0.04


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, NS_PER_S)), max_size=100))
def test_any_timestamps_are_survived(steps: list[tuple[int, int]]) -> None:
    timeline = Timeline()
    video = TrackClock(90_000, timeline)
    audio = TrackClock(8_000, timeline, follows=video)
    now = START
    for timestamp, passed in steps:
        now += passed
        video.stamp(timestamp, now)
        video.report(timestamp ^ 0xFFFF, now)
        audio.report(timestamp, now // 2)
        # Leaps do not carry the line away from real time.
        assert abs(audio.stamp(timestamp, now) - now) < 100 * 6 * NS_PER_S


@given(st.lists(st.integers(0, 80), min_size=50, max_size=200))
def test_arrival_times_rise_and_follow(jitter: list[int]) -> None:
    clock = ArrivalClock()
    times = [clock.stamp(START + number * 40 * NS_PER_MS + late * NS_PER_MS) for number, late in enumerate(jitter)]
    assert all(later > earlier for earlier, later in pairwise(times))
    assert abs(times[-1] - (START + len(jitter) * 40 * NS_PER_MS)) < NS_PER_S


# --- decode times -----------------------------------------------------------------------------------------------


def decoded(shown: list[int], bound: int) -> list[Packet]:
    """Packets with these display times (in frames of 40 ms), in decode order."""
    times = DecodeTimes(bound, 25.0)
    out: list[Packet] = []
    for place, number in enumerate(shown):
        pts = START + number * 40 * NS_PER_MS
        out += times.push(Packet(VIDEO, pts, pts, place == 0, b""))
    return out + times.flush()


@pytest.mark.parametrize(
    ("pattern", "bound", "lag"),
    [
        ([0, 1, 2, 3], 4, 0),
        ([0, 3, 1, 2], 2, 1),
        ([0, 3, 1, 2], 4, 1),
        ([0, 4, 2, 1, 3], 4, 2),
        ([0, 8, 4, 2, 1, 3, 6, 5, 7], 16, 3),
    ],
)
def test_decode_times_lag_as_little_as_the_order_needs(pattern: list[int], bound: int, lag: int) -> None:
    shown = [*pattern]
    for mini in range(1, 20):
        shown += [number + mini * (len(pattern) - 1) for number in pattern[1:]]
    packets = decoded(shown, bound)
    assert len(packets) == len(shown)
    assert [round((packet.pts - START) / 4e7) for packet in packets] == shown
    assert all(packet.dts <= packet.pts for packet in packets)
    assert all(later.dts - earlier.dts == 40 * NS_PER_MS for earlier, later in pairwise(packets))
    assert packets[0].pts - packets[0].dts == lag * 40 * NS_PER_MS


def test_b_frames_that_come_later_are_made_room_for() -> None:
    shown = list(range(20)) + [number + 20 for mini in range(10) for number in (mini * 3 + 2, mini * 3, mini * 3 + 1)]
    packets = decoded(shown, 4)
    assert all(later.dts > earlier.dts for earlier, later in pairwise(packets))
    # After the first surprise all is in order again.
    assert all(packet.dts <= packet.pts for packet in packets[26:])


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(1, 16))
def test_any_order_gives_rising_decode_times(shown: list[int], bound: int) -> None:
    packets = decoded(shown, bound)
    assert len(packets) == len(shown)
    assert all(later.dts > earlier.dts for earlier, later in pairwise(packets))
    assert needed_depth(shown) <= len(shown)
