"""What a target takes, as far as anybody can say before it is tried."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import attrs

from camcast.media import MediaKind


class Confidence(Enum):
    """How sure it is that a peer takes a codec."""

    YES = "yes"
    UNKNOWN = "unknown"
    NO = "no"


@attrs.frozen
class Take:
    """Whether a target takes a codec, and in which FLV form ("" for transports that take packets)."""

    confidence: Confidence
    form: str = ""


@attrs.frozen(kw_only=True)
class Acceptance:
    """What a target takes."""

    codecs: Mapping[str, Take]
    others: Take = Take(Confidence.NO)
    """For codecs not named in `codecs`."""
    fallback: Mapping[MediaKind, str] = attrs.field(factory=dict)
    """The codec to transcode to when the stream's own is not taken, by kind of media."""
    needs_audio: bool = False
    """The platform wants an audio track, so a silent one is made where the source has none."""
    reorder: bool = True
    """Takes pictures out of display order (B-frames)."""
    another_picture: bool = True
    """Takes a picture of another size in mid-stream, announced by a new sequence header."""
    tracks: Confidence = Confidence.NO
    """Takes several pictures and several sounds in one connection, as tags with a `track`."""
    headers_again: bool = False
    """Whoever begins to watch there has of further tracks what is sent from then on, so their headers are repeated."""
    choices: tuple[str, ...] = ()
    """Server profiles that the user may name, for the advice in events."""

    def take(self, codec: str) -> Take:
        return self.codecs.get(codec, self.others)
