"""The one place that hides secrets. When unsure it hides too much.

A URL is shown as scheme, host, port and the path up to its last component; the last component (the stream
key), any other that holds a password, user, password, query and fragment become `***`. The last component is shown
where it is handed over as a `name`: whoever does so knows that it is no secret (`config.shown_names`).

In free text a known secret is found in whatever way it is written (`spellings.py`). A text of a peer's goes through
`words`: first hidden in the whole of it, then cleaned, then cut. What was taken out of one goes through `excerpt`, as
the rest of a secret may stand where it was parted, or `piece`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from camcast.spellings import MIN_SECRET, Sought, letters

HIDDEN = "***"
_NOTHING = f"://{HIDDEN}"
"""How a URL ends of which nothing but the scheme is shown."""

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
_WORD = r"(?:live|stream|cam|camera|ch|channel|main|sub|test|venc)\d{0,4}"
_PLAIN_NAME = re.compile(rf"{_WORD}(?:[_-](?:{_WORD}|\d{{1,4}})){{0,2}}")
"""Names such as "stream1" or "cam0_main", which nobody keeps as a secret."""
_MAX_WAYS = 4
"""In which a URL with many '@' is read: by as many of the first, and of the last. Each may be as long as the URL."""
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
MAX_URL = 2048
"""Characters of an address that a peer sends us to: all its parts are looked for in each text from there on."""
_TERMINAL = re.compile(r"(?:\x1b\[|\x9b)[0-9;:?]{0,20}[@-~]")


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

    __slots__ = ("_last", "_letters", "_name", "_secrets", "_sought")

    def __init__(self, secrets: Iterable[str] = (), name: str = "") -> None:
        """A URL's last part is shown where it is `name`."""
        self._name = name
        self._secrets = frozenset(secret for secret in secrets if len(secret) >= MIN_SECRET)
        self._sought: Sought | None = None
        self._letters: tuple[str, ...] | None = None
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
            line = _without_beginning(line, self._wanted)
        line = _TERMINAL.sub(" ", self.text(line))
        line = " ".join("".join(sign if sign.isprintable() else " " for sign in line).split())
        return line if len(line) <= limit else line[: limit - 1] + "…"

    def excerpt(self, text: str, limit: int = MAX_WORDS) -> str:
        """See `excerpt`."""
        return self.words(_cut_out(text[:_MAX_READ], self._wanted), limit)

    def piece(self, text: str, limit: int = MAX_WORDS) -> str:
        """See `piece`."""
        said = letters(text[:_MAX_READ])[0]
        parts = {said[at : at + _PART] for at in range(len(said) - _PART + 1)}
        if any(one[at : at + _PART] in parts for one in self._wanted for at in range(len(one) - _PART + 1)):
            return HIDDEN
        return self.words(text, limit)

    def trimmed(self, text: str) -> str:
        """`text` without what at its edges may be the rest of a secret."""
        return _without_edges(text, self._wanted)

    def plain(self, text: str) -> str:
        """`text` without the secrets, and with URLs as they are."""
        return _without(text, self._found(text))

    def address(self, url: str) -> str:
        """A URL that a peer has named, as `redact_url` shows one, and each part of it as an `excerpt`."""
        shown = redact_url(url, self._name)
        if shown.endswith(_NOTHING):
            return shown
        shown = redact_url(self.plain(url), self._name)
        scheme, mark, rest = shown.partition("://")
        parts = "/".join(_cut_out(part, self._wanted) for part in rest.split("/"))
        return self.text(f"{scheme}{mark}{parts}")

    @property
    def _wanted(self) -> tuple[str, ...]:
        """The secrets' letters and digits."""
        if self._letters is None:
            self._letters = tuple(letters(secret)[0] for secret in self._secrets)
        return self._letters

    def _hidden(self, text: str) -> str:
        # All are looked for in the text as it came: with a part of one hidden, the rest may not look like what it is.
        found = self._found(text)
        for match in _URL.finditer(text):
            shown = _shown_url(match[0], self._name)
            if not shown.endswith(_NOTHING):
                # Where a part of a URL is left out, too, the rest may not look like what it is.
                shown = _shown_url(self.plain(match[0]), self._name)
            found.append((match.start(), match.end(), self.plain(shown)))
        return _without(text, found) if found else text

    def _found(self, text: str) -> list[tuple[int, int, str]]:
        """Where secrets stand in `text`, and what is shown instead."""
        if not self._secrets:
            return []
        sought = self._sought = self._sought or Sought(self._secrets)
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


