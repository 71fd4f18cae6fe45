"""What a recording's files are called, where they are cut, and what of a stream is recorded: rules without a disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.contracts import Delivery
from camcast.media import NS_PER_MS, MediaKind, Packet, Track
from camcast.url_template import UrlTemplate
from camcast_record.cutting import Cut, Cutter
from camcast_record.gate import Gate
from camcast_record.naming import FileName

VIDEO = Track(kind=MediaKind.VIDEO, codec="h264", config=b"one", width=320, height=240)
AUDIO = Track(kind=MediaKind.AUDIO, codec="aac", config=b"two", sample_rate=48_000, channels=2)
NOON = 1_795_953_600.0
"""2026-11-29 12:00 UTC."""


def picture(time: int, *, keyframe: bool = False, size: int = 100, track: Track = VIDEO) -> Packet:
    return Packet(track, time * NS_PER_MS, time * NS_PER_MS, keyframe, bytes(size))


def sound(time: int, track: Track = AUDIO) -> Packet:
    return Packet(track, time * NS_PER_MS, time * NS_PER_MS, True, bytes(10))


# --- names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "path", "folder"),
    [
        ("record:///v/gate-%Y%m%d-%H%M%S.mp4", "/v/gate-20261129-120000.mp4", "/v"),
        ("record:///v/%Y/%m/gate%d0.mkv", "/v/2026/11/gate290.mkv", "/v"),
        ("record:///v/100%%/%j.mp4", "/v/100%/333.mp4", "/v/100%"),
        ("record:///v/caf%C3%A9%20%41/%H.mp4", "/v/café A/12.mp4", "/v/café A"),
        ("record:///v/plain.mp4", "/v/plain.mp4", "/v"),
    ],
)
def test_a_name_holds_the_time_and_whatever_a_camera_is_called(url: str, path: str, folder: str) -> None:
    name = FileName(url)
    assert (name.at(NOON), name.folder) == (Path(path), Path(folder))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("record://host/v/a.mp4", "three slashes"),
        ("record:///v/a.mp4?fsync=never", "belongs into `options`"),
        ("record:///v/a.avi", "ends in .mp4 or .mkv"),
        ("record:///v/%Y", "ends in .mp4 or .mkv"),
        ("record:///v/%Q.mp4", "%Q is no time"),
        ("record:///v/" + "y" * 237 + ".mp4", "more than 240 bytes"),
        ("record:///" + "ä" * 121 + "/a.mp4", "more than 240 bytes"),
        ("record:///v/../a.mp4", "empty, . or .."),
        ("record:///v//a.mp4", "empty, . or .."),
        ("record:///v/a%2Fb.mp4", "slash or a control character"),
        ("record:///v/a%0A.mp4", "slash or a control character"),
        ("record:///v/a%", "no time"),
    ],
)
def test_what_is_no_name_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace(".", r"\.")):
        FileName(url)


@given(st.text(min_size=1, max_size=20))
def test_whatever_a_camera_is_called_stays_one_part_of_the_path(called: str) -> None:
    try:
        name = FileName(UrlTemplate("record:///v/{camera_name}/%Y.mp4").expand({"camera_name": called}))
    except ValueError:  # ".", "..", a slash or a control character in it
        assert called in (".", "..") or "/" in called or not called.isprintable()
    else:
        assert name.at(NOON) == Path("/v", called, "2026.mp4")


def test_no_file_is_written_over(tmp_path: Path) -> None:
    name = FileName(f"record://{tmp_path}/%Y.mp4")
    found = []
    for _ in range(3):
        found.append(name.free(NOON).name)
        (tmp_path / found[-1]).touch()
    assert found == ["2026.mp4", "2026_2.mp4", "2026_3.mp4"]


# --- cuts -------------------------------------------------------------------------------------------------


def test_files_begin_with_a_keyframe_when_they_are_long_enough() -> None:
    cutter = Cutter([VIDEO, AUDIO], 2.0)
    cuts = [cutter.next(sound(0), 0), cutter.next(picture(0), 0)]
    cuts += [cutter.next(picture(time, keyframe=time % 1000 == 0), time) for time in range(0, 5000, 500)]
    assert cuts[:2] == [Cut.LEAVE_OUT] * 2
    assert [number for number, cut in enumerate(cuts[2:]) if cut is Cut.BEGIN] == [0, 4, 8]


def test_other_parameters_need_another_file_and_until_its_keyframe_nothing_of_theirs_is_taken() -> None:
    cutter = Cutter([VIDEO, AUDIO], 60.0)
    other = attrs.evolve(AUDIO, config=b"other")
    assert cutter.next(picture(0, keyframe=True), 0) is Cut.BEGIN
    assert [cutter.next(sound(10), 10), cutter.next(sound(20, other), 20)] == [Cut.GO_ON, Cut.LEAVE_OUT]
    assert [cutter.next(picture(40), 40), cutter.next(picture(80, keyframe=True), 80)] == [Cut.GO_ON, Cut.BEGIN]
    assert cutter.next(sound(90, other), 90) is Cut.GO_ON
    # The same parameters in another object are the same.
    assert cutter.next(picture(120, keyframe=True, track=attrs.evolve(VIDEO)), 120) is Cut.GO_ON


OTHER_AUDIO, SAME_AUDIO = attrs.evolve(AUDIO, config=b"other"), attrs.evolve(AUDIO)
OTHER_VIDEO = attrs.evolve(VIDEO, config=b"other")
UNITS = st.lists(
    st.tuples(
        st.sampled_from([VIDEO, VIDEO, VIDEO, AUDIO, AUDIO, AUDIO, OTHER_VIDEO, OTHER_AUDIO, SAME_AUDIO]),
        st.booleans(),
        st.sampled_from([0, 20, 40, 3000]),
    ),
    max_size=40,
)


@given(UNITS, st.lists(st.integers(1, 12), max_size=8), st.booleans())
def test_units_that_are_passed_on_together_are_those_that_go_on(
    units: list[tuple[Track, bool, int]], batches: list[int], pictures: bool
) -> None:
    """Asked for one by one, and in batches of any length."""
    tracks = [VIDEO, AUDIO] if pictures else [AUDIO]
    timed, time = list[tuple[Packet, int]](), 0
    for track, keyframe, step in units:
        time += step
        if track.kind is MediaKind.AUDIO:
            timed.append((sound(time, track), time))
        elif pictures:
            timed.append((picture(time, keyframe=keyframe, track=track), time))
    one, several = Cutter(tracks, 2.0), Cutter(tracks, 2.0)
    expected = [one.next(packet, at) for packet, at in timed]
    found, newest, left = list[Cut](), 0, timed
    for size in [*batches, len(timed)]:
        batch, left = left[:size], left[size:]
        begin = 0
        while begin < len(batch):
            end, newest = several.usual(batch, begin, newest, 2000)
            found += [Cut.GO_ON] * (end - begin)
            for packet, at in batch[end : end + 1]:
                found.append(several.next(packet, at))
                newest = max(newest, at)
            begin = end + 1
    assert found == expected


def test_what_comes_after_a_hole_is_looked_at() -> None:
    cutter = Cutter([VIDEO, AUDIO], 60.0)
    cutter.next(picture(0, keyframe=True), 0)
    cutter.next(sound(0), 0)
    units = [(sound(time), time) for time in (20, 40, 3000, 3020)]
    assert cutter.usual(units, 0, 0, 2000) == (2, 40)
    assert cutter.usual(units, 2, 40, 2000) == (2, 40)
    assert cutter.usual(units, 2, 2000, 2000) == (4, 3020)


def test_sound_alone_is_cut_anywhere() -> None:
    cutter = Cutter([AUDIO], 1.0)
    cuts = [cutter.next(sound(time), time) for time in range(0, 2500, 500)]
    assert cuts == [Cut.BEGIN, Cut.GO_ON, Cut.BEGIN, Cut.GO_ON, Cut.BEGIN]


# --- only what another output does not deliver ----------------------------------------------------------------


def passed(gate: Gate, times: Sequence[int], gop: int = 1000) -> list[int]:
    """Times of what is recorded of pictures that come at these times."""
    return [at for time in times for _, at in gate.add(picture(time, keyframe=time % gop == 0), time)]


def test_what_was_sent_before_the_failure_was_known_is_recorded_too_from_a_keyframe_on() -> None:
    gate = Gate(before=2.0, after=1.0, most=1 << 20)
    well = Delivery(delivers=True, lost=0)
    gate.look(well, 0.0)
    assert passed(gate, range(0, 1500, 100)) == list(range(0, 1500, 100)), "nothing is known of the other yet"
    gate.look(well, 1.5)
    assert passed(gate, range(1500, 10_000, 100)) == [1500, 1600, 1700, 1800, 1900], "up to the next keyframe"
    gate.look(Delivery(delivers=False, lost=0), 10.0)
    # Two seconds before the newest, 9.9 s, and what it takes to begin with a keyframe.
    assert passed(gate, range(10_000, 10_300, 100)) == list(range(7000, 10_300, 100))


def test_each_frame_is_recorded_at_most_once_and_none_between_two_failures_that_are_close_is_missing() -> None:
    gate = Gate(before=2.0, after=0.5, most=1 << 20)
    recorded, clock = list[int](), 0.0
    for begin in range(0, 8000, 1000):
        gate.look(Delivery(delivers=begin // 1000 % 4 != 3, lost=0), clock)
        clock += 1.0
        recorded += passed(gate, range(begin, begin + 1000, 100))
    assert recorded == sorted(set(recorded))
    # Both failures, at 3 s and at 7 s, and all that was sent from 1 s on: the second was kept from 5 s on.
    assert {*range(1000, 4000, 100), *range(5000, 8000, 100)} <= {*recorded}


def test_frames_that_the_other_dropped_are_recorded_although_it_delivers() -> None:
    gate = Gate(before=1.0, after=0.0, most=1 << 20)
    for now, lost in ((0.0, 0), (0.1, 0)):
        gate.look(Delivery(delivers=True, lost=lost), now)
    assert passed(gate, range(0, 1500, 100)) == []
    gate.look(Delivery(delivers=True, lost=3), 1.5)
    assert passed(gate, [1500]) == list(range(0, 1600, 100))


def test_memory_is_bounded_and_a_group_that_outgrows_it_is_given_up() -> None:
    gate = Gate(before=1000.0, after=0.0, most=1000)
    gate.look(Delivery(delivers=True, lost=0), 0.0)
    gate.look(Delivery(delivers=True, lost=0), 1.0)
    assert passed(gate, range(0, 5000, 100), gop=5000) == []
    assert gate.kept == 0
    assert passed(gate, range(5000, 9000, 250), gop=1000) == []
    assert 0 < gate.kept <= 1000
    gate.look(None, 9.0)
    assert passed(gate, [9000]) == list(range(7000, 9250, 250))
