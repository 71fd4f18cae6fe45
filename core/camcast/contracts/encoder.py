"""What makes packets of frames."""

from __future__ import annotations

from typing import Any, Protocol

import attrs

from camcast.media import Frame, Packet


@attrs.frozen(kw_only=True)
class EncoderSettings:
    """What an encoder is opened with. 0 or None means: choose well."""

    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    pixel_format: str = "yuv420p"
    sample_rate: int = 0
    channels: int = 0
    bitrate: int = 0
    """bit/s."""
    max_bitrate: int = 0
    """Upper limit that `set_bitrate` will ever ask for, bit/s; 0 = `bitrate`."""
    rate_control: str = "cbr"
    """"cbr", "vbr" or "avbr"."""
    gop: float = 2.0
    """Seconds between keyframes."""
    b_frames: int = 0
    options: Any = None
    """Instance of the kind's options class, or None for its defaults."""


class Encoder(Protocol):
    """Makes normal packets of one codec. Used by one thread at a time, which is not the loop's."""

    def encode(self, frame: Frame) -> list[Packet]:
        """Packets that became ready; raises `EncoderError`. Their `arrival` is that of the frame shown in them."""

    def flush(self) -> list[Packet]: ...

    def request_keyframe(self) -> None:
        """The next frame becomes a keyframe."""

    def set_bitrate(self, bitrate: int) -> None:
        """Aim at `bitrate` bit/s from now on, by reopening at a keyframe where the library needs it."""

    def close(self) -> None: ...
