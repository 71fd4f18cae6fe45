"""VP9: frame headers, superframes, vpcC, real streams and damaged ones, libvpx as encoder."""

import contextlib

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.media import made

from camcast.contracts import EncoderSettings
from camcast.errors import MediaError
from camcast.media import NS_PER_S, RAW, Frame, MediaKind, Packet, Track
from camcast_vp9.codec import KIND, Vp9Parser
from camcast_vp9.config import Record, level_of
from camcast_vp9.encoder import KIND as ENCODER
from camcast_vp9.frame_header import parse_frame_header, split_superframe

GOLDEN = bytes.fromhex("010000000014820202020000")
KEY = bytes.fromhex("824983420013f00ef606")
"""First bytes of a key frame of 320x240."""
INTER = bytes.fromhex("86004092f0a1")
HIDDEN = bytes.fromhex("84004092f0a1")


def superframe(*frames: bytes, size: int = 2) -> bytes:
    marker = bytes((0xC0 | (size - 1) << 3 | (len(frames) - 1),))
    return b"".join(frames) + marker + b"".join(len(frame).to_bytes(size, "little") for frame in frames) + marker


def test_golden_record() -> None:
    packet = Vp9Parser(b"").parse(KEY, 3, 5)
    assert packet
    track = packet.track
    assert track.config == GOLDEN
    assert (track.width, track.height, track.profile) == (320, 240, "Profile 0 2.0")
    assert (packet.dts, packet.pts, packet.keyframe, packet.disposable) == (5, 5, True, False)
    form = KIND.flv["enhanced"]
    assert form.header(track) == bytes.fromhex("9076703039") + GOLDEN
    assert (form.head(track, True, 0).hex(), form.head(track, False, 9).hex()) == ("9176703039", "a176703039")
    assert form.codec_id == 1987063865


def test_a_told_record_keeps_what_the_stream_cannot_say() -> None:
    told = bytes.fromhex("01000000 00 1f 82 01 01 01 0000")
    for config in (told, told[4:]):
        packet = Vp9Parser(config).parse(KEY, 0, 0)
        assert packet
        assert packet.track.config == told
    other_profile = bytes.fromhex("01000000 02 1f a2 09 10 09 0000")
    packet = Vp9Parser(other_profile).parse(KEY, 0, 0)
    assert packet
    assert packet.track.config == GOLDEN


@given(
    st.integers(0, 3),
    st.integers(0, 62),
    st.sampled_from([8, 10, 12]),
    st.integers(0, 3),
    st.booleans(),
    st.binary(min_size=3, max_size=3),
)
def test_records_both_ways(profile: int, level: int, depth: int, chroma: int, full_range: bool, points: bytes) -> None:
    primaries, transfer, matrix = points
    record = Record(
        profile=profile,
        level=level,
        bit_depth=depth,
        chroma=chroma,
        full_range=full_range,
        primaries=primaries,
        transfer=transfer,
        matrix=matrix,
    )
    assert Record.parse(bytes(record)) == record == Record.parse(bytes(record)[4:])


def test_levels() -> None:
    sizes = [(320, 180), (640, 360), (1280, 720), (1920, 1080), (3840, 2160), (16384, 16384)]
    assert [level_of(*size) for size in sizes] == [11, 21, 31, 40, 50, 0]


def test_formats_of_key_frames() -> None:
    ten_bit_444 = int("101100010" + f"{0x498342:024b}01010000" + f"{1919:016b}{1079:016b}", 2)
    found = parse_frame_header((ten_bit_444 << 7).to_bytes(14, "big").lstrip(b"\0")).format
    assert found
    assert (found.profile, found.bit_depth, found.subsampling_x, found.width, found.height) == (
        3,
        10,
        False,
        1920,
        1080,
    )
    record = Record.of(found, None)
    assert (record.chroma, record.matrix, record.level) == (3, 9, 40)


def test_a_superframe_is_passed_whole_and_looked_into() -> None:
    assert split_superframe(superframe(HIDDEN, INTER)) == [HIDDEN, INTER]
    assert split_superframe(superframe(KEY, size=4)) == [KEY]
    parser = Vp9Parser(b"")
    block = superframe(KEY, b"\x88")
    packet = parser.parse(block, 0, 0)
    assert packet
    assert packet.payload == block
    assert packet.keyframe


def test_disposable_is_a_frame_that_refreshes_nothing() -> None:
    parser = Vp9Parser(b"")
    blocks = [KEY, bytes.fromhex("86000092f0a1"), INTER, b"\x88", superframe(HIDDEN, b"\x88")]
    packets = [parser.parse(block, 0, 0) for block in blocks]
    assert [packet.disposable for packet in packets if packet] == [False, True, False, True, False]


