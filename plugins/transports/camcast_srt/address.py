"""Socket addresses as C structures, which libsrt wants."""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from typing import Any

Address = tuple[int, tuple[Any, ...]]
"""Address family and socket address, as `Resolver` gives them."""


def pack(address: Address) -> bytes:
    """The address as struct sockaddr_in or sockaddr_in6."""
    family, where = address
    size = 16 if family == socket.AF_INET else 28
    # The BSDs put a length byte before a one-byte family.
    head = bytes((size, family)) if sys.platform == "darwin" else struct.pack("=H", family)
    if family == socket.AF_INET:
        return head + struct.pack("!H4s8x", where[1], ipaddress.IPv4Address(where[0]).packed)
    flow, scope = (*where[2:], 0, 0)[:2]
    packed = ipaddress.IPv6Address(str(where[0]).partition("%")[0]).packed
    return head + struct.pack("!HI16s", where[1], flow, packed) + struct.pack("=I", scope)


def literal(host: str, port: int) -> Address:
    """An address from its text. Raises `ValueError` when `host` is a name."""
    address = ipaddress.ip_address(host)
    if isinstance(address, ipaddress.IPv6Address):
        return socket.AF_INET6, (str(address), port, 0, int(address.scope_id or 0))
    return socket.AF_INET, (str(address), port)


def any_like(address: Address, port: int) -> Address:
    """The wildcard of the same family."""
    return literal("0.0.0.0" if address[0] == socket.AF_INET else "::", port)
