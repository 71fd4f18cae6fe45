"""Cameras named by what they are: `onvif://UUID/main`, `onvif://00:40:8c:12:34:56/sub?serial=…&at=192.0.2.7`. Pure.

The identity is the UUID of the device's endpoint reference (WS-Addressing), or the MAC of one of its network
interfaces. The path names a stream: "main" is the largest picture, "sub" the smallest, anything else is the token or
the name of one of the camera's profiles. `serial`: its serial number, checked as well. `at`: an address where it is
asked besides, for networks that multicast does not reach.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, unquote, urlencode

import attrs

from camcast.net.host import is_address

from .at_host import split_host

MAIN, SUB = "main", "sub"
_HEX = re.compile(r"[0-9a-f]+")
_EXPECTED = "expected the UUID or the MAC of a camera behind the scheme, and one of its streams behind a slash"
_KEYS = ("serial", "at")


@attrs.frozen(kw_only=True)
class Named:
    """A stream of a camera."""

    uuid: str = ""
    """In small letters with its hyphens; "" where the MAC is known."""
    mac: str = ""
    """Twelve hex digits."""
    stream: str = MAIN
    serial: str = ""
    at: str = ""
    """An IP address, with a port behind a colon or without."""

    @property
    def shown(self) -> str:
        """The camera, in texts."""
        return self.uuid or ":".join(self.mac[index : index + 2] for index in range(0, 12, 2))

    def url(self) -> str:
        query = urlencode({key: value for key in _KEYS if (value := getattr(self, key))}, safe=":")
        return f"onvif://{self.shown}/{quote(self.stream, safe='')}{'?' if query else ''}{query}"


def parse_named(url: str) -> Named:
    """Take such a URL apart. Raises `ValueError` that says what is wrong."""
    scheme, mark, rest = url.partition("://")
    if scheme.lower() != "onvif" or not mark:
        raise ValueError(_EXPECTED)
    rest, _, query = rest.partition("?")
    identity, _, path = rest.partition("/")
    if "@" in identity:
        raise ValueError(
            f'{_EXPECTED}, got a user or password in front of "@": put them into the source\'s options "username" and '
            '"password"'
        )
    more: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True, max_num_fields=8):
        if key not in _KEYS:
            raise ValueError(f'{_EXPECTED}; behind "?" only serial and at are known')
        more[key] = value
    if "at" in more and not _is_place(more["at"]):
        raise ValueError(f"{_EXPECTED}; at= wants an IP address, or one with a port: at=192.0.2.7:8080")
    stream = unquote(path.strip("/")) or MAIN
    if uuid := uuid_of(identity):
        return Named(uuid=uuid, stream=stream, **more)
    if mac := mac_of(identity):
        return Named(mac=mac, stream=stream, **more)
    raise ValueError(
        f"{_EXPECTED}, got neither a UUID nor a MAC; camcast discover tells both, an address belongs in an RTSP URL"
    )


def _is_place(text: str) -> bool:
    try:
        return is_address(split_host(text, 80)[0])
    except ValueError:
        return False


def uuid_of(text: str) -> str:
    """A UUID as 8-4-4-4-12 digits in small letters, whatever stands around it ("urn:uuid:"); "" where it is none."""
    digits = text.lower().rpartition("uuid:")[2].strip("{} ").replace("-", "")
    if len(digits) != 32 or not _HEX.fullmatch(digits):
        return ""
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def mac_of(text: str) -> str:
    """A MAC as twelve digits in small letters; "" where it is none."""
    digits = text.lower().replace(":", "").replace("-", "")
    return digits if len(digits) == 12 and _HEX.fullmatch(digits) else ""
