"""The one place that hides secrets. When unsure it hides too much.

A URL is shown as scheme, host, port and the path up to its last component; the last component (the stream
key), user, password, query and fragment become `***`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote

HIDDEN = "***"

_URL = re.compile(r"\b([a-zA-Z][a-zA-Z0-9+.-]*)://[^\s\"<>]+")
"""Up to a space or a sign that no URL holds. An apostrophe is legal in a key, so it does not end one."""
_AUTHORITY = re.compile(r"^(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://(?P<rest>.*)$", re.DOTALL)
_STRUCTURE = re.compile(r"[/?#]")
_QUERY = re.compile(r"[?#]")
_PAIRS = re.compile(r"[?&#;]")
_ESCAPE = re.compile(r"%[0-9A-F]{2}")
_MAX_WAYS = 64
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
    # URLs first: once a part of one is hidden, the rest of it may no longer look like what it is.
    text = _URL.sub(lambda match: redact_url(match.group(0)), text)
    spellings: set[str] = set()
    for secret in secrets:
        spellings |= _spellings(secret)
    for spelling in sorted(spellings, key=len, reverse=True):
        text = text.replace(spelling, HIDDEN)
    return text


def url_secrets(url: str) -> frozenset[str]:
    """What of `url` must never be shown: password, last path component, query.

    Where an '@' leaves several ways to read the URL, what is secret in any of them counts.
    """
    match = _AUTHORITY.match(url)
    if match is None:
        return frozenset()
    rest = match["rest"]
    found: set[str] = set()
    ways = [("", rest), *((rest[: at.start()], rest[at.end() :]) for at in re.finditer("@", rest))]
    for credentials, tail in ways[:_MAX_WAYS]:
        found.add(credentials.partition(":")[2])
        authority = _STRUCTURE.split(tail, maxsplit=1)[0]
        path = tail[len(authority) + 1 :]
        plain = _QUERY.split(path, maxsplit=1)[0]
        key = plain.rpartition("/")[2]
        query = path[len(plain) + 1 :]
        found |= {key, path[len(plain) - len(key) :], query, *_QUERY.split(query)}
        found |= {pair.partition("=")[2] for pair in _PAIRS.split(query)}
    return frozenset(secret for secret in found if len(secret) >= _MIN_SECRET)


def _spellings(secret: str) -> set[str]:
    if len(secret) < _MIN_SECRET:
        return set()
    encoded = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    # Some servers echo escapes with small letters.
    encoded |= {_ESCAPE.sub(lambda match: match[0].lower(), form) for form in encoded}
    forms = {secret, unquote(secret), repr(secret)[1:-1], json.dumps(secret)[1:-1], *encoded}
    return {form for form in forms if len(form) >= _MIN_SECRET}
