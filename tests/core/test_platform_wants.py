"""What a stream has that its platform does not want: each limit from both sides, and nothing of what is unknown."""

from __future__ import annotations

from datetime import date
from typing import Any

import attrs
import pytest

from camcast.platform import BitrateRange, Figure, Platform, Reading
from camcast.platform_wants import Seen, differences, key_fault

PAGE = Reading("https://video.example/live", date(2026, 11, 30))
SET = "set the camera"
TAKEN = "set the camera, or let it be transcoded"
SILENCE = '"audio": "auto" adds silence where there is none'
REMEDY = 'set the camera, or "transcode": true'


def platform(**figures: Any) -> Platform:
    known: dict[str, Any] = {name: Figure(value, PAGE) for name, value in figures.items()}
    return Platform(name="p", title="Place", **known)


STRICT = platform(
    video_codecs=("h264", "h265"),
    needs_audio=True,
    keyframes_most=4.0,
    keyframes_recommended=2.0,
    bitrates=(
        BitrateRange(height=720, frame_rate=30, least=1500, most=4000),
        BitrateRange(height=1080, frame_rate=30, least=3000, most=6000),
        BitrateRange(height=1080, frame_rate=60, least=4500, most=9000),
        BitrateRange(height=1080, frame_rate=30, codecs=("h265",), least=2000, most=3000),
    ),
    bitrate_most=9000,
    frame_rate_most=60.0,
    height_most=1080,
    b_frames_most=2,
    sample_rates=(44100, 48000),
    hours_archived=12.0,
    hours_most=48.0,
)
WELL = Seen(
    codec="h264",
    width=1920,
    height=1080,
    frame_rate=29.97,
    bitrate=4_000_000,
    keyframes=2.0,
    b_frames=2,
    sound=True,
    sample_rate=48000,
)


def told(place: Platform, seen: Seen) -> list[tuple[str, str]]:
    return [(one.code, one.text) for one in differences(place, seen)]


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"keyframes": 10.0}, "keyframes", f"keyframes come every 10 s; Place wants 4 s or less: {REMEDY}"),
        (
            {"keyframes": 5.04, "apart": True},
            "keyframes",
            f"keyframes are 5.0 s apart at least; Place wants 4 s or less: {REMEDY}",
        ),
        (
            {"bitrate": 8_000_000},
            "bitrate",
            f"8.00 Mbit/s of pictures come for 1920x1080 at 30 pictures a second; Place wants 3 to 6: {REMEDY}",
        ),
        (
            {"bitrate": 1_000_000, "width": 720, "height": 1280},
            "bitrate",
            f"1.00 Mbit/s of pictures come for 720x1280 at 30 pictures a second; Place wants 1.5 to 4: {REMEDY}",
        ),
        (
            {"bitrate": 12_000_000, "width": 0},
            "bitrate",
            f"12.00 Mbit/s of pictures come; Place wants 9 or less: {REMEDY}",
        ),
        ({"codec": "av1", "keyframes": 9}, "codec", f"av1 comes; Place takes h264 or h265: {TAKEN}"),
        ({"sound": False, "sample_rate": 0}, "sound", f"no sound is sent; Place wants sound: {SILENCE}"),
        ({"b_frames": 3}, "b_frames", f"up to 3 B-frames come together; Place wants 2 at most: {REMEDY}"),
        ({"frame_rate": 99.0, "bitrate": 0}, "frame_rate", "99 pictures a second come; Place wants 60 or less: " + SET),
        (
            {"width": 3840, "height": 2160, "bitrate": 0},
            "size",
            "pictures of 3840x2160 come; Place wants 1080 lines or less: " + SET + ", or transcode to a smaller size",
        ),
        ({"sample_rate": 8000}, "sample_rate", "sound comes at 8 kHz; Place wants 44.1 or 48 kHz: set the camera"),
        ({"hours": 13.0}, "length", "sent for 13.0 h; Place records streams of up to 12 h"),
        ({"hours": 49.0}, "length", "sent for 49.0 h; Place ends a stream after 48 h"),
    ],
)  # fmt: skip
def test_each_difference_says_what_came_what_is_wanted_and_what_to_do(
    change: dict[str, Any], code: str, text: str
) -> None:
    assert told(STRICT, WELL) == []
    assert told(STRICT, attrs.evolve(WELL, **change)) == [(code, text)]


@pytest.mark.parametrize(
    "change",
    [
        {"keyframes": 4.004},
        {"keyframes": 3.9},
        {"bitrate": 6_500_000},
        {"bitrate": 2_750_000},
        {"bitrate": 8_900_000, "frame_rate": 59.94},
        {"codec": "h265", "bitrate": 2_500_000},
        {"frame_rate": 61.0, "bitrate": 0},
        {"hours": 12.0},
        {"sound": None, "sample_rate": 0},
    ],
)
def test_what_is_within_the_limits_is_well(change: dict[str, Any]) -> None:
    assert told(STRICT, attrs.evolve(WELL, **change)) == []


def test_what_is_unknown_is_compared_with_nothing() -> None:
    odd = attrs.evolve(
        WELL, codec="mjpeg", keyframes=60.0, bitrate=1e9, b_frames=9, sound=False, sample_rate=8000, hours=999.0
    )
    assert told(platform(), odd) == []
    assert told(STRICT, Seen()) == []


def test_no_range_is_held_against_a_picture_whose_rate_is_unknown() -> None:
    assert STRICT.range_for("h264", 1080, 0.0) is None
    assert told(STRICT, attrs.evolve(WELL, frame_rate=0.0, bitrate=1_000_000)) == []
    assert [code for code, _ in told(STRICT, attrs.evolve(WELL, frame_rate=0.0, bitrate=12_000_000))] == ["bitrate"]


@pytest.mark.parametrize("name", ["Video.example", ".video.example", "video.example.", "video.example:1935", "", "a/b"])
def test_a_host_that_would_fit_nothing_is_none(name: str) -> None:
    """Keys are hidden below a platform's domains, which are compared in lower case."""
    for where in (
        {"domains": (name,)},
        {"hosts": Figure((name,), PAGE)},
        {"elsewhere": Figure({name: "HLS"}, PAGE)},
    ):
        known: dict[str, Any] = {"domains": ("video.example",), **where}
        with pytest.raises(ValueError, match="in lower case"):
            Platform(name="p", title="Place", **known)


def test_where_only_a_recommendation_is_known_it_is_told_as_one() -> None:
    place = platform(keyframes_recommended=2.0, keyframes_least=1.0, b_frames_most=0)
    assert told(place, Seen(keyframes=3.0)) == [
        ("keyframes", f"keyframes come every 3 s; Place recommends 2 s: {REMEDY}")
    ]
    assert told(place, Seen(keyframes=0.5)) == [
        ("keyframes", f"keyframes come every 0.5 s; Place wants 1 s or more: {REMEDY}")
    ]
    assert told(place, Seen(b_frames=1)) == [
        ("b_frames", f"up to 1 B-frames come together; Place wants none: {REMEDY}")
    ]
    assert told(place, Seen(keyframes=0.5, apart=True)) == []


def test_a_key_of_another_form_is_told_without_it() -> None:
    place = platform(key="sk_[a-z0-9-]+_[A-Za-z0-9]+")
    assert key_fault(place, "sk_us-west-2_abcDEF?x=1") == ""
    said = key_fault(place, "live_123_secret")
    assert said == "the stream key does not look like those of Place; see whether it was copied whole"
    assert key_fault(platform(), "anything") == ""
