"""H.264 parsing: golden bytes, and FFmpeg's encoder, muxers and decoder as the other opinion."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import av
import pytest
from tests.media import clip, made
from tests.plugins.nal_kit import annexb, ffmpeg_view, prefixed, stream, units_of

from camcast.errors import MediaError
from camcast.media import Packet
from camcast_h264 import CODEC
from camcast_h264.parser import H264Parser
from camcast_h264.record import read_record

SPS = bytes.fromhex("6742C00BDA0507E840000003004000000503C50AA8")
PPS = bytes.fromhex("68CE0FC8")
RECORD = bytes.fromhex("0142C00BFFE10015") + SPS + bytes.fromhex("010004") + PPS
"""FFmpeg's, 320x240 Constrained Baseline."""
IDR = bytes.fromhex("65 88 84 00 10 ff")
INTER = bytes.fromhex("41 9a 24 6c 41 ff")
DISPOSABLE = bytes.fromhex("01 9e 41 79 05 3f")
AUD, FILLER, SEI = bytes.fromhex("09f0"), bytes.fromhex("0cffff80"), bytes.fromhex("0605 04 aabbccdd 80")
RECOVERY_POINT = bytes.fromhex("0606 01 c4 80")
I_SLICE = bytes.fromhex("41 b0 40 ff")
"""first_mb 0, slice_type 2."""


def parse(parser: H264Parser, *units: bytes) -> Packet:
    packet = parser.parse(prefixed(*units), 40, 80, 3)
    assert packet is not None
    return packet


def nothing(parser: H264Parser, *units: bytes) -> bool:
    return parser.parse(prefixed(*units), 40, 80, 3) is None


def test_flv_bytes() -> None:
    """The sequence header as FFmpeg writes it; heads with their composition times."""
    parser = H264Parser(annexb(SPS, PPS))
    assert parser.track is not None
    form = CODEC.flv["legacy"]
    assert form.codec_id == 7
    assert form.header(parser.track) == bytes.fromhex("1700000000") + RECORD
    assert form.head(parser.track, True, 0) == bytes.fromhex("1701000000")
    assert form.head(parser.track, False, 80) == bytes.fromhex("2701000050")
    assert form.head(parser.track, False, -1) == bytes.fromhex("2701ffffff")
    assert form.head(parser.track, False, -40) == bytes.fromhex("2701ffffd8")
    assert form.end == bytes.fromhex("1702000000")
    with pytest.raises(MediaError, match="composition time of 8388608 ms"):
        form.head(parser.track, True, 1 << 23)


def test_track_of_the_golden_record() -> None:
    track = H264Parser(RECORD).track
    assert track is not None
    assert (track.width, track.height, track.frame_rate) == (320, 240, 10.0)
    assert (track.profile, track.reorder, track.config) == ("Constrained Baseline 1.1", 0, RECORD)


FLAVOURS = {
    "baseline": partial(stream, "libx264", "bframes=0", profile="baseline"),
    "main": partial(stream, "libx264", "bframes=2:b-adapt=0", profile="main"),
    "high": partial(stream, "libx264", "bframes=3:b-pyramid=normal:8x8dct=1:b-adapt=0", frames=20),
    "cropped": partial(stream, "libx264", "", size=(322, 182), fps=Fraction(30000, 1001)),
    "interlaced": partial(stream, "libx264", "interlaced=1:bframes=0", size=(320, 360)),
    "scaling-lists": partial(stream, "libx264", "cqm=jvt:8x8dct=1"),
    "hrd": partial(stream, "libx264", "nal-hrd=cbr:vbv-maxrate=500:vbv-bufsize=500:bitrate=500:aud=1:slices=4"),
    "10-bit": partial(stream, "libx264", "", pixel_format="yuv420p10le"),
    "4:2:2": partial(stream, "libx264", "", pixel_format="yuv422p", size=(322, 182)),
    "4:2:2 10-bit": partial(stream, "libx264", "", pixel_format="yuv422p10le", size=(322, 182)),
    "4:4:4": partial(stream, "libx264", "", pixel_format="yuv444p", size=(322, 182)),
    "colour": partial(stream, "libx264", "", colour=(9, 16, 9), pixel_format="yuv420p10le"),
    "full-range": partial(stream, "libx264", "fullrange=on:sar=4/3:overscan=show:chromaloc=2:level=5.1"),
    "4K": partial(stream, "libx264", "", size=(3840, 2160), frames=2),
}


