"""The reading side: legacy and Enhanced bodies, ModEx, multitrack, and hostile ones."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.errors import MediaError
from camcast.flv.fourcc import audio_form, video_form
from camcast.flv.unpack import Part, Piece, Unpacker
from camcast.kinds import CodecKind, FlvForm
from camcast.media import MediaKind, TagType, Track

V, A = TagType.VIDEO, TagType.AUDIO
HVC1, AV01, OPUS = 0x68766331, 0x61763031, 0x4F707573


def _record(track: Track) -> bytes:
    return track.config


def _legacy(codec_id: int, size: int) -> FlvForm:
    return FlvForm(name="legacy", codec_id=codec_id, header=lambda track: b"", head=lambda track, key, ms: bytes(size))


def _kind(name: str, media: MediaKind, *forms: FlvForm) -> CodecKind:
    def parser(config: bytes) -> None:
        raise AssertionError("not needed to read FLV")

    return CodecKind(name=name, media=media, title=name, parser=parser, flv={form.name: form for form in forms})  # type: ignore[arg-type]


UNPACKER = Unpacker(
    [
        _kind("seven", MediaKind.VIDEO, _legacy(7, 5)),
        _kind("twelve", MediaKind.VIDEO, video_form(b"hvc1", _record, composed=True), _legacy(12, 5)),
        _kind("plain", MediaKind.VIDEO, video_form(b"av01", _record, composed=False)),
        _kind("ten", MediaKind.AUDIO, _legacy(10, 2)),
        _kind("eight", MediaKind.AUDIO, _legacy(8, 1)),
        _kind("sound", MediaKind.AUDIO, audio_form(b"Opus", _record)),
    ]
)


def one(kind: TagType, body: str) -> Piece:
    (piece,) = UNPACKER.unpack(kind, bytes.fromhex(body))
    return piece


@pytest.mark.parametrize(
    ("kind", "body", "codec", "form", "part", "keyframe", "composition", "payload"),
    [
        (V, "1700000000 0142c0", "seven", "legacy", Part.HEADER, True, 0, "0142c0"),
        (V, "1701000028 aabb", "seven", "legacy", Part.FRAME, True, 40, "aabb"),
        (V, "2701ffffd8 aabb", "seven", "legacy", Part.FRAME, False, -40, "aabb"),
        (V, "1702000000", "seven", "legacy", Part.END, True, 0, ""),
        (V, "1c01000001 aa", "twelve", "legacy", Part.FRAME, True, 1, "aa"),
        (V, "2c01000000 aa", "twelve", "legacy", Part.FRAME, False, 0, "aa"),
        (V, "9068766331 01", "twelve", "enhanced", Part.HEADER, True, 0, "01"),
        (V, "9168766331 ffffff aa", "twelve", "enhanced", Part.FRAME, True, -1, "aa"),
        (V, "a368766331 aa", "twelve", "enhanced", Part.FRAME, False, 0, "aa"),
        (V, "9268766331", "twelve", "enhanced", Part.END, True, 0, ""),
        (V, "a161763031 0a0b0c", "plain", "enhanced", Part.FRAME, False, 0, "0a0b0c"),
        (V, "8461763031 0200", "plain", "enhanced", Part.METADATA, False, 0, "0200"),
        (V, "d461763031 0200", "plain", "enhanced", Part.METADATA, False, 0, "0200"),
        (V, "22 aabb", "", "legacy", Part.FRAME, False, 0, "aabb"),
        (V, "57 01", "seven", "legacy", Part.COMMAND, False, 0, "01"),
        (V, "d1 00", "", "enhanced", Part.COMMAND, False, 0, "00"),
        (A, "af00 1210", "ten", "legacy", Part.HEADER, True, 0, "1210"),
        (A, "af01 21", "ten", "legacy", Part.FRAME, True, 0, "21"),
        (A, "82 d5d5", "eight", "legacy", Part.FRAME, True, 0, "d5d5"),
        (A, "904f707573 01", "sound", "enhanced", Part.HEADER, True, 0, "01"),
        (A, "914f707573 fc", "sound", "enhanced", Part.FRAME, True, 0, "fc"),
        (A, "944f707573 010200000003", "sound", "enhanced", Part.CHANNELS, True, 0, "010200000003"),
    ],
)
def test_bodies(
    kind: TagType, body: str, codec: str, form: str, part: Part, keyframe: bool, composition: int, payload: str
) -> None:
    piece = one(kind, body)
    assert (piece.codec, piece.form, piece.part, piece.keyframe) == (codec, form, part, keyframe)
    assert (piece.composition, piece.payload.hex()) == (composition, payload)


def test_codec_ids_are_those_of_the_metadata() -> None:
    assert one(V, "1c01000001aa").codec_id == 12
    assert one(V, "9368766331aa").codec_id == HVC1
    assert one(A, "914f707573fc").codec_id == OPUS
    assert one(V, "9178787878aa").codec == ""


def test_mod_ex_adds_nanoseconds_to_the_frame_behind_it() -> None:
    piece = one(V, "97 02 07a120 01 68766331 000005 aa")
    assert (piece.nanoseconds, piece.part, piece.composition, piece.payload) == (500_000, Part.FRAME, 5, b"\xaa")
    assert one(V, "97 ff0100" + "00" * 257 + "13 68766331 aa").payload == b"\xaa"
    assert one(A, "97 02 00000a 01 4f707573 fc").nanoseconds == 10
    with pytest.raises(MediaError, match="expected at least 3"):
        one(V, "97 01 0102 01 68766331 000000 aa")


def test_multitrack() -> None:
    piece = one(V, "96 01 68766331 05 000001 aa")
    assert (piece.track_id, piece.codec_id, piece.composition, piece.payload) == (5, HVC1, 1, b"\xaa")
    pieces = UNPACKER.unpack(V, bytes.fromhex("a6 13 68766331 00 000001 aa 01 000002 bbcc"))
    assert [(piece.track_id, piece.payload.hex()) for piece in pieces] == [(0, "aa"), (1, "bbcc")]
    pieces = UNPACKER.unpack(V, bytes.fromhex("96 21 68766331 00 000004 000007 aa 61763031 02 000002 bbcc"))
    assert [(piece.codec, piece.track_id, piece.composition, piece.payload.hex()) for piece in pieces] == [
        ("twelve", 0, 7, "aa"),
        ("plain", 2, 0, "bbcc"),
    ]
    (piece,) = UNPACKER.unpack(A, bytes.fromhex("95 01 4f707573 03 fc"))
    assert (piece.track_id, piece.codec, piece.payload) == (3, "sound", b"\xfc")


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        (V, "", "ends early: 1 bytes expected at byte 0, 0 left"),
        (V, "1701", "ends early: 3 bytes expected at byte 2"),
        (V, "1703000000", "packet type 3 in a legacy video body"),
        (V, "916876", "ends early: 4 bytes expected"),
        (V, "9168766331aa", "ends early: 3 bytes"),
        (V, "9868766331", "packet type 8 is not defined"),
        (V, "96 06 68766331 00", "packet type 6 is not defined"),
        (V, "96 31 68766331 00", "multitrack type 3"),
        (V, "96 11 68766331 00 ffffff aa", "16777215 bytes expected"),
        (V, "97 00 00 17" + "00 00 17" * 20, "packet type 7 is not defined"),
        (A, "af", "ends early"),
        (A, "934f707573", "packet type 3 is not defined for an Enhanced audio body"),
        (TagType.SCRIPT, "02", "holds no media"),
    ],
)
def test_damage_is_named(kind: TagType, body: str, text: str) -> None:
    with pytest.raises(MediaError, match=text):
        UNPACKER.unpack(kind, bytes.fromhex(body))


@given(st.sampled_from([V, A]), st.sampled_from(["", "96", "97", "95", "17", "af", "91"]), st.binary(max_size=60))
def test_garbage_gives_pieces_or_media_errors(kind: TagType, first: str, rest: bytes) -> None:
    body = bytes.fromhex(first) + rest
    with contextlib.suppress(MediaError):
        assert sum(len(piece.payload) for piece in UNPACKER.unpack(kind, body)) <= len(body)


def test_heads_of_the_forms_are_read_back() -> None:
    form = video_form(b"hvc1", _record, composed=True)
    track = Track(kind=MediaKind.VIDEO, codec="twelve", config=b"record")
    assert UNPACKER.unpack(V, form.header(track))[0].payload == b"record"
    for key in (False, True):
        for ms in (-3, 0, 80):
            (piece,) = UNPACKER.unpack(V, form.head(track, key, ms) + b"nal")
            assert (piece.keyframe, piece.composition, piece.payload) == (key, ms, b"nal")


@pytest.mark.parametrize("kind", [V, A])
def test_there_are_no_more_tracks_in_a_body_than_numbers_for_them(kind: TagType) -> None:
    first = b"\x96" if kind is V else b"\x95"
    many = first + (b"\x13hvc1" if kind is V else b"\x11Opus")
    assert len(UNPACKER.unpack(kind, many + b"\x07\0\0\0" * 256)) == 256
    with pytest.raises(MediaError, match="more than 256 tracks in one tag body"):
        UNPACKER.unpack(kind, many + b"\x07\0\0\0" * 257)
