"""Whether a session follows its server to another address.

Only to the same host unless the configuration allows the other one; never to another protocol, which keeps an
encrypted session encrypted; and never more than `MAX_HOPS` in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

MAX_HOPS = 5


def refusal(old: str, new: str, allowed_hosts: Sequence[str], hops: int) -> str | None:
    """Why `new` is not followed from `old` (both URLs), or None when it is."""
    if hops >= MAX_HOPS:
        return f"it would be redirect number {hops + 1} in a row"
    try:
        here, there = urlsplit(old), urlsplit(new)
        host, origin = there.hostname, here.hostname
        there.port  # noqa: B018  raises for a port that is none
    except ValueError:
        return "the address is not a valid URL"
    if there.scheme.lower() != here.scheme.lower():
        return f"it leads from {here.scheme} to {there.scheme or 'no protocol'}"
    if not host:
        return "the address has no host"
    if host != origin and host.lower() not in (name.lower() for name in allowed_hosts):
        return f'{host} is another host; allow it by "allow_redirect_hosts": ["{host}"]'
    return None
