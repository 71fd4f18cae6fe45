"""The AAC parser in C and in Python: the same packets, tracks, counts and errors."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from camcast.errors import MediaError
from camcast.media import Packet
from camcast_aac import adts
from camcast_aac.codec import AacParser, parse_in_python
from camcast_aac.config import parse_config

pytestmark = pytest.mark.native


def framed(config: str, frame: bytes, *, crc: bool = False) -> bytes:
    head = bytearray(adts.header(parse_config(bytes.fromhex(config)), len(frame) + 2 * crc))
    if crc:
        head[1] &= 0xFE
        head += b"\0\0"
    return bytes(head) + frame


FRAMES = st.binary(min_size=1, max_size=40)
ADTS = st.builds(framed, st.sampled_from(["1190", "1190", "1190", "1408", "1210"]), FRAMES, crc=st.booleans())
UNITS = st.one_of(
    FRAMES,
    ADTS,
    ADTS,
    st.builds(lambda frame, end: frame[:end], ADTS, st.integers(0, 9)),
    st.builds(lambda frame, more: frame + more, ADTS, st.binary(max_size=3)),
    st.builds(lambda frame, at, bit: frame[:at] + bytes((frame[at] ^ 1 << bit,)) + frame[at + 1 :], ADTS,
              st.integers(0, 6), st.integers(0, 7)),
    ADTS.map(lambda data: memoryview(data)),
    ADTS.map(bytearray),
)  # fmt: skip


def outcome(parser: AacParser, parse: Any, data: object) -> tuple[object, ...]:
    try:
        packet: Packet | None = parse(parser, data, 1, 2, 3)
    except MediaError as error:
        return (str(error), parser.counts)
    assert packet is not None
    assert packet.track is parser.track
    shown = (packet.track.config, packet.dts, packet.pts, packet.keyframe, packet.payload, packet.disposable)
    return (*shown, packet.arrival, parser.counts)


@settings(max_examples=300)
@given(st.sampled_from(["", "1190", "1408"]), st.lists(UNITS, max_size=12))
@example("", [framed("1190", b"abc"), framed("1190", b"abcd")[:-1], framed("1190", b"abcd", crc=True)])
def test_both_forms_do_the_same(config: str, units: list[object]) -> None:
    parsers = [AacParser(bytes.fromhex(config)) for _ in range(2)]
    for data in units:
        native = outcome(parsers[0], AacParser.parse, data)
        assert native == outcome(parsers[1], parse_in_python, data)


def test_they_take_the_same_arguments() -> None:
    parser = AacParser(bytes.fromhex("1190"))
    packet = parser.parse(data=b"\x01", dts=1, pts=2)
    assert packet is not None
    assert (packet.dts, packet.pts, packet.arrival) == (1, 2, 0)
    with pytest.raises(TypeError):
        parser.parse(b"\x01", 1)  # type: ignore[call-arg]


class Leaving:
    """Has the parser forget its track when it is collected."""

    def __init__(self, parser: AacParser) -> None:
        self.parser, self.itself = parser, self

    def __del__(self) -> None:
        self.parser._track = None


def test_a_packet_holds_what_it_is_made_of_while_it_is_made() -> None:
    """Memory for a packet may be what makes Python collect, and what is collected may run anything."""
    packets = [at_a_collection_after(count) for count in range(1, 20)]
    whole = [packet for packet in packets if packet is not None]
    assert whole
    assert {(packet.track.codec, packet.track.config.hex()) for packet in whole} == {("aac", "1190")}


def at_a_collection_after(count: int) -> Packet | None:
    """What comes of a frame where Python collects after so many objects more; None where that was before the frame, as
    whatever traces a test makes objects of its own."""
    parser = AacParser(bytes.fromhex("1190"))
    thresholds = gc.get_threshold()
    gc.collect()
    Leaving(parser)
    gc.set_threshold(count)
    try:
        return parser.parse(b"\x01", 1, 2)
    except MediaError:
        return None
    finally:
        gc.set_threshold(*thresholds)
