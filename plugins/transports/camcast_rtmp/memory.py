"""What is learnt of servers for later attempts. Pure; times are passed in.

Some servers hang, close or reject at properties that they do not know. Whether leaving them out helps is tried once,
and remembered: for a day if it does, for `USELESS_FOR` seconds if it does not, so that a server which refuses for
another reason is not asked twice in each attempt.

Another server may stand at the same name tomorrow. So what is known is forgotten as soon as the server says something
else than the one it was learnt of, and after `KNOWN_FOR` seconds: without having been seen again where each attempt
shows it, else since it was learnt, as leaving out what a server may know by now shows nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

import attrs

from camcast_kit_rtmp.urls import Address

USELESS_FOR = 600.0
KNOWN_FOR = 86_400.0
"""Seconds."""
MAX_REMEMBERED = 1024

_T = TypeVar("_T")


@attrs.define
class _Places(Generic[_T]):
    """Of so many places, by server and application; the oldest are forgotten."""

    _known: OrderedDict[str, _T] = attrs.field(factory=OrderedDict)

    def get(self, address: Address) -> _T | None:
        return self._known.get(_name(address))

    def put(self, address: Address, what: _T) -> None:
        name = _name(address)
        self._known[name] = what
        self._known.move_to_end(name)
        while len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)

    def forget(self, address: Address) -> None:
        self._known.pop(_name(address), None)


@attrs.frozen
class _Tried:
    """A connect without the properties. `who`: how the server that took it introduced itself; None = none did."""

    at: float
    who: str | None


class BareServers:
    """One for all attempts of a plugin host; by server and application."""

    def __init__(self) -> None:
        self._tried: _Places[_Tried] = _Places()

    def needs_bare(self, address: Address, now: float) -> bool:
        tried = self._tried.get(address)
        return tried is not None and tried.who is not None and now - tried.at <= KNOWN_FOR

    def worth_trying(self, address: Address, now: float) -> bool:
        """Whether a connect without the properties may help, as far as is known."""
        tried = self._tried.get(address)
        return tried is None or tried.who is not None or now - tried.at > USELESS_FOR

    def helped(self, address: Address, who: str, now: float) -> None:
        """A server took it without them."""
        self._tried.put(address, _Tried(now, who))

    def useless(self, address: Address, now: float) -> None:
        """It took it neither way."""
        self._tried.put(address, _Tried(now, None))

    def met(self, address: Address, who: str) -> None:
        """A server was asked without them because it is remembered: if it is another one, it may know them."""
        tried = self._tried.get(address)
        if tried is not None and tried.who not in (None, who):
            self.forget(address)

    def forget(self, address: Address) -> None:
        """What was true of it seems to be so no more."""
        self._tried.forget(address)


class ShownServers:
    """Which profile a server turned out to have by what it said when publishing began: too late for that attempt."""

    def __init__(self) -> None:
        self._seen: _Places[tuple[str, float]] = _Places()

    def of(self, address: Address, now: float) -> str:
        """The profile's name; "" = its answer to connect is all that is known."""
        name, at = self._seen.get(address) or ("", now)
        return name if now - at <= KNOWN_FOR else ""

    def remember(self, address: Address, profile: str, now: float) -> None:
        """It has been seen, or seen again."""
        self._seen.put(address, (profile, now))

    def forget(self, address: Address) -> None:
        """Another server is there now."""
        self._seen.forget(address)


def _name(address: Address) -> str:
    return f"{address.scheme}://{address.host}:{address.port}/{address.app}"
