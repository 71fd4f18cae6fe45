"""What a TLS server's certificate says of itself: its fingerprint, and until when it is good. Verified or not.

Python reads a certificate only where it was verified, so the one date is looked up here (RFC 5280 §4.1, DER).
"""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime

_SEQUENCE, _INTEGER, _VERSION = 0x30, 0x02, 0xA0
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate (DER), as `fingerprint` of the configuration takes it: 64 hex digits."""
    return hashlib.sha256(certificate).hexdigest()


def expires(certificate: bytes) -> float | None:
    """`time.time()` at which a certificate (DER) expires; None where it cannot be read."""
    try:
        return _expires(certificate)
    except (ValueError, IndexError):
        return None


def described(certificate: bytes) -> str:
    """One line for people; "" where there is none."""
    if not certificate:
        return ""
    text = f"certificate SHA-256 {fingerprint(certificate)}"
    ends = expires(certificate)
    if ends is None:
        return text
    days = (ends - time.time()) / 86400
    when = f"in {days:.0f} days" if days >= 0 else f"{-days:.0f} days ago"
    return f"{text}, {'expires' if days >= 0 else 'expired'} {datetime.fromtimestamp(ends, UTC):%Y-%m-%d} ({when})"


def _expires(certificate: bytes) -> float:
    _, body = _element(certificate, 0, _SEQUENCE)
    at, tbs = _element(certificate, body[0], _SEQUENCE)
    at = tbs[0]
    if certificate[at] == _VERSION:
        at, _ = _element(certificate, at, _VERSION)
    for tag in (_INTEGER, _SEQUENCE, _SEQUENCE):  # number, signature's algorithm, issuer
        at, _ = _element(certificate, at, tag)
    _, validity = _element(certificate, at, _SEQUENCE)
    at, _ = _element(certificate, validity[0], certificate[validity[0]])
    tag = certificate[at]
    _, (first, last) = _element(certificate, at, tag)
    text = certificate[first:last].decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _element(data: bytes, at: int, tag: int) -> tuple[int, tuple[int, int]]:
    """(where the next one begins, where the content of this one is). Raises `ValueError`, `IndexError`."""
    if data[at] != tag:
        raise ValueError
    length, first = data[at + 1], at + 2
    if length >= 0x80:
        count = length & 0x7F
        length, first = int.from_bytes(data[first : first + count], "big"), first + count
    if first + length > len(data):
        raise ValueError
    return first + length, (first, first + length)
