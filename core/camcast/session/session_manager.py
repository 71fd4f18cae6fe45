"""All sessions of an engine: made, found and ended by camera, stream, output or URL."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Protocol

import attrs

from camcast.config import SessionConfig, SystemConfig
from camcast.config.given import given
from camcast.config.shown_names import without_keys
from camcast.contracts import Delivery
from camcast.errors import CamcastError, ConfigError, NotFound, WrongState
from camcast.events import SessionKey, SessionState
from camcast.session.environment import Environment
from camcast.session.health import Health
from camcast.session.metrics import SessionMetrics, Sketch, Totals, total
from camcast.session.naming import Claims, numbered, placed, published
from camcast.session.rounds import Rounds
from camcast.session.session import Session
from camcast.stream.feed import Feed

log = logging.getLogger(__name__)


class SessionHandle(Protocol):
    """One session, wherever it runs. All calls on the engine's loop."""

    config: SessionConfig
    key: SessionKey
    label: str
    """"cam0_main", or "cam0_main/cloud" for an output of another name."""

    @property
    def state(self) -> SessionState:
        """Where its life is."""

    @property
    def target_shown(self) -> str:
        """Redacted URL of the target in use, or of the one due next."""

    @property
    def health(self) -> Health:
        """How it is: healthy, waiting for media, off by its schedule, paused, or unhealthy."""

    @property
    def healthy(self) -> bool:
        """On the air: what is sent is acknowledged, and a picture has gone out within its usual distance."""

    @property
    def metrics(self) -> SessionMetrics:
        """A snapshot; of a session in a worker process, at most half a second old."""

    @property
    def sketch(self) -> Sketch | None:
        """Some of `metrics` at a part of its price; None = it is not on the air."""

    @property
    def frames_dropped(self) -> int:
        """As in `metrics`, at a small part of its price."""

    def start(self) -> None:
        """Begin. `SessionManager.create_session` has done it."""

    async def stop(self) -> None:
        """End cleanly, within a few seconds; it stays listed. `SessionManager.delete_session` forgets it too."""

    def adopt(self, config: SessionConfig) -> None:
        """The engine's own: go on by this configuration, which differs in nothing that publishing depends on."""

    def retry_now(self) -> None:
        """Skip the present wait; after giving up, begin anew."""

    def pause(self) -> None:
        """Unpublish and stay away until `resume`."""

    def resume(self) -> None:
        """End a pause."""

    def switch(self, target: int) -> None:
        """Publish on the chain's entry `target` (0 = primary): at a keyframe without a gap while connected.

        Raises `OutOfRange` for an index that is not in the chain.
        """

    def tick(self, now: float) -> float:
        """The manager's own; see `camcast.session.rounds.Looked`."""


class Streams(Protocol):
    """What sessions need to know of cameras."""

    def feed(self, camera_id: int, stream_id: int) -> Feed:
        """Raises `NotFound` that says what there is."""

    def names(self, camera_id: int) -> Mapping[int, str]:
        """Names of a camera's streams by id. Raises `NotFound` that says what there is."""


