"""Which connection has to go when there are too many of strangers: never the newcomer, who may be whom it is for. Pure.

It is one from where most of them come, so whoever floods an address displaces his own; of those one that has not said
anything, and of those the oldest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from typing import Protocol, TypeVar


class Stranger(Protocol):
    """A connection of which nothing is known yet."""

    address: str
    """As `origin` has it."""

    @property
    def spoke(self) -> bool:
        """Whether anything came of it."""


S = TypeVar("S", bound=Stranger)


def origin(address: str) -> str:
    """Where a peer is, as one counts: its IPv4 address, or its /64, of which a host has all addresses."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))


def displaced(strangers: Sequence[S], newcomer: str) -> S | None:
    """Who makes room for one from `newcomer`, of `strangers` in the order in which they came; None = there are none."""
    if not strangers:
        return None
    counts = Counter([newcomer, *(one.address for one in strangers)])
    most = max(counts[one.address] for one in strangers)
    return min((one for one in strangers if counts[one.address] == most), key=lambda one: one.spoke)
