"""Answers to a camera's WWW-Authenticate (RFC 2617, RFC 7616): Digest with SHA-256 or MD5, else Basic. No I/O.

The strongest way offered is tried first, the others after it: cameras exist that offer SHA-256 and know only MD5. MD5
is what most cameras know; it is here for their sake. Every parser here passes over its text once.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import b64encode
from collections.abc import Sequence

import attrs

MAX_CHALLENGES = 16
MAX_WRONG = 4
"""Answers that a camera may refuse on one connection; some lock the user after five to seven."""
_HASHES = {"md5": hashlib.md5, "sha-256": hashlib.sha256}
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")

Way = tuple[str, str, bool]
"""Scheme, algorithm in lower case, whether the algorithm's name stands in quotes."""


@attrs.frozen
class Challenge:
    """One offer: scheme "basic" or "digest" and its parameters."""

    scheme: str
    realm: str = ""
    nonce: str = attrs.field(default="", repr=False)
    opaque: str | None = attrs.field(default=None, repr=False)
    algorithm: str = ""
    """As the camera spells it; "" = MD5 without saying so."""
    quoted: bool = False
    """Whether it stands in quotes, against the rules. The answer's does then too: some cameras compare bytes."""
    qop: str = ""
    """"auth" where it is offered, else "auth-int"; "" = neither is."""
    stale: bool = False
    """The password was right, the nonce is old."""

    @property
    def strength(self) -> int:
        if self.scheme == "basic":
            return 1
        return 3 if self.algorithm.lower().startswith("sha-256") else 2

    @property
    def way(self) -> Way:
        return self.scheme, self.algorithm.lower(), self.quoted


@attrs.frozen
class Offers:
    """What a camera's 401 offers."""

    challenges: tuple[Challenge, ...]
    """Those that can be answered, strongest first."""
    others: tuple[str, ...]
    """Names of the schemes that cannot."""


def parse_challenges(headers: Sequence[str]) -> Offers:
    """The offers in WWW-Authenticate headers."""
    found: list[Challenge] = []
    others: list[str] = []
    for header in headers:
        for scheme, values in _schemes(header):
            challenge = _challenge(scheme.lower(), values)
            if challenge is not None and len(found) < MAX_CHALLENGES:
                found.append(challenge)
            elif challenge is None and len(others) < MAX_CHALLENGES:
                others.append(scheme)
    return Offers(tuple(sorted(found, key=lambda challenge: -challenge.strength)), tuple(others))


_Values = dict[str, tuple[str, bool]]
"""By name in lower case: the value and whether it was quoted."""


def _schemes(text: str) -> list[tuple[str, _Values]]:
    """Each scheme's name and parameters. A word with '=' behind it is a parameter of the scheme before it."""
    found: list[tuple[str, _Values]] = []
    at, end = 0, len(text)
    while at < end:
        if text[at] not in _NAME:
            # Commas, spaces; a quoted text that belongs to nothing.
            at = _quoted(text, at)[1] if text[at] == '"' else at + 1
            continue
        start = at
        while at < end and text[at] in _NAME:
            at += 1
        word = text[start:at]
        behind = at
        while behind < end and text[behind] in " \t":
            behind += 1
        if behind == end or text[behind] != "=":
            found.append((word, {}))
            continue
        value, at, quoted = _value(text, behind + 1)
        if found:
            found[-1][1].setdefault(word.lower(), (value, quoted))
    return found


def _value(text: str, at: int) -> tuple[str, int, bool]:
    """A parameter's value that begins at or behind `at`, where it ends, whether it is quoted."""
    end = len(text)
    while at < end and text[at] in " \t":
        at += 1
    if at < end and text[at] == '"':
        return *_quoted(text, at), True
    start = at
    while at < end and text[at] not in ", \t":
        at += 1
    return text[start:at], at, False


def _quoted(text: str, at: int) -> tuple[str, int]:
    """The quoted text that begins at `at`, and where what follows begins. One without an end goes to the end."""
    parts: list[str] = []
    at += 1
    end = len(text)
    while at < end:
        char = text[at]
        if char == '"':
            return "".join(parts), at + 1
        if char == "\\" and at + 1 < end:
            at += 1
            char = text[at]
        parts.append(char)
        at += 1
    return "".join(parts), end


def _challenge(scheme: str, values: _Values) -> Challenge | None:
    def value(name: str) -> str:
        return values.get(name, ("", False))[0]

    algorithm = value("algorithm")
    if scheme not in ("basic", "digest"):
        return None
    if scheme == "digest" and (_hash_name(algorithm) not in _HASHES or "nonce" not in values):
        return None
    offered = [word.strip().lower() for word in value("qop").split(",") if word.strip()]
    qop = next((known for known in ("auth", "auth-int") if known in offered), "")
    if offered and not qop:
        return None
    return Challenge(
        scheme=scheme,
        realm=value("realm"),
        nonce=value("nonce"),
        opaque=values["opaque"][0] if "opaque" in values else None,
        algorithm=algorithm,
        quoted=values.get("algorithm", ("", False))[1],
        qop=qop,
        stale=value("stale").lower() == "true",
    )


