"""Everything that an engine knows of itself at one moment."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from camcast.events import ServiceState, SourceState
from camcast.session.metrics import SessionMetrics, Totals
from camcast.session.uplinks import UplinkMetrics


@attrs.frozen(kw_only=True)
class StreamMetrics:
    """A snapshot of a stream's source side. Everything counts since the stream was made."""

    camera_id: int
    stream_id: int
    label: str
    """"cam0_main"."""
    state: SourceState = SourceState.STOPPED
    video_received: int = 0
    audio_received: int = 0
    bytes_received: int = 0
    dropped: Mapping[str, int] = attrs.field(factory=dict)
    """By kind and reason: "video: damaged"."""
    restarts: int = 0
    last_error: str = ""
    """Why its source was lost; "" again once it has run for as long as makes it stable."""
    next_attempt_at: float | None = None
    """`time.time()` of its source's next run, while it waits for one; None also where it has given up for good."""
    silent_for: float | None = None
    """Seconds since a source that runs has brought anything; None = it does not run."""
    waits_for: str = ""
    """What its source waits for while it brings nothing: "a publisher at …"; "" = for nothing that it could name."""
    refused: Mapping[str, int] = attrs.field(factory=dict)
    """Publishers that a listening source did not let in, by reason."""
    clock_jumps: int = 0
    """Places where the source's timestamps did not continue."""
    pictured: bool = False
    """Whether a keyframe has come, of which a snapshot can be made."""
    renditions: int = 0
    transcoders: int = 0

    @property
    def lost(self) -> bool:
        """Whether its source is away, also at the moments in which it is tried again."""
        away = self.state in (SourceState.WAITING, SourceState.FAILED)
        return away or (self.state is SourceState.STARTING and bool(self.last_error))


@attrs.frozen(kw_only=True)
class ServiceMetrics:
    """A snapshot of a service. Everything counts since the service was configured."""

    name: str
    """"http"; "http2" for a second one of its kind."""
    type: str
    """Its kind's name."""
    state: ServiceState
    starts: int
    failures: int
    """Runs that ended by themselves, whatever the reason."""
    last_error: str
    """Why the last of them did; "" for none."""
    events_lost: int
    """Events that it did not read in time."""
    figures: Mapping[str, float] = attrs.field(factory=dict)
    """Its own: "certificate_expires", `time.time()` at which the certificate that it shows does."""


@attrs.frozen(kw_only=True)
class Stats:
    """Everything at one moment. Holds no secret."""

    uptime: float
    """Seconds since the engine was started."""
    sessions: tuple[SessionMetrics, ...]
    streams: tuple[StreamMetrics, ...]
    totals: Totals
    services: tuple[ServiceMetrics, ...] = ()
    uplinks: tuple[UplinkMetrics, ...] = ()
