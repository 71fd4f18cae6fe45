"""H.265 parsing: golden bytes, and FFmpeg's encoder, muxer and decoder as the other opinion."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import pytest
from tests.plugins.nal_kit import annexb, ffmpeg_view, prefixed, stream, units_of

from camcast.errors import MediaError
from camcast.flv import amf0
from camcast.flv.fourcc import number
from camcast.media import Packet
from camcast_h265 import CODEC
from camcast_h265.parser import H265Parser

FLAVOURS = {
    "plain": partial(stream, "libx265", "bframes=0", fps=Fraction(30000, 1001)),
    "b-frames": partial(stream, "libx265", "bframes=3:b-adapt=0:b-pyramid=1", frames=20),
    "cropped": partial(stream, "libx265", "", size=(322, 182)),
    "10-bit": partial(stream, "libx265", "", pixel_format="yuv420p10le"),
    "12-bit 4:2:2": partial(stream, "libx265", "", pixel_format="yuv422p12le", size=(322, 182)),
    "4:4:4": partial(stream, "libx265", "", pixel_format="yuv444p", size=(322, 182)),
    "scaling-lists": partial(stream, "libx265", "scaling-list=default:bframes=2"),
    "hrd": partial(
        stream, "libx265", "hrd=1:vbv-maxrate=500:vbv-bufsize=500:bitrate=500:aud=1:slices=2", size=(640, 480)
    ),
    "temporal-layers": partial(stream, "libx265", "temporal-layers=1:bframes=3:b-adapt=0:b-pyramid=1", frames=20),
    "tier": partial(stream, "libx265", "level-idc=5.1:high-tier=1:ref=3:vbv-maxrate=90000:vbv-bufsize=90000"),
    "open-gop": partial(stream, "libx265", "open-gop=1:bframes=3:keyint=8:min-keyint=8:b-adapt=0", frames=40, gop=8),
    "colour": partial(stream, "libx265", "range=full:sar=2:chromaloc=2:display-window=2,2,2,2", colour=(9, 18, 9)),
    # Of fewer pictures than it reorders, x265 makes the times up.
    "4K": partial(stream, "libx265", "", size=(3840, 2160), frames=5),
}
VPS = bytes.fromhex("40010c01ffff01600000030090000003000003003cba0240")
SPS = bytes.fromhex("42010101600000030090000003000003003ca00a080f165ba4a4c2e680800001f480003a9804")
PPS = bytes.fromhex("4401c073c189")
"""x265's, 320x240 Main at 29.97 frames per second."""
OTHER = (
    bytes.fromhex("40010c01ffff01600000030090000003000003003c959409"),
    bytes.fromhex("42010101600000030090000003000003003ca00a880c1c44d965654a4c2e6808000003000800000300c840"),
    PPS,
)
"""The same with 322x182."""
IDR = bytes.fromhex("2601 af 08")
INTER, DISPOSABLE = bytes.fromhex("0201 d0 08"), bytes.fromhex("0001 d0 08")
CRA = bytes.fromhex("2a01 ad 08")
AUD, END, FILLER, SEI = (bytes.fromhex(text) for text in ("46015080", "4a01", "4c01ff80", "4e0104 04aabbccdd 80"))


def parse(parser: H265Parser, *units: bytes) -> Packet:
    packet = parser.parse(prefixed(*units), 40, 80, 3)
    assert packet is not None
    return packet


def without_sei(record: bytes) -> bytes:
    """FFmpeg copies x265's SEI into the record; servers want three arrays and no more."""
    position = 23
    arrays = [b""] * 0
    for _ in range(record[22]):
        start, count = position, int.from_bytes(record[position + 1 : position + 3], "big")
        position += 3
        for _ in range(count):
            position += 2 + int.from_bytes(record[position : position + 2], "big")
        if record[start] & 0x3F in (32, 33, 34):
            # mp4 calls its arrays complete, FLV does not.
            arrays.append(bytes((record[start] & 0x3F,)) + record[start + 1 : position])
    return record[:22] + bytes((len(arrays),)) + b"".join(arrays)


