"""H.264 in FLV (Adobe FLV 10.1 §E.4.3): codec id 7, in this form only.

The Enhanced form (`avc1`) is understood by hardly any server, and none needs it.
"""

from __future__ import annotations

from camcast.flv.fourcc import composition
from camcast.kinds import FlvForm
from camcast.media import Track

_KEY, _INTER = b"\x17\x01", b"\x27\x01"


def _head(track: Track, keyframe: bool, ms: int) -> bytes:
    return (_KEY if keyframe else _INTER) + composition(ms)


LEGACY = FlvForm(
    name="legacy",
    codec_id=7,
    header=lambda track: b"\x17\x00\x00\x00\x00" + track.config,
    head=_head,
    end=b"\x17\x02\x00\x00\x00",
)
