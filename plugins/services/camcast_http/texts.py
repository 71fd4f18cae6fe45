"""Values as JSON text. Apart from what answers requests, for it needs nothing of the web."""

from __future__ import annotations

import json
from typing import Any

from camcast.event_fields import plain


def written(value: Any) -> bytes:
    """As JSON. What is no JSON of itself, as `plain` makes it."""
    try:
        return _dumped(value)
    except (TypeError, ValueError):  # keys that are no text, and numbers that are none
        return _dumped(plain(value))


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=plain).encode()
