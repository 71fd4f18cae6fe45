"""H.265 in FLV: the Enhanced form (`hvc1`), and the older codec id 12 that many networks in China take.

Both carry the same record and payload behind different first bytes. Only the Enhanced form can tell HDR colours.
"""

from __future__ import annotations

from camcast.flv.fourcc import composition, video_form
from camcast.flv.metadata import COLOUR_INFO, colour_info
from camcast.kinds import FlvForm
from camcast.media import Track

_FOURCC = b"hvc1"
_KEY, _INTER = b"\x1c\x01", b"\x2c\x01"


def _legacy_head(track: Track, keyframe: bool, ms: int) -> bytes:
    return (_KEY if keyframe else _INTER) + composition(ms)


ENHANCED = video_form(
    _FOURCC,
    lambda track: track.config,
    composed=True,
    colour=lambda track: colour_info(_FOURCC, track.details.get(COLOUR_INFO)),
)

LEGACY = FlvForm(
    name="legacy",
    codec_id=12,
    header=lambda track: b"\x1c\x00\x00\x00\x00" + track.config,
    head=_legacy_head,
    end=b"\x1c\x02\x00\x00\x00",
)
