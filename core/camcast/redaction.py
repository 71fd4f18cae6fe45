"""The one place that hides secrets. When unsure it hides too much.

A URL is shown as scheme, host, port and the path up to its last component; the last component (the stream
key), any other that holds a password, user, password, query and fragment become `***`. The last component is shown
where it is handed over as a `name`: whoever does so knows that it is no secret (`config.shown_names`).

In free text a known secret is found in whatever way it is written: as it is, by escapes of URLs, of HTML, of JSON or
Python, in Base64 or hex, in other case, and with anything but letters and digits put in between. A text of a peer's
goes through `words`: first hidden in the whole of it, then cleaned, then cut.
"""

from __future__ import annotations

import html.entities
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from urllib.parse import quote, quote_plus, unquote

HIDDEN = "***"

_URL = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{0,30}://[^\s\"<>]+")
"""Up to a space or a sign that no URL holds. An apostrophe is legal in a key, so it does not end one. Without a limit
for the scheme, looking for the next one would take time that grows with the square of the text."""
_AUTHORITY = re.compile(r"^(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://(?P<rest>.*)$", re.DOTALL)
_STRUCTURE = re.compile(r"[/?#]")
_QUERY = re.compile(r"[?#]")
_LOGIN = re.compile(r"(?:pass|pwd|psw|user)[a-z]{0,16}(?:=|%3d)", re.IGNORECASE)
_PAIRS = re.compile(r"[?&#;]")
_AFTER_URL = ".,:;!)]}'"
"""Signs that end a clause or a quotation rather than a name."""
_ESCAPE = re.compile(r"%[0-9A-F]{2}")
_WORD = r"(?:live|stream|cam|camera|ch|channel|main|sub|test|venc)\d{0,4}"
_PLAIN_NAME = re.compile(rf"{_WORD}(?:[_-](?:{_WORD}|\d{{1,4}})){{0,2}}")
"""Names such as "stream1" or "cam0_main", which nobody keeps as a secret."""
_MAX_WAYS = 64
_MIN_SECRET = 3
"""Shorter secrets are hidden in URLs but not hunted for in free text, where they would hit ordinary words."""
_MIN_LOOSE = 6
"""Letters and digits. Shorter secrets are hunted for in their usual spellings only."""
_WORDS = """
attempt authentication camcast camera cameras certificate codec command configuration connect connected
connection credential credentials disconnected encoder encrypted endpoint expected fingerprint framerate
handshake hostname keyframe keyframes livestream media message messages network output outputs passphrase
password passwords picture pictures plugin profile protocol proxy publish published publisher publishing
receiver redirect refused rejected resolution seconds server servers session sessions source sources stream
streamed streamid streaming streams timeout timestamp timestamps transcode transport transports username video
"""
_OURS = frozenset(_WORDS.split())
"""Words of our own texts. One that is part of such a word is no secret: "pass***" would tell that it is "word"."""
_LONGEST = max(map(len, _OURS))
_PART = 4
"""Letters and digits that a piece and a secret must have in common, to be of one another."""
MAX_WORDS = 300
_MAX_READ = 4096
"""Characters of a peer's text that are looked at."""
_SIGN = re.compile(
    r"%(?:25)*(?P<percent>[0-9A-Fa-f]{2})"
    r"|&(?:amp;)*(?:#(?P<decimal>[0-9]{1,7})|#[xX](?P<hex>[0-9A-Fa-f]{1,6})|(?P<name>[A-Za-z]{2,8}));"
    r"|\\(?:x(?P<byte>[0-9A-Fa-f]{2})|u(?P<unit>[0-9A-Fa-f]{4}))"
    r"|(?P<plain>[^%&\\\x1b\x9b]+)"
    r"|(?:\x1b\[|\x9b)[0-9;:?]{0,20}[@-~]"
    r"|.",
    re.DOTALL,
)
"""A character that is escaped, once or several times over; characters as they are; what a terminal obeys
(ECMA-48 §5.4); a sign of escapes that begins none."""
_ESCAPES = re.compile(r"[%&\\\x1b]")
"""With none of them, an ASCII text is what it says."""
_NO_LETTER = {code: None for code in range(128) if not chr(code).isalnum()}
_TERMINAL = re.compile(r"(?:\x1b\[|\x9b)[0-9;:?]{0,20}[@-~]")
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")


