"""Decoding by FFmpeg."""

from __future__ import annotations

from camcast.contracts import Decoder
from camcast.media import Track


def open_decoder(track: Track) -> Decoder:
    """Raises `EncoderError`."""
    from camcast.pyav import AvDecoder

    return AvDecoder(track, "hevc")
