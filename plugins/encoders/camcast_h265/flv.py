"""H.265 in FLV: the Enhanced form (`hvc1`), and the older codec id 12 that many networks in China take.

Both carry the same record and payload behind different first bytes. Only the Enhanced form can tell HDR colours.
"""

from __future__ import annotations

from camcast.flv.fourcc import video_form
from camcast.flv.metadata import COLOUR_INFO, colour_info
from camcast_kit_h26x.flv import legacy_form

_FOURCC = b"hvc1"


ENHANCED = video_form(
    _FOURCC,
    lambda track: track.config,
    composed=True,
    colour=lambda track: colour_info(_FOURCC, track.details.get(COLOUR_INFO)),
)

LEGACY = legacy_form(12)
