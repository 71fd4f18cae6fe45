"""Where an RTMP target goes: host, port, application and stream key out of a URL and the explicit fields.

Rules: there is no standard split. Here the path's last component together with everything after it is the key, all
before it is the application; `app` and `stream_key` of the target override, and then nothing is guessed. The key goes
out verbatim, never decoded or encoded again, because servers compare it as it stands; its query is where tokens
belong. tcUrl has neither credentials nor key. Ports are 1935 (rtmp) and 443 (rtmps).
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from urllib.parse import unquote, urlsplit

import attrs

from camcast.net.host import canonical
from camcast.target import Target

PORTS = {"rtmp": 1935, "rtmps": 443}
_OF_ONE_PART = ("mediamtx", "go2rtc")
"""Servers' profiles."""

KNOWN = 4096
"""Addresses that are remembered. Fewer than there are sessions would be none: each asks once a round for its own."""


@attrs.frozen(kw_only=True)
class Address:
    """A taken-apart target. `key`, `user` and `password` stay out of the repr."""

    scheme: str
    host: str
    port: int
    app: str
    key: str = attrs.field(repr=False)
    tc_url: str
    """Without query: what the connect command names."""
    user: str = attrs.field(default="", repr=False)
    password: str = attrs.field(default="", repr=False)

    @property
    def secure(self) -> bool:
        return self.scheme == "rtmps"


def parse(target: Target) -> Address:
    """The address of `target`; raises `ValueError` with what to change, without the key in the text."""
    return _parse(target.url, target.app, target.stream_key)


@lru_cache(maxsize=KNOWN)
def _parse(url: str, app: str | None, key: str | None) -> Address:
    scheme, mark, rest = url.partition("://")
    scheme = scheme.lower()
    if not mark or scheme not in PORTS:
        raise ValueError("expected a URL that begins with rtmp:// or rtmps://")
    authority, _, path = rest.partition("/")
    credentials, _, place = authority.rpartition("@")
    if re.search(r"[?#\s]", place):
        raise ValueError("expected rtmp://host/app/key, but the host is followed by a query or a space")
    try:
        parts = urlsplit(f"//{place}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError("the host or port of the URL is not valid: expected host, host:port or [IPv6]:port") from error
    if not host or port == 0 or place.endswith(":"):
        raise ValueError("the URL has no host" if not host else "the port must be 1 to 65535")
    app, key = _split(app, key, path)
    user, _, password = credentials.partition(":")
    return Address(
        scheme=scheme,
        host=host,
        port=port or PORTS[scheme],
        app=app,
        key=key,
        tc_url=f"{scheme}://{place}/{app}",
        user=unquote(user),
        password=unquote(password),
    )


def no_application(target: Target) -> str:
    """What to tell of a URL of one part, which is then the stream key, as in rtmp://host/live; "" = nothing.

    MediaMTX and go2rtc name streams that way; of those who say that it is one of them it is not told.
    """
    if parse(target).app or target.server in _OF_ONE_PART:
        return ""
    return (
        "the URL has no application: the one part of its path is published as the stream key; "
        "most servers expect both, as in host/app/key"
    )


def remarks(target: Target) -> tuple[str, ...]:
    """See `TransportKind.remarks`. Raises `ValueError` as `parse` does."""
    return tuple(filter(None, (no_application(target),)))


def publish_name(target: Target) -> str:
    """Server, application and key without its query, the key as a digest: servers compare names without queries."""
    try:
        address = parse(target)
    except ValueError:
        return target.url
    name = re.split(r"[?]", address.key, maxsplit=1)[0]
    app = address.app.partition("?")[0]
    return f"{canonical(address.host)}:{address.port}/{app}/{sha256(name.encode()).hexdigest()[:16]}"


def _split(app: str | None, key: str | None, path: str) -> tuple[str, str]:
    if app is not None:
        app = app.strip("/")
    if key is not None and app is None:
        # The whole path is the application; a key repeated in the URL is tolerated, as redirects bring it.
        app = path.removesuffix(key).strip("/") if path.endswith("/" + key) else path.strip("/")
    elif app is not None and key is None:
        key = path.removeprefix(app + "/") if path.startswith(app + "/") else path
    elif app is None or key is None:
        mark = re.search(r"[?#]", path)
        plain = path[: mark.start()] if mark else path
        app, _, name = plain.rpartition("/")
        app = app.strip("/")  # somebody put a server's URL, a slash and a key together
        key = name + path[len(plain) :]
        if not app and "/" in key:
            raise ValueError(
                "cannot tell the application from the stream key because of a query before the last '/': "
                "set app and stream_key beside the URL"
            )
    elif path not in ("", app, f"{app}/", f"{app}/{key}"):
        raise ValueError("app and stream_key are both set, so the URL's path must be empty or the same app")
    if not key:
        what = "ends with a slash, so it has" if path.rstrip("/") != path and app else "has"
        raise ValueError(
            f'the URL {what} no stream key: expected one behind the application, or "stream_key" beside the URL'
        )
    return app, key