def _hash_name(algorithm: str) -> str:
    return algorithm.lower().removesuffix("-sess") or "md5"


class Login:
    """One user on one connection: which answer a 401 gets, and when there is none left to try."""

    def __init__(self, username: str, password: str, remembered: Way | None = None, most: int = MAX_WRONG) -> None:
        """`remembered`: the way that this camera accepted before. `most`: answers that it may refuse."""
        self.accepted = False
        """The answer in use was accepted at least once."""
        self._username, self._password = username, password
        self._remembered = remembered
        self._most = most
        self._current: Authenticator | None = None
        self._renewed = False
        """The request in hand has been sent anew with a new nonce."""
        self._tried: set[tuple[Way, int]] = set()
        self._wrong = 0

    @property
    def way(self) -> Way | None:
        return self._current.challenge.way if self._current else None

    def header(self, method: str, url: str, body: bytes = b"") -> str | None:
        """The Authorization of a request with this body; None before anything was asked for."""
        return self._current.header(method, url, body) if self._current else None

    def well(self) -> None:
        """A request was answered with anything but 401."""
        self._renewed = False
        self.accepted = self._current is not None

    def again(self, challenges: Sequence[Challenge]) -> bool:
        """Whether to answer a 401 with these challenges; False = the user name or password is refused."""
        before = self._current
        if before is not None:
            new = self._same_with_new_nonce(before.challenge, challenges)
            if new is not None and not self._renewed and (self.accepted or new.stale):
                # Not every camera says "stale" when a nonce has grown old.
                self._renewed = True
                self._use(new)
                return True
            if self.accepted:
                return False
            self._wrong += 1
        return self._wrong < self._most and self._next(challenges)

    def _next(self, challenges: Sequence[Challenge]) -> bool:
        """The next way that has not been tried: each with the nonce at hand, then digests with the newest one."""
        ordered = sorted(challenges, key=lambda challenge: challenge.way != self._remembered)
        for turn in (0, 1):
            for challenge in ordered:
                key = (challenge.way, turn)
                if key in self._tried or (turn and challenge.scheme == "basic"):
                    continue
                self._tried.add(key)
                # The second time with the algorithm's name spelt the other way.
                self._use(attrs.evolve(challenge, quoted=challenge.quoted != bool(turn and challenge.algorithm)))
                return True
        return False

    def _use(self, challenge: Challenge) -> None:
        self._current = Authenticator(challenge, self._username, self._password)

    def _same_with_new_nonce(self, used: Challenge, challenges: Sequence[Challenge]) -> Challenge | None:
        for challenge in challenges:
            same = challenge.scheme == used.scheme and challenge.algorithm.lower() == used.algorithm.lower()
            if same and challenge.nonce != used.nonce:
                return attrs.evolve(challenge, quoted=used.quoted)
        return None


@attrs.define
class Authenticator:
    """Answers one challenge for as long as its nonce is good."""

    challenge: Challenge
    username: str = attrs.field(repr=False)
    password: str = attrs.field(repr=False)
    _count: int = 0

    def header(self, method: str, url: str, body: bytes = b"") -> str:
        """The Authorization header's value for one request. `url` exactly as in the request line."""
        if self.challenge.scheme == "basic":
            return "Basic " + b64encode(f"{self.username}:{self.password}".encode()).decode()
        self._count += 1
        return self._digest(method, url, body, secrets.token_hex(8), f"{self._count:08x}")

    def _digest(self, method: str, url: str, body: bytes, cnonce: str, count: str) -> str:
        offer = self.challenge
        new = _HASHES[_hash_name(offer.algorithm)]

        def digest(*parts: str) -> str:
            return new(":".join(parts).encode("utf-8", "surrogateescape")).hexdigest()

        first = digest(self.username, offer.realm, self.password)
        if offer.algorithm.lower().endswith("-sess"):
            first = digest(first, offer.nonce, cnonce)
        second = digest(method, url, new(body).hexdigest()) if offer.qop == "auth-int" else digest(method, url)
        if offer.qop:
            answer = digest(first, offer.nonce, count, cnonce, offer.qop, second)
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
            text += f', algorithm="{_escape(offer.algorithm)}"' if offer.quoted else f", algorithm={offer.algorithm}"
        if offer.qop:
            text += f', qop={offer.qop}, nc={count}, cnonce="{cnonce}"'
        elif offer.algorithm.lower().endswith("-sess"):
            text += f', cnonce="{cnonce}"'
        return "Digest " + text


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
