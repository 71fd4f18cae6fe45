"""What happens to a stream's frames, counted: sound and picture apart, and drops by reason.

Counted at each frame of each session, so the counts are plain attributes and not entries of a dictionary.
"""

from __future__ import annotations

from collections import Counter

import attrs

from camcast.media import MediaKind
from camcast.native.states import CountsState, FeedCountersState, FlowCountersState

_VIDEO = MediaKind.VIDEO

# Why an outlet drops a unit.
REASON_KEYFRAME = "waiting for keyframe"
REASON_BEHIND = "link behind"
REASON_REPLAY = "replay too slow"
REASON_OVERLOAD = "engine overload"
REASON_LOST = "lost with the connection"
REASON_LEFT_OUT = "left out by the transport"
REASON_THIN = "left out for a thin link"

# Sound to which no picture is shown.
REASON_EARLY = "before the first picture"
REASON_UNHEARD = "before the first connection"
SOUND_ALONE = frozenset({REASON_EARLY, REASON_UNHEARD})
"""Nobody can miss it."""


@attrs.define
class KindCounts(CountsState):
    """A number for each kind of media; `counts[kind]` reads it."""

    video: int = 0
    audio: int = 0

    def __getitem__(self, kind: MediaKind) -> int:
        return self.video if kind is _VIDEO else self.audio

    def add(self, kind: MediaKind, count: int = 1) -> None:
        if kind is _VIDEO:
            self.video += count
        else:
            self.audio += count

    def total(self) -> int:
        return self.video + self.audio


@attrs.define(eq=False)
class FeedCounters(FeedCountersState):
    """What the source brought, by kind, and what was lost before any session saw it."""

    received: KindCounts = attrs.field(factory=KindCounts)
    bytes: int = 0
    sound_bytes: int = 0
    """Of these, those of sound."""
    dropped: Counter[tuple[MediaKind, str]] = attrs.field(factory=Counter)
    keyframes: int = 0


@attrs.define(eq=False)
class FlowCounters(FlowCountersState):
    """What happened to the frames of one session, over all its attempts."""

    offered: KindCounts = attrs.field(factory=KindCounts)
    sent: KindCounts = attrs.field(factory=KindCounts)
    replayed: int = 0
    """Pictures sent again from the group at the start of an attempt, beyond those offered."""
    dropped: Counter[tuple[MediaKind, str]] = attrs.field(factory=Counter)
    bytes: int = 0
    sound_bytes: int = 0
    """Of these, those of sound."""
    slow_sends: int = 0
    latency: float = 0.0
    """Seconds from the source's hand-over to acknowledgement: a moving average."""
    way: float = 0.0
    """Of it, seconds from sending to acknowledgement."""

    def drop(self, kind: MediaKind, reason: str, count: int = 1) -> None:
        self.dropped[kind, reason] += count
