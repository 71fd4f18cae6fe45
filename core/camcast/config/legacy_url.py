"""What of an old URL may be shown, and how it is written today."""

from __future__ import annotations

import re

from camcast.redaction import HIDDEN, redact_url

_WORD = r"(?:live|stream|cam|camera|ch|channel|main|sub|test|venc)\d{0,4}"
_PLAIN = re.compile(rf"{_WORD}(?:[_-](?:{_WORD}|\d{{1,4}})){{0,2}}")
"""Names such as "stream1" or "cam0_main", which nobody keeps as a secret."""


def plain_name(name: str) -> bool:
    """Whether this is an ordinary word, and not what a service handed out as a key."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,31}", name) is not None


def secret_name(name: str) -> bool:
    """Whether a published name, or a template of one, may be a stream key. When unsure it is one."""
    name = name.replace("{stream_name}", "main").replace("{camera_id}", "0").replace("{stream_id}", "0")
    return _PLAIN.fullmatch(name) is None


def shown_name(url: str) -> str:
    """The URL for a report: the published name too, where it is plainly no secret."""
    shown = redact_url(url)
    name = url.rpartition("/")[2]
    return shown if secret_name(name) or not shown.endswith(f"/{HIDDEN}") else shown.removesuffix(HIDDEN) + name


def escaped(url: str) -> str:
    """The literal URL as a template."""
    return url.replace("{", "{{").replace("}", "}}")
