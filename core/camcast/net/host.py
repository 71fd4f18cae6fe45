"""Hosts of URLs: one spelling, so that two URLs of one place are known to be so, and those that are addresses."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from camcast.errors import NetworkError

Address = tuple[int, tuple[Any, ...]]
"""Address family and socket address, as `Resolver` gives them."""


def canonical(host: str) -> str:
    """A name in small letters and without the dot of the root, an IP address in its shortest form."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower().removesuffix(".")


def is_address(host: str) -> bool:
    """Whether it is an IP address as it stands, and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def address_of(host: str, port: int) -> Address | None:
    """The socket address that `host` is by itself, or None where it is a name.

    Raises `NetworkError` where it names a network interface that is not there.
    """
    plain, _, scope = host.partition("%")
    family = socket.AF_INET6 if ":" in plain else socket.AF_INET
    try:
        socket.inet_pton(family, plain)
    except (OSError, ValueError):
        return None
    if family == socket.AF_INET:
        return family, (plain, port)
    return family, (plain, port, 0, _scope_id(scope) if scope else 0)


def _scope_id(zone: str) -> int:
    """The number of a zone's interface. In URLs '%' is written "%25" (RFC 6874), by people often as it is."""
    for name in dict.fromkeys((zone, zone.removeprefix("25"))):
        try:
            if not (name.isascii() and name.isdigit()):
                return socket.if_nametoindex(name)
            socket.if_indextoname(int(name))
        except (OSError, OverflowError, ValueError):  # a number of thousands of digits
            continue
        return int(name)
    raise NetworkError(f"no network interface {zone.removeprefix('25')}", stage="resolve")
