"""The comparison finds every kind of difference; a comparison that cannot fail proves nothing."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from tests.compare import Media, Unit, compare, nal_units
from tests.media import made


@pytest.fixture
def source() -> Media:
    return Media.read(made("h264_b_aac"))


def _joined(nals: list[bytes]) -> bytes:
    return b"".join(len(nal).to_bytes(4) + nal for nal in nals)


def _change_byte(video: list[Unit]) -> None:
    video[50] = attrs.evolve(video[50], data=video[50].data[:-1] + bytes([video[50].data[-1] ^ 1]))


def _swap(video: list[Unit]) -> None:
    video[50], video[51] = video[51], video[50]


def _late(video: list[Unit]) -> None:
    video[50] = attrs.evolve(video[50], pts=video[50].pts + 3)


def _without_sei(video: list[Unit]) -> None:
    video[0] = attrs.evolve(video[0], data=_joined([nal for nal in nal_units(video[0]) if nal[0] & 0x1F != 6]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_change_byte, "video unit 50 .* nowhere in the source"),
        (_swap, r"video unit 50 .* it is unit \[51\]"),
        (lambda video: video.pop(50), r"video unit 50 .* it is unit \[51\]"),
        (lambda video: video.insert(50, video[49]), r"video unit 50 .* it is unit \[49\]"),
        (lambda video: video.pop(), "not everything arrived"),
        (lambda video: video.pop(0), "not everything arrived"),
        (_late, "times differ by offsets between 0.000 and 3.000 ms"),
        (_without_sei, "first received unit is not in the source"),
        (lambda video: video.clear(), "received no video"),
    ],
)
def test_a_difference_is_found(source: Media, change: Callable[[list[Unit]], object], says: str) -> None:
    received = Media(list(source.video), list(source.audio))
    change(received.video)
    with pytest.raises(AssertionError, match=says):
        compare(source, received)


def test_delimiters_and_parameter_sets_are_counted_not_compared(source: Media) -> None:
    received = Media(list(source.video), list(source.audio))
    first = received.video[0]
    received.video[0] = attrs.evolve(first, data=_joined([b"\x09\xf0", b"\x67abc", *nal_units(first)]))
    found = compare(source, received)
    assert found.whole
    assert (found.added, found.removed) == ({"aud": 1, "sps": 1}, {})


def test_a_constant_offset_is_allowed_and_told(source: Media) -> None:
    def move(units: list[Unit], by: float) -> list[Unit]:
        return [attrs.evolve(unit, dts=unit.dts + by, pts=unit.pts + by) for unit in units]

    assert compare(source, Media(move(source.video, 700), move(source.audio, 700))).offset == pytest.approx(700)
    with pytest.raises(AssertionError, match="times differ"):
        compare(source, Media(move(source.video, 700), move(source.audio, 703)))


def test_a_looped_source_is_followed_over_its_end(source: Media) -> None:
    received = Media(source.video[20:] + source.video + source.video[:5], source.audio * 2)
    found = compare(source, received, loop=True, whole=False)
    assert (found.frames, found.missing_head) == (185, {"video": 20, "audio": 0})


def test_a_squeezed_beginning_can_be_left_out(source: Media) -> None:
    squeezed = [attrs.evolve(unit, dts=unit.dts - 500, pts=unit.pts - 500) for unit in source.video[:20:2]]
    received = Media(squeezed + source.video[20:], source.audio[30:])
    with pytest.raises(AssertionError, match="video unit 1"):
        compare(source, received, whole=False)
    found = compare(source, received, from_keyframe=1)
    assert found.missing_tail == {"video": 0, "audio": 0}
