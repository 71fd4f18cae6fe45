"""Where an RTMP source's URL leads: a server that is played from, or an address of this machine and a key. Pure."""

from __future__ import annotations

from hashlib import sha256

from camcast.net.host import canonical
from camcast.target import Target
from camcast_kit_rtmp import urls

LOOPBACK = "127.0.0.1"


def parse(url: str) -> urls.Address:
    """Raises `ValueError`, without the key in the text. A URL without a host means this machine alone."""
    scheme, mark, rest = url.partition("://")
    if mark and (rest.startswith((":", "/")) or not rest):
        url = f"{scheme}://{LOOPBACK}{rest}"
    address = urls.parse(Target(url=url))
    if not address.app:
        raise ValueError("the URL has no application: expected rtmp://host/app/key")
    return address


def place(url: str) -> str:
    """What tells one stream from another, without its key."""
    try:
        address = parse(url)
    except ValueError:
        return url.partition("://")[0]
    return f"{canonical(address.host)}:{address.port}/{address.app}/{sha256(address.key.encode()).hexdigest()[:16]}"


def socket_of(url: str) -> str:
    """The host and port at which a source with this URL listens; of one that cannot be read, any."""
    try:
        address = parse(url)
    except ValueError:
        return f"tcp {LOOPBACK}"
    return f"tcp {canonical(address.host)}:{address.port}"


def shown(address: urls.Address) -> str:
    """As logs and errors show it."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{address.scheme}://{host}:{address.port}/{address.app}/***"