@pytest.mark.parametrize("name", FLAVOURS)
def test_track_agrees_with_ffmpeg(name: str) -> None:
    """Record, size, rate, profile, reordering and colours: as FFmpeg's muxer and decoder see them."""
    made_stream = FLAVOURS[name]()
    parser = H264Parser()
    packets = [parser.parse(unit.data, unit.dts, unit.pts) for unit in made_stream.units]
    track = parser.track
    assert track is not None
    seen = ffmpeg_view(made_stream, "h264")
    assert track.config == seen.extradata
    assert (track.width, track.height) == (seen.width, seen.height)
    assert track.frame_rate == pytest.approx(float(seen.framerate), rel=1e-6)
    assert track.profile.startswith(str(seen.profile)) or seen.profile == "High 4:4:4 Predictive"
    if hasattr(seen, "level"):  # PyAV tells it from 18 on
        assert track.profile.endswith(f" {seen.level / 10:.1f}")
    assert track.reorder == seen.reorder_depth
    details = track.details
    assert (details["primaries"], details["transfer"], details["matrix"]) == (
        seen.color_primaries,
        seen.color_trc,
        seen.colorspace,
    )
    assert details["full_range"] == (seen.color_range == 2)
    assert [packet is not None and packet.keyframe for packet in packets] == [
        unit.keyframe for unit in made_stream.units
    ]
    assert all(packet is not None and packet.track is track for packet in packets)


@pytest.mark.parametrize("name", FLAVOURS)
def test_every_slice_and_sei_passes_untouched(name: str) -> None:
    for unit in FLAVOURS[name]().units:
        packet = H264Parser(RECORD).parse(unit.data, 0, 0)
        assert packet is not None
        came = [nal.rstrip(b"\0") for nal in unit.data.split(b"\0\0\1")[1:]]
        kept = [nal for nal in came if nal[0] & 0x1F in (1, 5, 6)]
        assert [nal for nal in units_of(packet.payload) if nal[0] & 0x1F not in (7, 8)] == kept


@pytest.mark.parametrize("name", ["bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4"])
def test_real_clips(name: str) -> None:
    """Every frame goes through as the very bytes; keyframes gain the sets that mp4 keeps outside."""
    with av.open(str(clip(name))) as source:
        video = source.streams.video[0]
        parser = H264Parser(video.codec_context.extradata or b"")
        track = parser.track
        assert track is not None
        assert (track.width, track.height) == (video.width, video.height)
        assert track.frame_rate == pytest.approx(float(video.average_rate or 0))
        keyframes = 0
        for raw in source.demux(video):
            if not raw.size:
                continue
            data = bytes(raw)
            packet = parser.parse(data, 0, 0)
            assert packet is not None
            assert packet.track is track
            assert packet.keyframe == raw.is_keyframe
            keyframes += packet.keyframe
            if packet.keyframe:
                assert packet.payload == prefixed(*read_record(track.config)[1]) + data
            else:
                assert packet.payload is data
    assert parser.counts == {"parameter sets added": 2 * keyframes}


def test_transport_stream_loses_only_delimiters() -> None:
    with av.open(str(made("h264_aac_ts"))) as source:
        video = source.streams.video[0]
        parser = H264Parser(video.codec_context.extradata or b"")
        packets = [parser.parse(bytes(raw), 0, 0) for raw in source.demux(video) if raw.size]
    assert parser.counts == {"aud": len(packets)}
    assert all(packet is not None and packet.track is parser.track for packet in packets)


@pytest.mark.parametrize("framing", ["annexb", "annexb3", "sizes1", "sizes2", "sizes4", "declared4 but annexb"])
def test_any_framing_gives_the_same_packets(framing: str) -> None:
    size = int(framing[5]) if framing.startswith("sizes") else 4
    record = RECORD[:4] + bytes((0xFC | size - 1,)) + RECORD[5:]
    parser = H264Parser(b"" if framing.startswith("annexb") else record)
    for units, keyframe in (((AUD, SPS, PPS, SEI, IDR, IDR), True), ((AUD, INTER, INTER, FILLER), False)):
        if framing == "annexb3":
            data = b"".join(b"\0\0\1" + unit for unit in units)
        else:
            data = annexb(*units) if "annexb" in framing else prefixed(*units, size=size)
        packet = parser.parse(memoryview(data), 40, 80, 3)
        assert packet is not None
        assert units_of(packet.payload) == [unit for unit in units if unit not in (AUD, FILLER)]
        assert (packet.keyframe, packet.disposable, packet.dts, packet.pts, packet.arrival) == (
            keyframe,
            False,
            40,
            80,
            3,
        )
    assert parser.counts == {"aud": 2, "filler": 1}


def test_a_size_field_that_looks_like_a_start_code() -> None:
    """256 to 511 bytes are `00 00 01 xx`."""
    parser = H264Parser()
    first = SPS + bytes(255 - len(SPS)) + b"\x80" * 2
    parse(parser, first, PPS, IDR)
    long = INTER + b"\xaa" * 300
    packet = parse(parser, long)
    assert packet.payload == prefixed(long)


def test_disposable_pictures() -> None:
    parser = H264Parser(RECORD)
    flags = [parse(parser, unit).disposable for unit in (INTER, DISPOSABLE)]
    assert flags == [False, True]
    mixed = parse(parser, DISPOSABLE, INTER)
    assert not mixed.disposable