def redact_url(url: str, name: str = "") -> str:
    """`rtmp://user:pw@host/live/key?token=1` becomes `rtmp://***@host/live/***`.

    With "key" as `name` it becomes `rtmp://***@host/live/key?***`.
    """
    match = _AUTHORITY.match(url)
    if match is None:
        return HIDDEN if url else ""
    scheme, rest = match["scheme"], match["rest"]
    # A password may itself hold '/', '?' or '#', so credentials end at the last '@'. An '@' inside a stream
    # key then hides the host too: too much is better than too little.
    credentials, at, tail = rest.rpartition("@")
    if at and re.search(r"[/?#]", credentials):
        return f"{scheme}://{HIDDEN}"
    authority, slash, path = _QUERY.split(tail, maxsplit=1)[0].partition("/")
    shown = f"{scheme}://{HIDDEN + '@' if at else ''}{authority}"
    if not slash:
        return shown + (f"/{HIDDEN}" if tail != authority else "")
    if not path and "?" not in tail and "#" not in tail:
        return shown + "/"
    app, _, key = path.rpartition("/")
    more = f"?{HIDDEN}" if _QUERY.search(tail) else ""
    app = "/".join(HIDDEN if holds_login(part) else part for part in app.split("/"))
    return f"{shown}/{app + '/' if app else ''}{key + more if name and key == name else HIDDEN}"


def redact_name(url: str) -> str:
    """The URL as `redact_url` shows it, but with the published name where it is plainly no secret: "stream1"."""
    shown = redact_url(url)
    name = url.rpartition("/")[2]
    return shown if is_secret_name(name) or not shown.endswith(f"/{HIDDEN}") else shown.removesuffix(HIDDEN) + name


def holds_login(path: str) -> bool:
    """Whether a path holds a user or a password, as those of many cameras do: `user=admin_password=…_channel=1`."""
    return _LOGIN.search(path) is not None


def is_secret_name(name: str) -> bool:
    """Whether a published name, or a template of one, may be a stream key. When unsure it is one."""
    name = name.replace("{stream_name}", "main").replace("{camera_id}", "0").replace("{stream_id}", "0")
    return _PLAIN_NAME.fullmatch(name) is None


class Redactor:
    """Hides one set of secrets in text after text. What is looked for is worked out once, when it is first needed.

    A server that is down gives the same text at each attempt, so the last one is remembered.
    """

    __slots__ = ("_last", "_name", "_secrets", "_sought")

    def __init__(self, secrets: Iterable[str] = (), name: str = "") -> None:
        """A URL's last part is shown where it is `name`."""
        self._name = name
        self._secrets = frozenset(secret for secret in secrets if len(secret) >= _MIN_SECRET)
        self._sought: _Sought | None = None
        self._last = ("", "")

    def __repr__(self) -> str:
        return f"Redactor(of {len(self._secrets)})"

    def text(self, text: str) -> str:
        """`text` without every URL's key and credentials, and without the secrets in any of their spellings."""
        last, shown = self._last
        if text != last:
            shown = self._hidden(text)
            self._last = (text, shown)
        return shown

    def words(self, text: str, limit: int = MAX_WORDS) -> str:
        """See `words`."""
        line = text[:_MAX_READ]
        if len(text) > _MAX_READ:
            line = _without_beginning(line, self._secrets)
        line = _TERMINAL.sub(" ", self.text(line))
        line = " ".join("".join(sign if sign.isprintable() else " " for sign in line).split())
        return line if len(line) <= limit else line[: limit - 1] + "…"

    def _hidden(self, text: str) -> str:
        # All are looked for in the text as it came: with a part of one hidden, the rest may not look like what it is.
        found = self._found(text)
        for match in _URL.finditer(text):
            shown = _shown_url(match[0], self._name)
            found.append((match.start(), match.end(), _without(shown, self._found(shown))))
        return _without(text, found) if found else text

    def _found(self, text: str) -> list[tuple[int, int, str]]:
        """Where secrets stand in `text`, and what is shown instead."""
        if not self._secrets:
            return []
        sought = self._sought = self._sought or _Sought(self._secrets)
        return [(start, end, HIDDEN) for start, end in sought.places(text) if not _part_of_ours(text, start, end)]


def redact_text(text: str, secrets: Iterable[str] = (), name: str = "") -> str:
    """Hide every URL's key and credentials in `text`, and each of `secrets` in any of its spellings.

    A URL's last part is shown where it is `name`.
    """
    return _redactor(frozenset(secrets), name).text(text)


def _shown_url(url: str, name: str) -> str:
    """A URL that stands in a text, which may go on behind it: "rtmp://host/live/cam0: refused"."""
    body = url.rstrip(_AFTER_URL) if name else url
    return redact_url(body, name) + url[len(body) :] if body.endswith(f"/{name}") else redact_url(url, name)


