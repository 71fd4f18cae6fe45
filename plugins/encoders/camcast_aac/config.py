"""AudioSpecificConfig: what a decoder must know before the first AAC frame (ISO 14496-3 §1.6.2.1).

    object type 5 (31: + 6) ‖ frequency index 4 (15: + 24 bit Hz) ‖ channel configuration 4 ‖ GASpecificConfig

HE-AAC is told in one of three ways: explicitly, with object type 5 (SBR) or 29 (SBR and parametric stereo) in
front of the core's type; "backward compatible", by a 0x2B7 extension behind it; or not at all, only in the frames.
"""

from __future__ import annotations

from functools import lru_cache

import attrs

from camcast.bitstream.bits import BitReader
from camcast.errors import MediaError

FREQUENCIES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8)
"""Channels by channel configuration; 0 is "described by a program config element" or reserved."""

AAC_LC = 2
SBR = 5
PARAMETRIC_STEREO = 29
_ESCAPE = 31
_EXPLICIT_RATE = 15
_GENERAL_AUDIO = frozenset((1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23))
_WITH_EXTENSION = frozenset((17, 19, 20, 23))
_SYNC_EXTENSION = 0x2B7
_SYNC_EXTENSION_PS = 0x548
_MAX_SIZE = 1024

_NAMES = {1: "Main", 2: "LC", 3: "SSR", 4: "LTP", 5: "HE", 23: "LD", 29: "HEv2", 39: "ELD", 42: "xHE"}


@attrs.frozen
class AudioConfig:
    """What an AudioSpecificConfig says."""

    object_type: int
    """Of the core: 2 is LC."""
    core_rate: int
    """Samples per second of the core, in Hz."""
    channel_configuration: int
    channels: int
    """Channels of the decoded sound."""
    sample_rate: int
    """Samples per second of the decoded sound: twice the core's with SBR."""
    extension: int = 0
    """5 (SBR) or 29 (SBR and parametric stereo) when told; 0 otherwise."""
    samples: int = 1024
    """Samples of the core in one frame."""

    @property
    def profile(self) -> str:
        return _NAMES.get(self.extension or self.object_type, f"type {self.object_type}")


@lru_cache(maxsize=64)
def parse_config(data: bytes) -> AudioConfig:
    """Read an AudioSpecificConfig; raises `MediaError`."""
    if not 2 <= len(data) <= _MAX_SIZE:
        raise MediaError(f"AudioSpecificConfig of {len(data)} bytes: expected 2 to {_MAX_SIZE}")
    bits = BitReader(data)
    object_type = _object_type(bits)
    core_rate = _frequency(bits)
    configuration = bits.u(4)
    sample_rate, extension = core_rate, 0
    if object_type in (SBR, PARAMETRIC_STEREO):
        extension = object_type
        sample_rate = _frequency(bits)
        object_type = _object_type(bits)
    channels = CHANNELS[configuration] if configuration < len(CHANNELS) else 0
    samples = 1024
    if object_type in _GENERAL_AUDIO:
        samples, described = _general_audio(bits, object_type, configuration)
        channels = channels or described
    if not channels:
        raise MediaError(f"channel configuration {configuration} (object type {object_type}) is not supported")
    if not extension:
        sample_rate, extension = _backward_compatible(bits, core_rate)
    if extension == PARAMETRIC_STEREO:
        channels = 2
    return AudioConfig(object_type, core_rate, configuration, channels, sample_rate, extension, samples)


def build_config(object_type: int, sample_rate: int, channel_configuration: int) -> bytes:
    """The two bytes for a plain core (no SBR) at a rate of the table. Raises `MediaError`."""
    if not 1 <= object_type < _ESCAPE or not 1 <= channel_configuration < len(CHANNELS):
        raise MediaError(f"no AudioSpecificConfig for object type {object_type}, channels {channel_configuration}")
    if sample_rate not in FREQUENCIES:
        raise MediaError(f"AAC at {sample_rate} Hz: expected one of {', '.join(map(str, FREQUENCIES))}")
    value = object_type << 11 | FREQUENCIES.index(sample_rate) << 7 | channel_configuration << 3
    return value.to_bytes(2, "big")


