"""AMF0 both ways: golden bytes, every type, and hostile data."""

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.errors import MediaError
from camcast.flv import amf0

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=4),
    max_leaves=20,
)


def test_golden_bytes_of_a_command() -> None:
    data = amf0.encode("connect", 1, {"app": "live", "ok": True, "none": None})
    assert data.hex() == (
        "020007" + b"connect".hex() + "003ff0000000000000"
        "03" + "0003" + b"app".hex() + "020004" + b"live".hex() + "0002" + b"ok".hex() + "0101"
        "0004" + b"none".hex() + "05" + "000009"
    )
    assert amf0.decode(data) == ["connect", 1.0, {"app": "live", "ok": True, "none": None}]


def test_hvc1_fourcc_as_a_number() -> None:
    assert amf0.encode(1752589105).hex() == "0041da1d98cc400000"


def test_ecma_array_keeps_its_kind_and_its_count_is_advisory() -> None:
    data = amf0.encode(amf0.EcmaArray(width=1920))
    assert data[:5].hex() == "0800000001"
    for count in (0, 1, 0xFFFFFFFF):
        (value,) = amf0.decode(b"\x08" + count.to_bytes(4, "big") + data[5:])
        assert isinstance(value, amf0.EcmaArray)
        assert value == {"width": 1920.0}


def test_long_strings_and_strict_arrays() -> None:
    text = "x" * 70000
    assert amf0.encode(text)[:5].hex() == "0c00011170"
    assert amf0.decode(amf0.encode(text, ["*", 1, (True,)])) == [text, ["*", 1.0, [True]]]


def test_types_only_read() -> None:
    assert amf0.decode(bytes.fromhex("06")) == [None]
    assert amf0.decode(bytes.fromhex("0b") + amf0.encode(5.0)[1:] + b"\0\0") == [5.0]
    assert amf0.decode(bytes.fromhex("10000141" + "00016101 01 000009".replace(" ", ""))) == [{"a": True}]
    assert amf0.decode(b"\x02\x00\x02\xc4\xe3") == ["\\xc4\\xe3"]
    assert math.isnan(amf0.decode(amf0.encode(math.nan))[0])


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("00", "ends early: 8 bytes expected at byte 1, 0 left"),
        ("020005616263", "ends early: 5 bytes expected at byte 3, 3 left"),
        ("03000161", "ends early"),
        ("0affffffff05", "claims 4294967295 values, only 1 bytes follow"),
        ("11", "marker 0x11 at byte 0 is not supported"),
        ("070001", "marker 0x07"),
        ("03000161" * 40, "nested over 16 deep"),
        ("05" * 20001, "more than 20000 values"),
    ],
)
def test_bad_data_is_refused(data: str, text: str) -> None:
    with pytest.raises(MediaError, match=text):
        amf0.decode(bytes.fromhex(data))


def test_what_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="no form for bytes"):
        amf0.encode(b"x")
    with pytest.raises(ValueError, match="key may have 65535 bytes"):
        amf0.encode({"k" * 65536: 1})
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="nested 16 deep"):
        amf0.encode(endless)


@given(st.lists(VALUES, max_size=4))
def test_round_trip(values: list[object]) -> None:
    assert amf0.decode(amf0.encode(*values)) == values


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    with contextlib.suppress(MediaError):
        amf0.decode(memoryview(data))
