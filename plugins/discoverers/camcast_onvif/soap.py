"""SOAP 1.2 as ONVIF has it: envelopes, WS-UsernameToken (by digest only), faults, and the device's clock. Pure.

Sources: ONVIF Core Specification §5.9 (security), OASIS Web Services Security UsernameToken Profile 1.0 §3.1.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from . import xml

_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
_DIGEST = f"{_WSSE}username-token-profile-1.0#PasswordDigest"
NONCE = 16
"""Bytes."""


def envelope(body: str, security: str = "") -> bytes:
    """A request. `body` is XML."""
    header = f"<s:Header>{security}</s:Header>" if security else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">{header}<s:Body>{body}</s:Body></s:Envelope>'
    ).encode()


def username_token(username: str, password: str, nonce: bytes, now: float) -> str:
    """The header that proves a password: Base64(SHA-1(nonce + created + password)). `now`: the device's time."""
    created = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode()
    return (
        f'<w:Security s:mustUnderstand="1" xmlns:w="{_WSSE}wssecurity-secext-1.0.xsd" '
        f'xmlns:u="{_WSSE}wssecurity-utility-1.0.xsd"><w:UsernameToken><w:Username>{escape(username)}</w:Username>'
        f'<w:Password Type="{_DIGEST}">{digest}</w:Password>'
        f'<w:Nonce EncodingType="{_WSSE}soap-message-security-1.0#Base64Binary">{b64encode(nonce).decode()}</w:Nonce>'
        f"<u:Created>{created}</u:Created></w:UsernameToken></w:Security>"
    )


class Fault(Exception):
    """The device said no. `codes`: the names of its fault's code and subcodes."""

    def __init__(self, codes: frozenset[str], reason: str) -> None:
        super().__init__(reason)
        self.codes = codes
        self.reason = reason

    @property
    def unauthorized(self) -> bool:
        """Whether it wants a password, or another one. Devices disagree on how that is said."""
        wanted = {"NotAuthorized", "FailedAuthentication", "InvalidSecurity", "FailedCheck"}
        return bool(self.codes & wanted) or "not authorized" in self.reason.lower()

    @property
    def unsupported(self) -> bool:
        """Whether it does not know this request."""
        return bool(self.codes & {"ActionNotSupported", "NotSupported", "UnknownAction"})


class NoSoap(Fault):
    """It answered, and not by SOAP. Many do so to requests that they do not know: an empty 400, a page of HTML."""

    def __init__(self, why: str, status: int) -> None:
        text = f"it does not answer as an ONVIF device does: {why} (HTTP status {status})"
        super().__init__(frozenset(), f"{text}; see that ONVIF is switched on in the camera's settings")


def read(data: bytes, secrets: Collection[str] = ()) -> Element:
    """The body of an answer. Raises `BadXml`, and `Fault`, whose reason shows none of the secrets."""
    root = xml.read(data)
    body = xml.first(root, "Body")
    if xml.local(root) != "Envelope" or body is None:
        raise xml.BadXml("what it sent is no SOAP")
    fault = xml.first(body, "Fault")
    if fault is not None:
        codes = {xml.raw(one).rpartition(":")[2] for name in ("Value", "faultcode") for one in xml.every(fault, name)}
        reason = xml.text(fault, "Reason", "Text", secrets=secrets) or xml.text(fault, "faultstring", secrets=secrets)
        raise Fault(frozenset(codes), reason)
    return body


def clock(body: Element) -> float | None:
    """`time.time()` of the device by its GetSystemDateAndTime answer; None where it does not say."""
    for name in ("UTCDateTime", "LocalDateTime"):
        found = xml.first(body, name)
        if found is None:
            continue
        parts = [int(xml.number(found, part)) for part in ("Year", "Month", "Day", "Hour", "Minute", "Second")]
        try:
            year, month, day, hour, minute, second = parts
            # A minute may have a second more, and some devices count wrong.
            moment = datetime(year, month, day, hour, minute, tzinfo=UTC)
            moment += timedelta(seconds=min(second, 61))
        except (ValueError, OverflowError):
            continue
        return moment.timestamp()
    return None
