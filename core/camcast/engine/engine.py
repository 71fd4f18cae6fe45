"""The engine: cameras and sessions from one configuration, on the caller's event loop.

async with Engine.from_file("system_config.json") as engine:
    async for event in engine.events():
        print(event.text)
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType

import attrs

from camcast.camera.manager import CameraHandle, CameraManager
from camcast.camera.stats import Stats
from camcast.config import CameraConfig, Config, SessionConfig, StreamConfig, SystemConfig
from camcast.config.load import load
from camcast.contracts import PushHandle
from camcast.engine.event_bus import EventBus
from camcast.engine.handover import LoopHandover
from camcast.errors import CamcastError
from camcast.events import Event, SessionKey, SourceState
from camcast.host import PluginHost
from camcast.session.environment import Environment
from camcast.session.hosts import Hosts
from camcast.session.resolver import NameResolver
from camcast.session.session_manager import SessionHandle, SessionManager
from camcast.stream.feed import Feed
from camcast.workers import sharding, wire

log = logging.getLogger(__name__)


class Engine:
    """Runs a configuration. One engine is started once; all methods belong to the loop that started it."""

    sessions: SessionManager
    cameras: CameraManager

    def __init__(
        self, config: Config | None = None, *, host: PluginHost | None = None, first_timestamp: int = 0
    ) -> None:
        """`first_timestamp`: ms at which every attempt's timeline begins; 0 suits all servers."""
        self.config = config or Config()
        self.host = host or PluginHost()
        self._first_timestamp = first_timestamp
        self._started_at = 0.0
        self._running = False
        self._environment: Environment | None = None
        self._shards: sharding.Shards | None = None
        self._bus = EventBus(self.host)
        self._reloading = asyncio.Lock()

    @classmethod
    def from_file(cls, path: str | Path, *, host: PluginHost | None = None) -> Engine:
        """An engine for a configuration file, an old one included. Raises `ConfigError`."""
        host = host or PluginHost()
        return cls(load(path, host), host=host)

    async def __aenter__(self) -> Engine:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start all cameras and sessions; returns at once, they connect in the background."""
        if self._environment is not None:
            raise RuntimeError("an engine is started once; make a new one")
        self._handover = LoopHandover(asyncio.get_running_loop())
        self._environment = self.make_environment()
        self._make_managers(self._environment)
        self._started_at = time.monotonic()
        self._running = True
        try:
            for camera in self.config.cameras:
                if camera.enabled:
                    self._add(camera)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End everything cleanly, within about ten seconds whatever state it is in."""
        if not self._running or self._environment is None:
            return
        self._running = False
        if self._shards is not None:
            await self._shards.stop()
        await self.sessions.close()
        await self.cameras.close()
        self._handover.close()
        self._bus.close()

    # --- changes at run time ------------------------------------------------------------------------------

    async def add_camera(self, config: CameraConfig) -> CameraHandle:
        """Add and start a camera with its sessions. Raises `ConfigError`."""
        return self._add(config)

    async def remove_camera(self, camera_id: int) -> None:
        """End a camera's sessions and the camera. Raises `KeyError` for one that is not there."""
        if self.cameras.get(camera_id) is None:
            raise KeyError(camera_id)
        await self._end_sessions(self.sessions.find(camera_id=camera_id))
        if self.cameras.get(camera_id) is not None:  # somebody else may have been quicker
            await self.cameras.destroy(camera_id)

    async def add_output(self, config: SessionConfig) -> SessionHandle:
        """Publish a running stream somewhere else as well. Raises `ConfigError`."""
        return self.sessions.create_session(config)

    async def remove_output(self, key: SessionKey) -> None:
        """End one session; the stream's others go on. Raises `KeyError` for one that is not there."""
        await self.sessions.delete_session(key)

    async def reload(self, config: Config) -> list[str]:
        """Make the running engine be like `config`, by difference. Returns what changed, one line each.

        What is equal in both is not touched: no other session loses a frame. What cannot be done is a line too, and
        keeps nothing else from being done. A reload waits for the one before it.
        """
        async with self._reloading:
            return await self._reload(config)

    async def _reload(self, config: Config) -> list[str]:
        changes = self._reload_system(config.system)
        wanted = {camera.camera_id: camera for camera in config.cameras if camera.enabled}
        for camera in list(self.cameras):
            new = wanted.get(camera.camera_id)
            if new is None:
                await self.remove_camera(camera.camera_id)
                changes.append(f"camera {camera.camera_id} removed")
            elif new.name != camera.config.name or _sources(new) != _sources(camera.config):
                await self.remove_camera(camera.camera_id)
                changes.append(self._try_add(new, "restarted"))
            else:
                camera.config = new
                changes += await self._reload_sessions(new)
        for camera_id, new in wanted.items():
            if self.cameras.get(camera_id) is None:
                changes.append(self._try_add(new, "added"))
        self.config = config
        return changes

    # --- media of the embedding program -------------------------------------------------------------------

    def push(self, camera_id: int, stream_id: int) -> PushHandle:
        """What this program pushes a stream's media into, where the stream's source is of a kind made for that.

        From any thread, before, while and after the engine runs; keep it. Raises `LookupError` for a stream that is
        not there, or whose source brings its own media.
        """
        running = [camera.config for camera in self.cameras] if self._environment is not None else []
        for camera in [*running, *self.config.cameras]:
            if camera.camera_id == camera_id:
                for stream in camera.streams:
                    if stream.stream_id == stream_id:
                        return self._push_handle(camera_id, stream)
        raise LookupError(f"there is no camera {camera_id} with a stream {stream_id}")

    def _push_handle(self, camera_id: int, stream: StreamConfig) -> PushHandle:
        kind = self.host.source(stream.source.type)
        if kind.feed is None:
            raise LookupError(
                f"camera {camera_id} stream {stream.stream_id} has a source of type {kind.name!r}, which brings its "
                'own media; push into a source like {"type": "push"}'
            )
        return kind.feed(camera_id, stream.stream_id)

    # --- watching -----------------------------------------------------------------------------------------

    def events(self) -> AsyncIterator[Event]:
        """All events from now on. Begin to iterate before what you want to see; ends when the engine stops."""
        return aiter(self._bus)

    def stats(self) -> Stats:
        """A snapshot of all figures."""
        return Stats(
            uptime=time.monotonic() - self._started_at,
            sessions=tuple(self.sessions.metrics()),
            streams=tuple(stream.metrics for camera in self.cameras for stream in camera.streams.values()),
            totals=self.sessions.totals(),
        )

    @property
    def sources_ended(self) -> bool:
        """Whether every source has come to its end, so that nothing more will be sent."""
        ended = (SourceState.ENDED, SourceState.FAILED)
        return all(stream.state in ended for camera in self.cameras for stream in camera.streams.values())

    # --- inside -------------------------------------------------------------------------------------------

    def make_environment(self) -> Environment:
        """What the sessions of this engine share."""
        return Environment(
            host=self.host,
            handover=self._handover,
            resolver=NameResolver(),
            hosts=Hosts(self.config.system.max_connects_per_second),
            emit=self._bus.emit,
            first_timestamp=self._first_timestamp,
        )

    def _make_managers(self, environment: Environment) -> None:
        """Managers for this process alone, or for several."""
        system, emit = self.config.system, environment.emit
        count = sharding.worker_count(system)
        if count == 1:
            self.cameras = CameraManager(environment, emit, system.max_cameras)
            self.sessions = SessionManager(environment, self._feed)
            return
        plugins = tuple(plugin.name for plugin in self.host.plugins if not plugin.registered)
        begin = wire.Begin(attrs.evolve(system, workers=1), self._first_timestamp, plugins)
        self._shards = sharding.Shards(count, begin, environment.hosts, emit)
        self._shards.start()
        self.cameras = sharding.ShardedCameras(environment, emit, system.max_cameras, self._shards)
        self.sessions = sharding.ShardedSessions(environment, self._feed, self._shards)

    def _feed(self, camera_id: int, stream_id: int) -> Feed:
        return self.cameras.stream(camera_id, stream_id).feed

    def _add(self, config: CameraConfig) -> CameraHandle:
        camera = self.cameras.create(config)
        for stream in camera.config.streams:
            if not stream.enabled:
                continue
            for session in stream.sessions:
                try:
                    self.sessions.create_session(session)
                except CamcastError as error:
                    log.error("Session %s cannot be created: %s", session.label, error)
        camera.start()
        return camera

    def _try_add(self, config: CameraConfig, done: str) -> str:
        try:
            self._add(config)
        except CamcastError as error:
            log.error("Camera %d cannot be added: %s", config.camera_id, error)
            return f"camera {config.camera_id} cannot be added: {error}"
        return f"camera {config.camera_id} {done}"

    def _reload_system(self, new: SystemConfig) -> list[str]:
        """Limits hold at once; how many processes there are is settled at the start."""
        old = self.config.system
        self.cameras.max_cameras = new.max_cameras
        return [
            f"system.{name} is for the next start: it stays {getattr(old, name)}"
            for name in ("workers", "max_connects_per_second")
            if getattr(old, name) != getattr(new, name)
        ]

    async def _reload_sessions(self, camera: CameraConfig) -> list[str]:
        changes: list[str] = []
        wanted = {session.key: session for stream in camera.streams if stream.enabled for session in stream.sessions}
        for session in self.sessions.find(camera_id=camera.camera_id):
            if wanted.get(session.key) != session.config:
                await self.sessions.delete_session(session.key)
                changes.append(f"session {session.label} {'restarted' if session.key in wanted else 'removed'}")
        for key, config in wanted.items():
            if self.sessions.get(key) is None:
                try:
                    self.sessions.create_session(config)
                except CamcastError as error:
                    log.error("Session %s cannot be created: %s", config.label, error)
                    changes = [change for change in changes if change != f"session {config.label} restarted"]
                    changes.append(f"session {config.label} cannot be created: {error}")
                    continue
                if not any(config.label in change for change in changes):
                    changes.append(f"session {config.label} added")
        return changes

    async def _end_sessions(self, sessions: list[SessionHandle]) -> None:
        here = [session.key for session in sessions if self.sessions.get(session.key) is session]
        await asyncio.gather(*(self.sessions.delete_session(key) for key in here))


def _sources(camera: CameraConfig) -> list[StreamConfig]:
    """A camera's streams without their sessions: what decides whether it must be restarted."""
    return [attrs.evolve(stream, sessions=()) for stream in camera.streams if stream.enabled]
