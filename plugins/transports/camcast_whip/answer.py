"""Reads the server's SDP answer (RFC 3264, RFC 8829) within bounds, since it comes from outside.

Rules: a section is known by its `mid`, or its kind where servers leave that out; a track without one is refused, as by
a port of 0. A server may number its payload types anew (RFC 3264 §6.1): its `rtpmap` counts. What belongs to the
transport (ICE, DTLS) is taken from the first section that was accepted, or from the session where the section lacks it.
Where nothing says who begins with DTLS, we do, as browsers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from camcast.media import MediaKind
from camcast.net.host import is_address
from camcast_whip.offer import MID_URI, OfferedTrack

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
_CODECS = {MediaKind.VIDEO: "h264/90000", MediaKind.AUDIO: "opus/48000"}
_ROLES = {"active": True, "passive": False, "actpass": False, "": False}
"""Who begins, by a=setup: whether it is the server. "actpass" is no answer (RFC 8842 §5.3), but given by some."""


@attrs.frozen(kw_only=True)
class Accepted:
    """What the server takes of one offered track."""

    payload_type: int
    """0 = refused."""
    profile: str = ""
    """The profile-level-id that was offered under this payload type."""
    repeat_payload_type: int = 0
    mid_extension: int = 0


@attrs.frozen(kw_only=True)
class Answer:
    """What the peer needs to know to connect."""

    username: str
    password: str = attrs.field(repr=False)
    fingerprints: tuple[tuple[str, str], ...]
    """(hash function, value) pairs."""
    active: bool
    """The server begins the DTLS handshake."""
    lite: bool
    candidates: tuple[str, ...]
    """Those over UDP with an address, as SDP writes them, without "candidate:"."""
    named: tuple[str, ...]
    """The same, with the name of a host in the address's place."""
    complete: bool
    """No further candidates will come, and some may be of use: without any, the server has to come to us."""
    tcp_only: bool
    """There are candidates, and all of them are for TCP."""
    tracks: tuple[Accepted, ...]
    """In the order of the offer."""


@attrs.define
class _Section:
    media: str = ""
    port: int = 0
    types: tuple[int, ...] = ()
    attributes: list[tuple[str, str]] = attrs.field(factory=list)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]


def read_answer(text: str, offer: Sequence[OfferedTrack]) -> Answer:
    """Raises `ValueError` that says what is wrong; its text quotes nothing of the answer."""
    session, sections = _split(text)
    matched = _matched(sections, offer)
    accepted = [_accepted(section, track) for section, track in zip(matched, offer, strict=True)]
    carrier = next((s for s, track in zip(matched, accepted, strict=True) if s and track.payload_type), None)
    if carrier is None:
        raise ValueError("it takes none of the offered codecs (H.264, Opus)")

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
    usable = list(dict.fromkeys(candidate for line in raw if (candidate := _usable(line))))
    return Answer(
        username=username,
        password=password,
        fingerprints=tuple((name.lower(), value.strip().upper()) for name, _, value in fingerprints),
        active=_ROLES[setup],
        lite=any(key == "ice-lite" for key, _ in session.attributes + carrier.attributes),
        candidates=tuple(line for line in usable if is_address(line.split()[4]))[:MAX_CANDIDATES],
        named=tuple(line for line in usable if not is_address(line.split()[4]))[:MAX_NAMED],
        complete=bool(usable),
        tcp_only=bool(raw) and all(line.split()[2:3] in (["tcp"], ["TCP"]) for line in raw),
        tracks=tuple(accepted),
    )


def _split(text: str) -> tuple[_Section, list[_Section]]:
    lines = text.lstrip("\ufeff \t\r\n").splitlines()
    if not lines or lines[0].strip() != "v=0":
        raise ValueError("it is no SDP: expected v=0 in the first line")
    if len(lines) > MAX_LINES:
        raise ValueError(f"it has {len(lines)} lines, more than {MAX_LINES}")
    session = section = _Section()
    sections: list[_Section] = []
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


def _media(value: str) -> _Section:
    words = value.split()
    if len(words) < 4:
        raise ValueError("a media line is too short")
    formats = words[3:] if words[0] in {kind.value for kind in _CODECS} else ()
    return _Section(words[0], _number(words[1].partition("/")[0], 65535), tuple(_number(w, 127) for w in formats))


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= most):
        raise ValueError(f"expected a number up to {most}, got something else")
    return int(text)


def _matched(sections: Sequence[_Section], offer: Sequence[OfferedTrack]) -> list[_Section | None]:
    """The section that answers each track, None where there is none."""
    found: list[_Section | None] = []
    for track in offer:
        ours = [section for section in sections if section.media == track.kind.value]
        found.append(next((one for one in ours if track.mid in one.all("mid")), ours[0] if ours else None))
    return found


def _accepted(section: _Section | None, track: OfferedTrack) -> Accepted:
    if section is None or not section.port:
        return Accepted(payload_type=0)
    if {name for name, _ in section.attributes} & {"sendonly", "inactive"}:
        return Accepted(payload_type=0)
    maps = dict(line.lower().split()[:2] for line in section.all("rtpmap") if len(line.split()) >= 2)
    wanted = _CODECS[track.kind]
    chosen = next(
        (kind for kind in section.types if f"{maps.get(str(kind), '')}/".startswith(f"{wanted}/")),
        next((kind for kind in section.types if kind in track.payload_types and str(kind) not in maps), 0),
    )
    if not chosen:
        return Accepted(payload_type=0)
    index = track.payload_types.index(chosen) if chosen in track.payload_types else 0
    repeats = [line.partition(" ") for line in section.all("fmtp")]
    repeat = next((kind for kind, _, rest in repeats if rest.replace(" ", "").partition(";")[0] == f"apt={chosen}"), "")
    extension = next((line for line in section.all("extmap") if MID_URI in line.split()), "")
    number = extension.split()[0].partition("/")[0] if extension else "0"
    extension_number = _number(number, 255)
    return Accepted(
        payload_type=chosen,
        profile=track.profiles[index] if track.profiles else "",
        repeat_payload_type=_number(repeat, 127) if repeat else 0,
        # One-byte header extensions are numbered 1 to 14 (RFC 8285 §4.2).
        mid_extension=extension_number if extension_number <= 14 else 0,
    )


def _usable(candidate: str) -> str:
    """The first eight words of a candidate over UDP, or "". Names of mDNS are none: they would be asked of everybody on
    the network."""
    words = candidate.split()[:8]
    if len(words) < 8 or words[1] != "1" or words[2].lower() != "udp" or words[6] != "typ" or words[7] not in _TYPES:
        return ""
    priority = words[3]
    if not is_address(words[4]) and (not _NAME.fullmatch(words[4]) or words[4].lower().rstrip(".").endswith(".local")):
        return ""
    try:
        good = _number(words[5], 65535) and priority.isascii() and priority.isdigit() and len(priority) <= 10
    except ValueError:
        return ""
    words[2] = "udp"
    return " ".join(words) if good else ""
