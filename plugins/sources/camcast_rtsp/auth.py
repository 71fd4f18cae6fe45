"""Answers to a camera's WWW-Authenticate (RFC 2617, RFC 7616): Digest with MD5 or SHA-256, else Basic. No I/O.

The strongest scheme offered is used. MD5 is what most cameras know; it is here for their sake.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import b64encode
from collections.abc import Sequence

import attrs

_PARAMETER = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_SCHEME = re.compile(r"(?:^|,)\s*(Basic|Digest)\s+", re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_HASHES = {"md5": hashlib.md5, "sha-256": hashlib.sha256}


@attrs.frozen
class Challenge:
    """One offer: scheme "basic" or "digest" and its parameters."""

    scheme: str
    realm: str = ""
    nonce: str = attrs.field(default="", repr=False)
    opaque: str | None = attrs.field(default=None, repr=False)
    algorithm: str = ""
    """As the camera spells it; "" = MD5 without saying so."""
    qop: bool = False
    """"auth" is offered."""
    stale: bool = False
    """The password was right, the nonce is old."""

    @property
    def strength(self) -> int:
        if self.scheme == "basic":
            return 1
        return 3 if self.algorithm.lower().startswith("sha-256") else 2


def parse_challenges(headers: Sequence[str]) -> list[Challenge]:
    """The offers that can be answered, strongest first."""
    found: list[Challenge] = []
    for header in headers:
        # A scheme's name inside a quoted text begins nothing.
        starts = list(_SCHEME.finditer(_QUOTED.sub(lambda match: "x" * len(match[0]), header)))
        for this, following in zip(starts, [*starts[1:], None], strict=True):
            part = header[this.end() : following.start() if following else len(header)]
            challenge = _challenge(this[1].lower(), part)
            if challenge is not None:
                found.append(challenge)
    return sorted(found, key=lambda challenge: -challenge.strength)


def _challenge(scheme: str, text: str) -> Challenge | None:
    values = {
        match[1].lower(): re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
        for match in _PARAMETER.finditer(text)
    }
    algorithm = values.get("algorithm", "")
    if scheme == "digest" and (_hash_name(algorithm) not in _HASHES or "nonce" not in values):
        return None
    offered = [word.strip().lower() for word in values.get("qop", "").split(",") if word.strip()]
    if offered and "auth" not in offered:
        return None
    return Challenge(
        scheme=scheme,
        realm=values.get("realm", ""),
        nonce=values.get("nonce", ""),
        opaque=values.get("opaque"),
        algorithm=algorithm,
        qop=bool(offered),
        stale=values.get("stale", "").lower() == "true",
    )


def _hash_name(algorithm: str) -> str:
    return algorithm.lower().removesuffix("-sess") or "md5"


@attrs.define
class Authenticator:
    """Answers one challenge for as long as its nonce is good."""

    challenge: Challenge
    username: str = attrs.field(repr=False)
    password: str = attrs.field(repr=False)
    _count: int = 0

    def header(self, method: str, url: str) -> str:
        """The Authorization header's value for one request. `url` exactly as in the request line."""
        if self.challenge.scheme == "basic":
            return "Basic " + b64encode(f"{self.username}:{self.password}".encode()).decode()
        self._count += 1
        return self._digest(method, url, secrets.token_hex(8), f"{self._count:08x}")

    def _digest(self, method: str, url: str, cnonce: str, count: str) -> str:
        offer = self.challenge
        new = _HASHES[_hash_name(offer.algorithm)]

        def digest(*parts: str) -> str:
            return new(":".join(parts).encode()).hexdigest()

        first = digest(self.username, offer.realm, self.password)
        if offer.algorithm.lower().endswith("-sess"):
            first = digest(first, offer.nonce, cnonce)
        second = digest(method, url)
        if offer.qop:
            answer = digest(first, offer.nonce, count, cnonce, "auth", second)
        else:
            answer = digest(first, offer.nonce, second)
        fields = [
            ("username", self.username), ("realm", offer.realm), ("nonce", offer.nonce), ("uri", url),
            ("response", answer),
        ]  # fmt: skip
        text = ", ".join(f'{name}="{_escape(value)}"' for name, value in fields)
        if offer.opaque is not None:
            text += f', opaque="{_escape(offer.opaque)}"'
        if offer.algorithm:
            text += f", algorithm={offer.algorithm}"
        if offer.qop:
            text += f', qop=auth, nc={count}, cnonce="{cnonce}"'
        elif offer.algorithm.lower().endswith("-sess"):
            text += f', cnonce="{cnonce}"'
        return "Digest " + text


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
