"""The engine: cameras and sessions from one configuration, on the caller's event loop.

async with Engine.from_file("system_config.json") as engine:
    async for event in engine.events():
        print(event.text)
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from camcast import descriptors
from camcast.camera.handles import CameraHandle, StreamHandle
from camcast.camera.manager import CameraManager
from camcast.camera.stats import Stats
from camcast.config import CameraConfig, Config, ConfigFile, SessionConfig, StreamConfig
from camcast.config.check import canonical, check
from camcast.config.given import given
from camcast.config.service import ServiceConfig, named
from camcast.contracts import PushHandle
from camcast.engine.blame import blame
from camcast.engine.changes import Changes
from camcast.engine.event_bus import EventBus, EventReader
from camcast.engine.handover import LoopHandover
from camcast.engine.history import POINTS, History, SessionHistory
from camcast.engine.loop_watch import Hold, LoopWatch
from camcast.engine.plan import Action, Step, in_use, plan
from camcast.engine.recent import Recent
from camcast.engine.services import Services
from camcast.engine.view import View
from camcast.errors import NotFound, WrongState
from camcast.events import Event, Reloaded, SessionKey, SourceState
from camcast.host import PluginHost
from camcast.patience import wait_patiently
from camcast.services import Program
from camcast.session.environment import Environment
from camcast.session.hosts import Hosts
from camcast.session.metrics import SessionMetrics
from camcast.session.naming import published
from camcast.session.resolver import NameResolver
from camcast.session.session_manager import SessionHandle, SessionManager
from camcast.session.uplinks import Uplinks
from camcast.workers import sharding
from camcast.workers.listening import of_session, of_source
from camcast.workers.moving import Spread

log = logging.getLogger(__name__)


STOP_DEADLINE = 10.0
REFRESH_DEADLINE = 1.0
CLOSE_DEADLINE = 2.0
"""Seconds for a transport to close, by its contract."""
_INSTEAD = "camcast.config.load reads a file, from_mapping what has been read"


class Engine:
    """Runs a configuration. One engine is started once; all methods belong to the loop that started it."""

    def __init__(
        self,
        config: Config | None = None,
        *,
        host: PluginHost | None = None,
        first_timestamp: int = 0,
        beside: Sequence[ServiceConfig] = (),
    ) -> None:
        """`beside`: services of the program's own, which no configuration changes.

        `first_timestamp`: ms at which every attempt's timeline begins; 0 suits all servers.

        Raises `ConfigError` with the place of each thing that is wrong, as reading a file does.
        """
        config = Config() if config is None else given(config, Config, _INSTEAD)
        choice = config.plugins.choice
        self.host = host.limited(choice) if host else PluginHost(choices=[choice])
        self.config = check(config, self.host)
        self._first_timestamp = first_timestamp
        self._beside = tuple(beside)
        self._started_at = 0.0
        self._ending: asyncio.Task[None] | None = None
        self._environment: Environment | None = None
        self._cameras: CameraManager | None = None
        self._sessions: SessionManager | None = None
        self._shards: sharding.Shards | None = None
        self._bus = EventBus(self.host, self._name_of)
        self._watch = LoopWatch(lambda: self.host.plugins, self._held)
        self._history = History(lambda: self.sessions)
        self._recent = Recent(lambda: self.sessions, lambda told: _whole(self, told))
        self._reloading = asyncio.Lock()
        self.program: Program | None = None
        """Yours to set: how the program around the engine reads its configuration again and ends, for services that
        are asked to."""

    @classmethod
    def from_file(cls, path: str | Path, *, host: PluginHost | None = None) -> Engine:
        """An engine for a configuration file, an old one included. Raises `ConfigError`."""
        file = ConfigFile.read(path)
        host = host or PluginHost(choices=[file.plugins.choice])
        return cls(file.resolve(host), host=host)

    async def __aenter__(self) -> Engine:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def cameras(self) -> CameraManager:
        """The cameras. Raises `WrongState` before the engine has been started."""
        if self._cameras is None:
            raise WrongState("the engine has not been started")
        return self._cameras

    @property
    def sessions(self) -> SessionManager:
        """The sessions. Raises `WrongState` before the engine has been started."""
        if self._sessions is None:
            raise WrongState("the engine has not been started")
        return self._sessions

    async def start(self) -> None:
        """Start all cameras and sessions; returns at once, they connect in the background.

        Raises `ConfigError`, and then nothing is left running; `WrongState` when it has been started before.
        """
        if self._environment is not None:
            raise WrongState("an engine is started once; make a new one")
        self._tell_limits()
        self._handover = LoopHandover(asyncio.get_running_loop())
        self._environment = self._make_environment()
        self._make_managers(self._environment)
        self._services = Services(self._environment, self.view)
        self._changes = Changes(self.cameras, self.sessions, self._services)
        self._watch.start()
        self._history.start()
        self._started_at = time.monotonic()
        try:
            for camera in self.config.cameras:
                if camera.enabled:
                    self._changes.begin(camera)
            for name, service in named((*self._beside, *self.config.services)).items():
                self._services.begin(name, service)
        except BaseException:
            await self.stop()
            raise

    async def stop(self, within: float = STOP_DEADLINE) -> None:
        """End everything cleanly. What has not ended `within` so many seconds is ended all the same, within 2 more.

        A second call, with less time, hurries the first.
        """
        if self._environment is None:
            return
        self._watch.stop()
        self._history.stop()
        self._environment.names.close()
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(), name="camcast-stop")
        for task in await wait_patiently({self._ending}, within):
            task.cancel()
        await self._close_the_rest(self._environment)
        self._handover.close()
        self._bus.close()

    async def _end(self) -> None:
        """The orderly way: sessions first, so that they can send what there is."""
        await asyncio.gather(
            self.sessions.close(), self._services.close(), *([self._shards.stop()] if self._shards is not None else [])
        )
        await self.cameras.close()

    async def _close_the_rest(self, environment: Environment) -> None:
        """What has not ended in order, so that nothing stays on the air, opened or running."""
        if self._shards is not None:
            self._shards.kill()
        rest = {
            asyncio.create_task(environment.close(CLOSE_DEADLINE), name="camcast-close"),
            asyncio.create_task(self.cameras.close(), name="camcast-stop-cameras"),
        }
        await wait_patiently(rest, CLOSE_DEADLINE + 1.0)

    # --- changes at run time ------------------------------------------------------------------------------

    async def add_camera(self, config: CameraConfig) -> CameraHandle:
        """Add and start a camera with its sessions; −1 as its id takes the next free one. Raises `ConfigError`.

        A session of it that cannot be created is logged, and keeps nothing else from running.
        """
        return (await self._change().add(config))[0]

    async def remove_camera(self, camera_id: int) -> None:
        """End a camera's sessions and the camera. Raises `NotFound` for one that is not there."""
        await self._change().remove(camera_id)

    async def create_session(self, config: SessionConfig) -> SessionHandle:
        """Publish a running stream somewhere else as well. Raises what `SessionManager.create_session` raises."""
        return self.sessions.create_session(config)

    async def delete_session(self, key: SessionKey) -> None:
        """End one session; the stream's others go on. Raises `NotFound` for one that is not there."""
        await self.sessions.delete_session(key)

    add_output = create_session
    remove_output = delete_session

    def plan(self, config: Config) -> list[Step]:
        """What `reload` would do now. Raises `ConfigError`."""
        config = canonical(given(config, Config, _INSTEAD), self.host)
        spread = self._shards.spread(config.cameras, self.host) if self._shards is not None else Spread()
        running = self._change().running(self.config.system, spread)
        steps = plan(running, config, lambda one: _taken(self.host, one))
        steps += self._services.plan((*self._beside, *config.services))
        if config.plugins != self.config.plugins:
            why = "is for the next start: those in use stay"
            steps.insert(0, Step(action=Action.LEAVE, key="plugins", label="plugins", why=why))
        return steps

    async def reload(self, config: Config) -> list[str]:
        """Make the running engine be like `config`, by difference. Returns what changed, one line each.

        What is equal in both is not touched, except that what has given up is tried again. What cannot be done is a
        line too, and keeps nothing else from being done. A reload waits for the one before it. Raises `ConfigError`,
        and then nothing has been touched.
        """
        config = canonical(given(config, Config, _INSTEAD), self.host)
        async with self._reloading:
            steps = self.plan(config)
            if self._shards is not None:
                self._shards.share(config.cameras, self.host)
            lines = await self._change().carry_out(steps)
            for camera in config.cameras:
                if (running := self.cameras.get(camera.camera_id)) is not None:
                    running.config = camera
            if self._shards is not None and config.system.log_level != self.config.system.log_level:
                self._shards.set_log_level(config.system.log_level)
            self.config = in_use(config, self.config)
            self.tell(Reloaded(label="configuration", changes=tuple(lines)))
            return lines

    def tell(self, event: Event) -> None:
        """An event of the program's own, to all that hear events: the log, watchers, readers, services."""
        self._bus.emit(event)

    # --- media of the embedding program -------------------------------------------------------------------

    def push(self, camera_id: int, stream_id: int) -> PushHandle:
        """What this program pushes a stream's media into, where the stream's source is of a kind made for that.

        From any thread, before, while and after the engine runs; keep it. Raises `NotFound` for a stream that is not
        there, or whose source brings its own media.
        """
        running = [camera.config for camera in self._cameras] if self._cameras is not None else []
        for camera in [*running, *self.config.cameras]:
            if camera.camera_id == camera_id:
                for stream in camera.streams:
                    if stream.stream_id == stream_id:
                        return self._push_handle(camera_id, stream)
        raise NotFound(f"there is no camera {camera_id} with a stream {stream_id}")

    def _push_handle(self, camera_id: int, stream: StreamConfig) -> PushHandle:
        kind = self.host.source(stream.source.type)
        if kind.feed is None:
            raise NotFound(
                f"camera {camera_id} stream {stream.stream_id} has a source of type {kind.name!r}, which brings its "
                'own media; push into a source like {"type": "push"}'
            )
        return kind.feed(camera_id, stream.stream_id)

    # --- watching -----------------------------------------------------------------------------------------

    def events(self) -> EventReader:
        """All events from now on. Begin to iterate before what you want to see; ends when the engine stops."""
        return self._bus.reader()

    def view(self) -> View:
        """This engine as services see it, usable from any thread; for programs that embed what a service offers.

        Raises `WrongState` before the engine has been started.
        """
        if self._environment is None:
            raise WrongState("the engine has not been started")
        return View(self, self._bus.add, self._recent)

    async def refresh(self) -> None:
        """Have the figures of worker processes as of now, or of half a second ago where one does not answer quickly."""
        if self._shards is not None:
            await self._shards.refresh(REFRESH_DEADLINE)

    def stats(self) -> Stats:
        """A snapshot of all figures; those of worker processes are up to half a second old."""
        return _whole(self, self.sessions.metrics())

    def history(self, key: SessionKey, limit: int = POINTS) -> SessionHistory:
        """The last `limit` figures of a session, one each 2 s, of the last 15 min at most.

        Raises `NotFound` for one that is not there.
        """
        if self.sessions.get(key) is None:
            raise NotFound(f"there is no session {key}")
        return self._history.of(key, limit)

    @property
    def sources_ended(self) -> bool:
        """Whether there are sources and nothing more will come of any: each is at its end, or has given up for good."""
        streams = [stream for camera in self.cameras for stream in camera.streams.values()]
        return bool(streams) and all(map(_is_over, streams))

    # --- inside -------------------------------------------------------------------------------------------

    def _make_environment(self) -> Environment:
        """What the sessions of this engine share."""
        return Environment(
            host=self.host,
            handover=self._handover,
            resolver=NameResolver(),
            hosts=Hosts(self.config.system.max_connects_per_second),
            emit=self._bus.emit,
            uplinks=Uplinks(self.config.system.uplinks, self._bus.emit),
            first_timestamp=self._first_timestamp,
        )

    def _make_managers(self, environment: Environment) -> None:
        """Managers for this process alone, or for several."""
        system, emit = self.config.system, environment.emit
        if (count := sharding.worker_count(system)) == 1:
            self._cameras = CameraManager(environment, emit, system.max_cameras)
            self._sessions = SessionManager(environment, self._cameras)
            return
        self._shards = sharding.Shards(count, sharding.beginning(system, self._first_timestamp, self.host), environment)
        self._shards.start()
        self._shards.share(self.config.cameras, self.host)
        self._cameras = sharding.ShardedCameras(environment, emit, system.max_cameras, self._shards)
        self._sessions = sharding.ShardedSessions(environment, self._cameras, self._shards)

    def _held(self, hold: Hold) -> None:
        for event in blame(hold, self.host, self.cameras, self.sessions, self.config.system.plugin_stall):
            self._bus.emit(event)

    def _name_of(self, camera_id: int) -> str:
        camera = self._cameras.get(camera_id) if self._cameras is not None else None
        return camera.config.name if camera is not None else ""

    def _tell_limits(self) -> None:
        """A limit that cannot fit is known now, and not only when the last camera finds no descriptor left."""
        sources, sessions = sum(1 for _ in self.config.streams()), sum(1 for _ in self.config.sessions())
        if short := descriptors.shortfall(sources, sessions, sharding.worker_count(self.config.system)):
            log.error("%s", short)

    def _change(self) -> Changes:
        if self._cameras is None or self._ending is not None:
            raise WrongState("the engine is not running" if self._cameras is None else "the engine has been stopped")
        return self._changes


def _taken(host: PluginHost, one: StreamConfig | SessionConfig) -> Iterable[str]:
    """What only one can publish, and where it listens."""
    if isinstance(one, SessionConfig):
        return (*published(host, one), *of_session(one, host))
    return of_source(one.source, host)


def _is_over(stream: StreamHandle) -> bool:
    """Whether its source brings nothing more by itself."""
    state, may_revive = stream.state, stream.config.source.retry_policy.revive_after is not None
    return state is SourceState.ENDED or (state is SourceState.FAILED and not may_revive)


def _whole(engine: Engine, sessions: Sequence[SessionMetrics]) -> Stats:
    """What there is to be known, with what the sessions have just told."""
    environment = engine._environment
    return Stats(
        sessions=tuple(sessions),
        uptime=time.monotonic() - engine._started_at,  # after theirs, of which none is longer
        streams=tuple(stream.metrics for camera in engine.cameras for stream in camera.streams.values()),
        totals=engine.sessions.totals_with(sessions),
        services=engine._services.metrics(),
        uplinks=environment.uplinks.metrics() if environment is not None else (),
    )
