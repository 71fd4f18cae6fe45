"""The SDP answer to a viewer (RFC 3264, RFC 9429): its sections in its order, each sent or refused.

Rules: all candidates are there, since an endpoint cannot add any later (draft, Trickle ICE). We begin with DTLS unless
the viewer wants to. What is repeated of the offer are payload types, the profile, the mid and what it says of sections
that are refused.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import attrs

from camcast.media import MediaKind
from camcast_whip.offer import MID_URI, Local
from camcast_whip.whep.offer import Asked, Offer, Taken


@attrs.frozen(kw_only=True)
class Sources:
    """The numbers under which a track is sent."""

    ssrc: int
    repeat_ssrc: int


def sources(count: int) -> list[Sources]:
    """Fresh ones, for so many tracks."""
    numbers = random.sample(range(1, 1 << 32), 2 * count)
    return [Sources(ssrc=one, repeat_ssrc=other) for one, other in zip(numbers[::2], numbers[1::2], strict=True)]


def write_answer(offer: Offer, own: Sequence[Sources], local: Local, cname: str) -> str:
    """The answer's text; `own` are for `offer.taken`."""
    # A group that was not offered would make the answer none (RFC 9143 §7.3).
    mids = [mid for mid, _ in offer.taken if mid in offer.bundle]
    lines = [
        "v=0",
        f"o=- {random.getrandbits(62)} 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        *([f"a=group:BUNDLE {' '.join(mids)}"] if mids else []),
        "a=ice-options:trickle ice2",
        "a=msid-semantic:WMS *",
    ]
    left = iter(own)
    first = True
    for asked in offer.sections:
        if asked.taken is None:
            lines += _refused(asked)
            continue
        lines += _sent(asked, asked.taken, next(left), offer.remote.active, local, cname)
        if first:  # of a bundle, only the first has them (RFC 9143 §7.1.3)
            lines += [f"a=candidate:{candidate}" for candidate in local.candidates]
            lines.append("a=end-of-candidates")
            first = False
    return "\r\n".join(lines) + "\r\n"


def _refused(asked: Asked) -> list[str]:
    lines = [f"m={asked.media} 0 {asked.protocol} {asked.formats}", "c=IN IP4 0.0.0.0"]
    return [*lines, *([f"a=mid:{asked.mid}"] if asked.mid else []), "a=inactive"]


def _sent(asked: Asked, taken: Taken, own: Sources, passive: bool, local: Local, cname: str) -> list[str]:
    kind, repeat = taken.payload_type, taken.repeat_payload_type
    lines = [
        f"m={asked.media} 9 {asked.protocol} {f'{kind} {repeat}' if repeat else kind}",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        f"a=ice-ufrag:{local.username}",
        f"a=ice-pwd:{local.password}",
        f"a=fingerprint:{local.fingerprint}",
        f"a=setup:{'passive' if passive else 'active'}",
        *([f"a=mid:{asked.mid}"] if asked.mid else []),
        *([f"a=extmap:{taken.mid_extension} {MID_URI}"] if taken.mid_extension else []),
        "a=sendonly",
        f"a=msid:{cname} {cname}-{asked.media}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
    ]
    if taken.track.kind is MediaKind.VIDEO:
        lines += [
            f"a=rtpmap:{kind} H264/90000",
            f"a=rtcp-fb:{kind} nack",
            f"a=rtcp-fb:{kind} nack pli",
            f"a=rtcp-fb:{kind} ccm fir",
            f"a=fmtp:{kind} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={taken.profile}",
        ]
        if repeat:
            lines += [
                f"a=rtpmap:{repeat} rtx/90000",
                f"a=fmtp:{repeat} apt={kind}",
                f"a=ssrc-group:FID {own.ssrc} {own.repeat_ssrc}",
            ]
    else:
        stereo = ";stereo=1;sprop-stereo=1" if taken.track.channels == 2 else ""
        lines += [f"a=rtpmap:{kind} opus/48000/2", f"a=fmtp:{kind} minptime=10;useinbandfec=1{stereo}"]
    lines.append(f"a=ssrc:{own.ssrc} cname:{cname}")
    if repeat:
        lines.append(f"a=ssrc:{own.repeat_ssrc} cname:{cname}")
    return lines
