"""The session description a camera answers DESCRIBE with (RFC 4566), as far as playing it needs. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TypeVar

import attrs

from camcast.errors import SourceError
from camcast.media import MediaKind

from .numbers import whole

_T = TypeVar("_T")
MAX_MEDIA = 16
MAX_LINES = 2000
MAX_FORMATS = 32
"""Payload types of one medium; there are 128 in all."""
MAX_FEEDBACK = 64

_STATIC = {
    0: ("PCMU", 8000, 1),
    2: ("G726-32", 8000, 1),
    3: ("GSM", 8000, 1),
    4: ("G723", 8000, 1),
    5: ("DVI4", 8000, 1),
    6: ("DVI4", 16000, 1),
    8: ("PCMA", 8000, 1),
    9: ("G722", 8000, 1),
    10: ("L16", 44100, 2),
    11: ("L16", 44100, 1),
    14: ("MPA", 90000, 1),
    16: ("DVI4", 11025, 1),
    17: ("DVI4", 22050, 1),
    18: ("G729", 8000, 1),
    26: ("JPEG", 90000, 1),
    31: ("H261", 90000, 1),
    32: ("MPV", 90000, 1),
    33: ("MP2T", 90000, 1),
    34: ("H263", 90000, 1),
}
"""Payload types that need no rtpmap (RFC 3551 §6)."""
_KINDS = {"video": MediaKind.VIDEO, "audio": MediaKind.AUDIO}


@attrs.frozen
class Format:
    """One payload type of a medium."""

    payload_type: int
    encoding: str
    """As spelt in the rtpmap: "H264", "MPEG4-GENERIC"."""
    clock_rate: int
    channels: int = 1
    parameters: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """From fmtp; names in lower case."""
    feedback: tuple[str, ...] = ()
    """From rtcp-fb: "nack pli"."""
    size: tuple[int, int] = (0, 0)
    """From x-dimensions, where a payload's header has no room for large pictures."""


@attrs.frozen
class Media:
    """One `m=` section."""

    kind: MediaKind
    formats: tuple[Format, ...]
    control: str
    """URL to set up, absolute or relative; "" = the session's own."""
    receivable: bool = True
    """False for a back channel, which the camera only listens to, and for what is switched off."""
    encrypted: bool = False
    """It comes as SRTP (RFC 3711)."""


@attrs.frozen
class Session:
    media: tuple[Media, ...]
    control: str = ""


@attrs.define
class _Section:
    name: str
    payload_types: list[int]
    secure: bool = False
    keyed: bool = False
    """It says with which key it is encrypted."""
    control: str = ""
    direction: str = ""
    maps: dict[int, tuple[str, int, int]] = attrs.field(factory=dict)
    parameters: dict[int, dict[str, str]] = attrs.field(factory=dict)
    feedback: list[tuple[str, str]] = attrs.field(factory=list)
    size: tuple[int, int] = (0, 0)

    def has_room(self, number: int, told: Mapping[int, object]) -> bool:
        """Whether what is said of a payload type is kept, beside what is `told` of others."""
        return number in self.payload_types or len(told) < MAX_FORMATS

    def of(self, number: int, told: Mapping[int, _T]) -> _T | None:
        """What is told of a payload type. Of the only one, whatever number it is told under: cameras exist whose
        lines do not agree in that."""
        found = told.get(number)
        strangers = [value for key, value in told.items() if key not in self.payload_types]
        return strangers[0] if found is None and strangers and len(self.payload_types) == 1 else found


