"""`--source` of the migration: where the device's streams come from.

An RTSP address (the device's paths are added where it has none; `{path}` stands for them), a device such as
`/dev/video0`, a media file, or the name of a source that needs no URL.
"""

from __future__ import annotations

import re
from typing import Any

from camcast.url_template import url_fault

_BARE = ("testsrc", "push")
PATH = "{path}"


def read_source(text: str, port: int, device_path: str) -> dict[str, Any]:
    """The source block that `text` asks for; raises `ValueError`."""
    if text in _BARE:
        return {"type": text}
    if re.match(r"env:\S", text):
        return {"type": "rtsp", "url": text}
    scheme, mark, rest = text.partition("://")
    if mark and scheme.lower() in ("rtsp", "rtsps"):
        url = text.replace(PATH, device_path)
        authority, _, path = rest.partition("/")
        if not path and PATH not in text:
            has_port = re.search(r":\d+$", authority) is not None
            url = f"{scheme}://{authority}{'' if has_port or port == 554 else f':{port}'}/{device_path}"
        if fault := url_fault(url):
            raise ValueError(f"is not a valid URL: {fault}")
        return {"type": "rtsp", "url": url}
    if mark or not text.strip():
        raise ValueError("expected rtsp://…, a device such as /dev/video0, a media file, or testsrc")
    if text.startswith("/dev/"):
        return {"type": "v4l2", "url": text}
    return {"type": "file", "url": text, "options": {"loop": True}}
