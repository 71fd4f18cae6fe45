"""Reads the server's SDP answer (RFC 3264, RFC 8829) within bounds, since it comes from outside.

Rules: a section is known by its `mid`, or its kind where servers leave that out; a track without one is refused, as by
a port of 0. A server may number its payload types anew (RFC 3264 §6.1): its `rtpmap` counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from camcast.media import MediaKind
from camcast_whip import sdp, transport_wide
from camcast_whip.offer import MID_URI, OfferedTrack
from camcast_whip.sdp import Remote, Section

_CODECS = {MediaKind.VIDEO: "h264/90000", MediaKind.AUDIO: "opus/48000"}


@attrs.frozen(kw_only=True)
class Accepted:
    """What the server takes of one offered track."""

    payload_type: int
    """0 = refused."""
    profile: str = ""
    """The profile-level-id that was offered under this payload type."""
    repeat_payload_type: int = 0
    mid_extension: int = 0
    wide_extension: int = 0
    """0 = the server does not tell by each packet what came."""
    one_unit: bool = False
    """It asks for H.264 of one unit a packet (packetization-mode 0), which was not offered."""


@attrs.frozen(kw_only=True)
class Answer(Remote):
    """What the peer needs to know to connect, and what the server takes."""

    tracks: tuple[Accepted, ...]
    """In the order of the offer."""


def read_answer(text: str, offer: Sequence[OfferedTrack]) -> Answer:
    """Raises `ValueError` that says what is wrong; its text quotes nothing of the answer."""
    session, sections = sdp.split(text)
    matched = _matched(sections, offer)
    accepted = [_accepted(section, track) for section, track in zip(matched, offer, strict=True)]
    carrier = next((s for s, track in zip(matched, accepted, strict=True) if s and track.payload_type), None)
    if carrier is None:
        raise ValueError("it takes none of the offered codecs (H.264, Opus)")
    remote = sdp.remote(session, carrier, sections)
    return Answer(**attrs.asdict(remote, recurse=False), tracks=tuple(accepted))


def _matched(sections: Sequence[Section], offer: Sequence[OfferedTrack]) -> list[Section | None]:
    """The section that answers each track, None where there is none."""
    found: list[Section | None] = []
    for track in offer:
        ours = [section for section in sections if section.media == track.kind.value]
        found.append(next((one for one in ours if track.mid in one.all("mid")), ours[0] if ours else None))
    return found


def _accepted(section: Section | None, track: OfferedTrack) -> Accepted:
    if section is None or not section.port or section.has("sendonly", "inactive"):
        return Accepted(payload_type=0)
    maps, wanted = sdp.codecs(section), _CODECS[track.kind]
    chosen = next(
        (kind for kind in section.types if f"{maps.get(kind, '')}/".startswith(f"{wanted}/")),
        next((kind for kind in section.types if kind in track.payload_types and kind not in maps), 0),
    )
    if not chosen:
        return Accepted(payload_type=0)
    index = track.payload_types.index(chosen) if chosen in track.payload_types else 0
    return Accepted(
        payload_type=chosen,
        profile=track.profiles[index] if track.profiles else "",
        repeat_payload_type=sdp.repeats(section, chosen),
        mid_extension=sdp.extension(section, MID_URI),
        wide_extension=sdp.extension(section, transport_wide.URI),
        one_unit=any(
            kind == str(chosen) and "packetization-mode=0" in rest.replace(" ", "").split(";")
            for kind, _, rest in (line.partition(" ") for line in section.all("fmtp"))
        ),
    )
