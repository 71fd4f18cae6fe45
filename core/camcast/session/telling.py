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
    SessionEvent,
    SessionKey,
    SessionState,
    StateChanged,
)
from camcast.media import MediaKind
from camcast.session.episode import Episode
from camcast.session.pauses import Pauses


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

    @property
    def last_index(self) -> int:
        return self._last[0] if self._last is not None else 0

    def note(self, code: str, text: str) -> None:
        self.emit(Note(label=self.label, key=self.key, code=code, message=text))

    def state(self, old: SessionState, new: SessionState, reason: str) -> None:
        self.emit(StateChanged(label=self.label, key=self.key, old=old, new=new, reason=reason))

    def started(self, retries: int, index: int, shown: str) -> None:
        self.emit(AttemptStarted(label=self.label, key=self.key, attempt=retries, target=shown, target_index=index))

    def on_air(self, index: int, shown: str, *, took: float, why: str, gap: float | None = None) -> bool:
        """It publishes. `gap`: seconds off the air; None = since `off_air`. Returns whether it has moved."""
        self.emit(Connected(label=self.label, key=self.key, target=shown, target_index=index, took=took))
        last, self._last = self._last, (index, shown)
        off, self._off_since = self._off_since, None
        if last is None or (last[0] == index and why != "redirect"):
            return False
        if gap is None:
            gap = time.monotonic() - off if off is not None else 0.0
        why = "failback" if why == "failover" and last[0] and not index else why
        self.emit(Moved(label=self.label, key=self.key, why=why, old=last[1], new=shown, gap=gap))
        return True

    def off_air(self) -> None:
        """It publishes no more, if it did."""
        if self._off_since is None:
            self._off_since = time.monotonic()
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
