"""The bit reader and emulation prevention."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.bitstream.bits import BitReader, unescape
from camcast.errors import MediaError


def ue_bits(value: int) -> str:
    code = bin(value + 1)[2:]
    return "0" * (len(code) - 1) + code


def to_bytes(bits: str) -> bytes:
    bits += "0" * (-len(bits) % 8)
    return int(bits or "0", 2).to_bytes(len(bits) // 8, "big")


def test_fixed_fields_across_bytes() -> None:
    bits = BitReader(bytes.fromhex("a5c30f"))
    assert [bits.u(3), bits.u(7), bits.u(0), bits.u(13)] == [0b101, 0b0010111, 0, 0b0000110000111]
    assert bits.left == 1
    assert bits.flag()
    with pytest.raises(MediaError, match="header ends early: 1 bits wanted at bit 24, 0 left"):
        bits.flag()


@given(st.lists(st.integers(0, 0xFFFFFFFE), max_size=20))
def test_unsigned_exp_golomb(values: list[int]) -> None:
    bits = BitReader(to_bytes("".join(map(ue_bits, values))))
    assert [bits.ue() for _ in values] == values


def test_signed_exp_golomb_order() -> None:
    bits = BitReader(to_bytes("".join(ue_bits(code) for code in range(5))))
    assert [bits.se() for _ in range(5)] == [0, 1, -1, 2, -2]


def test_exp_golomb_limits() -> None:
    with pytest.raises(MediaError, match="longer than 32 bits"):
        BitReader(bytes(16)).ue()
    with pytest.raises(MediaError, match="value 6 in a header where at most 5 is allowed"):
        BitReader(to_bytes(ue_bits(6))).ue(5)
    with pytest.raises(MediaError, match="ends early"):
        BitReader(b"\x01").skip(9)


@given(st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 255]), max_size=60).map(bytes))
def test_unescape_undoes_escaping(rbsp: bytes) -> None:
    escaped, zeros = bytearray(), 0
    for byte in rbsp:
        if zeros == 2 and byte <= 3:
            escaped.append(3)
            zeros = 0
        escaped.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    assert unescape(bytes(escaped)) == rbsp
