"""All sessions of an engine: made, found and ended by camera, stream, output or URL."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import attrs

from camcast.config import SessionConfig
from camcast.errors import CamcastError, ConfigError
from camcast.events import SessionKey, SessionState
from camcast.session.environment import Environment
from camcast.session.metrics import SessionMetrics, Totals, total
from camcast.session.session import Session
from camcast.stream.feed import Feed

log = logging.getLogger(__name__)

TICK = 0.1


class SessionHandle(Protocol):
    """What a session shows to others, wherever it runs."""

    config: SessionConfig
    key: SessionKey
    label: str

    @property
    def state(self) -> SessionState: ...

    @property
    def target_shown(self) -> str: ...

    @property
    def healthy(self) -> bool: ...

    @property
    def metrics(self) -> SessionMetrics: ...

    def start(self) -> None: ...

    async def stop(self) -> None: ...

    def retry_now(self) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def switch(self, target: int) -> None: ...

    def tick(self, now: float) -> None: ...


class SessionManager:
    """Creates and supervises sessions. Iterating gives them in the order of their keys. All calls on the loop."""

    def __init__(self, environment: Environment, feed_of: Callable[[int, int], Feed]) -> None:
        """`feed_of(camera_id, stream_id)` finds a stream's feed; it raises `LookupError` with what is known."""
        self._environment = environment
        self._feed_of = feed_of
        self._sessions: dict[SessionKey, SessionHandle] = {}
        self._gone: SessionMetrics | None = None
        self._ticker: asyncio.TimerHandle | None = None

    def __iter__(self) -> Iterator[SessionHandle]:
        return iter(sorted(self._sessions.values(), key=lambda session: session.key))

    def __len__(self) -> int:
        return len(self._sessions)

    def create_session(self, config: SessionConfig) -> SessionHandle:
        """Start a session. Raises `ConfigError` when its key is taken, its stream unknown, or a target impossible."""
        if config.key in self._sessions:
            raise ConfigError(f"session {config.key} exists already; delete it first, or give the output another name")
        session = self._sessions[config.key] = self._make(config)
        session.start()
        if self._ticker is None:
            self._tick()
        return session

    async def delete_session(self, key: SessionKey) -> None:
        """End a session cleanly, within a few seconds. Raises `KeyError` for one that is not there."""
        session = self._sessions.pop(key)
        last = session.metrics
        await session.stop()
        self._remember(session, last)

    def get(self, key: SessionKey) -> SessionHandle | None:
        return self._sessions.get(key)

    def find(
        self,
        *,
        camera_id: int | None = None,
        stream_id: int | None = None,
        output: str | None = None,
        url: str | None = None,
    ) -> list[SessionHandle]:
        """Sessions that match all that is given. `url`: one of the session's targets, as configured."""
        return [
            session
            for session in self
            if camera_id in (None, session.key.camera_id)
            and stream_id in (None, session.key.stream_id)
            and output in (None, session.key.output)
            and (url is None or any(url == target.url for target in session.config.targets))
        ]

    def metrics(self) -> list[SessionMetrics]:
        return [session.metrics for session in self]

    def totals(self) -> Totals:
        return total(self.metrics(), [self._gone] if self._gone else [])

    async def close(self) -> None:
        """End all sessions side by side."""
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        sessions = list(self._sessions.values())
        results = await asyncio.gather(*(session.stop() for session in sessions), return_exceptions=True)
        for session, result in zip(sessions, results, strict=True):
            if isinstance(result, BaseException) and not isinstance(result, CamcastError):
                log.error("Session %s did not stop cleanly", session.label, exc_info=result)

    def _make(self, config: SessionConfig) -> SessionHandle:
        try:
            feed = self._feed_of(config.camera_id, config.stream_id)
        except LookupError as error:
            raise ConfigError(str(error).strip("'\"")) from error
        return Session(config, self._environment, feed)

    def _tick(self) -> None:
        now = time.monotonic()
        for session in tuple(self._sessions.values()):
            try:
                session.tick(now)
            except Exception:
                log.exception("Session %s: internal error", session.label)
        self._ticker = asyncio.get_running_loop().call_later(TICK, self._tick)

    def _remember(self, session: SessionHandle, last: SessionMetrics) -> None:
        """Totals go on counting what deleted sessions did; `last` serves where nothing newer is known."""
        now = session.metrics
        self.keep(now if now.attempts >= last.attempts else last)

    def keep(self, last: SessionMetrics) -> None:
        """Totals go on counting this, which no session counts any more."""
        gone = self._gone
        if gone is None:
            self._gone = last
            return
        self._gone = attrs.evolve(
            gone,
            bytes_sent=gone.bytes_sent + last.bytes_sent,
            frames_sent=gone.frames_sent + last.frames_sent,
            frames_dropped=gone.frames_dropped + last.frames_dropped,
            attempts=gone.attempts + last.attempts,
            failed_attempts=gone.failed_attempts + last.failed_attempts,
        )