class SessionManager:
    """Creates and supervises sessions. Iterating gives them in the order of their keys. All calls on the loop."""

    def __init__(self, environment: Environment, streams: Streams) -> None:
        self._environment = environment
        self._streams = streams
        self._sessions: dict[SessionKey, SessionHandle] = {}
        self._ordered: tuple[SessionHandle, ...] | None = ()
        """All of them in the order of their keys; None = to be put in order. Looked at every quarter of a second."""
        self._claims = Claims()
        self._closed = False
        self._gone: SessionMetrics | None = None
        self._rounds = Rounds()
        environment.delivery = self._delivery

    def __iter__(self) -> Iterator[SessionHandle]:
        if self._ordered is None:
            # By their fields: comparing keys themselves costs four calls each time.
            fields = attrgetter("camera_id", "stream_id", "output")
            self._ordered = tuple(self._sessions[key] for key in sorted(self._sessions, key=fields))
        return iter(self._ordered)

    def __len__(self) -> int:
        return len(self._sessions)

    def create_session(self, config: SessionConfig) -> SessionHandle:
        """Start a session. The handle's `config` and `key` say what has been made of what was left open:

        a `stream_name` without a `stream_id` finds its stream; a second URL for a stream, under no name of its own,
        makes a second session ("rtmp2").

        Raises `ConfigError` when the stream is not there, when the key is taken, or when another session publishes
        one of the targets already; `WrongState` when the engine has been stopped.
        """
        if self._closed:
            raise WrongState("the engine has been stopped; make a new one")
        config = given(config, SessionConfig)
        try:
            config = placed(config, self._streams.names(config.camera_id))
            config = without_keys(config, self._environment.host)
        except NotFound as error:
            raise ConfigError(str(error)) from error
        self._environment.uplinks.check(config)
        names = published(self._environment.host, config)
        self._claims.check(config, names)
        config = numbered(config, self._sessions)
        if config.key in self._sessions:
            raise ConfigError(f"session {config.key} exists already; delete it first, or give the output another name")
        session = self._make(config)
        self._claims.take(session, names)
        self._sessions[config.key] = session
        self._ordered = None
        session.start()
        self._rounds.enter(session)
        return session

    def adopt(self, system: SystemConfig) -> None:
        """Go on by these limits."""
        self._environment.uplinks.adopt(system.uplinks)

    async def delete_session(self, key: SessionKey) -> None:
        """End a session cleanly, within a few seconds. Raises `NotFound` for one that is not there."""
        if key not in self._sessions:
            known = ", ".join(str(one) for one in sorted(self._sessions))
            raise NotFound(f"there is no session {key}; known: {known or 'none'}")
        session = self._sessions.pop(key)
        self._ordered = None
        self._rounds.leave(session)
        last = session.metrics
        try:
            await session.stop()
        finally:
            self._claims.release(session)
        self._remember(session, last)

    def get(self, key: SessionKey) -> SessionHandle | None:
        """The session of this key, or None."""
        return self._sessions.get(key)

    def find(
        self,
        *,
        camera_id: int | None = None,
        stream_id: int | None = None,
        output: str | None = None,
        url: str | None = None,
    ) -> list[SessionHandle]:
        """Sessions that match all that is given. `url`: the whole URL of one of its targets, as configured."""
        return [
            session
            for session in self
            if camera_id in (None, session.key.camera_id)
            and stream_id in (None, session.key.stream_id)
            and output in (None, session.key.output)
            and (url is None or any(url == target.url for target in session.config.targets))
        ]

    def metrics(self) -> list[SessionMetrics]:
        """A snapshot of each session, in the order of their keys."""
        return [session.metrics for session in self]

    def totals(self) -> Totals:
        """All sessions together, those included that have been deleted."""
        return self.totals_with(self.metrics())

    def totals_with(self, live: Sequence[SessionMetrics]) -> Totals:
        """The same, by what `metrics` has just given."""
        return total(live, [self._gone] if self._gone else [])

    async def close(self) -> None:
        """End all sessions side by side; none can be made any more."""
        self._closed = True
        self._rounds.close()
        sessions = [session for session in self._sessions.values() if self._ends_with_us(session)]
        results = await asyncio.gather(*(session.stop() for session in sessions), return_exceptions=True)
        for session, result in zip(sessions, results, strict=True):
            if isinstance(result, BaseException) and not isinstance(result, CamcastError):
                log.error("Session %s did not stop cleanly", session.label, exc_info=result)

    def _make(self, config: SessionConfig) -> SessionHandle:
        feed = self._streams.feed(config.camera_id, config.stream_id)
        return Session(config, self._environment, feed, self._rounds, partial(self._other, config.camera_id))

    def _other(self, camera_id: int, name: str) -> Feed | None:
        """A camera's stream by name, as it is at this moment; None = there is none."""
        try:
            names = self._streams.names(camera_id)
            return next((self._streams.feed(camera_id, one) for one, called in names.items() if called == name), None)
        except NotFound:
            return None

    def _delivery(self, key: SessionKey) -> Delivery | None:
        session = self._sessions.get(key)
        return None if session is None else Delivery(delivers=session.healthy, lost=session.frames_dropped)

    def _ends_with_us(self, session: SessionHandle) -> bool:
        """Whether nobody else ends it when the engine ends."""
        return True

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


MultiSessionManager = SessionManager
"""The same under the name that the requirement gives it in other places."""