def words(text: str, secrets: Iterable[str] = (), limit: int = MAX_WORDS, name: str = "") -> str:
    """A peer's text as one printable line of at most `limit` characters, without secrets."""
    return _redactor(frozenset(secrets), name).words(text, limit)


def piece(text: str, secrets: Iterable[str] = (), limit: int = MAX_WORDS) -> str:
    """What we have taken out of a peer's text (a name, a number), as `words`; hidden if it may be a part of a secret.

    A peer may put what parts it in the middle of a secret. The whole text would be known to have it, a piece is not.
    """
    said = _letters(text[:_MAX_READ])[0]
    parts = {said[at : at + _PART] for at in range(len(said) - _PART + 1)}
    secrets = frozenset(secrets)
    for secret in secrets:
        wanted = _letters(secret)[0]
        if any(wanted[at : at + _PART] in parts for at in range(len(wanted) - _PART + 1)):
            return HIDDEN
    return words(text, secrets, limit)


class _Sought:
    """What is looked for, of one set of secrets."""

    __slots__ = ("_forms", "_needles", "_ways")

    def __init__(self, secrets: frozenset[str]) -> None:
        self._ways = _all_spellings(secrets)
        loose = [_loose(secret) for secret in secrets]
        self._needles = tuple(dict.fromkeys(needle for needles, _ in loose for needle in needles))
        self._forms = tuple(dict.fromkeys(form for _, forms in loose for form in forms))

    def places(self, text: str) -> list[tuple[int, int]]:
        """Where one of them begins and ends in `text`."""
        found = [(at, at + len(way)) for way in self._ways if way in text for at in _places(text, way)]
        if self._needles and not self._without_needles(text):
            said, places = _letters(text)
            for needle in self._needles:
                found += [(places[at][0], places[at + len(needle) - 1][1]) for at in _places(said, needle)]
        return found + _coded(text, self._forms)

    def _without_needles(self, text: str) -> bool:
        """Whether none can be among the letters and digits of `text`, by a look that costs next to nothing."""
        if not text.isascii() or _ESCAPES.search(text):
            return False
        said = text.lower().translate(_NO_LETTER)
        return not any(needle in said for needle in self._needles)


def _part_of_ours(text: str, start: int, end: int) -> bool:
    """Whether a place is a part of one of `_OURS`, not the whole of it."""
    begin, until = start, end
    while begin > 0 and start - begin < _LONGEST and text[begin - 1].isalpha():
        begin -= 1
    while until < len(text) and until - end < _LONGEST and text[until].isalpha():
        until += 1
    return (begin, until) != (start, end) and text[begin:until].lower() in _OURS


def _without(text: str, found: Iterable[tuple[int, int, str]]) -> str:
    """`text` with each place shown otherwise. Of places that overlap, all that the first leaves is hidden."""
    parts: list[str] = []
    at = 0
    for start, end, shown in sorted(found, key=lambda place: (place[0], -place[1])):
        if end > at:
            parts += (text[at:start], shown) if start >= at else (HIDDEN,)
            at = end
    return "".join((*parts, text[at:]))


def _without_beginning(text: str, secrets: Iterable[str]) -> str:
    """`text`, which we have cut, without the first part of a secret at its end."""
    said, places = _letters(text)
    at = len(text)
    for secret in secrets:
        wanted = _letters(secret)[0]
        for size in range(1, min(len(wanted), len(said))):
            if said.endswith(wanted[:size]):
                at = min(at, places[-size][0])
    return text[:at]


