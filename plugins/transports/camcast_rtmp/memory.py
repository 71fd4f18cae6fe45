"""What is learnt of servers for later attempts. Pure; times are passed in.

Some servers hang, close or reject at properties that they do not know. Whether leaving them out helps is tried once,
and remembered: for ever if it does, for `USELESS_FOR` seconds if it does not, so that a server which refuses for
another reason is not asked twice in each attempt.
"""

from __future__ import annotations

from collections import OrderedDict

from camcast_kit_rtmp.urls import Address

USELESS_FOR = 600.0
MAX_REMEMBERED = 1024


class BareServers:
    """One for all attempts of a plugin host; by server and application."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, float | None] = OrderedDict()
        """None = it helps; otherwise when it was found not to."""

    def needs_bare(self, address: Address) -> bool:
        name = _name(address)
        return name in self._known and self._known[name] is None

    def worth_trying(self, address: Address, now: float) -> bool:
        """Whether a connect without the properties may help, as far as is known."""
        tried = self._known.get(_name(address))
        return tried is None or now - tried > USELESS_FOR

    def remember(self, address: Address, now: float, *, helped: bool) -> None:
        name = _name(address)
        self._known[name] = None if helped else now
        self._known.move_to_end(name)
        while len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)

    def forget(self, address: Address) -> None:
        """What was true of it seems to be so no more."""
        self._known.pop(_name(address), None)


class ShownServers:
    """Which profile a server turned out to have by what it said when publishing began: too late for that attempt."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, str] = OrderedDict()

    def of(self, address: Address) -> str:
        """The profile's name; "" = its answer to connect is all that is known."""
        return self._known.get(_name(address), "")

    def remember(self, address: Address, profile: str) -> None:
        self._known[_name(address)] = profile
        while len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)


def _name(address: Address) -> str:
    return f"{address.scheme}://{address.host}:{address.port}/{address.app}"
