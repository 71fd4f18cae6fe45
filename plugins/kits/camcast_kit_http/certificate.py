"""When a certificate of ours ends, so that it can be told before clients tell it.

Read from the certificate itself (X.509, RFC 5280, 4.1), of which only the way to its validity is looked at.
"""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _VERSION, _UTC_TIME, _TIME = 0x30, 0xA0, 0x17, 0x18
_LARGEST = 64 * 1024


def expires(path: Path) -> float:
    """`time.time()` at which the first certificate of a PEM file ends. Raises `ValueError`, `OSError`."""
    with path.open("rb") as file:
        found = _PEM.search(file.read(_LARGEST))
    if found is None:
        raise ValueError("there is no certificate in it")
    kind, certificate, _ = _element(ssl.PEM_cert_to_DER_cert(found[0].decode("ascii")))
    _, fields, _ = _element(certificate)
    kind, _, rest = _element(fields)
    if kind == _VERSION:
        _, _, rest = _element(rest)  # the serial number
    for _ in ("signature", "issuer"):
        _, _, rest = _element(rest)
    kind, validity, _ = _element(rest)
    if kind != _SEQUENCE:
        raise ValueError("it is no certificate")
    _, _, rest = _element(validity)
    kind, ends, _ = _element(rest)
    return _time(kind, ends.decode("ascii"))


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """(tag, content, what follows) of the first element (DER, X.690, 8.1)."""
    if len(data) < 2:
        raise ValueError("it ends too early")
    size, at = data[1], 2
    if size & 0x80:
        count = size & 0x7F
        size, at = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    if at + size > len(data):
        raise ValueError("it ends too early")
    return data[0], data[at : at + size], data[at + size :]


def _time(kind: int, text: str) -> float:
    """RFC 5280, 4.1.2.5: two digits of a year below 50 are of this century."""
    if kind == _UTC_TIME:
        text = ("20" if int(text[:2]) < 50 else "19") + text
    elif kind != _TIME:
        raise ValueError("it has no end")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
