"""URLs that a device tells of itself, led back to the device. Pure.

Whatever host they name, it is the device that was asked: behind a NAT or after a move they are wrong, and a device that
lies would send a user's name and proof of the password to anybody, or this program to where it has nothing to do.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from camcast.redaction import MAX_URL

PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322}


def at_host(url: str, host: str, schemes: tuple[str, ...] = ("http", "https")) -> str | None:
    """`url` at `host`, its port, path and query kept, without credentials; None where it is no URL of `schemes`."""
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        return None
    place = f"[{host}]" if ":" in host else host
    if port is not None and port != PORTS[parts.scheme]:
        place += f":{port}"
    return f"{parts.scheme}://{place}{parts.path}{'?' if parts.query else ''}{parts.query}"


def split_host(address: str, port: int) -> tuple[str, int]:
    """Host and port of "host", "host:port", "[v6]" or "[v6]:port". Raises `ValueError`."""
    if address.count(":") > 1 and not address.startswith("["):
        return address, port
    parts = urlsplit(f"//{address}")
    if not parts.hostname or parts.path or parts.username:
        raise ValueError("expected a host, or a host and a port: 192.0.2.7 or camera.example:8080")
    return parts.hostname, parts.port or port