def test_keyframes_begin_with_each_set_once() -> None:
    parser = H264Parser(RECORD)
    for units in ([IDR], [SPS, IDR], [SEI, SPS, PPS, IDR], [SPS, PPS, SPS, PPS, SEI, IDR], [SPS, PPS, SEI, IDR]):
        packet = parse(parser, *units)
        assert units_of(packet.payload) == [SPS, PPS] + [SEI] * (SEI in units) + [IDR]
    assert parser.counts == {"parameter sets added": 3, "parameter sets removed": 2}
    data = prefixed(SPS, PPS, SEI, IDR)
    packet = parser.parse(data, 0, 0)  # type: ignore[assignment]
    assert packet is not None
    assert packet.payload is data


def test_waiting_for_parameter_sets() -> None:
    parser = H264Parser()
    assert nothing(parser, IDR)
    assert parser.track is None
    assert nothing(parser, SPS)
    assert nothing(parser, PPS)
    assert parser.track is not None
    packet = parse(parser, IDR)
    assert units_of(packet.payload) == [SPS, PPS, IDR]
    assert nothing(parser, SEI)
    assert parser.counts == {
        "waiting for parameter sets": 1,
        "parameter sets removed": 2,
        "parameter sets added": 2,
        "without picture": 1,
    }


def other_sets() -> tuple[bytes, bytes]:
    units = units_of(prefixed(*read_record(ffmpeg_view(FLAVOURS["cropped"](), "h264").extradata or b"")[1]))
    return units[0], units[1]


def test_a_new_track_only_when_bytes_change_and_at_a_keyframe() -> None:
    parser = H264Parser(RECORD)
    first = parser.track
    sps, pps = other_sets()
    assert parse(parser, SPS, PPS, IDR).track is first
    # In mid-group the sets go through, but count from the next keyframe on.
    packet = parse(parser, sps, pps, INTER)
    assert (packet.track, units_of(packet.payload)) == (first, [sps, pps, INTER])
    assert parse(parser, INTER).track is first
    packet = parse(parser, IDR)
    assert packet.track is not first
    assert (packet.track.width, packet.track.height) == (322, 182)
    assert packet.track is parser.track
    assert units_of(packet.payload) == [sps, pps, IDR]
    assert parse(parser, sps, pps, IDR).track is packet.track
    # There and back before a keyframe is no change.
    assert nothing(parser, SPS, PPS)
    assert nothing(parser, sps, pps)
    assert parse(parser, IDR).track is packet.track


def test_a_changed_sps_alone_keeps_the_pps() -> None:
    parser = H264Parser(RECORD)
    louder = SPS[:3] + b"\x0c" + SPS[4:]
    packet = parse(parser, louder, IDR)
    assert packet.track.profile == "Constrained Baseline 1.2"
    assert units_of(packet.payload) == [louder, PPS, IDR]


def test_cameras_that_never_send_an_idr() -> None:
    parser = H264Parser(RECORD)
    entry = (RECOVERY_POINT, I_SLICE)
    assert [parse(parser, *entry).keyframe for _ in range(2)] == [True, True]
    assert not parse(parser, I_SLICE).keyframe
    assert not parse(parser, RECOVERY_POINT, INTER).keyframe
    # One that does send them: recovery points are open groups, where a decoder cannot start well.
    assert parse(parser, IDR).keyframe
    assert [parse(parser, *entry).keyframe for _ in range(5)] == [False] * 3 + [True] * 2


def test_open_groups_of_x264() -> None:
    """x264 sends one IDR and then recovery points only."""
    units = stream("libx264", "open-gop=1:bframes=2:b-adapt=0", frames=40, gop=8).units
    parser = H264Parser()
    keyframes = [
        index for index, unit in enumerate(units) if (packet := parser.parse(unit.data, 0, 0)) and packet.keyframe
    ]
    entries = [index for index, unit in enumerate(units) if b"\x06\x06\x01" in unit.data]
    assert len(entries) >= 4
    assert keyframes == [0, *entries[3:]]


def test_a_stream_that_does_not_state_its_reordering() -> None:
    """Then all that the level allows may be out of order; real cameras leave it out and have no B-frames."""
    # Main 1.3, 320x240: the level holds 2376 macroblocks, a picture has 300. Then no VUI, or one with the restriction.
    plain = "1 1 1 1 010 0 000010100 0001111 1 1 0"
    silent, stated = main_sps(plain + "0"), main_sps(plain + "1 00000000 1 1 1 1 1 1 1 1")
    tracks = [H264Parser(annexb(sps, PPS)).track for sps in (silent, stated)]
    assert [(track.width, track.height) for track in tracks if track] == [(320, 240)] * 2
    assert [(track.reorder, track.details["reorder_stated"]) for track in tracks if track] == [(7, False), (0, True)]


def main_sps(bits: str) -> bytes:
    bits = bits.replace(" ", "") + "1"
    bits += "0" * (-len(bits) % 8)
    return bytes.fromhex("674d000d") + int(bits, 2).to_bytes(len(bits) // 8, "big")


def test_annexb_view() -> None:
    parser = H264Parser(RECORD)
    packet = parse(parser, IDR)
    assert CODEC.annexb is not None
    assert CODEC.annexb(packet) == annexb(SPS, PPS, IDR)
