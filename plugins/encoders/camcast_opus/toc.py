"""How long an Opus packet sounds, from its first byte or two (RFC 6716 §3.1, §3.2).

TOC: configuration 5 ‖ stereo 1 ‖ frame count code 2     (code 3: the next byte's low six bits are the count)
"""

from __future__ import annotations

from camcast.errors import MediaError

MAX_SAMPLES = 5760
"""120 ms at 48 kHz: no packet is longer."""

_SILK = (480, 960, 1920, 2880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)
FRAME_SAMPLES = _SILK * 3 + _HYBRID * 2 + _CELT * 4
"""Samples of one frame at 48 kHz, by configuration."""


def samples(packet: bytes | memoryview) -> int:
    """Samples at 48 kHz in one packet; raises `MediaError` for a packet that RFC 6716 §3.4 forbids."""
    if not packet:
        raise MediaError("empty Opus packet")
    code = packet[0] & 3
    if code < 3:
        count = 1 if code == 0 else 2
    elif len(packet) < 2:
        raise MediaError("Opus packet ends before its frame count")
    else:
        count = packet[1] & 0x3F
    total = count * FRAME_SAMPLES[packet[0] >> 3]
    if not 0 < total <= MAX_SAMPLES:
        raise MediaError(f"Opus packet of {count} frames, {total / 48:g} ms: expected more than 0, at most 120 ms")
    return total
