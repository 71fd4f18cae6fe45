"""RTSP URLs as cameras have them (RFC 2326 §3.2): credentials apart, the rest untouched.

A camera compares the request's URL with its own spelling, so path and query are never normalised. The user's name
and password end at the last '@' in front of the first '/', and may be percent-encoded. The zone of a link-local address
(`[fe80::1%25eth0]` by RFC 6874, or `%eth0` as people write it) is for connecting only: it means nothing to the camera.
"""

from __future__ import annotations

import contextlib
from ipaddress import ip_address
from urllib.parse import unquote

import attrs

from camcast.errors import SourceError
from camcast.redaction import Redactor, url_secrets

from .numbers import whole

PORTS = {"rtsp": 554, "rtsps": 322}


@attrs.frozen
class RtspUrl:
    """One camera's address. `request` is what goes on the wire: the URL without credentials."""

    request: str = attrs.field(repr=False)
    secure: bool
    host: str
    """With the zone behind '%' where it has one."""
    port: int
    username: str | None = attrs.field(default=None, repr=False)
    password: str | None = attrs.field(default=None, repr=False)
    inherited: frozenset[str] = attrs.field(default=frozenset(), repr=False)
    """Secrets of the address that was left for this one: its camera may have put them anywhere."""

    @property
    def shown(self) -> str:
        """As logs may show it: an RTSP path is often a key or holds a password, so its last part is hidden."""
        return Redactor(self.inherited).address(self.request)

    @property
    def secrets(self) -> frozenset[str]:
        """Every string that must not be shown."""
        found = {*url_secrets(self.request), *self.inherited}
        if self.password:
            found.add(self.password)
        return frozenset(found)


def parse_url(url: str) -> RtspUrl:
    """Take an RTSP URL apart; raises a fatal `SourceError` that says what is wrong, without the URL's secrets."""
    scheme, mark, rest = url.partition("://")
    scheme = scheme.lower()
    if not mark or scheme not in PORTS:
        raise _wrong(url, "it must begin with rtsp:// or rtsps://")
    if any(ord(char) <= 0x20 or ord(char) == 0x7F for char in url):
        raise _wrong(url, "it holds a space or a control character; percent-encode it (%20)")
    cut = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
    authority, path = rest[:cut], rest[cut:].partition("#")[0]
    credentials, at, address = authority.rpartition("@")
    host, port = _split_address(url, address, PORTS[scheme], "@" in path)
    username: str | None = None
    password: str | None = None
    if at:
        name, _, secret = credentials.partition(":")
        username, password = unquote(name), unquote(secret)
    if "%" in host and address.startswith("["):
        address = address.replace(address[address.index("%") : address.index("]")], "", 1)
    return RtspUrl(f"{scheme}://{address}{path}", scheme == "rtsps", host, port, username, password)


def place(url: str) -> str:
    """The same text for all spellings of one camera's stream: whoever asks, by whichever of its default ports, with the
    host in any case, an IPv6 address in any form, escapes (RFC 3986 §2.1) or not, a slash at the end or not, its
    parameters in any order. For comparing only. A text that is no URL (a reference to one) comes back as it is."""
    try:
        found = parse_url(url)
    except SourceError:
        return url
    name, mark, zone = found.host.partition("%")
    with contextlib.suppress(ValueError):
        name = ip_address(name).compressed
    port = "" if found.port == PORTS["rtsps" if found.secure else "rtsp"] else f":{found.port}"
    rest = found.request.partition("://")[2]
    cut = min((at for at in map(rest.find, "/?") if at >= 0), default=len(rest))
    path, query, parameters = rest[cut:].partition("?")
    path = unquote(path).rstrip("/")
    # In whatever order: a camera reads parameters by name.
    asked = "&".join(sorted(unquote(parameters).split("&")))
    shown = f"{path}?{asked}" if query and asked else path
    return f"{name.lower().rstrip('.')}{mark}{zone}{port}{shown}"


def _split_address(url: str, address: str, default_port: int, at_in_path: bool) -> tuple[str, int]:
    if address.startswith("["):
        host, _, tail = address[1:].partition("]")
        digits = tail.removeprefix(":") if tail else ""
        name, zone, interface = host.partition("%")
        if zone and not interface.removeprefix("25"):
            raise _wrong(url, "its address ends in '%' without the name of an interface")
        host = f"{name}%{interface.removeprefix('25')}" if zone else host
    else:
        host, _, digits = address.partition(":")
    if not host:
        raise _wrong(url, "it names no host")
    if not digits:
        return host, default_port
    port = whole(digits, 6)
    if port is None or not 0 < port < 65536:
        hint = "; a '/', '?' or '#' in the password must be percent-encoded" if at_in_path else ""
        raise _wrong(url, f"its port is not a number from 1 to 65535{hint}")
    return host, port


def _wrong(url: str, why: str) -> SourceError:
    # Nothing of a URL that could not be taken apart is shown: the secret may be anywhere in it.
    scheme = url.partition("://")[0].lower()
    shown = f"{scheme}://***" if scheme in PORTS else "***"
    return SourceError(f"the camera's URL ({shown}) cannot be used: {why}", fatal=True)
