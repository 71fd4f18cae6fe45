"""What a WHIP target may be told, and where it leads.

`whips://host/path` is `https://host/path`, `whip://` is `http://`; both spellings are taken. The token is what
RFC 9725 §4.7 calls the bearer token; other programs call it the stream key, so `stream_key` is taken for it too.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

import attrs
from attrs import validators

from camcast.net import tls
from camcast.target import Target

SCHEMES = {"whip": "http", "whips": "https", "http": "http", "https": "https"}
PORTS = {"http": 80, "https": 443}

_ICE_URL = re.compile(r"(stuns?|turns?):[^\s:?/@]+(:[0-9]{1,5})?(\?transport=(udp|tcp))?", re.ASCII)
_TOKEN = re.compile(r"[\x21-\x7e]+", re.ASCII)


def _ice_url(_instance: object, attribute: attrs.Attribute[Any], value: str) -> None:
    if not _ICE_URL.fullmatch(value):
        # Not shown: where people write credentials into it.
        raise ValueError(f'{attribute.name}: expected "stun:host:port" or "turn:host:port?transport=udp"')


def bearer_token(_instance: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    """Validates what is sent as a bearer token (RFC 6750)."""
    if value is not None and not _TOKEN.fullmatch(value):
        raise ValueError(f"{attribute.name}: expected printable ASCII without spaces, and at least one character")


@attrs.frozen(kw_only=True)
class IceServer:
    """A STUN or TURN server (RFC 7064, RFC 7065)."""

    url: str = attrs.field(validator=_ice_url)
    username: str | None = None
    credential: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class WhipOptions:
    """A WHIP output's `options`."""

    token: str | None = attrs.field(default=None, repr=False, validator=bearer_token)
    """Sent as `Authorization: Bearer …`, to the URL's own origin only."""
    ice_servers: tuple[IceServer, ...] = ()
    """STUN and TURN servers; none unless given, since nobody should be asked without need. The first of each counts."""
    link_ice_servers: bool = True
    """Use those that the server itself names in Link headers (RFC 9725 §4.6)."""
    session_hosts: tuple[str, ...] = ()
    """Hosts besides the endpoint's own that may be asked (DELETE) to end the session, if the server names one."""
    relay_only: bool = False
    """Send through the TURN server only."""
    packet_size: int = attrs.field(default=1200, validator=[validators.ge(500), validators.le(1380)])
    """Bytes of media in one RTP packet; 1200 passes through tunnels and relays."""


@attrs.frozen(kw_only=True)
class Place:
    """Where a target leads."""

    url: str = attrs.field(repr=False)
    """With http or https as scheme, otherwise untouched."""
    scheme: str
    host: str
    port: int
    token: str | None = attrs.field(repr=False)

    @property
    def secure(self) -> bool:
        return self.scheme == "https"


def place_of(target: Target, options: WhipOptions) -> Place:
    """Raises `ValueError`, with a text that holds no secret, when `target` cannot work as it stands."""
    scheme = SCHEMES.get(target.scheme)
    rest = target.url.partition("://")[2]
    try:
        parts = urlsplit(f"http://{rest}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if scheme is None or not host or re.search(r"[\s\x00-\x1f\x7f\\]", rest):
        raise ValueError("expected a URL like whips://host/path")
    if "@" in parts.netloc:
        raise ValueError('a WHIP URL has no user or password: put the token into "options": {"token": …}')
    if "#" in rest:
        raise ValueError("a WHIP URL has no fragment: remove what begins with '#'")
    if port == 0:
        raise ValueError("port 0 is none")
    if target.app is not None:
        raise ValueError("WHIP has no app: the whole path stands in the URL")
    token = options.token
    if target.stream_key is not None:
        if token is not None and token != target.stream_key:
            raise ValueError("stream_key and options.token mean the same and differ: remove one")
        if not _TOKEN.fullmatch(target.stream_key):
            raise ValueError("stream_key: expected printable ASCII without spaces")
        token = target.stream_key
    return Place(url=f"{scheme}://{rest}", scheme=scheme, host=host, port=port or PORTS[scheme], token=token)


def check(target: Target, options: WhipOptions) -> None:
    """Raises `ValueError` when `target` cannot work as it stands."""
    place = place_of(target, options)
    if target.proxy:
        raise ValueError("WHIP media runs on UDP and cannot go through a proxy: remove `proxy`")
    tls.check(tls.TlsSettings.of(target), encrypted=place.secure, scheme="whips")
    if target.bind:
        try:
            ipaddress.ip_address(target.bind)
        except ValueError:
            raise ValueError(
                "bind: expected an IP address for WHIP, which cannot send by a network interface's name"
            ) from None
    if options.relay_only and not options.ice_servers and not options.link_ice_servers:
        raise ValueError("relay_only needs a TURN server: name one in ice_servers")
