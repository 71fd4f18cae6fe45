"""H.264 in FLV (Adobe FLV 10.1 §E.4.3): codec id 7, in this form only.

The Enhanced form (`avc1`) is understood by hardly any server, and none needs it.
"""

from __future__ import annotations

from camcast_kit_h26x.flv import legacy_form

LEGACY = legacy_form(7)
