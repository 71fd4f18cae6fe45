"""What a user may say about a camera. Picture size and rate come from the stream's encoder settings unless set here."""

from __future__ import annotations

import re

import attrs

from camcast.options import Kbps, Seconds

_SIZE = re.compile(r"\d{1,5}x\d{1,5}")


def _is_size(instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    if value and not _SIZE.fullmatch(value):
        raise ValueError(f'must be like "1280x720", got {value!r}')


@attrs.frozen(kw_only=True)
class V4l2Options:
    """How a camera is opened."""

    format: str = "auto"
    """"auto" (pictures; encoded ones only where there is nothing else), or what `camcast sources --probe` shows:
    "YUYV", "MJPG", "H264", …"""
    size: str = attrs.field(default="", validator=_is_size)
    framerate: float = attrs.field(default=0.0, validator=[attrs.validators.ge(0), attrs.validators.le(1000)])
    bitrate: Kbps = 0
    """For cameras that encode and let it be set; 0 = the camera's own."""
    buffers: int = attrs.field(default=4, validator=[attrs.validators.ge(2), attrs.validators.le(32)])
    no_data_timeout: Seconds = attrs.field(default=5.0, validator=[attrs.validators.ge(0.5), attrs.validators.le(60)])
    """Time without a picture after which the camera counts as lost."""

    @property
    def wanted_size(self) -> tuple[int, int]:
        """(0, 0) when not set."""
        width, _, height = self.size.partition("x")
        return (int(width), int(height)) if height else (0, 0)
