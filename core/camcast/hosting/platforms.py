"""Which platform a target is for: by the word that its configuration says, or by where it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import urlsplit

import attrs

from camcast.platform import Platform, is_below
from camcast.target import Target

HOSTS = 1024
"""Hosts whose platform is remembered: a few, for whatever number of attempts."""


class Platforms:
    """All platforms that plugins know, the one that comes first having a host that two claim."""

    def __init__(self, known: Iterable[Platform]) -> None:
        self.by_name: Mapping[str, Platform] = {one.name: one for one in known}
        self._found = lru_cache(HOSTS)(self._find)

    def of(self, url: str, server: str) -> Platform | None:
        """The platform that `server` names, or else the one at the URL's host."""
        scheme, host = _place(url)
        return self.by_name.get(server.lower()) or self._found(scheme, host)

    def placed(self, target: Target) -> Target:
        """The same with its platform, if it is for one: what is published there is never shown."""
        platform = self.of(target.url, target.server)
        names = tuple(self.by_name)
        if platform is None and not self.keeps_keys(target.url, target.server):
            return attrs.evolve(target, platforms=names)
        return attrs.evolve(target, platform=platform, platforms=names, shown_name="")

    def keeps_keys(self, url: str, server: str) -> bool:
        """Whether the last part of `url` is all that it takes to publish under somebody's name."""
        _, host = _place(url)
        return self.of(url, server) is not None or any(is_below(host, one.domains) for one in self.by_name.values())

    def fault(self, url: str) -> str:
        """What keeps `url` from being gone to, where it is a platform's that takes another protocol there; or ""."""
        _, host = _place(url)
        for one in self.by_name.values():
            for name, protocol in one.elsewhere.value.items() if one.elsewhere else ():
                if is_below(host, (name,)):
                    where = f"; publish to {one.ingest.value} instead" if one.ingest else ""
                    return f"{one.title} takes {protocol} there, which is not carried{where}"
        return ""

    def _find(self, scheme: str, host: str) -> Platform | None:
        known = [(one.serves(host, scheme), one) for one in self.by_name.values()]
        length, found = max(known, key=lambda one: one[0], default=(0, None))
        return found if length else None


def _place(url: str) -> tuple[str, str]:
    """(scheme, host); empty where it is no URL, which others tell."""
    try:
        parts = urlsplit(url if url.isprintable() else "")
        return parts.scheme, (parts.hostname or "").rstrip(".")
    except ValueError:
        return "", ""
