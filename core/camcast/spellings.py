"""In which ways a secret may be written in a text, and where it stands there. Pure.

It is found as it is, by escapes of URLs, of HTML, of JSON or Python, in Base64 or hex, in other case, and with anything
but letters and digits put in between.
"""

from __future__ import annotations

import html.entities
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote

MIN_SECRET = 3
"""Shorter secrets are hidden in URLs but not hunted for in free text, where they would hit ordinary words."""
_MIN_LOOSE = 6
"""Letters and digits. Shorter secrets are hunted for in their usual spellings only."""
_ESCAPE = re.compile(r"%[0-9A-F]{2}")
_SIGN = re.compile(
    r"(?:(?:\x1b|\\u001[bB]|\\x1[bB])\[|\x9b)[0-9;:?]{0,20}[@-~]"
    r"|%(?:25)*(?P<percent>[0-9A-Fa-f]{2})"
    r"|&(?:amp;)*(?:#(?P<decimal>[0-9]{1,7})|#[xX](?P<hex>[0-9A-Fa-f]{1,6})|(?P<name>[A-Za-z]{2,8}));"
    r"|\\(?:x(?P<byte>[0-9A-Fa-f]{2})|u(?P<unit>[0-9A-Fa-f]{4})|[abfnrtv])"
    r"|(?P<plain>[^%&\\\x1b\x9b]+)"
    r"|.",
    re.DOTALL,
)
"""What a terminal obeys (ECMA-48 §5.4), as it is or escaped; a character that is escaped, once or several times over;
what JSON and Python write for ends of lines; characters as they are; a sign of escapes that begins none."""
_ESCAPES = re.compile(r"[%&\\\x1b]")
"""With none of them, an ASCII text is what it says."""
_NO_LETTER = {code: None for code in range(128) if not chr(code).isalnum()}
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")


class Sought:
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
            said, places = letters(text)
            for needle in self._needles:
                found += [(places[at][0], places[at + len(needle) - 1][1]) for at in _places(said, needle)]
        return found + _coded(text, self._forms)

    def _without_needles(self, text: str) -> bool:
        """Whether none can be among the letters and digits of `text`, by a look that costs next to nothing."""
        if not text.isascii() or _ESCAPES.search(text):
            return False
        said = text.lower().translate(_NO_LETTER)
        return not any(needle in said for needle in self._needles)


def letters(text: str) -> tuple[str, list[tuple[int, int]]]:
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
    whole, _ = letters(secret)
    if len(whole) < _MIN_LOOSE:
        return (), ()
    needles, forms = {whole}, set()
    # What comes from a URL may be meant without its escapes.
    for raw in {text.encode("utf-8", "replace") for text in (secret, unquote(secret))}:
        needles.add(raw.hex())
        for before in range(3):
            for encode in (b64encode, urlsafe_b64encode):
                # Six bits make a sign: those at the edges hold bits of what stands beside the secret.
                coded = encode(bytes(before) + raw).decode()
                forms.add(coded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6])
    return tuple(sorted(needles)), tuple(sorted(forms))


def _all_spellings(secrets: frozenset[str]) -> tuple[str, ...]:
    """The longest first, since one may be part of another."""
    found: set[str] = set()
    for secret in secrets:
        found |= _spellings(secret)
    return tuple(sorted(found, key=len, reverse=True))


def _spellings(secret: str) -> set[str]:
    if len(secret) < MIN_SECRET:
        return set()
    encoded = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    # Some servers echo escapes with small letters.
    encoded |= {_ESCAPE.sub(lambda match: match[0].lower(), form) for form in encoded}
    forms = {secret, unquote(secret), repr(secret)[1:-1], json.dumps(secret)[1:-1], *encoded}
    return {form for form in forms if len(form) >= MIN_SECRET}
