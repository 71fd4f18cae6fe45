"""What offers and answers have in common (SDP, RFC 8866): sections, candidates, and how the other end is reached.

All of it comes from outside, so it is bounded: lines, their length, candidates. Rules: what belongs to the transport
(ICE, DTLS) is taken from the section that was accepted, or from the session where the section lacks it. Where nothing
says who begins with DTLS, we do, as browsers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from camcast.net.host import is_address

MAX_LINES = 2000
MAX_CANDIDATES = 32
"""More are left out: each costs checks."""
_MAX_LINE = 4096
MAX_NAMED = 4
"""Candidates with the name of a host (RFC 8839 §5.1); each costs a look-up."""
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}$)(?![\d.]+$)(?:{_LABEL}\.)*{_LABEL}\.?", re.ASCII)
"""Of one label too, and with underlines: services of containers are called so. Numbers alone are an address."""
_TYPES = ("host", "srflx", "prflx", "relay")
_MEDIA = ("video", "audio")
_ROLES = {"active": True, "passive": False, "actpass": False, "": False}
"""Who begins, by a=setup: whether it is the other end. In an answer "actpass" is none (RFC 8842 §5.3), but given by
some."""


@attrs.frozen(kw_only=True)
class Remote:
    """How the other end is reached, and who it is."""

    username: str
    password: str = attrs.field(repr=False)
    fingerprints: tuple[tuple[str, str], ...]
    """(hash function, value) pairs."""
    active: bool
    """The other end begins the DTLS handshake."""
    lite: bool
    candidates: tuple[str, ...]
    """Those over UDP with an address, as SDP writes them, without "candidate:"."""
    named: tuple[str, ...]
    """The same, with the name of a host in the address's place."""
    complete: bool
    """No further candidates will come, and some may be of use: without any, the other end has to come to us."""
    tcp_only: bool
    """There are candidates, and all of them are for TCP."""


@attrs.define
class Section:
    """A media section, or what stands before the first."""

    media: str = ""
    port: int = 0
    types: tuple[int, ...] = ()
    """Payload types of video and sound."""
    protocol: str = ""
    formats: str = ""
    """As written."""
    attributes: list[tuple[str, str]] = attrs.field(factory=list)

    def all(self, name: str) -> list[str]:
        """The values of all attributes of this name."""
        return [value for key, value in self.attributes if key == name]

    def has(self, *names: str) -> bool:
        """Whether there is one of these attributes."""
        return any(key in names for key, _ in self.attributes)


def split(text: str) -> tuple[Section, list[Section]]:
    """The session's part and the sections. Raises `ValueError` that says what is wrong; it quotes nothing."""
    lines = text.lstrip("\ufeff \t\r\n").splitlines()
    if not lines or lines[0].strip() != "v=0":
        raise ValueError("it is no SDP: expected v=0 in the first line")
    if len(lines) > MAX_LINES:
        raise ValueError(f"it has {len(lines)} lines, more than {MAX_LINES}")
    session = section = Section()
    sections: list[Section] = []
    for line in lines:
        if len(line) > _MAX_LINE:
            raise ValueError(f"a line has {len(line)} characters, more than {_MAX_LINE}")
        kind, equals, value = line.strip().partition("=")
        if kind == "m" and equals:
            section = _media(value)
            sections.append(section)
        elif kind == "a" and equals:
            name, _, content = value.partition(":")
            section.attributes.append((name, content))
    return session, sections


def _media(value: str) -> Section:
    words = value.split()
    if len(words) < 4:
        raise ValueError("a media line is too short")
    return Section(
        media=words[0],
        port=number(words[1].partition("/")[0], 65535),
        types=tuple(number(word, 127) for word in words[3:]) if words[0] in _MEDIA else (),
        protocol=words[2],
        formats=" ".join(words[3:]),
    )


def number(text: str, most: int) -> int:
    """Raises `ValueError`."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= most):
        raise ValueError(f"expected a number up to {most}, got something else")
    return int(text)


def codecs(section: Section) -> dict[int, str]:
    """What each payload type is, in small letters: "h264/90000"."""
    found: dict[int, str] = {}
    for line in section.all("rtpmap"):
        words = line.lower().split()
        if len(words) >= 2 and words[0].isascii() and words[0].isdigit() and len(words[0]) <= 3:
            found[int(words[0])] = words[1]
    return found


def repeats(section: Section, payload_type: int) -> int:
    """The payload type of its repeats (RFC 4588), 0 = none."""
    lines = [line.partition(" ") for line in section.all("fmtp")]
    wanted = f"apt={payload_type}"
    found = next((kind for kind, _, rest in lines if rest.replace(" ", "").partition(";")[0] == wanted), "")
    return number(found, 127) if found else 0


def extension(section: Section, uri: str) -> int:
    """The number of a header extension, 0 = none. One-byte ones are numbered 1 to 14 (RFC 8285 §4.2)."""
    line = next((line for line in section.all("extmap") if uri in line.split()), "")
    found = number(line.split()[0].partition("/")[0], 255) if line else 0
    return found if found <= 14 else 0


def remote(session: Section, carrier: Section, sections: Sequence[Section]) -> Remote:
    """The other end, as the section that carries the transport tells it. Raises `ValueError`."""

    def one(name: str) -> str:
        found = carrier.all(name) or session.all(name)
        if not found:
            raise ValueError(f"it has no a={name}")
        return found[0]

    username, password = one("ice-ufrag"), one("ice-pwd")
    if not 4 <= len(username) <= 256 or not 22 <= len(password) <= 256:
        raise ValueError("its ICE user name or password has an impossible length")
    setup = next(iter(carrier.all("setup") or session.all("setup")), "").lower()
    if setup not in _ROLES:
        raise ValueError("expected a=setup:active or passive, got another value")
    fingerprints = [line.partition(" ") for line in carrier.all("fingerprint") or session.all("fingerprint")]
    if not fingerprints:
        raise ValueError("it has no a=fingerprint")
    raw = [line for section in [session, *sections] for line in section.all("candidate")]
    usable = list(dict.fromkeys(found for line in raw if (found := candidate(line))))
    return Remote(
        username=username,
        password=password,
        fingerprints=tuple((name.lower(), value.strip().upper()) for name, _, value in fingerprints),
        active=_ROLES[setup],
        lite=session.has("ice-lite") or carrier.has("ice-lite"),
        candidates=tuple(line for line in usable if is_address(line.split()[4]))[:MAX_CANDIDATES],
        named=tuple(line for line in usable if not is_address(line.split()[4]))[:MAX_NAMED],
        complete=bool(usable),
        tcp_only=bool(raw) and all(line.split()[2:3] in (["tcp"], ["TCP"]) for line in raw),
    )


def candidate(text: str) -> str:
    """The first eight words of a candidate over UDP, or "". Names of mDNS are none: they would be asked of everybody on
    the network."""
    words = text.split()[:8]
    if len(words) < 8 or words[1] != "1" or words[2].lower() != "udp" or words[6] != "typ" or words[7] not in _TYPES:
        return ""
    priority = words[3]
    if not is_address(words[4]) and (not _NAME.fullmatch(words[4]) or words[4].lower().rstrip(".").endswith(".local")):
        return ""
    try:
        good = number(words[5], 65535) and priority.isascii() and priority.isdigit() and len(priority) <= 10
    except ValueError:
        return ""
    words[2] = "udp"
    return " ".join(words) if good else ""
