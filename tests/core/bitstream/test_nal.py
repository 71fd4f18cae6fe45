"""NAL unit framing: golden bytes, damage, and the way there and back for any units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.bitstream.nal import (
    MAX_UNITS,
    join_annexb,
    join_prefixed,
    split_annexb,
    split_prefixed,
    starts_like_annexb,
    to_annexb,
)
from camcast.errors import MediaError


def escape(raw: bytes) -> bytes:
    """A unit as an encoder would write it: no start code inside, no zero at the end."""
    unit = raw.replace(b"\x00\x00", b"\x00\x00\x03")
    return unit.rstrip(b"\x00") + b"\x80"


UNITS = st.lists(st.lists(st.sampled_from([0, 0, 1, 3, 0x65, 255]), max_size=30).map(bytes).map(escape), min_size=1)


@given(UNITS)
def test_there_and_back(units: list[bytes]) -> None:
    payload = join_prefixed(units)
    assert split_prefixed(payload) == units
    assert to_annexb(payload) == join_annexb(units)
    assert split_annexb(join_annexb(units)) == units


@given(UNITS, st.integers(0, 3), st.integers(0, 3))
def test_zeros_around_start_codes_are_not_part_of_units(units: list[bytes], before: int, after: int) -> None:
    data = b"".join(bytes(before) + b"\x00\x00\x01" + unit + bytes(after) for unit in units)
    assert split_annexb(data) == units


@given(UNITS, st.integers(1, 4))
def test_sizes_of_any_width(units: list[bytes], size: int) -> None:
    short = [unit for unit in units if len(unit) < 256]
    assert split_prefixed(b"".join(len(unit).to_bytes(size, "big") + unit for unit in short), size) == short


@given(st.binary(max_size=80), st.integers(1, 4))
def test_any_bytes_give_units_or_an_error(data: bytes, size: int) -> None:
    for split in (split_annexb, to_annexb, lambda data: split_prefixed(data, size)):
        try:
            result = split(data)
        except MediaError:
            continue
        assert sum(map(len, result)) <= len(data) if isinstance(result, list) else len(result) == len(data)


def test_damage_is_named() -> None:
    with pytest.raises(MediaError, match="its size field says 1073741824 bytes, 3 are left"):
        split_prefixed(bytes.fromhex("40000000 656565"))
    with pytest.raises(MediaError, match="its size field lacks 2 bytes"):
        split_prefixed(bytes.fromhex("00000001 65 0000"))
    with pytest.raises(MediaError, match="no Annex B start code in 4 bytes"):
        split_annexb(b"abcd")
    with pytest.raises(MediaError, match="bytes before the first Annex B start code"):
        split_annexb(b"a\x00\x00\x01b")
    with pytest.raises(MediaError, match="truncated NAL unit"):
        to_annexb(bytes.fromhex("00000005 6565"))


def test_empty_units_are_no_damage() -> None:
    assert split_prefixed(bytes.fromhex("00000000 00000001 65 00000000")) == [b"", b"\x65", b""]


def test_floods_are_bounded() -> None:
    unit = b"\x06\x80"
    assert len(split_annexb(join_annexb([unit] * MAX_UNITS))) == MAX_UNITS
    assert len(split_prefixed(join_prefixed([unit] * MAX_UNITS))) == MAX_UNITS
    with pytest.raises(MediaError, match="more than 512 NAL units"):
        split_annexb(join_annexb([unit] * (MAX_UNITS + 1)))
    with pytest.raises(MediaError, match="more than 512 NAL units"):
        split_prefixed(join_prefixed([unit] * (MAX_UNITS + 1)))


def test_recognising_annexb() -> None:
    assert starts_like_annexb(bytes.fromhex("000001 65"))
    assert starts_like_annexb(bytes.fromhex("0000000001 65"))
    assert not starts_like_annexb(bytes.fromhex("00000002 65"))
    assert not starts_like_annexb(b"")
