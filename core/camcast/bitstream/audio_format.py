"""Sampling rate and channels of audio whose bits do not tell them, in the words of an SDP's rtpmap.

A source that has no configuration record for an audio track hands `b"16000/2"` to the codec's `parser` instead.
Codecs whose bits tell the format themselves accept it and look no further than where they must.
"""

from __future__ import annotations

import re

from camcast.errors import MediaError

MAX_RATE = 768_000
MAX_CHANNELS = 64

_FORMAT = re.compile(rb"(\d{1,7})/(\d{1,3})")


def format_audio(sample_rate: int, channels: int) -> bytes:
    """`(16000, 2)` → `b"16000/2"`."""
    return b"%d/%d" % (sample_rate, channels)


def parse_audio_format(config: bytes) -> tuple[int, int] | None:
    """`b"16000/2"` → `(16000, 2)`; None for anything else. Raises `MediaError` for impossible numbers."""
    found = _FORMAT.fullmatch(config)
    if not found:
        return None
    sample_rate, channels = int(found[1]), int(found[2])
    if not 1 <= sample_rate <= MAX_RATE or not 1 <= channels <= MAX_CHANNELS:
        raise MediaError(f"{sample_rate} Hz with {channels} channels: no such audio")
    return sample_rate, channels