@pytest.mark.parametrize("name", FLAVOURS)
def test_track_agrees_with_ffmpeg(name: str) -> None:
    """Record, size, rate, profile, reordering and colours: as FFmpeg's muxer and decoder see them."""
    parser = H265Parser()
    packets = [parser.parse(unit.data, unit.dts, unit.pts) for unit in FLAVOURS[name]().units]
    track = parser.track
    assert track is not None
    seen = ffmpeg_view(FLAVOURS[name](), "hevc")
    assert track.config == without_sei(seen.extradata or b"")
    assert (track.width, track.height) == (seen.width, seen.height)
    assert track.frame_rate == pytest.approx(float(seen.framerate), rel=1e-6)
    ours = {"Rext": "Range Extensions"}.get(str(seen.profile), str(seen.profile))
    tier = " High tier" * (name == "tier")
    if hasattr(seen, "level"):  # PyAV tells it from 18 on
        assert track.profile == f"{ours} {seen.level / 30:.1f}{tier}"
    assert track.reorder == seen.reorder_depth
    details = track.details
    colours = (seen.color_primaries, seen.color_trc, seen.colorspace)
    assert (details["primaries"], details["transfer"], details["matrix"]) == colours
    assert details["full_range"] == (seen.color_range == 2)
    assert [packet is not None and packet.keyframe for packet in packets] == [
        unit.keyframe for unit in FLAVOURS[name]().units
    ]


@pytest.mark.parametrize("name", FLAVOURS)
def test_every_slice_and_sei_passes_untouched(name: str) -> None:
    parser = H265Parser(annexb(VPS, SPS, PPS))
    for unit in FLAVOURS[name]().units:
        packet = parser.parse(unit.data, 0, 0)
        assert packet is not None
        came = [nal.rstrip(b"\0") for nal in unit.data.split(b"\0\0\1")[1:]]
        kept = [nal for nal in came if nal[0] >> 1 < 32 or nal[0] >> 1 in (39, 40)]
        assert [nal for nal in units_of(packet.payload) if not 32 <= nal[0] >> 1 <= 34] == kept


def test_disposable_pictures_are_those_ffmpeg_can_do_without() -> None:
    """Leaving out all disposable pictures, every other one still decodes to the same bytes."""
    for name in ("b-frames", "temporal-layers"):
        parser = H265Parser()
        packets = [parser.parse(unit.data, unit.dts, unit.pts) for unit in FLAVOURS[name]().units]
        whole = decoded([packet for packet in packets if packet is not None])
        thinned = decoded([packet for packet in packets if packet is not None and not packet.disposable])
        assert 0 < len(thinned) < len(whole) == len(packets)
        assert all(whole[pts] == picture for pts, picture in thinned.items())


def decoded(packets: list[Packet]) -> dict[int, bytes]:
    assert CODEC.decoder is not None
    decoder = CODEC.decoder(packets[0].track)
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.flush()
    return {frame.pts: frame.data.to_ndarray().tobytes() for frame in frames}


def test_record_head_of_the_golden_sample() -> None:
    """FFmpeg's for x265; raw SPS bytes hold `00 00 03` where the record must not."""
    config = H265Parser(annexb(VPS, SPS, PPS)).track.config  # type: ignore[union-attr]
    assert config[:12] == bytes.fromhex("0101 60000000 900000000000")
    assert config[13:23] == bytes.fromhex("F000 FC FD F8 F8 0000 0F 03")
    assert config[23:28] == b"\x20\x00\x01" + len(VPS).to_bytes(2, "big")
    assert bytes.fromhex("01 60 00 00 03 00 90") in SPS


def test_flv_bytes() -> None:
    track = H265Parser(annexb(VPS, SPS, PPS)).track
    assert track is not None
    enhanced, legacy = CODEC.flv["enhanced"], CODEC.flv["legacy"]
    assert next(iter(CODEC.flv)) == "enhanced"
    assert (enhanced.codec_id, legacy.codec_id) == (1752589105, 12) == (number(b"hvc1"), 12)
    assert enhanced.header(track) == b"\x90hvc1" + track.config
    assert legacy.header(track) == bytes.fromhex("1c00000000") + track.config
    heads = [(True, 0), (False, 0), (True, 40), (False, -1)]
    assert [enhanced.head(track, *head) for head in heads] == [
        b"\x93hvc1",
        b"\xa3hvc1",
        b"\x91hvc1\x00\x00\x28",
        b"\xa1hvc1\xff\xff\xff",
    ]
    assert [legacy.head(track, *head).hex() for head in heads] == [
        "1c01000000",
        "2c01000000",
        "1c01000028",
        "2c01ffffff",
    ]
    assert (enhanced.end, legacy.end) == (b"\x92hvc1", bytes.fromhex("1c02000000"))
    assert enhanced.colour is not None
    assert (enhanced.colour(track), legacy.colour) == (b"", None)


