"""Who asks: addresses of this machine, the name that was asked for, the token that was brought along."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

LOOPBACK_NAME = "localhost"
_HOST = re.compile(r"([A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+(%[A-Za-z0-9._%-]+)?\])(:[0-9]{0,5})?")
"""What browsers send: no user, no path, nothing that needs an octet written out."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to it; False for a name that is not localhost."""
    if host.lower() == LOOPBACK_NAME:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def knows(host: str, names: Iterable[str] = ()) -> bool:
    """Whether a Host header (RFC 9110, 7.2) is an address, localhost or one of `names`.

    A page in a browser may have been led here under a name of its own (DNS rebinding); an address cannot be pointed
    anywhere else. Raises `ValueError` for what is no host at all.
    """
    if not _HOST.fullmatch(host):
        raise ValueError("this is no host")
    name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    if name == LOOPBACK_NAME or name in (one.lower() for one in names):
        return True
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def bearer(authorization: str) -> str | None:
    """The token of an Authorization header (RFC 6750, 2.1); None for one of another kind."""
    scheme, _, given = authorization.partition(" ")
    return given.strip() if scheme.lower() == "bearer" else None


def same(given: str, wanted: str) -> bool:
    """Whether they are one token; takes as long for one that is nearly right. An empty one is none."""
    return bool(wanted) and hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode("utf-8", "replace"))