def _letters(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The letters and digits of `text` without their escapes, in lower case, and where each of them stands."""
    found: list[str] = []
    places: list[tuple[int, int]] = []
    coded: list[tuple[int, tuple[int, int]]] = []

    def take(sign: str, place: tuple[int, int]) -> None:
        if sign.isalnum():
            found.append(sign.lower()[0])
            places.append(place)

    def decode() -> None:
        """Bytes that stand side by side may be one character of UTF-8."""
        at = 0
        for sign in bytes(byte for byte, _ in coded).decode("utf-8", "surrogateescape"):
            size = len(sign.encode("utf-8", "surrogateescape"))
            take(sign, (coded[at][1][0], coded[at + size - 1][1][1]))
            at += size
        coded.clear()

    for match in _SIGN.finditer(text):
        kind = match.lastgroup
        if kind in ("percent", "byte"):
            coded.append((int(match[kind], 16), match.span()))
            continue
        if coded:
            decode()
        if kind == "plain":
            for at, sign in enumerate(match[0], match.start()):
                take(sign, (at, at + 1))
        elif kind is not None:
            for sign in _character(match, kind):
                take(sign, match.span())
    decode()
    return "".join(found), places


def _character(match: re.Match[str], kind: str) -> str:
    """What an escape by name or number stands for."""
    if kind == "name":
        return html.entities.html5.get(f"{match['name']};", match[0])
    number = int(match[kind], 10 if kind == "decimal" else 16)
    return chr(number) if number <= 0x10FFFF else ""


def _places(text: str, wanted: str) -> list[int]:
    found, at = [], text.find(wanted)
    while at >= 0:
        found.append(at)
        at = text.find(wanted, at + len(wanted))
    return found


def _coded(text: str, forms: Iterable[str]) -> list[tuple[int, int]]:
    """Where Base64 with the secret in it stands: the whole of it, from its first sign to its last."""
    found = []
    for form in forms:
        at = text.find(form)
        while at >= 0:
            start, end = at, at + len(form)
            while start > 0 and ord(text[start - 1]) < 128 and ord(text[start - 1]) in _BASE64:
                start -= 1
            while end < len(text) and ord(text[end]) < 128 and ord(text[end]) in _BASE64:
                end += 1
            found.append((start, end))
            at = text.find(form, end)
    return found


def _loose(secret: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What to look for among letters and digits, and what of any Base64 that holds the secret is always the same.

    Nothing where the secret is too short for it.
    """
    letters, _ = _letters(secret)
    if len(letters) < _MIN_LOOSE:
        return (), ()
    needles, forms = {letters}, set()
    # What comes from a URL may be meant without its escapes.
    for raw in {text.encode("utf-8", "replace") for text in (secret, unquote(secret))}:
        needles.add(raw.hex())
        for before in range(3):
            for encode in (b64encode, urlsafe_b64encode):
                # Six bits make a sign: those at the edges hold bits of what stands beside the secret.
                whole = encode(bytes(before) + raw).decode()
                forms.add(whole[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6])
    return tuple(sorted(needles)), tuple(sorted(forms))


def url_secrets(url: str, name: str = "") -> frozenset[str]:
    """What of `url` must never be shown: password, query, and the last path component unless it is `name`.

    Where an '@' leaves several ways to read the URL, what is secret in any of them counts.
    """
    match = _AUTHORITY.match(url)
    if match is None:
        return frozenset()
    rest = match["rest"]
    found: set[str] = set()
    # No more are made than are looked at: a redirect to 64 KB of '@' would take gigabytes.
    ends = [match.start() for match in islice(re.finditer("@", rest), _MAX_WAYS)]
    for credentials, tail in [("", rest), *((rest[:at], rest[at + 1 :]) for at in ends)]:
        found.add(credentials.partition(":")[2])
        authority = _STRUCTURE.split(tail, maxsplit=1)[0]
        path = tail[len(authority) + 1 :]
        plain = _QUERY.split(path, maxsplit=1)[0]
        key = plain.rpartition("/")[2]
        query = path[len(plain) + 1 :]
        whole = path[len(plain) - len(key) :]
        found |= {key, whole} - {name} | {query, *_QUERY.split(query)}
        found |= {pair.partition("=")[2] for pair in _PAIRS.split(query)}
        for part in filter(holds_login, plain.split("/")[:-1]):
            found |= {part, *(pair.partition("=")[2] for pair in _PAIRS.split(part))}
    return frozenset(secret for secret in found if len(secret) >= _MIN_SECRET)


@lru_cache(maxsize=128)
def _redactor(secrets: frozenset[str], name: str) -> Redactor:
    return Redactor(secrets, name)


def _all_spellings(secrets: frozenset[str]) -> tuple[str, ...]:
    """The longest first, since one may be part of another."""
    found: set[str] = set()
    for secret in secrets:
        found |= _spellings(secret)
    return tuple(sorted(found, key=len, reverse=True))


def _spellings(secret: str) -> set[str]:
    if len(secret) < _MIN_SECRET:
        return set()
    encoded = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    # Some servers echo escapes with small letters.
    encoded |= {_ESCAPE.sub(lambda match: match[0].lower(), form) for form in encoded}
    forms = {secret, unquote(secret), repr(secret)[1:-1], json.dumps(secret)[1:-1], *encoded}
    return {form for form in forms if len(form) >= _MIN_SECRET}
