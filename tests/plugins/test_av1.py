"""AV1: OBUs, sequence and frame headers, av1C, real streams and damaged ones, SVT-AV1 as encoder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.media import made

from camcast.contracts import EncoderSettings
from camcast.errors import MediaError
from camcast.flv.metadata import COLOUR_INFO
from camcast.flv.packer import TagPacker
from camcast.media import NS_PER_S, RAW, Frame, MediaKind, Packet, Track
from camcast_av1 import obu
from camcast_av1.codec import KIND, Av1Parser, with_delimiter
from camcast_av1.config import lights
from camcast_av1.encoder import KIND as ENCODER
from camcast_av1.encoder import SvtAv1Options
from camcast_av1.sequence_header import parse_sequence_header

GOLDEN = bytes.fromhex("81000c000a0b000000043cffbc02f80040")
"""av1C of SVT-AV1: 320x240, 8 bit 4:2:0, level 2.0."""
HEADER = GOLDEN[6:]
KEY = bytes.fromhex("3204") + bytes.fromhex("10000000")
"""A frame OBU: shown key frame."""
DELIMITER = b"\x12\x00"


def units(payload: bytes) -> list[tuple[int, bytes]]:
    return [(kind, payload[begin:end]) for kind, _, begin, end, _, _ in obu.split(payload)]


def clip(name: str) -> tuple[bytes, list[av.Packet[Any]]]:
    with av.open(str(made(name))) as source:
        stream = source.streams.video[0]
        return stream.codec_context.extradata or b"", [packet for packet in source.demux(stream) if packet.size]


def test_golden_record() -> None:
    track = Av1Parser(GOLDEN).track
    assert track
    assert track.config == GOLDEN
    assert (track.width, track.height, track.profile) == (320, 240, "Main 2.0")
    form = KIND.flv["enhanced"]
    assert form.header(track) == bytes.fromhex("9061763031") + GOLDEN
    assert (form.head(track, True, 0).hex(), form.head(track, False, 0).hex()) == ("9161763031", "a161763031")
    assert form.end.hex() == "9261763031"
    assert form.codec_id == 1635135537
    assert form.colour
    assert form.colour(track) == b""


def test_the_record_may_be_bare_obus_or_come_without() -> None:
    for config in (GOLDEN[4:], DELIMITER + GOLDEN[4:]):
        track = Av1Parser(config).track
        assert track
        assert track.config == GOLDEN
    assert Av1Parser(GOLDEN[:4]).track is None
    with pytest.raises(MediaError, match="av1C of 2 bytes"):
        Av1Parser(GOLDEN[:2])


def test_a_temporal_unit_is_cleaned_and_given_its_header() -> None:
    parser = Av1Parser(GOLDEN)
    block = (
        DELIMITER
        + KEY
        + obu.build(obu.REDUNDANT_FRAME_HEADER, b"\x10\x00")
        + obu.build(obu.TILE_LIST, b"tiles")
        + obu.build(obu.PADDING, b"\x00\x80")
    )
    packet = parser.parse(block, 7, 7)
    assert packet
    assert packet.keyframe
    assert not packet.disposable
    assert packet.payload == obu.build(obu.SEQUENCE_HEADER, HEADER) + KEY
    assert dict(parser.counts) == {
        "temporal delimiter": 1,
        "redundant frame header": 1,
        "tile list": 1,
        "padding": 1,
        "sequence header added": 1,
    }
    assert with_delimiter(packet) == DELIMITER + packet.payload
    (tag,) = [TagPacker([packet.track], {MediaKind.VIDEO: KIND.flv["enhanced"]}).tag(packet)]
    assert tag.body is packet.payload


def test_a_last_obu_without_size_gets_one() -> None:
    packet = Av1Parser(GOLDEN).parse(GOLDEN[4:] + b"\x30" + KEY[2:], 0, 0)
    assert packet
    assert packet.payload == GOLDEN[4:] + KEY


def test_extensions_go_and_of_spatial_layers_the_base_stays() -> None:
    parser = Av1Parser(GOLDEN)
    base, upper = obu.build(obu.FRAME, KEY[2:], 0x20), obu.build(obu.FRAME, b"\x30\x00\x00\x00", 0x28)
    packet = parser.parse(base + upper, 0, 0)
    assert packet
    assert units(packet.payload) == [(obu.SEQUENCE_HEADER, HEADER), (obu.FRAME, KEY[2:])]
    assert parser.counts["extension"] == parser.counts["spatial layer"] == 1


def test_nothing_is_sent_before_a_sequence_header_or_without_a_frame() -> None:
    parser = Av1Parser(b"")
    assert parser.parse(KEY, 0, 0) is None
    assert parser.track is None
    assert parser.parse(GOLDEN[4:], 0, 0) is None
    assert parser.track
    assert dict(parser.counts) == {"waiting for sequence header": 1, "no frame": 1}


def test_pts_is_what_counts() -> None:
    packet = Av1Parser(GOLDEN).parse(KEY, 5, 9)
    assert packet
    assert (packet.dts, packet.pts) == (9, 9)


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (b"\x80", "first bit must be 0"),
        (b"\x32\x7f\x00", "truncated OBU: its size field says 127 bytes, 1 are left"),
        (b"\x32" + b"\xff" * 5 + b"\x0f", "exceeds 32 bits"),
        (b"\x32" + b"\xff" * 9, "unfinished leb128"),
        (b"\x32", "unfinished leb128"),
        (b"\x36", "ends before its extension"),
        (DELIMITER + KEY + DELIMITER + KEY, "several temporal units"),
        (b"\x2a\x00" * 4201, "more than 4200 OBUs in one temporal unit"),
        (b"\x32\x00", "frame header of 0 bytes ends early"),
        (b"\x0a\x01\x00", "header ends early"),
        (b"\x0a\x01\xe0", "AV1 profile 7"),
    ],
)
def test_damage_is_named_and_the_parser_goes_on(block: bytes, text: str) -> None:
    parser = Av1Parser(GOLDEN)
    with pytest.raises(MediaError, match=text):
        parser.parse(block, 0, 0)
    assert parser.parse(GOLDEN[4:] + KEY, 0, 0)


@given(
    st.binary(max_size=80), st.sampled_from([b"", GOLDEN, GOLDEN[:4]]), st.sampled_from([b"", GOLDEN[4:], b"\x0a\x0b"])
)
def test_garbage_gives_packets_or_media_errors(data: bytes, config: bytes, before: bytes) -> None:
    parser = Av1Parser(config)
    with contextlib.suppress(MediaError):
        packet = parser.parse(before + data, 0, 0)
        if packet is not None:
            assert len(packet.payload) <= len(before + data) + 24
            assert obu.TEMPORAL_DELIMITER not in [kind for kind, _ in units(packet.payload)]
    with contextlib.suppress(MediaError):
        Av1Parser(data)


@given(st.integers(0, 0xFFFFFFFF))
def test_leb128_both_ways(value: int) -> None:
    data = obu.write_leb128(value)
    assert obu.leb128(b"x" + data + b"y", 1) == (value, 1 + len(data))


@pytest.mark.parametrize("name", ["av1_aac", "av1_opus"])
def test_a_real_stream_passes_unchanged(name: str) -> None:
    config, raws = clip(name)
    parser = Av1Parser(config)
    packets = [parser.parse(bytes(raw), 0, 0) for raw in raws]
    assert [packet.keyframe for packet in packets if packet] == [raw.is_keyframe for raw in raws]
    assert [packet.payload for packet in packets if packet] == [bytes(raw) for raw in raws]
    assert len({packet.track for packet in packets if packet}) == 1
    assert parser.track
    assert parser.track.config == config


def test_disposable_frames_can_be_left_out() -> None:
    """dav1d decodes the rest to the very same pictures."""
    config, raws = clip("av1_aac")
    parser = Av1Parser(config)
    packets = [packet for raw in raws if (packet := parser.parse(bytes(raw), raw.pts or 0, raw.pts or 0))]
    kept = [packet for packet in packets if not packet.disposable]
    assert 0.1 < len(kept) / len(packets) < 0.9
    whole, part = dict(pictures(packets)), dict(pictures(kept))
    assert len(whole) == len(packets)
    assert part == {packet.pts: whole[packet.pts] for packet in kept}


def test_a_shown_existing_frame_is_not_disposable_once_key_frames_are_hidden() -> None:
    """It may be the key frame then, which renews all references when it is shown."""
    existing, hidden_key = obu.build(obu.FRAME_HEADER, b"\xe8"), obu.build(obu.FRAME, b"\x02\x00\x01\xfe")
    parser = Av1Parser(GOLDEN)
    seen = [parser.parse(block, 0, 0) for block in (KEY, existing, hidden_key, existing)]
    assert [packet.keyframe for packet in seen if packet] == [True, False, False, False]
    assert [packet.disposable for packet in seen if packet] == [False, True, False, False]


def pictures(packets: list[Packet]) -> Iterator[tuple[int, bytes]]:
    assert KIND.decoder
    decoder = KIND.decoder(packets[0].track)
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.flush()
    for frame in frames:
        assert isinstance(frame.data, av.VideoFrame)
        yield frame.pts, frame.data.to_ndarray().tobytes()


def encode(settings: EncoderSettings, count: int, **colours: int) -> tuple[list[Packet], int]:
    """Packets of `count` grey pictures, and by how many they lagged behind at most."""
    encoder = ENCODER.open(settings)
    raw = Track(kind=MediaKind.VIDEO, codec=RAW, width=settings.width, height=settings.height)
    packets: list[Packet] = []
    lag = 0
    for index in range(count):
        picture = av.VideoFrame(settings.width, settings.height, settings.pixel_format)
        for plane in picture.planes:
            plane.update(bytes((index * 5 + at) % 200 + 16 if at % 2 == 0 else 1 for at in range(plane.buffer_size)))
        for name, value in colours.items():
            setattr(picture, name, value)
        if index == 10:
            encoder.request_keyframe()
        packets += encoder.encode(Frame(raw, index * NS_PER_S // 30, picture, index + 1))
        lag = max(lag, index + 1 - len(packets))
    packets += encoder.flush()
    encoder.close()
    return packets, lag


def test_svt_av1_encodes_without_delay_and_with_keyframes_on_time() -> None:
    settings = EncoderSettings(
        width=320, height=180, frame_rate=30.0, bitrate=300_000, gop=0.5, options=SvtAv1Options(preset=12, threads=1)
    )
    packets, lag = encode(settings, 40)
    assert lag == 0
    assert [packet.pts for packet in packets] == [index * NS_PER_S // 30 for index in range(40)]
    assert [packet.arrival for packet in packets] == list(range(1, 41))
    assert [index for index, packet in enumerate(packets) if packet.keyframe] == [0, 10, 25]
    track = packets[0].track
    assert (track.width, track.height, track.codec) == (320, 180, "av1")
    assert len({packet.track.config for packet in packets}) == 1
    assert len(dict(pictures(packets))) == 40


def test_the_bitrate_changes_at_the_next_keyframe() -> None:
    settings = EncoderSettings(
        width=320, height=180, frame_rate=30.0, bitrate=800_000, max_bitrate=800_000, gop=1.0, options=SvtAv1Options()
    )
    encoder = ENCODER.open(settings)
    raw = Track(kind=MediaKind.VIDEO, codec=RAW, width=320, height=180)
    noise = np.random.default_rng(1)
    packets: list[Packet] = []
    for index in range(150):
        if index == 75:
            encoder.set_bitrate(200_000)
        luma = noise.integers(100, 116, (180, 320), dtype=np.uint8)
        picture = av.VideoFrame.from_ndarray(
            np.concatenate([luma, np.full((90, 320), 128, np.uint8)]), format="yuv420p"
        )
        packets += encoder.encode(Frame(raw, index * NS_PER_S // 30, picture))
    encoder.close()
    assert len(packets) == 150
    keys = [index for index, packet in enumerate(packets) if packet.keyframe]
    assert keys == [0, 30, 60, 90, 120]

    def rate(first: int, last: int) -> float:
        return sum(len(packet.payload) for packet in packets[first:last]) * 8 * 30 / (last - first)

    assert 0.6 < rate(30, 90) / 800_000 < 1.4
    assert 0.6 < rate(90, 150) / 200_000 < 1.6
    assert len(dict(pictures(packets))) == 150


def test_high_dynamic_range_is_told() -> None:
    settings = EncoderSettings(width=320, height=180, frame_rate=30.0, pixel_format="yuv420p10le", bitrate=300_000)
    packets, _ = encode(settings, 2, color_primaries=9, color_trc=16, colorspace=9)
    track = packets[0].track
    assert track.details[COLOUR_INFO]["colorConfig"] == {
        "bitDepth": 10,
        "colorPrimaries": 9,
        "transferCharacteristics": 16,
        "matrixCoefficients": 9,
    }
    form = KIND.flv["enhanced"]
    assert form.colour
    assert form.colour(track).startswith(bytes.fromhex("d461763031") + b"\x02\x00\x09colorInfo\x03")
    assert parse_sequence_header(track.config[6:]).colour.bit_depth == 10
    assert track.config[2] == 0x4C


def test_light_levels() -> None:
    assert lights(bytes.fromhex("01 03e8 0190")) == {"hdrCll": {"maxCLL": 1000, "maxFall": 400}}
    display = lights(bytes.fromhex("02 8000 4000" + "0000" * 4 + "5000 5400" + "0003e800 00000400"))
    assert display["hdrMdcv"]["redX"] == 0.5
    assert display["hdrMdcv"]["maxLuminance"] == 1000
    assert display["hdrMdcv"]["minLuminance"] == 0.0625
    assert lights(b"\x04\x00") == lights(b"\x01\x00") == {}
