"""What happens, as typed values: through the hook, the engine's iterator, and one log line each.

Texts in events are already redacted. `time` is `time.time()` seconds.
"""

from camcast.events.base import Event
from camcast.events.process import LoopHeld, Reloaded, ReloadRefused, WorkerRestarted
from camcast.events.sending import BitrateChanged, DropEpisode, PictureChanged, SegmentFinished, UplinkChanged
from camcast.events.service import ServiceChanged, ServiceNote, ServiceState
from camcast.events.session import (
    AttemptFailed,
    AttemptStarted,
    Connected,
    GaveUp,
    Moved,
    Note,
    RetryScheduled,
    ScheduleChanged,
    SessionEvent,
    SessionKey,
    SessionState,
    StateChanged,
)
from camcast.events.source import SourceChanged, SourceNote, SourceState

__all__ = [
    "AttemptFailed",
    "AttemptStarted",
    "BitrateChanged",
    "Connected",
    "DropEpisode",
    "Event",
    "GaveUp",
    "LoopHeld",
    "Moved",
    "Note",
    "PictureChanged",
    "ReloadRefused",
    "Reloaded",
    "RetryScheduled",
    "ScheduleChanged",
    "SegmentFinished",
    "ServiceChanged",
    "ServiceNote",
    "ServiceState",
    "SessionEvent",
    "SessionKey",
    "SessionState",
    "SourceChanged",
    "SourceNote",
    "SourceState",
    "StateChanged",
    "UplinkChanged",
    "WorkerRestarted",
]
