"""What can be said about a target before anything is opened: whether librtmp can do what it asks for."""

from __future__ import annotations

from camcast.target import Target
from camcast_kit_rtmp import urls

_NATIVE = 'use the native transport (leave out "transport")'


def check(target: Target) -> None:
    """Raises `ValueError` when librtmp cannot do what `target` asks for."""
    address = urls.parse(target)
    if address.secure and not target.insecure:
        raise ValueError(
            f"librtmp verifies no certificate, so its rtmps:// is open to anybody on the way: {_NATIVE}, "
            "or set insecure if you accept that"
        )
    if target.ca_file or target.fingerprint:
        raise ValueError(f"librtmp verifies no certificate, ca_file and fingerprint would do nothing: {_NATIVE}")
    if target.client_certificate or target.client_key:
        raise ValueError(f"librtmp shows no certificate, client_certificate would do nothing: {_NATIVE}")
    if target.proxy or target.bind:
        raise ValueError(f"librtmp takes neither proxy nor bind: {_NATIVE}")
    if target.ip_family == "ipv6" or ":" in address.host:
        raise ValueError(f"librtmp knows IPv4 only: {_NATIVE}")
    if address.user or address.password:
        raise ValueError(f"user and password in the URL are not supported through librtmp: {_NATIVE}")
