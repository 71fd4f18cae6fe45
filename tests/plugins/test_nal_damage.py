"""Wrong media: each ends in a clear error or a counted skip, and the parser goes on as if nothing had been."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins import test_h264_parser as h264
from tests.plugins import test_h265_parser as h265
from tests.plugins.nal_kit import annexb, prefixed, stream, units_of

from camcast.bitstream.parser import NalParser
from camcast.errors import MediaError
from camcast.media import Packet
from camcast_h264.parser import H264Parser
from camcast_h265.parser import H265Parser

CORPUS = Path(__file__).parent / "corpus"
PARSERS: Mapping[str, type[NalParser]] = {"h264": H264Parser, "h265": H265Parser}
GOOD = {
    "h264": ((h264.SPS, h264.PPS, h264.IDR), (h264.INTER,)),
    "h265": ((h265.VPS, h265.SPS, h265.PPS, h265.IDR), (h265.INTER,)),
}

ERRORS = {
    "h264_70_pps": "71 parameter sets, at most 64 are allowed",
    "h264_cut_in_size_field": "truncated NAL unit: its size field lacks 2 bytes",
    "h264_cut_in_slice": "truncated NAL unit: its size field says 1039 bytes, 1019 are left",
    "h264_forbidden_bit": "NAL unit header 0xc1 has its forbidden bit set",
    "h264_no_framing": "truncated NAL unit: its size field says 1100619915 bytes, 3284 are left",
    "h264_pps_over_64k": "parameter set of 66003 bytes, at most 65535 are allowed",
    "h264_sei_flood": "more than 512 NAL units in one access unit",
    "h264_sei_flood_annexb": "more than 512 NAL units in one access unit",
    "h264_size_of_1_gb": "truncated NAL unit: its size field says 1073741824 bytes, 1039 are left",
    "h264_size_of_4_gb": "truncated NAL unit: its size field says 4294967295 bytes, 3288 are left",
    "h264_sps_cut": "header ends early: 4 bits wanted at bit 46, 2 left",
    "h264_sps_endless_golomb": "Exp-Golomb code longer than 32 bits at bit 65",
    "h264_sps_gigapixels": "SPS asks for 262144x262144 pixels, at most 16384 a side are allowed",
    "h264_sps_over_64k": "parameter set of 66004 bytes, at most 65535 are allowed",
    "h264_zeros": "more than 512 NAL units in one access unit",
    "h265_cut_in_slice": "truncated NAL unit: its size field says 1452 bytes, 1443 are left",
    "h265_forbidden_bit": "NAL unit header 0x82 has its forbidden bit set",
    "h265_sei_flood": "more than 512 NAL units in one access unit",
    "h265_size_of_1_gb": "truncated NAL unit: its size field says 1073741824 bytes, 1452 are left",
    "h265_sps_8_sub_layers": "SPS with 8 temporal sub-layers, at most 7 are allowed",
    "h265_sps_cut": "header ends early: 96 bits wanted at bit 24, 48 left",
    "h265_sps_over_64k": "parameter set of 66038 bytes, at most 65535 are allowed",
}
SKIPS: Mapping[str, tuple[bool, Mapping[str, int]]] = {
    "h264_aud_and_filler": (True, {"aud": 3, "filler": 2, "end": 2}),
    "h264_double_start_codes": (True, {"empty": 6, "aud": 1}),
    "h264_emulation_at_edges": (True, {}),
    "h264_keyframe_without_sets": (True, {"aud": 1, "parameter sets added": 2}),
    "h264_keyframe_without_sps": (True, {"aud": 1, "parameter sets added": 1}),
    "h264_only_filler": (False, {"aud": 1, "filler": 1}),
    "h265_aud_and_filler": (True, {"aud": 1, "filler": 1, "end": 1}),
    "h265_emulation_at_edges": (True, {}),
    "h265_h264_instead": (False, {"without picture": 3}),
    "h265_keyframe_without_sps": (True, {"aud": 1, "parameter sets added": 1}),
    "h265_keyframe_without_vps": (True, {"aud": 1, "parameter sets added": 1}),
    "h264_zero_length": (True, {"empty": 1}),
    "h265_sei_cut": (True, {}),
    "h265_unit_of_one_byte": (True, {"empty": 1}),
    "h265_zero_length": (True, {"aud": 1, "empty": 1}),
}
"""Whether a packet comes out, and what is counted."""


def running(codec: str, data: bytes) -> tuple[NalParser, Callable[..., bytes]]:
    """A parser that has had a keyframe in the framing of `data`."""
    frame = annexb if data.startswith((b"\0\0\0\1", b"\0\0\1")) else prefixed
    parser = PARSERS[codec]()  # type: ignore[call-arg]
    assert parser.parse(frame(*GOOD[codec][0]), 0, 0) is not None
    return parser, frame


def still_works(parser: NalParser, codec: str, frame: Callable[..., bytes], track: object) -> None:
    keyframe, inter = GOOD[codec]
    packet = parser.parse(frame(*inter), 1, 1)
    assert packet is not None
    assert packet.payload == prefixed(*inter)
    packet = parser.parse(frame(*keyframe), 2, 2)
    assert packet is not None
    assert (packet.keyframe, packet.payload) == (True, prefixed(*keyframe))
    assert track is None or packet.track is track


@pytest.mark.parametrize("name", ERRORS)
def test_damage_is_an_error_and_changes_nothing(name: str) -> None:
    data = (CORPUS / f"{name}.bin").read_bytes()
    codec = name[:4]
    parser, frame = running(codec, data)
    track = parser.track
    for times in (1, 2, 3, 4):
        with pytest.raises(MediaError) as caught:
            parser.parse(data, 0, 0)
        assert ERRORS[name] in str(caught.value)
        assert parser.counts == {"damaged": times}
    still_works(parser, codec, frame, track)


@pytest.mark.parametrize("name", SKIPS)
def test_what_can_be_helped_is_counted(name: str) -> None:
    data = (CORPUS / f"{name}.bin").read_bytes()
    codec = name[:4]
    parser, frame = running(codec, data)
    packet = parser.parse(data, 0, 0)
    gives, counts = SKIPS[name]
    assert (packet is not None, parser.counts) == (gives, counts)
    if packet is not None:
        assert all(units_of(packet.payload))
    still_works(parser, codec, frame, None)


def test_the_whole_corpus_is_judged() -> None:
    assert {path.stem for path in CORPUS.glob("*.bin")} == ERRORS.keys() | SKIPS.keys()


@pytest.mark.parametrize("name", [name for name in ERRORS if name != "h264_forbidden_bit"])
def test_damage_right_at_the_start(name: str) -> None:
    """A parser that has seen nothing yet finds out the framing later, from what is whole."""
    codec = name[:4]
    parser = PARSERS[codec]()  # type: ignore[call-arg]
    data = (CORPUS / f"{name}.bin").read_bytes()
    with pytest.raises(MediaError):
        parser.parse(data, 0, 0)
    for _ in range(4):
        try:
            packet = parser.parse(prefixed(*GOOD[codec][0]), 0, 0)
        except MediaError:
            continue
        assert packet is not None
        assert packet.payload == prefixed(*GOOD[codec][0])
        return
    pytest.fail("the parser did not recover")


# --- any damage -------------------------------------------------------------------------------------------

_STREAMS = {"h264": ("libx264", "slices=2:aud=1"), "h265": ("libx265", "aud=1:bframes=0")}


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, list[bytes]]:
    """A codec and access units of a real stream, some with bytes changed, cut out, put in or swapped."""
    codec = draw(st.sampled_from(sorted(_STREAMS)))
    encoder, parameters = _STREAMS[codec]
    units = [unit.data for unit in stream(encoder, parameters, size=(128, 96), frames=6, gop=3).units]
    if draw(st.booleans()):
        units = [prefixed(*(nal.rstrip(b"\0") for nal in unit.split(b"\0\0\1")[1:])) for unit in units]
    broken = []
    for unit in units:
        for _ in range(draw(st.integers(0, 3))):
            at = draw(st.integers(0, min(len(unit), 120)))
            cut = draw(st.sampled_from([0, 0, 1, 2, 7, 5000]))
            put = draw(
                st.one_of(st.just(b""), st.binary(max_size=6), st.sampled_from([b"\0\0\1", b"\0\0\3", b"\0" * 9]))
            )
            unit = unit[:at] + put + unit[at + cut :]
        broken.append(unit)
    return codec, broken


def well_formed(packet: Packet) -> None:
    units = units_of(packet.payload)
    assert units
    assert packet.track.width > 0
    assert packet.track.config


@given(damaged())
def test_damaged_streams_give_errors_or_well_formed_packets(given_units: tuple[str, list[bytes]]) -> None:
    codec, units = given_units
    parser = PARSERS[codec]()  # type: ignore[call-arg]
    for unit in units:
        before = parser.track
        try:
            packet = parser.parse(unit, 0, 0)
        except MediaError:
            assert parser.track is before
            continue
        if packet is not None:
            well_formed(packet)
            assert packet.track is parser.track
    assert sum(parser.counts.values()) >= 0
    for _ in range(4):
        try:
            packet = parser.parse(prefixed(*GOOD[codec][0]), 0, 0)
        except MediaError:
            continue
        break
    assert packet is not None
    assert set(units_of(packet.payload)) >= set(GOOD[codec][0])


@given(st.sampled_from(sorted(PARSERS)), st.binary(max_size=120))
def test_any_bytes(codec: str, data: bytes) -> None:
    parser, _ = running(codec, data)
    for parse in (lambda: PARSERS[codec](data), lambda: parser.parse(data, 0, 0)):
        try:
            result = parse()
        except MediaError:
            continue
        if isinstance(result, Packet):
            well_formed(result)


@given(st.sampled_from(sorted(PARSERS)), st.integers(0, 400), st.integers(0, 255), st.integers(0, 3))
def test_damaged_records(codec: str, at: int, byte: int, cut: int) -> None:
    parser = PARSERS[codec](annexb(*GOOD[codec][0][:-1]))
    assert parser.track is not None
    record = bytearray(parser.track.config)
    record[at % len(record)] = byte
    try:
        track = PARSERS[codec](bytes(record[: len(record) - cut])).track
    except MediaError:
        return
    assert track is None or track.config


@given(st.sampled_from(sorted(PARSERS)), st.lists(st.tuples(st.integers(0, 600), st.booleans()), max_size=6))
def test_damaged_parameter_sets(codec: str, flips: list[tuple[int, bool]]) -> None:
    """Bits flipped, or everything after them cut: a track with sane numbers, or an error."""
    sets = list(GOOD[codec][0][:-1])
    for at, cut in flips:
        index = at % len(sets)
        unit = bytearray(sets[index])
        if len(unit) > 3:
            place = 2 + at // len(sets) % (len(unit) - 2)
            unit[place] ^= 1 << at % 8
            sets[index] = bytes(unit[: place + 1] if cut else unit)
    try:
        track = PARSERS[codec](annexb(*sets)).track
    except MediaError:
        return
    if track is not None:
        assert 0 < track.width <= 16384
        assert 0 < track.height <= 16384
        assert 0 <= track.reorder <= 16
        assert track.frame_rate >= 0
        assert PARSERS[codec](track.config).track is not None
