"""The one place that hides secrets. When unsure it hides too much.

A URL is shown as scheme, host, port and the path up to its last component; the last component (the stream
key), user, password, query and fragment become `***`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

HIDDEN = "***"

_URL = re.compile(r"\b([a-zA-Z][a-zA-Z0-9+.-]*)://[^\s'\"<>]+")
_AUTHORITY = re.compile(r"^(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://(?P<rest>.*)$", re.DOTALL)
_MIN_SECRET = 3
"""Shorter secrets are hidden in URLs but not hunted for in free text, where they would hit ordinary words."""


def redact_url(url: str) -> str:
    """`rtmp://user:pw@host/live/key?token=1` becomes `rtmp://***@host/live/***`."""
    match = _AUTHORITY.match(url)
    if match is None:
        return HIDDEN if url else ""
    scheme, rest = match["scheme"], match["rest"]
    # A password may itself hold '/', '?' or '#', so credentials end at the last '@'. An '@' inside a stream
    # key then hides the host too: too much is better than too little.
    credentials, at, tail = rest.rpartition("@")
    if at and re.search(r"[/?#]", credentials):
        return f"{scheme}://{HIDDEN}"
    authority, slash, path = re.split(r"[?#]", tail, maxsplit=1)[0].partition("/")
    shown = f"{scheme}://{HIDDEN + '@' if at else ''}{authority}"
    if not slash:
        return shown + (f"/{HIDDEN}" if tail != authority else "")
    if not path and "?" not in tail and "#" not in tail:
        return shown + "/"
    app, _, _key = path.rpartition("/")
    return f"{shown}/{app + '/' if app else ''}{HIDDEN}"


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Hide every URL's key and credentials in `text`, and each of `secrets` in any of its spellings."""
    spellings: set[str] = set()
    for secret in secrets:
        spellings |= _spellings(secret)
    for spelling in sorted(spellings, key=len, reverse=True):
        text = text.replace(spelling, HIDDEN)
    return _URL.sub(lambda match: redact_url(match.group(0)), text)


def url_secrets(url: str) -> frozenset[str]:
    """What of `url` must never be shown: password, last path component, query."""
    match = _AUTHORITY.match(url)
    if match is None:
        return frozenset()
    rest = match["rest"]
    credentials, _, tail = rest.rpartition("@")
    found = {credentials.partition(":")[2]} if credentials else set()
    _, _, path = tail.partition("/")
    plain, mark, query = path.partition("?")
    found |= {plain.rpartition("/")[2] + mark + query, plain.rpartition("/")[2], query}
    found |= {pair.partition("=")[2] for pair in re.split(r"[?&#;]", query)}
    return frozenset(secret for secret in found if len(secret) >= _MIN_SECRET)


def _spellings(secret: str) -> set[str]:
    if len(secret) < _MIN_SECRET:
        return set()
    forms = {secret, unquote(secret), quote(secret), quote(secret, safe=""), repr(secret)[1:-1]}
    return {form for form in forms if len(form) >= _MIN_SECRET}
