"""What a session tells: its events, typed, with the drops of a while put together and moves seen as moves."""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs

from camcast.errors import TransportError
from camcast.events import (
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
from camcast.media import MediaKind
from camcast.session.episode import Episode
from camcast.session.pauses import Pauses
from camcast.session.stage import Prepared
from camcast.session.timetable import Scheduled


@attrs.define(eq=False)
class Telling:
    """Of one session."""

    key: SessionKey
    label: str
    emit: Callable[[SessionEvent], object]
    _pauses: Pauses = attrs.field(factory=Pauses)
    _episode: Episode | None = attrs.field(default=None, init=False)
    _last: tuple[int, str] | None = attrs.field(default=None, init=False)
    """Where the session was last on the air: index in the chain, and redacted URL."""
    _off_since: float | None = attrs.field(default=None, init=False)
    _renewing: bool = attrs.field(default=False, init=False)
    """What is on the air next is the same target, by plan."""
    _move: Moved | None = attrs.field(default=None, init=False)
    """Told once its first picture is on its way."""

    @property
    def last_index(self) -> int:
        return self._last[0] if self._last is not None else 0

    def note(self, code: str, text: str) -> None:
        self.emit(Note(label=self.label, key=self.key, code=code, message=text))

    def scheduled(self, how: Scheduled) -> None:
        """Its schedule has turned to this."""
        reason = how.text or "it has no schedule any more"
        self.emit(ScheduleChanged(label=self.label, key=self.key, on=not how.off, until=how.change_at, reason=reason))

    def state(self, old: SessionState, new: SessionState, reason: str) -> None:
        self.emit(StateChanged(label=self.label, key=self.key, old=old, new=new, reason=reason))

    def started(self, retries: int, place: Prepared) -> None:
        one = place.attempt
        self.emit(
            AttemptStarted(label=self.label, key=self.key, attempt=retries, target=one.shown, target_index=one.index)
        )

    def on_air(
        self, index: int, shown: str, *, took: float, why: str, gap: float | None = None, begun: bool = True
    ) -> bool:
        """It publishes. `gap`: seconds without a picture; None = since `off_air`, until the first one is on its way:
        now, or where it has not `begun`, when that is called. Returns whether it has moved."""
        self.emit(Connected(label=self.label, key=self.key, target=shown, target_index=index, took=took))
        last, self._last = self._last, (index, shown)
        why, self._renewing = ("rotate" if self._renewing else why), False
        if last is None or (last[0] == index and why not in ("redirect", "rotate")):
            self._off_since = None
            return False
        why = "failback" if why == "failover" and last[0] and not index else why
        self._move = Moved(label=self.label, key=self.key, why=why, old=last[1], new=shown, gap=gap or 0.0)
        if gap is not None:
            self._off_since = None
        if begun or gap is not None:
            self.begun()
        return True

    def renews(self) -> None:
        """It publishes anew on the same target, because its connection has stood for long enough."""
        self._renewing = True

    def begun(self) -> None:
        """Its first picture is on its way."""
        move, self._move = self._move, None
        if move is not None:
            off, self._off_since = self._off_since, None
            self.emit(move if off is None else attrs.evolve(move, gap=time.monotonic() - off, time=time.time()))

    def off_air(self, since: float | None = None) -> None:
        """It publishes no more, if it did. `since`: `time.monotonic()` from which on the server has no picture of it;
        None = from now on."""
        self.begun()
        if self._off_since is None:
            self._off_since = time.monotonic() if since is None else since
        self.drops(over=True)

    def failed(self, error: TransportError, text: str, retries: int, shown: str) -> None:
        """`text` is the error's, without secrets."""
        self.emit(
            AttemptFailed(
                label=self.label,
                key=self.key,
                attempt=retries,
                target=shown,
                error_class=error.error_class,
                error=text,
                stage=error.stage,
            )
        )

    def retry(self, retries: int, delay: float, wait: float) -> None:
        """`delay` is nominal, `wait` what it really comes to, in seconds."""
        at = time.time() + wait
        self.emit(RetryScheduled(label=self.label, key=self.key, attempt=retries, delay=delay, next_attempt_at=at))

    def gave_up(self, retries: int, text: str, revival: float | None) -> None:
        """`revival`: seconds until one round is tried again; None = never."""
        at = None if revival is None else time.time() + revival
        self.emit(GaveUp(label=self.label, key=self.key, attempts=retries, error=text, revive_at=at))

    # --- pauses -------------------------------------------------------------------------------------------

    def adopt(self, label: str, idle_timeout: float) -> None:
        """It is called this, and a pause begins after so many seconds from now on."""
        self.label = label
        self._pauses.idle_timeout = idle_timeout

    def waits(self) -> None:
        """It is off the air for want of media; may be said again while it is."""
        self._pauses.waits(time.monotonic())

    def goes_on(self) -> None:
        """It is to be on the air, maybe after a pause."""
        if slow := self._pauses.goes_on():
            self.note("slow_source", slow)

    # --- drops --------------------------------------------------------------------------------------------

    def dropped(self, kind: MediaKind) -> None:
        """A frame was dropped: told at once if it is the first of a while."""
        episode = self._episode
        if episode is None:
            episode = self._episode = Episode(self.key, self.label)
            episode.add(kind)
            self.emit(episode.tell())
        else:
            episode.add(kind)

    def drops(self, *, over: bool) -> None:
        """How it goes on with them. Call it once a second; `over`: there will be no more."""
        if self._episode is not None:
            event = self._episode.tell(over=over)
            self.emit(event)
            if event.over:
                self._episode = None
