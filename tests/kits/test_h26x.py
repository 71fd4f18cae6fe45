"""What H.264 and H.265 share, by hand-made bits and bytes."""

from __future__ import annotations

import attrs
import pytest

from camcast.bitstream.bits import BitReader
from camcast.contracts import EncoderSettings
from camcast.errors import MediaError
from camcast.media import MediaKind, Track
from camcast_h264.encoders import LIBX264, X264Options
from camcast_h265.encoders import LIBX265, X265Options
from camcast_kit_h26x.flv import legacy_form
from camcast_kit_h26x.picture import Colour, read_colour, read_crop, skip_chroma_location
from camcast_kit_h26x.record import read_sized, sized
from camcast_kit_h26x.software import joined


def bits(text: str) -> BitReader:
    """A reader of these bits, with zeros to the end of the byte."""
    text = text.replace(" ", "")
    return BitReader(int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big"), 0)


def ue(value: int) -> str:
    """Exp-Golomb (ITU-T H.264 §9.1)."""
    code = f"{value + 1:b}"
    return "0" * (len(code) - 1) + code


@pytest.mark.parametrize(
    ("chroma_format", "separate", "fields", "expected"),
    [
        (1, False, 1, (1920, 1080)),
        (1, False, 2, (1920, 1072)),
        (2, False, 1, (1920, 1084)),
        (3, False, 1, (1920 + 4, 1084)),
        (3, True, 1, (1920 + 4, 1084)),
        (0, False, 1, (1920 + 4, 1084)),
    ],
)
def test_cropping_counts_in_units_of_the_chroma(
    chroma_format: int, separate: bool, fields: int, expected: tuple[int, int]
) -> None:
    window = bits("1" + ue(1) + ue(3) + ue(0) + ue(4))
    assert read_crop(window, 1928, 1088, chroma_format, separate=separate, fields=fields) == expected


def test_no_window_is_the_whole_and_too_large_a_one_is_damage() -> None:
    assert read_crop(bits("0"), 64, 48, 1, separate=False) == (64, 48)
    with pytest.raises(MediaError, match="crops the whole picture away"):
        read_crop(bits("1" + ue(16) + ue(16) + ue(0) + ue(0)), 64, 48, 1, separate=False)


@pytest.mark.parametrize(
    ("vui", "expected"),
    [
        ("0 0 0", Colour()),
        ("0 0 1 101 1 0", Colour(full_range=True)),
        ("0 0 1 101 0 1 00001001 00010000 00001001", Colour(primaries=9, transfer=16, matrix=9)),
        # An aspect ratio in figures (255: twice 16 bits), and overscan, stand before.
        ("1 11111111" + "1" * 32 + "1 1 1 101 0 1 00000001 00000010 00000011", Colour(primaries=1, matrix=3)),
    ],
)
def test_colour_in_the_vui(vui: str, expected: Colour) -> None:
    reader = bits(vui + " 1" + ue(2) + ue(3) + "1")
    assert read_colour(reader) == expected
    skip_chroma_location(reader)
    assert reader.flag()
    assert expected.details(8) == {"bit_depth": 8, **attrs.asdict(expected)}


def test_sets_in_a_record() -> None:
    units = [b"\x67sps", b"\x68p"]
    record = b"head" + sized(units)
    assert read_sized(record, 4, 2, "avcC") == (units, len(record))
    assert read_sized(record, 4, 1, "avcC") == (units[:1], 10)
    for cut in (len(record) - 1, 11, 5):
        with pytest.raises(MediaError, match=f"avcC record of {cut} bytes ends inside a parameter set"):
            read_sized(record[:cut], 4, 2, "avcC")
    with pytest.raises(MediaError, match="hvcC record holds an empty parameter set"):
        read_sized(b"\0\0", 0, 1, "hvcC")


def test_the_form_that_flv_had_for_both() -> None:
    track = Track(kind=MediaKind.VIDEO, codec="made-up", config=b"record")
    form = legacy_form(12)
    assert (form.name, form.codec_id) == ("legacy", 12)
    assert form.header(track) == b"\x1c\0\0\0\0record"
    assert form.head(track, True, 0) == b"\x1c\x01\0\0\0"
    assert form.head(track, False, 40) == b"\x2c\x01\0\0\x28"
    assert form.head(track, False, -1) == b"\x2c\x01\xff\xff\xff"
    assert form.end == b"\x1c\x02\0\0\0"


def test_what_both_encoders_are_told() -> None:
    settings = EncoderSettings(rate_control="avbr", gop=2.0, frame_rate=25.0)
    x264 = LIBX264.options(attrs.evolve(settings, options=X264Options(tune="", profile="main", crf=20.5)), 1_000_000)
    shared = {"preset": "veryfast", "forced-idr": "1", "profile": "main", "crf": "20.5", "maxrate": "1000000"}
    assert {name: x264[name] for name in shared} == shared
    assert "tune" not in x264
    assert x264["bufsize"] == "2000000"
    assert x264["x264-params"] == "scenecut=0:open-gop=0"
    x265 = LIBX265.options(attrs.evolve(settings, options=X265Options(threads=2, parameters={"keyint": "9"})), 5)
    told = dict(one.split("=") for one in x265["x265-params"].split(":"))
    assert (x265["preset"], x265["tune"], x265["crf"]) == ("superfast", "zerolatency", "28")
    assert (told["keyint"], told["min-keyint"], told["pools"], told["scenecut"]) == ("9", "50", "2", "0")
    assert joined({"a": "1", "b": "2"}) == "a=1:b=2"


def test_options_are_checked() -> None:
    for wrong in ({"preset": "sluggish"}, {"tune": "stillimage"}, {"crf": 52}, {"threads": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            X265Options(**wrong)
    assert X264Options(tune="stillimage").crf == 23.0