def intra_only(profile: int = 0) -> bytes:
    """The beginning of an intra-only frame of 320x240, which renews all references (§6.2)."""
    colour = "" if not profile else "0110" + "110" if profile == 1 else "0" + "0100"
    sizes = f"{320 - 1:016b}{240 - 1:016b}"
    profile_bits = f"{profile & 1}{profile >> 1}"
    # Marker, profile, no existing frame, inter, hidden, not resilient; intra-only, no reset.
    bits = f"10{profile_bits}0100" + "100" + f"{0x498342:024b}" + colour + "1" * 8 + sizes
    bits += "0" * (-len(bits) % 8) + "0" * 32
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


@pytest.mark.parametrize("profile", [0, 2])
def test_intra_only_frames_are_beginnings_after_a_while_and_until_a_key_frame(profile: int) -> None:
    parser = Vp9Parser(b"")
    # Hidden, and what is shown refers to it.
    blocks = [superframe(intra_only(profile), INTER) if n % 25 == 0 else INTER for n in range(150)]
    packets = [parser.parse(block, n * NS_PER_S // 25, n * NS_PER_S // 25) for n, block in enumerate(blocks)]
    shown = [(n, packet) for n, packet in enumerate(packets) if packet is not None]
    assert [n for n, packet in shown if packet.keyframe] == [100, 125]
    assert [n for n, _ in shown] == list(range(100, 150))
    track = shown[0][1].track
    assert (track.width, track.height) == (320, 240)
    assert track.profile.startswith(f"Profile {profile}")
    then = [parser.parse(block, (150 + n) * NS_PER_S // 25, 0) for n, block in enumerate([KEY, *blocks[:26]])]
    assert [bool(packet and packet.keyframe) for packet in then] == [True] + [False] * 26


def test_nothing_is_sent_before_a_key_frame() -> None:
    parser = Vp9Parser(GOLDEN)
    assert parser.parse(INTER, 0, 0) is None
    assert parser.track is None
    assert parser.counts["waiting for key frame"] == 1


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (b"", "empty VP9 packet"),
        (b"\x00", "no VP9 frame marker"),
        (KEY[:3], "header ends early"),
        (KEY[:1] + b"\x00" + KEY[2:], "sync code is 008342"),
        (KEY + b"\xc9" + b"\xff\xff\x01\x00" + b"\xc9", "claims 65535 bytes, 10 are there"),
        (b"\xc8\x00\x00\xc8", "superframe without frames"),
    ],
)
def test_damage_is_named_and_the_parser_goes_on(block: bytes, text: str) -> None:
    parser = Vp9Parser(b"")
    with pytest.raises(MediaError, match=text):
        parser.parse(block, 0, 0)
    assert parser.parse(KEY, 0, 0)


@given(st.binary(max_size=80), st.sampled_from([b"", KEY, HIDDEN]))
def test_garbage_gives_packets_or_media_errors(data: bytes, before: bytes) -> None:
    parser = Vp9Parser(b"")
    for block in (before + data, superframe(before or b"\x82", data or b"\x88")):
        with contextlib.suppress(MediaError):
            packet = parser.parse(block, 0, 0)
            assert packet is None or packet.payload == block
    with contextlib.suppress(MediaError):
        Record.parse(data)


def test_a_real_stream_passes_unchanged_and_decodes() -> None:
    with av.open(str(made("vp9_opus"))) as source:
        stream = source.streams.video[0]
        raws = [packet for packet in source.demux(stream) if packet.size]
        parser = Vp9Parser(stream.codec_context.extradata or b"")
    packets = [packet for raw in raws if (packet := parser.parse(bytes(raw), raw.pts or 0, raw.pts or 0))]
    assert [packet.payload for packet in packets] == [bytes(raw) for raw in raws]
    assert [packet.keyframe for packet in packets] == [raw.is_keyframe for raw in raws]
    assert len({packet.track for packet in packets}) == 1
    assert KIND.decoder
    decoder = KIND.decoder(packets[0].track)
    assert len([frame for packet in packets for frame in decoder.decode(packet)]) == len(packets)


def test_libvpx_encodes_without_delay() -> None:
    encoder = ENCODER.open(EncoderSettings(width=160, height=96, frame_rate=30.0, bitrate=100_000, gop=0.5))
    raw = Track(kind=MediaKind.VIDEO, codec=RAW, width=160, height=96)
    packets: list[Packet] = []
    for index in range(20):
        picture = av.VideoFrame(160, 96, "yuv420p")
        for plane in picture.planes:
            plane.update(bytes((index * 7 + at) % 200 + 16 for at in range(plane.buffer_size)))
        packets += encoder.encode(Frame(raw, index * NS_PER_S // 30, picture))
        assert len(packets) == index + 1
    encoder.close()
    assert [index for index, packet in enumerate(packets) if packet.keyframe] == [0, 15]
    assert (packets[0].track.width, packets[0].track.height) == (160, 96)
