"""What a WHEP output may be told, and where it waits for viewers.

`whep://host:port/path` is answered at `http://host:port/path`, `wheps://` at `https://`. Outputs with one host and port
share the door there, and have paths of their own.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import attrs
from attrs import validators

from camcast.net.host import is_address
from camcast.target import Target
from camcast_kit_http.asked import LOOPBACK_NAME, is_loopback
from camcast_kit_http.whep import PORT, SCHEMES
from camcast_whip.options import IceServer, bearer_token

_PATH = re.compile(r"/[A-Za-z0-9._~/-]{0,199}[A-Za-z0-9._~-]", re.ASCII)
_ORIGIN = re.compile(r"https?://[^\s/?#@]+", re.ASCII)


def _addresses(_instance: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if not all(map(is_address, value)):
        raise ValueError(f"{attribute.name}: expected IP addresses like 203.0.113.7")


def _origins(_instance: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if not all(one == "*" or _ORIGIN.fullmatch(one) for one in value):
        raise ValueError(f'{attribute.name}: expected origins like https://www.example.com, without a path, or "*"')


@attrs.frozen(kw_only=True)
class WhepOptions:
    """A WHEP output's `options`."""

    token: str | None = attrs.field(default=None, repr=False, validator=bearer_token)
    """Whoever watches must know it (`Authorization: Bearer …`); best as env: or file:. Needed where other machines can
    connect."""
    viewers: int = attrs.field(default=20, validator=[validators.ge(1), validators.le(500)])
    """At once, those included that are about to connect; others are answered 503."""
    origins: tuple[str, ...] = attrs.field(default=(), validator=_origins)
    """Sites whose pages may watch, like https://www.example.com; "*" = all. Without any, only pages from the output's
    own address."""
    hosts: tuple[str, ...] = ()
    """Names under which it may be asked for, besides localhost and addresses."""
    certificate: str = ""
    """Path of a PEM file with the certificate's chain, for wheps://."""
    certificate_key: str = attrs.field(default="", repr=False)
    """Path of a PEM file with its private key."""
    ice_servers: tuple[IceServer, ...] = ()
    """STUN and TURN servers, for us and, by Link headers, for viewers; none unless given."""
    announce: tuple[str, ...] = attrs.field(default=(), validator=_addresses)
    """Addresses under which others reach this machine's own through a router or a container's host (1:1 NAT)."""
    packet_size: int = attrs.field(default=1200, validator=[validators.ge(500), validators.le(1380)])
    """Bytes of media in one RTP packet; 1200 passes through tunnels and relays."""


@attrs.frozen(kw_only=True)
class Address:
    """Where an output waits."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def here_only(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    @property
    def place(self) -> str:
        """Host and port as URLs have them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address_of(target: Target) -> Address:
    """Raises `ValueError`, with a text that holds no secret, when `target` cannot work as it stands."""
    scheme = SCHEMES.get(target.scheme)
    try:
        parts = urlsplit(f"http://{target.url.partition('://')[2]}")
        host, port = parts.hostname or "", PORT if parts.port is None else parts.port
    except ValueError:
        host, port, parts = "", 0, urlsplit("")
    if scheme is None or not host or not port:
        raise ValueError("expected a URL like whep://127.0.0.1:8889/name")
    if "@" in parts.netloc:
        raise ValueError('a WHEP URL has no user or password: put a token into "options": {"token": …}')
    if not is_address(host) and host != LOOPBACK_NAME:
        raise ValueError(
            f"whep waits at an address of this machine: expected one, like 127.0.0.1, or 0.0.0.0 for all; got {host}"
        )
    if parts.query or parts.fragment or not _PATH.fullmatch(parts.path) or "//" in parts.path:
        raise ValueError(
            "expected a path of letters, digits and . _ ~ - / after the port, like whep://127.0.0.1:8889/name"
        )
    if target.app is not None or target.stream_key is not None:
        raise ValueError("whep has no app and no stream key: viewers give options.token")
    return Address(scheme=scheme, host=host, port=port, path=parts.path)


def check(target: Target, options: WhepOptions) -> None:
    """Raises `ValueError` when `target` cannot work as it stands."""
    address = address_of(target)
    if not address.here_only and not options.token:
        raise ValueError(
            f"{address.place} lets other machines in, so it needs a token: "
            '"options": {"token": "env:WHEP_TOKEN"} (or wait at 127.0.0.1, where only this machine can connect)'
        )
    if address.secure != bool(options.certificate) or bool(options.certificate) != bool(options.certificate_key):
        raise ValueError(
            "certificate and certificate_key belong to wheps://, and wheps:// needs both; whep:// has neither"
        )
    if target.proxy:
        raise ValueError("whep waits for viewers and cannot do so through a proxy: remove `proxy`")