def channel_configuration(channels: int) -> int:
    """The channel configuration with so many channels; raises `MediaError`."""
    if channels == 8:
        return 7
    if 1 <= channels <= 6:
        return channels
    raise MediaError(f"AAC has no standard layout of {channels} channels: expected 1 to 6, or 8")


def _object_type(bits: BitReader) -> int:
    value = bits.u(5)
    return 32 + bits.u(6) if value == _ESCAPE else value


def _frequency(bits: BitReader) -> int:
    index = bits.u(4)
    rate = bits.u(24) if index == _EXPLICIT_RATE else FREQUENCIES[index] if index < len(FREQUENCIES) else 0
    if not rate:
        raise MediaError(f"sampling frequency index {index} is reserved")
    return rate


def _general_audio(bits: BitReader, object_type: int, configuration: int) -> tuple[int, int]:
    """GASpecificConfig (§4.4.1): samples in a frame, and channels of the program config element if there is one."""
    samples = 960 if bits.flag() else 1024
    if object_type == 23:
        samples //= 2
    if bits.flag():
        bits.skip(14)
    extension = bits.flag()
    channels = _program_config(bits) if not configuration else 0
    if object_type in (6, 20):
        bits.skip(3)
    if extension:
        if object_type == 22:
            bits.skip(16)
        if object_type in _WITH_EXTENSION:
            bits.skip(3)
        bits.skip(1)
    return samples, channels


def _program_config(bits: BitReader) -> int:
    """program_config_element (§4.5.1.2): how many channels it describes."""
    channels = _elements(bits)
    bits.skip(-bits.position % 8)
    bits.skip(8 * bits.u(8))
    return channels


def _elements(bits: BitReader) -> int:
    """Likewise, up to where it is filled up to a whole byte before its comment."""
    bits.skip(4 + 2 + 4)
    front, side, back, lfe, data, coupling = bits.u(4), bits.u(4), bits.u(4), bits.u(2), bits.u(3), bits.u(4)
    for size in (4, 4, 3):
        if bits.flag():
            bits.skip(size)
    channels = lfe
    for _ in range(front + side + back):
        channels += 2 if bits.flag() else 1
        bits.skip(4)
    bits.skip(4 * lfe + 4 * data + 5 * coupling)
    return channels


def moved_program_config(data: bytes, position: int, front: int, front_bits: int) -> bytes:
    """The program config element that begins at bit `position` of `data`, behind the bits of `front`.

    A plain copy would not do: it is filled up to a whole byte inside, counted from where the whole begins. Raises
    `MediaError`.
    """
    bits = BitReader(data, position)
    _elements(bits)
    size = bits.position - position
    whole = int.from_bytes(data, "big") >> 8 * len(data) - bits.position & (1 << size) - 1
    size += front_bits
    bits.skip(-bits.position % 8)
    comment = bits.u(8)
    begin = bits.position // 8 - 1
    bits.skip(8 * comment)
    value = (front << size - front_bits | whole) << -size % 8
    return value.to_bytes((size + 7) // 8, "big") + data[begin : begin + 1 + comment]


def _backward_compatible(bits: BitReader, core_rate: int) -> tuple[int, int]:
    """Rate and extension told behind the core's configuration, if any."""
    if bits.left < 16 or bits.u(11) != _SYNC_EXTENSION or _object_type(bits) != SBR or not bits.flag():
        return core_rate, 0
    sample_rate = _frequency(bits)
    if bits.left >= 12 and bits.u(11) == _SYNC_EXTENSION_PS and bits.flag():
        return sample_rate, PARAMETRIC_STEREO
    return sample_rate, SBR
