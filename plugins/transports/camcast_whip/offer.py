"""The SDP offer (RFC 9725 §4.2, RFC 8829): one send-only section for each track, all on one bundled transport.

Rules: `setup:actpass`, so the server chooses the DTLS role; candidates are all there (no trickle). H.264 is offered
with the stream's own profile first, then as Constrained Baseline, because many servers know no other name for
what they forward untouched.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import attrs

from camcast.media import MediaKind, Track
from camcast_whip import transport_wide

MID_EXTENSION = 1
MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid"
WIDE_EXTENSION = 2
BASELINE = "42e01f"
_VIDEO_TYPES = (96, 98)
_REPEAT_TYPES = (97, 99)
_AUDIO_TYPE = 111


@attrs.frozen(kw_only=True)
class Local:
    """Our end of the transport."""

    username: str
    password: str = attrs.field(repr=False)
    fingerprint: str
    """"sha-256 AB:CD:…"."""
    candidates: tuple[str, ...]
    """As SDP writes them, without "candidate:"."""


@attrs.frozen(kw_only=True)
class OfferedTrack:
    """One section of the offer."""

    kind: MediaKind
    mid: str
    ssrc: int
    repeat_ssrc: int
    profiles: tuple[str, ...] = ()
    """H.264 profile-level-id of each payload type, in order."""
    channels: int = 2

    @property
    def payload_types(self) -> tuple[int, ...]:
        return _VIDEO_TYPES[: len(self.profiles)] if self.kind is MediaKind.VIDEO else (_AUDIO_TYPE,)


def offered(tracks: Sequence[Track]) -> list[OfferedTrack]:
    """What to offer for `tracks`, with fresh SSRCs."""
    ssrcs = random.sample(range(1, 1 << 32), 2 * len(tracks))
    made = []
    for index, track in enumerate(tracks):
        profiles: tuple[str, ...] = ()
        if track.kind is MediaKind.VIDEO:
            own = track.config[1:4].hex() if len(track.config) >= 4 else BASELINE
            profiles = tuple(dict.fromkeys((own, BASELINE)))
        made.append(
            OfferedTrack(
                kind=track.kind,
                mid=str(index),
                ssrc=ssrcs[2 * index],
                repeat_ssrc=ssrcs[2 * index + 1],
                profiles=profiles,
                channels=track.channels or 2,
            )
        )
    return made


def write_offer(tracks: Sequence[OfferedTrack], local: Local, cname: str) -> str:
    """The offer's text."""
    lines = [
        "v=0",
        f"o=- {random.getrandbits(62)} 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {' '.join(track.mid for track in tracks)}",
        "a=msid-semantic:WMS *",
    ]
    for track in tracks:
        lines += _section(track, local, cname)
    return "\r\n".join(lines) + "\r\n"


def _section(track: OfferedTrack, local: Local, cname: str) -> list[str]:
    video = track.kind is MediaKind.VIDEO
    types = [*track.payload_types]
    if video:
        types = [kind for pair in zip(track.payload_types, _REPEAT_TYPES, strict=False) for kind in pair]
    lines = [
        f"m={track.kind.value} 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, types))}",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        f"a=ice-ufrag:{local.username}",
        f"a=ice-pwd:{local.password}",
        f"a=fingerprint:{local.fingerprint}",
        "a=setup:actpass",
        f"a=mid:{track.mid}",
        f"a=extmap:{MID_EXTENSION} {MID_URI}",
        f"a=extmap:{WIDE_EXTENSION} {transport_wide.URI}",
        "a=sendonly",
        f"a=msid:{cname} {cname}-{track.mid}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
    ]
    if video:
        for kind, repeat, profile in zip(track.payload_types, _REPEAT_TYPES, track.profiles, strict=False):
            lines += [
                f"a=rtpmap:{kind} H264/90000",
                f"a=rtcp-fb:{kind} nack",
                f"a=rtcp-fb:{kind} nack pli",
                f"a=rtcp-fb:{kind} ccm fir",
                f"a=rtcp-fb:{kind} transport-cc",
                f"a=fmtp:{kind} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={profile}",
                f"a=rtpmap:{repeat} rtx/90000",
                f"a=fmtp:{repeat} apt={kind}",
            ]
        lines.append(f"a=ssrc-group:FID {track.ssrc} {track.repeat_ssrc}")
    else:
        stereo = ";stereo=1;sprop-stereo=1" if track.channels == 2 else ""
        lines += [
            f"a=rtpmap:{_AUDIO_TYPE} opus/48000/2",
            f"a=rtcp-fb:{_AUDIO_TYPE} transport-cc",
            f"a=fmtp:{_AUDIO_TYPE} minptime=10;useinbandfec=1{stereo}",
        ]
    for ssrc in (track.ssrc, track.repeat_ssrc)[: 2 if video else 1]:
        lines.append(f"a=ssrc:{ssrc} cname:{cname}")
    lines += [f"a=candidate:{candidate}" for candidate in local.candidates]
    lines.append("a=end-of-candidates")
    return lines
