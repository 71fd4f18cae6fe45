"""The four bytes at the start of each MPEG audio frame (ISO 11172-3 §2.4.1.3, ISO 13818-3).

sync 11 ‖ version 2 ‖ layer 2 ‖ no CRC 1 ‖ bit rate 4 ‖ sampling rate 2 ‖ padding 1 ‖ private 1 ‖ mode 2 ‖ …
"""

from __future__ import annotations

import attrs

from camcast.errors import MediaError

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
"""By version bits: MPEG 1, 2, 2.5."""
_MPEG1 = 3
_BITRATES_MPEG1 = {
    1: (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_BITRATES_MPEG2 = {
    1: (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    3: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SINGLE_CHANNEL = 3


@attrs.frozen
class FrameHeader:
    """What one frame says of itself."""

    layer: int
    sample_rate: int
    channels: int
    bitrate: int
    """bit/s; 0 = free format."""
    samples: int
    size: int
    """Bytes of the frame, header included; 0 = free format."""


def parse_header(data: bytes) -> FrameHeader:
    """Read the header at the start of `data`; raises `MediaError`."""
    if len(data) < 4:
        raise MediaError(f"MPEG audio frame of {len(data)} bytes: its header alone has 4")
    if data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        raise MediaError(f"no MPEG audio sync word: frame begins with {data[:2].hex(' ')}")
    version, layer = data[1] >> 3 & 3, 4 - (data[1] >> 1 & 3)
    bitrate_index, rate_index = data[2] >> 4, data[2] >> 2 & 3
    if version == 1 or layer == 4 or bitrate_index == 15 or rate_index == 3:
        raise MediaError(f"MPEG audio header {data[:4].hex(' ')} uses a reserved value")
    sample_rate = _RATES[version][rate_index]
    bitrate = (_BITRATES_MPEG1 if version == _MPEG1 else _BITRATES_MPEG2)[layer][bitrate_index] * 1000
    samples = 384 if layer == 1 else 576 if layer == 3 and version != _MPEG1 else 1152
    padding = data[2] >> 1 & 1
    if layer == 1:
        size = (12 * bitrate // sample_rate + padding) * 4
    else:
        size = samples // 8 * bitrate // sample_rate + padding
    channels = 1 if data[3] >> 6 == _SINGLE_CHANNEL else 2
    return FrameHeader(layer, sample_rate, channels, bitrate, samples, size if bitrate else 0)


SILENT_BITRATE = 64
"""kbit/s: in every table, and allowed with one channel and with two (ISO 11172-3 §2.4.2.3)."""


def silent_frame(layer: int, sample_rate: int, channels: int) -> bytes:
    """A frame whose bits are all zero behind its header: nothing is allocated to any band. Raises `MediaError`."""
    version = next((version for version, rates in _RATES.items() if sample_rate in rates), None)
    if version is None or channels not in (1, 2):
        raise MediaError(
            f"no silent MPEG audio at {sample_rate} Hz with {channels} channels: expected a standard rate, 1 or 2"
        )
    bitrates = (_BITRATES_MPEG1 if version == _MPEG1 else _BITRATES_MPEG2)[layer]
    header = bytes(
        (
            0xFF,
            0xE1 | version << 3 | (4 - layer) << 1,
            bitrates.index(SILENT_BITRATE) << 4 | _RATES[version].index(sample_rate) << 2,
            (_SINGLE_CHANNEL if channels == 1 else 0) << 6,
        )
    )
    return header + bytes(parse_header(header).size - len(header))
