"""Reads a viewer's SDP offer (RFC 3264, RFC 9429) within bounds, and says what is answered to each of its sections.

Rules: one video and one sound track are sent, on one bundled transport; every further section is refused by a port
of 0. H.264 is sent as it is (packetization mode 1): the offered form whose profile is the stream's comes first, then
Constrained Baseline, which browsers offer for all that they decode, then any. Besides the first section that fits, only
those are taken that the offer has in one a=group:BUNDLE with it (RFC 9143 §7.3).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from camcast.media import MediaKind, Track
from camcast.net.host import is_address
from camcast_whip import sdp
from camcast_whip.offer import BASELINE, MID_URI
from camcast_whip.sdp import Remote, Section

MAX_SECTIONS = 16
MAX_MID = 16
"""Bytes of a mid that a one-byte header extension has room for (RFC 8285 §4.2)."""
_PROFILE = re.compile(r"(?:^|;)\s*profile-level-id\s*=\s*([0-9a-f]{6})\s*(?:;|$)", re.ASCII)
_MODE = re.compile(r"(?:^|;)\s*packetization-mode\s*=\s*1\s*(?:;|$)", re.ASCII)
_TOKEN = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)


class NothingCommon(ValueError):
    """The viewer takes none of the stream's codecs."""


@attrs.frozen(kw_only=True)
class Taken:
    """How a track is sent to this viewer."""

    track: Track
    payload_type: int
    profile: str = ""
    """The profile-level-id of the chosen form, which the answer repeats."""
    repeat_payload_type: int = 0
    mid_extension: int = 0


@attrs.frozen(kw_only=True)
class Asked:
    """One section of the offer."""

    media: str
    protocol: str
    formats: str
    mid: str
    taken: Taken | None


@attrs.frozen(kw_only=True)
class Offer:
    """What a viewer wants."""

    remote: Remote
    sections: tuple[Asked, ...]
    """In the order of the offer, which the answer keeps."""
    bundle: frozenset[str]
    """The mids of the offered a=group:BUNDLE that has what is taken; none where there is no such group."""

    @property
    def taken(self) -> tuple[tuple[str, Taken], ...]:
        """Mid and track of the sections that are sent."""
        return tuple((one.mid, one.taken) for one in self.sections if one.taken is not None)


def read_offer(text: str, tracks: Sequence[Track]) -> Offer:
    """Raises `ValueError` that says what is wrong, and quotes nothing of the offer; `NothingCommon`."""
    session, sections = sdp.split(text)
    if not sections:
        raise ValueError("it has no media section")
    if len(sections) > MAX_SECTIONS:
        raise ValueError(f"it has {len(sections)} media sections, more than {MAX_SECTIONS}")
    groups = [frozenset(line.split()[1:]) for line in session.all("group") if line.startswith("BUNDLE ")]
    bundle: frozenset[str] = frozenset()
    left = {track.kind.value: track for track in tracks}
    asked: list[Asked] = []
    carrier: Section | None = None
    for section in sections:
        mid = next(iter(section.all("mid")), "")
        if mid and not _TOKEN.fullmatch(mid):
            raise ValueError("a=mid is no token")
        taken = None
        if section.media in left and (carrier is None or mid in bundle):
            taken = _taken(section, left[section.media], mid)
        if taken is not None:
            del left[section.media]
            if carrier is None:
                carrier, bundle = section, next((group for group in groups if mid in group), bundle)
        asked.append(
            Asked(media=section.media, protocol=section.protocol, formats=section.formats, mid=mid, taken=taken)
        )
    if carrier is None:
        wanted = " and ".join(track.codec for track in tracks)
        raise NothingCommon(f"it has no section to receive what the stream has ({wanted})")
    return Offer(remote=sdp.remote(session, carrier, sections), sections=tuple(asked), bundle=bundle)


def read_fragment(text: str) -> tuple[str, tuple[str, ...]]:
    """The ICE user name ("" = not said) and candidates of a trickle-ice-sdpfrag (RFC 8840 §9). Raises `ValueError`."""
    session, sections = sdp.split("v=0\n" + text)
    every = [session, *sections]
    username = next((name for one in every for name in one.all("ice-ufrag")), "")
    lines = [line for one in every for line in one.all("candidate")]
    if not username and not lines and not any(one.has("end-of-candidates") for one in every):
        raise ValueError("it has no candidate")
    found = [candidate for line in lines if (candidate := sdp.candidate(line))]
    # As of an offer, those with the name of a host are left out: looking it up takes time.
    return username, tuple(candidate for candidate in found if is_address(candidate.split()[4]))


def _taken(section: Section, track: Track, mid: str) -> Taken | None:
    if section.has("sendonly", "inactive") or "SAVP" not in section.protocol:
        return None
    # A port of 0 refuses, but for what is only there as part of the bundle (RFC 9143 §6).
    if not section.port and not section.has("bundle-only"):
        return None
    if not section.has("rtcp-mux"):
        return None
    names = sdp.codecs(section)
    wanted = "h264/90000" if track.kind is MediaKind.VIDEO else "opus/48000"
    fitting = [kind for kind in section.types if f"{names.get(kind, '')}/".startswith(f"{wanted}/")]
    profile = ""
    if track.kind is MediaKind.VIDEO:
        forms = _forms(section, fitting)
        if not forms:
            return None
        own = track.config[1:4].hex() or BASELINE
        chosen = min(forms, key=lambda kind: _distance(forms[kind], own))
        profile = forms[chosen]
    elif fitting:
        chosen = fitting[0]
    else:
        return None
    return Taken(
        track=track,
        payload_type=chosen,
        profile=profile,
        repeat_payload_type=sdp.repeats(section, chosen) if track.kind is MediaKind.VIDEO else 0,
        mid_extension=sdp.extension(section, MID_URI) if 1 <= len(mid) <= MAX_MID else 0,
    )


def _forms(section: Section, types: Sequence[int]) -> dict[int, str]:
    """The profile-level-id of each payload type that takes H.264 in pieces (RFC 6184 §6.3), in order."""
    found: dict[int, str] = {}
    for line in section.all("fmtp"):
        kind, _, rest = line.lower().partition(" ")
        if kind.isascii() and kind.isdigit() and len(kind) <= 3 and int(kind) in types and _MODE.search(rest):
            profile = _PROFILE.search(rest)
            # Where it is missing, it is Baseline of level 1 (RFC 6184 §8.1).
            found[int(kind)] = profile[1] if profile else "42000a"
    return {kind: found[kind] for kind in types if kind in found}


def _distance(offered: str, own: str) -> tuple[int, int]:
    """How far a form is from the stream's own: the same profile, Constrained Baseline, any."""
    constraints = int(offered[2:4], 16) ^ int(own[2:4], 16)
    if offered[:2] == own[:2]:
        return 0, constraints.bit_count()
    return (1, 0) if offered[:4] == BASELINE[:4] else (2, 0)
