"""What a user may set under `options` of an RTMP output, and the connect command that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
from attrs import validators

from camcast_kit_rtmp.urls import Address

_CAN_ENCODE, _CAN_FORWARD = 2, 4
_SENDS = _CAN_ENCODE | _CAN_FORWARD
_CAPS_RECONNECT, _CAPS_MULTITRACK = 1, 2
_VIDEO_FOURCCS = ("hvc1", "av01", "vp09")
"""H.264 always goes in its legacy form, which has no FourCC; likewise AAC."""
_AUDIO_FOURCCS = ("Opus",)


@attrs.frozen(kw_only=True)
class RtmpOptions:
    """Options of rtmp and rtmps outputs."""

    chunk_size: int = attrs.field(default=60000, validator=[validators.ge(128), validators.le(65536)])
    """Bytes per chunk that we send; 4096 is the most cautious value."""
    announce: Literal["maps", "list", "none"] = "maps"
    """How connect announces Enhanced RTMP: object maps, the older fourCcList (some servers hang), or not at all."""
    flash_version: str = "FMLE/3.0 (compatible; camcast)"
    tc_url: str | None = None
    """Overrides the tcUrl of the connect command."""
    page_url: str | None = None
    swf_url: str | None = None
    connect: dict[str, str | float | bool] = attrs.field(factory=dict, repr=False)
    """Further properties of the connect command."""


def connect_object(options: RtmpOptions, address: Address, *, announce: str, query: str = "") -> Mapping[str, Any]:
    """The object of the connect command. `query` (authentication) is appended to both app and tcUrl."""
    tc_url = options.tc_url or address.tc_url
    found: dict[str, Any] = {
        "app": with_query(address.app, query),
        "type": "nonprivate",
        "flashVer": options.flash_version,
        "tcUrl": with_query(tc_url, query),
    }
    if options.page_url is not None:
        found["pageUrl"] = options.page_url
    if options.swf_url is not None:
        found["swfUrl"] = options.swf_url
    if announce == "maps":
        found["capsEx"] = _CAPS_RECONNECT | _CAPS_MULTITRACK
        found["videoFourCcInfoMap"] = dict.fromkeys(_VIDEO_FOURCCS, _SENDS)
        found["audioFourCcInfoMap"] = dict.fromkeys(_AUDIO_FOURCCS, _SENDS)
    elif announce == "list":
        found["fourCcList"] = [*_VIDEO_FOURCCS, *_AUDIO_FOURCCS]
    return {**found, **options.connect}


def with_query(text: str, query: str) -> str:
    return f"{text}{'&' if '?' in text else '?'}{query}" if query else text
