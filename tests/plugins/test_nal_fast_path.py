"""The parser's short way for ordinary pictures, in C and in Python: it gives what the long way does, and is short."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import FrameType

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.plugins import test_h264_parser as h264
from tests.plugins import test_h265_parser as h265
from tests.plugins.nal_kit import prefixed
from tests.plugins.test_nal_damage import PARSERS, damaged

from camcast.bitstream.parser import NalParser, parse_in_python
from camcast.errors import MediaError
from camcast.media import NS_PER_S, Packet

BEGINNING = {"h264": (h264.SPS, h264.PPS, h264.IDR), "h265": (h265.VPS, h265.SPS, h265.PPS, h265.IDR)}
H265_RECOVERY = bytes.fromhex("4e01 06 01 c4 80")
UNITS: Mapping[str, list[bytes]] = {
    "h264": [
        *(h264.SPS, h264.PPS, h264.IDR, h264.INTER, h264.INTER, h264.DISPOSABLE, h264.I_SLICE),
        *(h264.AUD, h264.AUD, h264.SEI, h264.SEI, h264.RECOVERY_POINT, h264.FILLER),
        *(b"", b"\x41", b"\x01", b"\x06", b"\x0a", b"\x0b", b"\xc1\x9a", b"\x86\x05"),
        bytes.fromhex("41 5a 24"),  # not the first slice of its picture
        bytes.fromhex("42 b0 40"),  # data partition A
        bytes.fromhex("41 20 00"),  # a slice type that takes more than a byte
    ],
    "h265": [
        *(h265.VPS, h265.SPS, h265.PPS, h265.IDR, h265.CRA, h265.INTER, h265.INTER, h265.DISPOSABLE),
        *(h265.AUD, h265.AUD, h265.SEI, H265_RECOVERY, h265.FILLER, h265.END),
        *(b"", b"\x02", b"\x46", bytes.fromhex("8201 d0")),
    ],
}
USUAL: Mapping[str, list[tuple[bytes, ...]]] = {
    "h264": [
        (h264.SPS, h264.PPS),
        (h264.SPS, h264.PPS, h264.SEI, h264.INTER),
        (h264.RECOVERY_POINT, h264.I_SLICE),
        (h264.AUD, h264.RECOVERY_POINT, h264.I_SLICE),
        (h264.RECOVERY_POINT, h264.INTER),
        (h264.SEI, h264.INTER),
        (h264.AUD, h264.SEI, h264.INTER),
        (h264.AUD, h264.DISPOSABLE, h264.FILLER),
    ],
    "h265": [
        (h265.VPS, h265.SPS, h265.PPS),
        (h265.VPS, h265.SPS, h265.PPS, h265.SEI, h265.INTER),
        (H265_RECOVERY, h265.INTER),
        (h265.AUD, H265_RECOVERY, h265.INTER),
        (h265.SEI, h265.INTER),
        (h265.AUD, h265.SEI, h265.DISPOSABLE),
    ],
}
"""Access units as encoders and cameras make them."""
SHORT = 9
"""Calls at the most, a picture with a delimiter and SEI."""


Parse = Callable[..., Packet | None]


@attrs.frozen
class Outcome:
    """What came of one access unit."""

    packet: tuple[object, ...] | None
    error: str
    counts: Mapping[str, int]
    config: bytes | None

    @classmethod
    def of(cls, parser: NalParser, data: bytes, dts: int, parse: Parse = NalParser.parse) -> Outcome:
        packet, error = None, ""
        try:
            packet = parse(parser, data, dts, dts + 5, 7)
        except MediaError as raised:
            error = str(raised)
        track = parser.track
        return cls(_fields(packet), error, dict(parser.counts), track.config if track is not None else None)


def _fields(packet: Packet | None) -> tuple[object, ...] | None:
    if packet is None:
        return None
    track = (packet.track.config, packet.track.width, packet.track.details)
    times = (packet.dts, packet.pts, packet.arrival)
    return track, times, packet.keyframe, packet.disposable, packet.payload


def both_ways(codec: str, units: list[tuple[bytes, int]]) -> None:
    short, in_python, long = (PARSERS[codec](b"") for _ in range(3))
    long._special = 0xFF
    for data, dts in units:
        expected = Outcome.of(long, data, dts)
        assert Outcome.of(short, data, dts) == expected
        assert Outcome.of(in_python, data, dts, parse_in_python) == expected


@st.composite
def streams(draw: st.DrawFn) -> tuple[str, list[tuple[bytes, int]]]:
    """A codec, and access units of anything in any order, begun with a keyframe or not, with their times."""
    codec = draw(st.sampled_from(sorted(UNITS)))
    anything = st.lists(st.sampled_from(UNITS[codec]), max_size=5)
    units = draw(st.lists(st.sampled_from(USUAL[codec]) | anything, min_size=1, max_size=12))
    if draw(st.booleans()):
        units = [BEGINNING[codec], *units]
    steps = st.sampled_from([0, NS_PER_S // 25, NS_PER_S, 4 * NS_PER_S])
    dts, found = 0, []
    for nals in units:
        found.append((prefixed(*nals), dts))
        dts += draw(steps)
    return codec, found


def at_once(*units: tuple[bytes, ...], last: int = 0) -> tuple[str, list[tuple[bytes, int]]]:
    """H.264 at time 0, but for the last access unit."""
    return "h264", [*((prefixed(*unit), 0) for unit in units[:-1]), (prefixed(*units[-1]), last)]


@example(at_once((h264.SPS, h264.PPS), (h264.RECOVERY_POINT, h264.I_SLICE), (h264.RECOVERY_POINT, h264.I_SLICE)))
@example(
    at_once((h264.SPS, h264.PPS), (h264.SEI, h264.INTER), (h264.RECOVERY_POINT, h264.INTER), last=4 * NS_PER_S),
)
@example(at_once((h264.SPS, h264.PPS), (h264.INTER,), (h264.I_SLICE,), last=4 * NS_PER_S))
@settings(max_examples=300)
@given(streams())
def test_the_short_way_gives_what_the_long_way_gives(given_stream: tuple[str, list[tuple[bytes, int]]]) -> None:
    both_ways(*given_stream)


@given(damaged())
def test_likewise_for_real_streams_with_damage(given_units: tuple[str, list[bytes]]) -> None:
    codec, units = given_units
    both_ways(codec, [(unit, number * NS_PER_S) for number, unit in enumerate(units)])


ORDINARY = {
    "h264": [h264.AUD, h264.SEI, h264.INTER],
    "h265": [h265.AUD, h265.SEI, h265.INTER],
}


@pytest.mark.parametrize("codec", sorted(ORDINARY))
def test_a_picture_with_a_delimiter_and_sei_goes_the_short_way(codec: str) -> None:
    parser = PARSERS[codec](b"")
    for unit in (BEGINNING[codec], ORDINARY[codec]):
        parser.parse(prefixed(*unit), 0, 0)
    calls = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call"

    data, before = prefixed(*ORDINARY[codec]), sys.getprofile()
    sys.setprofile(count)
    try:
        packet = parser.parse(data, 40, 40)
    finally:
        sys.setprofile(before)
    assert packet is not None
    assert packet.payload == prefixed(*ORDINARY[codec][1:])
    assert parser.counts["aud"] == 2
    assert calls <= SHORT
