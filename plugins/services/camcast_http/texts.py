"""Values as JSON text. Apart from what answers requests, for it needs nothing of the web."""

from __future__ import annotations

import json
from typing import Any

from camcast.event_fields import plain


def written(value: Any) -> bytes:
    """As JSON. What is no JSON of itself, as `plain` makes it.

    A list within an object is written item by item: the writer gives the interpreter away at the end of a call only,
    and a thousand cameras in one call would hold up the loop that sends their pictures for a hundredth of a second.
    """
    try:
        if type(value) is not dict or not all(type(name) is str for name in value):
            return _member(value)
        return b"{" + b",".join(_dumped(name) + b":" + _member(one) for name, one in value.items()) + b"}"
    except (TypeError, ValueError):  # keys that are no text, and numbers that are none
        return _dumped(plain(value))


def _member(value: Any) -> bytes:
    return b"[" + b",".join(map(_dumped, value)) + b"]" if type(value) is list else _dumped(value)


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=plain).encode()
