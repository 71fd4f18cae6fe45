"""H.264 in FLV: codec id 7 (Adobe FLV 10.1 §E.4.3), and the Enhanced form (`avc1`, Enhanced RTMP v2).

Hardly any server understands the Enhanced form of a stream's only picture, and none needs it. It is what a second
picture in one connection is made from.
"""

from __future__ import annotations

from camcast.flv.fourcc import video_form
from camcast_kit_h26x.flv import legacy_form

LEGACY = legacy_form(7)

ENHANCED = video_form(b"avc1", lambda track: track.config, composed=True)
