"""The packer: order of the start, times, heads, changes, ends; metadata and Enhanced heads with it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.errors import MediaError
from camcast.flv.fourcc import audio_form, composition, fourcc, number, video_form
from camcast.flv.metadata import COLOUR_INFO, colour_info, on_metadata, read_metadata
from camcast.flv.packer import TagPacker, to_ms
from camcast.kinds import FlvForm
from camcast.media import MediaKind, Packet, TagType, Track

PICTURE = Track(
    kind=MediaKind.VIDEO, codec="made up", config=b"record", width=640, height=360, frame_rate=25.0, bitrate=800_000
)
SOUND = Track(kind=MediaKind.AUDIO, codec="made up too", config=b"sound", sample_rate=48_000, channels=2)

VIDEO = video_form(
    b"hvc1",
    lambda track: track.config,
    composed=True,
    colour=lambda track: colour_info(b"hvc1", track.details.get(COLOUR_INFO)),
)
AUDIO = audio_form(b"Opus", lambda track: track.config)
BARE = FlvForm(name="legacy", codec_id=8, header=lambda track: b"", head=lambda track, key, ms: b"\x82")
FORMS = {MediaKind.VIDEO: VIDEO, MediaKind.AUDIO: AUDIO}
MS = 1_000_000


def packet(track: Track = PICTURE, dts: int = 0, pts: int | None = None, key: bool = False) -> Packet:
    return Packet(track, dts, dts if pts is None else pts, key, b"payload")


def test_fourccs_are_numbers_as_the_specification_lists_them() -> None:
    known = {b"hvc1": 1752589105, b"av01": 1635135537, b"vp09": 1987063865, b"avc1": 1635148593, b"Opus": 1332770163}
    for code, value in known.items():
        assert number(code) == value
        assert fourcc(value) == code
    with pytest.raises(ValueError, match="12 is not a FourCC"):
        fourcc(12)
    with pytest.raises(ValueError, match="4 bytes, got 3"):
        number(b"abc")


def test_composition_times_are_signed_24_bits() -> None:
    assert [composition(ms).hex() for ms in (0, 40, -1, -40)] == ["000000", "000028", "ffffff", "ffffd8"]
    for ms in (1 << 23, -(1 << 23) - 1):
        with pytest.raises(MediaError, match="does not fit 24 bits"):
            composition(ms)


def test_enhanced_heads() -> None:
    """First bytes as the table of Enhanced RTMP v2 has them."""
    assert VIDEO.header(PICTURE) == bytes.fromhex("9068766331") + b"record"
    assert VIDEO.head(PICTURE, True, 5).hex() == "9168766331000005"
    assert VIDEO.head(PICTURE, False, -1).hex() == "a168766331ffffff"
    assert VIDEO.head(PICTURE, True, 0).hex() == "9368766331"
    assert VIDEO.head(PICTURE, False, 0).hex() == "a368766331"
    assert VIDEO.end.hex() == "9268766331"
    plain = video_form(b"av01", lambda track: track.config, composed=False)
    assert plain.head(PICTURE, True, 7).hex() == "9161763031"
    assert plain.head(PICTURE, False, 0).hex() == "a161763031"
    assert AUDIO.header(SOUND) == bytes.fromhex("904f707573") + b"sound"
    assert AUDIO.head(SOUND, True, 0).hex() == "914f707573"
    assert AUDIO.end == b""


def test_metadata_tells_what_is_there_and_nothing_else() -> None:
    both = read_metadata(on_metadata([PICTURE, SOUND], FORMS))
    assert both == {
        "duration": 0,
        "width": 640,
        "height": 360,
        "videodatarate": 800,
        "framerate": 25,
        "videocodecid": 1752589105,
        "audiosamplerate": 48000,
        "audiosamplesize": 16,
        "stereo": True,
        "audiocodecid": 1332770163,
        "encoder": "camcast",
        "filesize": 0,
    }
    assert not [key for key in read_metadata(on_metadata([PICTURE], FORMS)) or () if key.startswith("audio")]
    assert not [key for key in read_metadata(on_metadata([SOUND], FORMS)) or () if key.startswith(("video", "width"))]
    assert struct.pack(">d", 1752589105) == bytes.fromhex("41da1d98cc400000")
    assert b"videocodecid\x00" + bytes.fromhex("41da1d98cc400000") in on_metadata([PICTURE], FORMS)


def test_the_start_is_metadata_sound_colours_picture() -> None:
    hdr = Track(
        kind=MediaKind.VIDEO, codec="x", config=b"r", details={COLOUR_INFO: {"colorConfig": {"colorPrimaries": 9}}}
    )
    tags = TagPacker([hdr, SOUND], FORMS).headers(1234)
    assert [(tag.type, tag.time, (tag.head + tag.body)[:5].hex()) for tag in tags] == [
        (TagType.SCRIPT, 1234, "02000d4073"),
        (TagType.AUDIO, 1234, "904f707573"),
        (TagType.VIDEO, 1234, "d468766331"),
        (TagType.VIDEO, 1234, "9068766331"),
    ]
    metadata = tags[0]
    assert metadata.head == b"\x02\x00\x0d@setDataFrame"
    assert metadata.body.startswith(b"\x02\x00\x0aonMetaData\x08")
    assert read_metadata(metadata.head + metadata.body) == read_metadata(metadata.body)
    assert not any(tag.packet or tag.keyframe for tag in tags)


def test_codecs_without_header_get_no_empty_tag() -> None:
    tags = TagPacker([SOUND], {MediaKind.AUDIO: BARE}).headers(0)
    assert [tag.type for tag in tags] == [TagType.SCRIPT]


@given(st.integers(-(10**15), 10**15), st.integers(-(10**9), 10**9), st.booleans())
def test_times_are_rounded_each_by_itself(dts: int, offset: int, key: bool) -> None:
    tag = TagPacker([PICTURE], FORMS).tag(packet(dts=dts, pts=dts + offset, key=key))
    assert tag.time == to_ms(dts)
    shown = int.from_bytes(tag.head[5:], "big", signed=True)
    assert tag.time + shown == to_ms(dts + offset)
    assert abs(to_ms(dts) * MS - dts) <= MS // 2
    assert tag.keyframe is key


def test_a_tag_shares_the_payload() -> None:
    packer = TagPacker([PICTURE, SOUND], FORMS)
    for source in (packet(key=True), packet(SOUND)):
        tag = packer.tag(source)
        assert tag.body is source.payload
        assert tag.packet is source
        assert tag.keyframe
    assert [tag.body.hex() for tag in packer.end()] == ["9268766331"]


def test_heads_of_endless_different_composition_times_are_not_all_kept() -> None:
    packer = TagPacker([PICTURE], FORMS)
    for index in range(3000):
        tag = packer.tag(packet(pts=index * MS))
        assert tag.head == VIDEO.head(PICTURE, False, index)


def test_a_change_sends_only_what_changed() -> None:
    packer = TagPacker([PICTURE, SOUND], FORMS)
    packer.headers(0)
    same = Track(kind=MediaKind.VIDEO, codec="made up", config=b"record", width=640, height=360, frame_rate=25.0)
    (metadata,) = packer.change(same, 40)
    assert metadata.type is TagType.SCRIPT
    assert packer.change(same, 80) == []
    bigger = Track(kind=MediaKind.VIDEO, codec="made up", config=b"other", width=1280, height=720, frame_rate=25.0)
    metadata, header = packer.change(bigger, 120)
    assert (read_metadata(metadata.body) or {})["width"] == 1280
    assert header.body == bytes.fromhex("9068766331") + b"other"
    assert (metadata.time, header.time) == (120, 120)
    louder = Track(kind=MediaKind.AUDIO, codec="made up too", config=b"six", sample_rate=48_000, channels=2)
    assert [tag.body for tag in packer.change(louder, 160)] == [bytes.fromhex("904f707573") + b"six"]
    assert packer.headers(200)[1].body.endswith(b"six")


def test_colours_that_come_and_go_are_told_and_taken_back() -> None:
    packer = TagPacker([PICTURE], FORMS)
    details = {COLOUR_INFO: {"colorConfig": {"bitDepth": 10}}}
    hdr = Track(kind=MediaKind.VIDEO, codec="made up", config=b"record", width=640, height=360, details=details)
    colours = [tag for tag in packer.change(hdr, 0) if tag.type is TagType.VIDEO]
    assert [tag.body for tag in colours] == [colour_info(b"hvc1", details[COLOUR_INFO])]
    sdr = Track(kind=MediaKind.VIDEO, codec="made up", config=b"record", width=640, height=360)
    (reset,) = packer.change(sdr, 0)
    assert reset.body == colour_info(b"hvc1", {})


def test_heads_follow_a_changed_track() -> None:
    form = FlvForm(
        name="legacy", codec_id=7, header=lambda track: b"", head=lambda track, key, ms: bytes((track.channels,))
    )
    mono = Track(kind=MediaKind.AUDIO, codec="x", sample_rate=8000, channels=1)
    stereo = Track(kind=MediaKind.AUDIO, codec="x", sample_rate=8000, channels=2)
    packer = TagPacker([mono], {MediaKind.AUDIO: form})
    assert packer.tag(packet(mono)).head == b"\x01"
    packer.change(stereo, 0)
    assert packer.tag(packet(stereo)).head == b"\x02"


def test_script_data_that_is_no_metadata() -> None:
    assert read_metadata(b"\x02\x00\x07onTextX"[:10]) is None
    with pytest.raises(MediaError, match="onMetaData holds no object"):
        read_metadata(b"\x02\x00\x0aonMetaData")