def parse_sdp(data: bytes) -> Session:
    """Video and audio sections, in order. Raises `SourceError` when there is no media at all."""
    session = _Section("", [])
    sections: list[_Section] = []
    current = session
    # Not splitlines: it knows line ends that are none here.
    # What is no text in it comes back as it was: a control is sent.
    lines = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n").split("\n", MAX_LINES)
    for line in lines[:MAX_LINES]:
        key, mark, value = line.strip(" \t").partition("=")
        if not mark:
            continue
        if key == "m":
            if len(sections) == MAX_MEDIA:
                break
            words = value.split(None, MAX_FORMATS + 3)
            types = [number for number in (whole(word, 3) for word in words[3 : MAX_FORMATS + 3]) if number is not None]
            secure = len(words) > 2 and "SAVP" in words[2].upper()
            current = _Section(words[0].lower() if words else "", list(dict.fromkeys(types)), secure)
            sections.append(current)
        elif key == "a":
            _attribute(current, value)
    # ONVIF writes directions as the client sees them: "recvonly" media and a "sendonly" back channel. Other cameras
    # call their media "sendonly", as RFC 4566 has it.
    onvif = any(section.direction == "recvonly" for section in sections)
    silent = {"inactive", "sendonly"} if onvif else {"inactive"}
    media = tuple(_media(section, silent) for section in sections if section.name in _KINDS)
    if not media:
        raise SourceError("the camera's session description (SDP) names neither video nor audio")
    return Session(media, session.control)


def _attribute(section: _Section, text: str) -> None:
    name, _, value = text.partition(":")
    value = value.strip(" \t")
    match name.strip(" \t").lower():
        case "control":
            section.control = "" if value == "*" else value
        case "sendonly" | "recvonly" | "sendrecv" | "inactive" as direction:
            section.direction = direction
        case "crypto" | "key-mgmt":
            section.keyed = True
        case "rtpmap":
            number, rest = _numbered(value)
            parts = rest.split("/")
            if number is not None and parts[0].strip():
                # Some firmware leaves the clock rate out; in RTP, video's is 90 kHz.
                rate = (whole(parts[1]) if len(parts) > 1 else 0) or (90_000 if section.name == "video" else 0)
                channels = whole(parts[2], 2) if len(parts) > 2 else None
                if rate and section.has_room(number, section.maps):
                    section.maps[number] = (parts[0].strip(), rate, channels or 1)
        case "fmtp":
            number, rest = _numbered(value)
            if number is not None and section.has_room(number, section.parameters):
                section.parameters.setdefault(number, {}).update(_parameters(rest))
        case "x-dimensions":
            width, _, height = value.partition(",")
            section.size = (whole(width, 5) or 0, whole(height, 5) or 0)
        case "rtcp-fb":
            kind, _, rest = value.partition(" ")
            if len(section.feedback) < MAX_FEEDBACK:
                section.feedback.append((kind, rest.strip().lower()))
        case _:
            pass


def _numbered(value: str) -> tuple[int | None, str]:
    """ "96 H264/90000" as its payload type and what is said of it."""
    kind, *rest = value.replace("\t", " ").split(" ", 1)
    return whole(kind, 3), rest[0].strip(" ") if rest else ""


def _parameters(text: str) -> dict[str, str]:
    """fmtp's `name=value; name=value`. Values may hold '=' (base64) and stand in quotes."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        if name:
            found[name.strip().lower()] = value.strip().strip('"')
    return found


def _media(section: _Section, silent: Set[str]) -> Media:
    formats = []
    for number in section.payload_types:
        parameters = section.of(number, section.parameters) or {}
        known = section.maps.get(number) or _STATIC.get(number) or section.of(number, section.maps)
        known = known or _guess(section.name, parameters)
        if known is None:
            continue
        wanted = (str(number), "*")
        feedback = tuple(what for kind, what in section.feedback if kind in wanted)
        formats.append(Format(number, *known, parameters, feedback, section.size))
    receivable = section.direction not in silent
    encrypted = section.secure and section.keyed
    return Media(_KINDS[section.name], tuple(formats), section.control, receivable, encrypted)


def _guess(name: str, told: Mapping[str, str]) -> tuple[str, int, int] | None:
    """What a payload type without an rtpmap must be, by its parameters."""
    if name != "video":
        return None
    if "sprop-vps" in told or "sprop-sps" in told:
        return "H265", 90_000, 1
    return ("H264", 90_000, 1) if "sprop-parameter-sets" in told or "packetization-mode" in told else None


def control_url(base: str, control: str) -> str:
    """A medium's URL. Relative ones are appended, not resolved: that is what cameras mean, even behind a query."""
    if not control:
        return base
    if "://" in control:
        return control
    return base + control.removeprefix("/") if base.endswith("/") else f"{base}/{control.removeprefix('/')}"