def excerpt(text: str, secrets: Iterable[str] = (), limit: int = MAX_WORDS) -> str:
    """What a peer's text was parted into, or one of several texts of its, as `words`: without what at its edges may be
    the rest of a secret."""
    return _redactor(frozenset(secrets), "").excerpt(text, limit)


def piece(text: str, secrets: Iterable[str] = (), limit: int = MAX_WORDS) -> str:
    """What we have taken out of a peer's text (a name, a number), as `words`; hidden if it may be a part of a secret.

    A peer may put what parts it in the middle of a secret. The whole text would be known to have it, a piece is not.
    """
    return _redactor(frozenset(secrets), "").piece(text, limit)


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


def _cut_out(text: str, wanted: Iterable[str]) -> str:
    """`text` without what may be of a secret beyond its edges; that may be all of it. `wanted`: secrets' letters."""
    said, _ = letters(text)
    within = len(said) >= _PART and any(said in one for one in wanted)
    return HIDDEN if within else _without_edges(text, wanted)


def _without_edges(text: str, wanted: Iterable[str]) -> str:
    """`text`, at whose end a secret may begin, and end where it begins."""
    said, places = letters(text)
    begin, end = 0, len(said)
    for one in wanted:
        begin = max(begin, _end_of(one, said))
        end = min(end, _begin_of(one, said))
    if begin >= end:
        return HIDDEN if begin or end < len(said) else text
    front, back = HIDDEN if begin else "", HIDDEN if end < len(said) else ""
    return front + text[places[begin - 1][1] if begin else 0 : places[end][0] if back else len(text)] + back


def _end_of(secret: str, said: str) -> int:
    """Up to where `said` is the end of a secret, `_PART` letters of it or more; 0 = it is not."""
    at = said.rfind(secret[-_PART:], 0, len(secret) - 1) if len(secret) > _PART else -1
    while at >= 0 and not secret.endswith(said[: at + _PART]):
        at = said.rfind(secret[-_PART:], 0, at + _PART - 1)
    return at + _PART if at >= 0 else 0


def _begin_of(secret: str, said: str) -> int:
    """From where on `said` is the beginning of a secret; its length = it is not."""
    at = said.find(secret[:_PART], max(0, len(said) - len(secret) + 1)) if len(secret) > _PART else -1
    while at >= 0 and not secret.startswith(said[at:]):
        at = said.find(secret[:_PART], at + 1)
    return at if at >= 0 else len(said)


def _without_beginning(text: str, wanted: Iterable[str]) -> str:
    """`text`, which we have cut, without the first part of a secret at its end."""
    said, places = letters(text)
    at = len(text)
    for one in wanted:
        for size in range(1, min(len(one), len(said))):
            if said.endswith(one[:size]):
                at = min(at, places[-size][0])
    return text[:at]


def url_secrets(url: str, name: str = "") -> frozenset[str]:
    """What of `url` must never be shown: password, query, and the last path component unless it is `name`.

    Where an '@' leaves several ways to read the URL, what is secret in any of them counts.
    """
    match = _AUTHORITY.match(url)
    if match is None:
        return frozenset()
    rest = match["rest"]
    found: set[str] = set()
    ends = [match.start() for match in re.finditer("@", rest)]
    ends = [*ends[:_MAX_WAYS], *ends[_MAX_WAYS:][-_MAX_WAYS:]]
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
    return frozenset(secret for secret in found if len(secret) >= MIN_SECRET)


@lru_cache(maxsize=128)
def _redactor(secrets: frozenset[str], name: str) -> Redactor:
    return Redactor(secrets, name)
