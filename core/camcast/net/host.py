"""One spelling for a host, so that two URLs of one place are known to be so."""

from __future__ import annotations

import ipaddress


def canonical(host: str) -> str:
    """A name in small letters and without the dot of the root, an IP address in its shortest form."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower().removesuffix(".")