def test_hdr_colours() -> None:
    """SPS, mastering display and content light come together in the tag for HDR, once."""
    made = stream(
        "libx265",
        "bframes=0:hdr10=1:max-cll=1000,400:"
        "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)",
        pixel_format="yuv420p10le",
        colour=(9, 16, 9),
    )
    parser = H265Parser()
    packets = [parser.parse(unit.data, 0, 0) for unit in made.units]
    assert len({id(packet.track) for packet in packets if packet is not None}) == 1
    colour = CODEC.flv["enhanced"].colour
    assert parser.track is not None
    assert colour is not None
    body = colour(parser.track)
    assert body[1:5] == b"hvc1"
    assert body[0] == 0xD4
    assert amf0.decode(body[5:]) == [
        "colorInfo",
        {
            "colorConfig": {
                "bitDepth": 10.0,
                "colorPrimaries": 9.0,
                "transferCharacteristics": 16.0,
                "matrixCoefficients": 9.0,
            },
            "hdrCll": {"maxFall": 400.0, "maxCLL": 1000.0},
            "hdrMdcv": {
                "redX": 0.68,
                "redY": 0.32,
                "greenX": 0.265,
                "greenY": 0.69,
                "blueX": 0.15,
                "blueY": 0.06,
                "whitePointX": 0.3127,
                "whitePointY": 0.329,
                "maxLuminance": 1000.0,
                "minLuminance": 0.005,
            },
        },
    ]


@pytest.mark.parametrize("framing", ["annexb", "sizes2", "sizes4"])
def test_any_framing_gives_the_same_packets(framing: str) -> None:
    size = 2 if framing == "sizes2" else 4
    record = bytearray(H265Parser(annexb(VPS, SPS, PPS)).track.config)  # type: ignore[union-attr]
    record[21] = record[21] & 0xFC | size - 1
    parser = H265Parser(b"" if framing == "annexb" else bytes(record))
    for units, keyframe in (((AUD, VPS, SPS, PPS, SEI, IDR, END), True), ((AUD, INTER, FILLER), False)):
        packet = parser.parse(annexb(*units) if framing == "annexb" else prefixed(*units, size=size), 0, 0)
        assert packet is not None
        assert units_of(packet.payload) == [unit for unit in units if unit not in (AUD, END, FILLER)]
        assert packet.keyframe == keyframe
    assert parser.counts == {"aud": 2, "end": 1, "filler": 1}


def test_keyframes_are_irap_pictures() -> None:
    parser = H265Parser(annexb(VPS, SPS, PPS))
    for kind in range(32):
        packet = parser.parse(prefixed(bytes((kind << 1, 1, 0xAF, 8))), 0, 0) if kind < 10 or 16 <= kind < 22 else None
        if packet is not None:
            assert packet.keyframe == (16 <= kind <= 21)
            assert packet.disposable == (kind in (0, 2, 4, 6, 8))
    data = prefixed(INTER)
    assert parser.parse(data, 0, 0).payload is data  # type: ignore[union-attr]


def test_a_change_in_mid_stream() -> None:
    parser = H265Parser(annexb(VPS, SPS, PPS))
    first = parse(parser, IDR).track
    assert parse(parser, VPS, SPS, PPS, IDR).track is first
    packet = parse(parser, *OTHER, CRA)
    assert packet.track is not first
    assert (packet.track.width, packet.track.height) == (322, 182)
    packet = parse(parser, IDR)
    assert units_of(packet.payload) == [*OTHER, IDR]
    assert parser.counts == {"parameter sets added": 6}


def test_sets_of_other_layers_are_left_alone() -> None:
    """Stereo pictures: the second view's sets are not the picture that everybody shows."""
    parser = H265Parser(annexb(VPS, SPS, PPS))
    second = bytes((SPS[0], SPS[1] | 8)) + OTHER[1][2:]
    packet = parse(parser, VPS, SPS, PPS, second, IDR)
    assert packet.track is parser.track
    assert packet.track.width == 320
    assert units_of(packet.payload) == [VPS, SPS, PPS, second, IDR]


@pytest.mark.parametrize("text", ["01", "02" * 40, "01" + "00" * 21 + "01 20 0001 0005 4001", "01" + "00" * 21 + "ff"])
def test_records_that_are_none(text: str) -> None:
    with pytest.raises(MediaError, match="hvcC"):
        H265Parser(bytes.fromhex(text))


def test_a_record_with_half_a_header() -> None:
    assert H265Parser(bytes.fromhex("01" + "00" * 21 + "01 20 0001 0001 40")).track is None
