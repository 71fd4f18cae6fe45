"""Options of both kinds, and what of them cannot work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from camcast_kit_http.asked import is_loopback


@attrs.frozen(kw_only=True)
class HttpOptions:
    """Where it listens, and who may do what."""

    host: str = "127.0.0.1"
    """Address to listen on; another than this machine's own needs a token."""
    port: int = attrs.field(default=8080, validator=[attrs.validators.ge(0), attrs.validators.le(65535)])
    """0: any that is free, which is told."""
    token: str = attrs.field(default="", repr=False)
    """Whoever reads must know it; best as env: or file:. Without one, everybody on this machine may read."""
    change_token: str = attrs.field(default="", repr=False)
    """Whoever changes anything must know it; it serves for reading too. Without one nothing can be changed."""
    watch_token: str = attrs.field(default="", repr=False)
    """The token of outputs with a whep:// URL, which the page shows live to whoever may read; best as env: or file:."""
    hosts: Sequence[str] = ()
    """Names under which it may be asked for, besides localhost and addresses."""
    certificate: str = ""
    """Path of a PEM file with the certificate's chain, for https."""
    certificate_key: str = attrs.field(default="", repr=False)
    """Path of a PEM file with its private key."""
    allow_references: Mapping[str, Sequence[str]] = attrs.field(factory=dict)
    """References that a configuration which comes this way may use besides those that are in use already: "env" with
    names of variables, "file" with paths."""
    media_roots: Sequence[str] = ()
    """Folders of which such a configuration may name files, to be read or written."""
    connections: int = attrs.field(default=200, validator=attrs.validators.ge(1))
    """At once, those included that hear events."""


@attrs.frozen(kw_only=True)
class SocketOptions:
    """Where the socket is. Whoever can open it may do everything."""

    path: str
    """Its mode is 0600. A socket that somebody listens on is never replaced."""


def check(options: Mapping[str, Any]) -> None:
    """Raises `ValueError` for options as written that would be open to others."""
    host = options.get("host", "127.0.0.1")
    if isinstance(host, str) and not is_loopback(host) and not options.get("token"):
        raise ValueError(
            f'"host": "{host}" lets other machines in, so it needs a token: "token": "env:CAMCAST_TOKEN" '
            "(or leave host out, and only this machine can connect)"
        )
    if bool(options.get("certificate")) != bool(options.get("certificate_key")):
        raise ValueError("certificate and certificate_key belong together: give both, or none")
    token, change = options.get("token"), options.get("change_token")
    if token and token == change:
        raise ValueError("token and change_token are the same: whoever may read could change everything")
