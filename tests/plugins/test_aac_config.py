"""AudioSpecificConfig and ADTS: golden bytes, HE-AAC's three ways, damage."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.errors import MediaError
from camcast_aac import adts
from camcast_aac.config import FREQUENCIES, build_config, channel_configuration, parse_config


@pytest.mark.parametrize(
    ("rate", "channels", "expected"),
    [(44100, 2, "1210"), (48000, 2, "1190"), (16000, 1, "1408"), (8000, 1, "1588"), (48000, 8, "11b8")],
)
def test_golden_low_complexity(rate: int, channels: int, expected: str) -> None:
    config = build_config(2, rate, channel_configuration(channels))
    assert config.hex() == expected
    parsed = parse_config(config)
    assert (parsed.object_type, parsed.sample_rate, parsed.channels, parsed.profile) == (2, rate, channels, "LC")


@pytest.mark.parametrize(
    ("config", "core", "rate", "channels", "profile"),
    [
        ("119056e500", 48000, 48000, 2, "LC"),  # explicit "no SBR", as FFmpeg writes it
        ("2b920800", 22050, 44100, 2, "HE"),  # explicit: type 5 in front
        ("139056e5a0", 22050, 44100, 2, "HE"),  # backward compatible
        ("138856e5a54880", 22050, 44100, 2, "HEv2"),  # backward compatible with parametric stereo: mono core
        ("eb8a0800", 22050, 44100, 2, "HEv2"),  # explicit: type 29 in front
        ("17805dc010", 48000, 48000, 2, "LC"),  # rate in full (index 15)
        ("1230", 44100, 44100, 6, "LC"),
    ],
)
def test_configs(config: str, core: int, rate: int, channels: int, profile: str) -> None:
    parsed = parse_config(bytes.fromhex(config))
    assert (parsed.core_rate, parsed.sample_rate, parsed.channels, parsed.profile) == (core, rate, channels, profile)


def test_channels_described_by_a_program_config_element() -> None:
    # Type 2, 48 kHz, configuration 0; element: tag 0, LC, index 3, one front pair, one LFE.
    bits = "0001000110000000" + "0000010011000100000000010000000000100000000"
    bits += "0" * (-len(bits) % 8) + "00000000"
    assert parse_config(int(bits, 2).to_bytes(len(bits) // 8, "big")).channels == 3


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ("", "0 bytes: expected 2 to 1024"),
        ("12", "1 bytes"),
        ("1690", "frequency index 13 is reserved"),
        ("1248", "channel configuration 9"),
        ("1200", "header ends early"),
    ],
)
def test_damage_is_named(config: str, text: str) -> None:
    with pytest.raises(MediaError, match=text):
        parse_config(bytes.fromhex(config))


@given(st.binary(max_size=40))
def test_garbage_configs_are_read_or_refused(config: bytes) -> None:
    with contextlib.suppress(MediaError):
        parsed = parse_config(config)
        assert parsed.channels > 0
        assert 0 < parsed.sample_rate < 1 << 24


def test_golden_adts_header() -> None:
    header = adts.header(parse_config(bytes.fromhex("1190")), 200)
    assert header.hex() == "fff14c8019fffc"
    assert adts.config_of(header).hex() == "1190"


@given(
    st.sampled_from(FREQUENCIES),
    st.integers(1, 7),
    st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=4),
)
def test_adts_both_ways(rate: int, configuration: int, frames: list[bytes]) -> None:
    config = parse_config(build_config(2, rate, configuration))
    packed = [adts.header(config, len(frame)) + frame for frame in frames]
    assert adts.split(b"".join(packed)) == packed
    for frame, whole in zip(frames, packed, strict=True):
        assert adts.strip(whole) == frame
        assert adts.config_of(whole) == build_config(2, rate, configuration)


def test_the_crc_goes_with_the_header() -> None:
    whole = adts.header(parse_config(bytes.fromhex("1190")), 5) + b"\xab\xcdraw"
    assert adts.strip(whole[:1] + b"\xf0" + whole[2:]) == b"raw"


FRAME = adts.header(parse_config(bytes.fromhex("1190")), 3) + b"raw"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (FRAME[:-1], "truncated ADTS frame: 10 bytes announced, 9 came"),
        (FRAME + FRAME, "10 bytes behind an ADTS frame of 10: hand over one frame at a time"),
        (FRAME[:5], "no ADTS header"),
        (FRAME[:3] + b"\x80\x00\xe0" + FRAME[6:], "leaves no room"),
        (FRAME[:6] + b"\xfd" + FRAME[7:], "2 raw data blocks"),
    ],
)
def test_damaged_adts_is_named(data: bytes, text: str) -> None:
    with pytest.raises(MediaError, match=text):
        adts.strip(data)


def test_what_adts_cannot_tell() -> None:
    with pytest.raises(MediaError, match="takes at most 8184"):
        adts.header(parse_config(bytes.fromhex("1190")), 8185)
    with pytest.raises(MediaError, match="cannot carry AAC ELD"):
        adts.header(parse_config(bytes.fromhex("f8e85000")), 5)
