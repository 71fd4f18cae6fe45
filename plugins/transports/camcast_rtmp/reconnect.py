"""Where a server asks to go: ReconnectRequest (Enhanced RTMP v2 "Reconnect Request") and `ex.redirect`.

Rules: the named URL may be absolute, `//host/app`, `/app` or `app`, resolved against the current tcUrl, or absent for
the same, which is the usual way to empty a server before it is shut down. It names the application, and the stream key
stays. `ex.redirect2` (SRS) is a whole URL with the key in it. Whether to go there is the session's decision. urljoin
does not resolve rtmp URLs, so it is done by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from camcast_kit_rtmp.urls import PORTS, Address
from camcast_rtmp.messages import text

_ABSOLUTE = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://[^/\s]")


def to_the_same(tc_url: str, address: Address) -> bool:
    """Whether the URL that a server asks to go to is the one that it was reached by."""
    found = resolve(tc_url, address)
    return found is not None and _comparable(found) == _comparable(address.tc_url)


def _comparable(url: str) -> tuple[str, str]:
    """Scheme and host are the same in small letters, an application need not be."""
    scheme, _, rest = url.rstrip("/").partition("://")
    host, _, app = rest.partition("/")
    return f"{scheme}://{host}".lower(), app


def requested(tc_url: str, address: Address) -> str | None:
    """The URL to publish to, key included; None when the server names something impossible."""
    base = resolve(tc_url, address)
    return None if base is None else f"{base.rstrip('/')}/{address.key}"


def redirected(info: Mapping[str, Any], address: Address) -> str | None:
    """The URL that a refusal redirects to, key included; None if it does not."""
    extra = info.get("ex")
    if not isinstance(extra, dict):
        return None
    whole = text(extra.get("redirect2"))
    if whole:
        return whole if _possible(whole) else None
    tc_url = text(extra.get("redirect"))
    return requested(tc_url, address) if tc_url else None


def resolve(tc_url: str, address: Address) -> str | None:
    """`tc_url` made absolute."""
    if not tc_url:
        found = address.tc_url
    elif tc_url.startswith("//"):
        found = f"{address.scheme}:{tc_url}"
    elif tc_url.startswith("/"):
        authority = address.tc_url.partition("://")[2].partition("/")[0]
        found = f"{address.scheme}://{authority}{tc_url}"
    elif ":" not in tc_url.partition("/")[0]:
        # RFC 3986 §5.2.3: it takes the place of the path's last part.
        found = f"{address.tc_url.rpartition('/')[0]}/{tc_url}"
    else:
        found = tc_url
    return found if _possible(found) else None


def _possible(url: str) -> bool:
    match = _ABSOLUTE.match(url)
    return match is not None and match[1].lower() in PORTS and not re.search(r"\s", url)
