"""The clock stage: one timeline, whatever the camera's clock does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.world import AUDIO, VIDEO

from camcast.media import NS_PER_MS, NS_PER_S, MediaKind, Packet
from camcast.stream.clock import Clock

STEP = 40 * NS_PER_MS


def feed(clock: Clock, dts: int, *, pts: int | None = None, at: int | None = None, track: Any = VIDEO) -> Packet:
    packet = Packet(track, dts, dts if pts is None else pts, False, b"", arrival=dts if at is None else at)
    return clock.stamp(packet)


def test_starts_at_zero_whatever_the_source_counts_from() -> None:
    clock = Clock()
    assert [feed(clock, 10**15 + i * STEP).dts for i in range(3)] == [0, STEP, 2 * STEP]


def test_sound_and_picture_share_the_offset() -> None:
    clock = Clock()
    assert feed(clock, 5 * NS_PER_S).dts == 0
    assert feed(clock, 5 * NS_PER_S + 7, track=AUDIO).dts == 7


def test_a_restart_at_zero_goes_on_by_the_real_time_that_passed() -> None:
    clock = Clock()
    feed(clock, 100 * NS_PER_S, at=0)
    feed(clock, 100 * NS_PER_S, track=AUDIO, at=0)
    assert feed(clock, 0, at=2 * NS_PER_S).dts == 2 * NS_PER_S
    assert feed(clock, 20 * NS_PER_MS, track=AUDIO, at=2 * NS_PER_S).dts == 2 * NS_PER_S + 20 * NS_PER_MS
    assert clock.jumps == 1


def test_a_jump_forward_is_a_new_offset_but_a_real_pause_is_not() -> None:
    clock = Clock()
    feed(clock, 0, at=0)
    assert feed(clock, 3600 * NS_PER_S, at=STEP).dts == STEP
    assert clock.jumps == 1
    assert feed(clock, 3660 * NS_PER_S, at=STEP + 60 * NS_PER_S).dts == STEP + 60 * NS_PER_S
    assert clock.jumps == 1


def test_said_discontinuity_re_anchors_even_a_small_step() -> None:
    clock = Clock()
    feed(clock, 0, at=0)
    clock.discontinuity()
    assert feed(clock, 10, at=NS_PER_S).dts == NS_PER_S


def test_a_small_step_back_is_held() -> None:
    clock = Clock()
    feed(clock, 0, at=0)
    feed(clock, 2 * STEP, at=0)
    assert feed(clock, STEP, at=0).dts == 2 * STEP
    assert clock.held == 1


MS = NS_PER_MS


def played(
    *late: tuple[int, int], said: bool = False, seconds: int = 8
) -> tuple[Clock, dict[int, int], dict[int, int]]:
    """A picture and a sound every 40 ms, of which 400 ms of sound are late: (from when on, by how much), in ms.

    What times pictures and sound got, by when they were due."""
    clock = Clock()
    pictures, sounds = {}, {}
    fallen = False
    for due in range(0, seconds * 1000, 40):
        pictures[due] = feed(clock, due * MS).dts // MS
        behind = next((by for since, by in late if since <= due < since + 400), 0) if late else 0
        if said and (behind > 0) != fallen:
            clock.discontinuity()
        fallen = behind > 0
        sounds[due] = feed(clock, (due - behind) * MS, at=due * MS, track=AUDIO).dts // MS
    return clock, pictures, sounds


@pytest.mark.parametrize("said", [False, True])
@pytest.mark.parametrize("late", [600, 1000, 2000, 2900, 4000, 20_000])
def test_a_few_late_packets_of_one_track_move_nothing_for_good(late: int, said: bool) -> None:
    """Each of them is placed where it came; what follows is where it would have been, sound and picture together."""
    _, pictures, sounds = played((2000, late), (5000, late), said=said)
    assert all(at == due for due, at in pictures.items())
    assert all(0 <= at - due <= 40 for due, at in sounds.items())
    assert all(at == due for due, at in sounds.items() if not any(s <= due < s + 480 for s in (2000, 5000)))


@pytest.mark.parametrize("stall", [300, 900, 2500])
def test_late_packets_that_come_in_a_burst_are_told_from_a_clock_that_is_set(stall: int) -> None:
    """Something stood still: by arrival alone, those behind the burst fit the jump."""
    clock = Clock()
    apart = {}
    for due in range(0, 8000, 40):
        at = 2000 + stall if 2000 <= due < 2000 + stall else due
        feed(clock, due * MS, at=at * MS)
        behind = 700 if 2000 <= due < 2300 else 0
        apart[due] = feed(clock, (due - behind) * MS, at=at * MS, track=AUDIO).dts // MS - due
    assert max(apart.values()) <= stall
    assert {late for due, late in apart.items() if due >= 2300 + stall} == {0}


@pytest.mark.parametrize("ahead", [600, 2000, 20_000])
def test_times_that_stay_another_are_followed(ahead: int) -> None:
    """A camera's clock that is set, by whatever: no packet fits the old one any more."""
    clock = Clock()
    came = []
    for due in range(0, 8000, 40):
        moved = -ahead if due >= 2000 else 0
        came += [feed(clock, (due + moved) * MS, at=due * MS).dts // MS - due]
        came += [feed(clock, (due + moved) * MS, at=due * MS, track=AUDIO).dts // MS - due]
    assert set(came) == {0}
    assert clock.jumps == 1
    assert not clock.broken


def test_a_doubt_ends_also_where_its_track_does() -> None:
    """Or the short way would be closed to the other track for good."""
    clock = Clock()
    for due in range(0, 8000, 40):
        feed(clock, due * MS, at=due * MS)
        if due <= 2000:
            feed(clock, (due - 1000 * (due == 2000)) * MS, at=due * MS, track=AUDIO)
            assert bool(clock.broken) is (due == 2000)
    assert not clock.broken


@pytest.mark.parametrize("away", [400, 5000])
def test_a_track_that_is_away_when_times_begin_anew_does_so_when_it_comes_again(away: int) -> None:
    """Also where it might have gone on from where it was; the short way is open to the other track meanwhile."""
    clock = Clock()
    for due in range(0, 2000, 40):
        feed(clock, due * MS, at=due * MS)
        feed(clock, due * MS, at=due * MS, track=AUDIO)
    back = away - 100
    for due in range(2000, 2000 + away, 40):
        if due <= 2040:
            clock.discontinuity()
        assert feed(clock, (due - back) * MS, at=due * MS).dts == due * MS
    # The picture's own jump is in doubt for three seconds.
    assert bool(clock.broken) is (away == 400)
    for due in range(2000 + away, 6000 + away, 40):
        assert feed(clock, (due - back) * MS, at=due * MS, track=AUDIO).dts == due * MS


def test_composition_times_of_b_frames_stay_exact() -> None:
    clock = Clock()
    shown = [2, 5, 3, 4, 8, 6, 7]
    packets = [feed(clock, i * STEP, pts=p * STEP) for i, p in enumerate(shown)]
    assert [p.pts for p in packets] == [p * STEP for p in shown]
    assert [p.dts for p in packets] == [i * STEP for i in range(7)]


def test_negative_composition_moves_decoding_earlier_not_showing() -> None:
    clock = Clock()
    shown = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8]
    packets = [feed(clock, i * STEP, pts=p * STEP) for i, p in enumerate(shown)]
    assert [p.pts for p in packets] == [p * STEP for p in shown]
    assert all(p.pts >= p.dts for p in packets)
    assert [p.dts for p in packets] == sorted(p.dts for p in packets)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([VIDEO, AUDIO]),
            st.integers(-(2**50), 2**50),
            st.integers(-NS_PER_S, NS_PER_S),
            st.integers(0, 10 * NS_PER_S),
        ),
        max_size=50,
    )
)
def test_whatever_comes_time_never_falls_and_composition_is_never_negative(steps: Any) -> None:
    clock = Clock()
    last: dict[MediaKind, int] = {}
    now = 0
    for track, dts, cts, wait in steps:
        now += wait
        packet = feed(clock, dts, pts=dts + cts, at=now, track=track)
        assert packet.dts >= last.get(track.kind, packet.dts)
        assert packet.pts >= packet.dts
        last[track.kind] = packet.dts
