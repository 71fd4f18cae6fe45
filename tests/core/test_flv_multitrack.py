"""Tracks other than 0: golden bytes after the specification's table, and read back by our own reader."""

from __future__ import annotations

import pytest

from camcast.errors import MediaError
from camcast.flv.fourcc import audio_form, video_form
from camcast.flv.multitrack import TrackTags, one_track
from camcast.flv.packer import TagPacker
from camcast.flv.unpack import Part, Unpacker
from camcast.kinds import CodecKind
from camcast.media import MediaKind, Packet, TagType, Track

PICTURE = Track(kind=MediaKind.VIDEO, codec="picture", config=b"record", width=64, height=48)
SOUND = Track(kind=MediaKind.AUDIO, codec="sound", config=b"said", sample_rate=48_000, channels=2)
VIDEO = video_form(b"avc1", lambda track: track.config, composed=True)
AUDIO = audio_form(b"mp4a", lambda track: track.config)
MS = 1_000_000


def packer() -> TagPacker:
    return TagPacker((PICTURE, SOUND), {MediaKind.VIDEO: VIDEO, MediaKind.AUDIO: AUDIO})


def kind(name: str, media: MediaKind, form: object) -> CodecKind:
    return CodecKind(name=name, media=media, title=name, parser=lambda config: None, flv={"enhanced": form})  # type: ignore[arg-type,dict-item,return-value]


@pytest.mark.parametrize(
    ("media", "alone", "placed"),
    [
        (MediaKind.VIDEO, "90 61766331 abcd", "96 00 61766331 03 abcd"),
        (MediaKind.VIDEO, "91 61766331 000028", "96 01 61766331 03 000028"),
        (MediaKind.VIDEO, "a3 61766331", "a6 03 61766331 03"),
        (MediaKind.VIDEO, "92 61766331", "96 02 61766331 03"),
        (MediaKind.AUDIO, "90 6d703461 1190", "95 00 6d703461 03 1190"),
        (MediaKind.AUDIO, "91 6d703461", "95 01 6d703461 03"),
    ],
)
def test_the_bytes_of_a_track(media: MediaKind, alone: str, placed: str) -> None:
    assert one_track(bytes.fromhex(alone), media, 3) == bytes.fromhex(placed)


@pytest.mark.parametrize(
    ("media", "start"), [(MediaKind.VIDEO, "17 00 000000"), (MediaKind.AUDIO, "af 01"), (MediaKind.VIDEO, "")]
)
def test_a_legacy_body_has_no_room_for_a_track(media: MediaKind, start: str) -> None:
    with pytest.raises(MediaError, match="only Enhanced bodies can say which track"):
        one_track(bytes.fromhex(start), media, 1)


def test_a_track_number_is_one_byte() -> None:
    with pytest.raises(ValueError, match="range"):
        one_track(bytes.fromhex("93 61766331"), MediaKind.VIDEO, 256)


def test_tags_of_a_track_are_read_back_and_share_the_payload() -> None:
    made, tags = TrackTags(2), packer()
    unpacker = Unpacker([kind("picture", MediaKind.VIDEO, VIDEO), kind("sound", MediaKind.AUDIO, AUDIO)])
    headers = [tag for tag in map(made.of, tags.headers(7)) if tag is not None]
    assert [tag.type for tag in headers] == [TagType.AUDIO, TagType.VIDEO], "script data tells of the whole stream"
    packets = [
        Packet(PICTURE, 40 * MS, 80 * MS, True, b"key"),
        Packet(PICTURE, 80 * MS, 80 * MS, False, b"other"),
        Packet(SOUND, 80 * MS, 80 * MS, True, b"tone"),
    ]
    units = [made.of(tags.tag(packet)) for packet in packets]
    found = []
    for tag in (*headers, *units):
        assert tag is not None
        assert (tag.track, tag.packet) == (2, None)
        found += unpacker.unpack(tag.type, tag.head + tag.body)
    assert {piece.track_id for piece in found} == {2}
    assert [(piece.part, piece.keyframe, piece.composition, piece.payload) for piece in found] == [
        (Part.HEADER, True, 0, b"said"),
        (Part.HEADER, True, 0, b"record"),
        (Part.FRAME, True, 40, b"key"),
        (Part.FRAME, False, 0, b"other"),
        (Part.FRAME, True, 0, b"tone"),
    ]
    assert all(tag is not None and tag.body is packet.payload for tag, packet in zip(units, packets, strict=True))


def test_what_is_remembered_of_heads_is_bounded() -> None:
    made, tags = TrackTags(1), packer()
    for ms in range(3000):
        made.of(tags.tag(Packet(PICTURE, 0, ms * MS, False, b"x")))
    assert len(made._heads) <= 1024
