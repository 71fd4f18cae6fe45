"""The video tag that FLV had for H.264, which others use for H.265 (Adobe FLV 10.1 §E.4.3): frame type and codec id
in one byte, packet type in the next, then 24 bits of composition time."""

from __future__ import annotations

from camcast.flv.fourcc import composition
from camcast.kinds import FlvForm
from camcast.media import Track

_KEY, _INTER = 0x10, 0x20
_HEADER, _PICTURE, _END = b"\0", b"\1", b"\2"
_NO_TIME = bytes(3)


def legacy_form(codec_id: int) -> FlvForm:
    """The form with this codec id; the header's body is the track's configuration record."""
    key, inter = bytes((_KEY | codec_id,)), bytes((_INTER | codec_id,))
    header, end = key + _HEADER + _NO_TIME, key + _END + _NO_TIME
    key_picture, inter_picture = key + _PICTURE, inter + _PICTURE

    def head(track: Track, keyframe: bool, ms: int) -> bytes:
        return (key_picture if keyframe else inter_picture) + composition(ms)

    return FlvForm(name="legacy", codec_id=codec_id, header=lambda track: header + track.config, head=head, end=end)
