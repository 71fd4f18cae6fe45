"""Whether a session follows its server to another address.

Only to the same host unless the configuration allows the other one, by its name or as "*.example.com"; never to another
protocol, which keeps an encrypted session encrypted; and never more than `MAX_HOPS` in a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from camcast.config import SessionConfig
from camcast.redaction import MAX_URL

MAX_HOPS = 5


def refusal(old: str, new: str, allowed_hosts: Sequence[str], hops: int) -> str | None:
    """Why `new` is not followed from `old` (both URLs), or None when it is."""
    if hops >= MAX_HOPS:
        return f"it would be redirect number {hops + 1} in a row"
    if len(new) > MAX_URL:
        return f"the address is longer than {MAX_URL} characters"
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
    if host != origin and not any(_is_among(host, name.lower()) for name in allowed_hosts):
        return f'{host} is another host; allow it by "allow_redirect_hosts": ["{host}"]'
    return None


def _is_among(host: str, name: str) -> bool:
    """Whether a configuration means `host` by `name`. Both are in small letters."""
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


class Redirects:
    """Those of one session: counts those followed in a row, and tells those refused."""

    def __init__(self, allowed_hosts: Sequence[str], note: Callable[[str, str], object]) -> None:
        self._allowed = allowed_hosts
        self._note = note
        self._hops = 0
        self._told: tuple[str, int] = ("", 0)

    def adopt(self, config: SessionConfig) -> None:
        """Go on by this."""
        self._allowed = config.allow_redirect_hosts

    def follow(self, old: str, new: str, shown: str, *, stable: bool) -> bool:
        """Whether to go from `old` to `new` (both URLs). `shown` is the old one as events may tell it; `stable`: it has
        carried media for a while, so a row of redirects has ended there."""
        if stable:
            self._hops = 0
        why_not = refusal(old, new, self._allowed, self._hops)
        if why_not is None:
            self._hops += 1
            return True
        # A server may ask as often as it likes.
        count = self._told[1] if self._told[0] == old else 0
        if count < MAX_HOPS:
            self._told = (old, count + 1)
            self._note("redirect_refused", f"{shown} asks to move elsewhere, not followed: {why_not}")
        return False
