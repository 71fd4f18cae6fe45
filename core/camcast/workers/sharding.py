"""Which process runs which camera, and the managers that hide it.

The parent counts as worker 0. `placing.py` has the rule.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from typing import TypeVar

import attrs

from camcast.camera.handles import CameraHandle
from camcast.camera.manager import CameraManager
from camcast.config import CameraConfig, SessionConfig, StreamConfig, SystemConfig
from camcast.errors import ConfigError
from camcast.events import Event, SessionKey, WorkerRestarted
from camcast.host import Plugin, PluginHost
from camcast.kinds import CodecKind, EncoderKind, SourceKind, TransportKind
from camcast.patience import wait_patiently
from camcast.session.environment import Environment
from camcast.session.metrics import SessionMetrics
from camcast.session.session_manager import SessionHandle, SessionManager, Streams
from camcast.workers.listening import UNKNOWN, addresses, of_session, of_source
from camcast.workers.moving import Spread
from camcast.workers.neighbours import Group, Needs, groups
from camcast.workers.placing import Placing
from camcast.workers.process import WorkerProcess
from camcast.workers.remote import RemoteCamera, RemoteSession
from camcast.workers.wire import Begin, Tell

W = TypeVar("W")
log = logging.getLogger(__name__)

MAX_WORKERS = 64
NO_LIMIT = 100_000
"""Cameras of a worker: the most that a configuration may have in all."""


def worker_count(system: SystemConfig) -> int:
    """Processes in all, the parent included; "auto" takes one for each processor that this process may use."""
    wanted = len(os.sched_getaffinity(0)) if system.workers == "auto" else int(system.workers)
    return max(1, min(wanted, MAX_WORKERS))


def stays_at_home(camera: CameraConfig, host: PluginHost) -> str | None:
    """Why a camera must run in the parent, or None when any worker can."""
    for stream in camera.streams:
        try:
            kinds: list[SourceKind | TransportKind] = [host.source(stream.source.type)]
            for session in stream.sessions:
                kinds += [host.transport(target.transport, target.scheme) for target in session.targets]
        except LookupError:
            return None
        for kind in kinds:
            if isinstance(kind, SourceKind) and kind.in_process:
                return f'its source "{kind.name}" is fed by this program'
            if _registered(host, kind):
                return f'"{kind.name}" comes from a plugin that this program registered'
    for plugin in host.plugins:
        if plugin.registered and (what := _needed_everywhere(host, plugin)):
            return f'plugin "{plugin.name}", which this program registered, {what}'
    return None


def place(placing: Placing[W], camera: CameraConfig, host: PluginHost) -> W:
    """Where `camera` goes. Raises `ConfigError`."""
    parts = addresses(camera, host)
    known = {part: one - {UNKNOWN} for part, one in parts.items()}
    return placing.place(camera.camera_id, len(camera.streams), known, at_home=_needs(camera, host).at_home)


def together(cameras: Iterable[CameraConfig], host: PluginHost) -> list[Group]:
    """Which of these cameras are to be in one process, of those that are enabled."""
    return groups({camera.camera_id: _needs(camera, host) for camera in cameras if camera.enabled})


def _needs(camera: CameraConfig, host: PluginHost) -> Needs:
    listens = frozenset[str]().union(*addresses(camera, host).values())
    # What is not known yet may be shared by any others of its kind.
    return Needs(listens - {UNKNOWN}, UNKNOWN in listens or stays_at_home(camera, host) is not None)


def _registered(host: PluginHost, kind: SourceKind | TransportKind) -> bool:
    plugin = host.plugin_of(kind)
    return plugin is not None and plugin.registered


def _needed_everywhere(host: PluginHost, plugin: Plugin) -> str | None:
    """What a plugin does that any camera may need, so that no camera can do without it."""
    if any(isinstance(kind, CodecKind | EncoderKind) for kind in plugin.kinds):
        return "brings a codec or an encoder"
    if plugin.name in host.implementers("camcast_resolve_url"):
        return "resolves URLs"
    if plugin.name in host.implementers("camcast_resolve_source"):
        return "finds cameras"
    if plugin.name in host.implementers("camcast_resolve_secret"):
        return "resolves secrets"
    return None


def beginning(system: SystemConfig, first_timestamp: int, host: PluginHost) -> Begin:
    """What each worker is told first. How many cameras there may be is the parent's to say."""
    plugins = tuple(plugin.reference for plugin in host.plugins if not plugin.registered)
    return Begin(attrs.evolve(system, workers=1, max_cameras=NO_LIMIT), first_timestamp, plugins)


class Shards:
    """All workers but the parent."""

    def __init__(self, count: int, begin: Begin, environment: Environment) -> None:
        hosts, emit, uplinks = environment.hosts, environment.emit, environment.uplinks
        self._emit = emit
        self._uplinks = uplinks
        self.keep: Callable[[SessionMetrics], None] = lambda last: None
        """Called with the last figures of each session whose worker has died."""
        self.cameras: dict[int, RemoteCamera] = {}
        self.sessions: dict[SessionKey, RemoteSession] = {}
        self.workers = [
            WorkerProcess(f"worker {n}", begin, hosts, uplinks, emit=emit, revive=self._revive, died=self._died)
            for n in range(1, count)
        ]
        self.placing: Placing[WorkerProcess | None] = Placing([None, *self.workers])
        """None = at home."""

    def start(self) -> None:
        for worker in self.workers:
            worker.start()

    async def stop(self) -> None:
        """End all workers side by side."""
        await asyncio.gather(*(worker.stop() for worker in self.workers))

    def share(self, cameras: Iterable[CameraConfig], host: PluginHost) -> None:
        """Those of them that have addresses in common are to be in one process, from now on."""
        self.placing.groups = together(cameras, host)

    def spread(self, cameras: Iterable[CameraConfig], host: PluginHost) -> Spread:
        """How cameras are spread now, and which of those that are wanted are to be in one process."""
        return Spread(together(cameras, host), self.placing.home, self.placing.where)

    def set_log_level(self, level: str) -> None:
        """All log from this level on."""
        for worker in self.workers:
            worker.set_log_level(level)

    async def refresh(self, seconds: float) -> None:
        """Have the figures of now; a worker that does not answer in time keeps those it has told."""
        await wait_patiently({worker.post(Tell()) for worker in self.workers}, seconds)

    def kill(self) -> None:
        """End those that are still there, at once."""
        for worker in self.workers:
            worker.kill()

    def _revive(self, worker: WorkerProcess) -> None:
        for camera in self.cameras.values():
            if camera.worker is worker:
                camera.create()
        for session in self.sessions.values():
            if session.worker is worker:
                session.create()

    def _died(self, worker: WorkerProcess, why: str) -> None:
        self._uplinks.forget(worker.name)
        for last in worker.sessions.values():
            self.keep(last)
        worker.show(None)
        cameras = [camera.camera_id for camera in self.cameras.values() if camera.worker is worker]
        self._emit(WorkerRestarted(label=worker.name, reason=why, cameras=tuple(cameras)))


class ShardedCameras(CameraManager):
    """Cameras here and in workers."""

    def __init__(
        self, environment: Environment, emit: Callable[[Event], object], max_cameras: int, shards: Shards
    ) -> None:
        super().__init__(environment, emit, max_cameras)
        self._shards = shards

    def _make(self, config: CameraConfig) -> CameraHandle:
        worker = place(self._shards.placing, config, self._environment.host)
        if worker is None:
            return super()._make(config)
        camera = self._shards.cameras[config.camera_id] = RemoteCamera(config, worker)
        return camera

    async def destroy(self, camera_id: int) -> None:
        # First: it is not made again with a worker that dies meanwhile.
        self._shards.cameras.pop(camera_id, None)
        try:
            await super().destroy(camera_id)
        finally:
            if self.get(camera_id) is None:  # it may have been added again
                self._shards.placing.forget(camera_id)

    def add_stream(self, camera_id: int, config: StreamConfig) -> None:
        self.require(camera_id)
        listens = of_source(config.source, self._environment.host) if config.enabled else frozenset()
        self._shards.placing.listen(camera_id, config.stream_id, listens - {UNKNOWN})
        super().add_stream(camera_id, config)

    async def remove_stream(self, camera_id: int, stream_id: int) -> None:
        await super().remove_stream(camera_id, stream_id)
        camera = self.get(camera_id)
        if camera is None or stream_id not in camera.streams:  # it may have been added again
            self._shards.placing.leave(camera_id, stream_id)

    def _ends_with_us(self, camera: CameraHandle) -> bool:
        return not isinstance(camera, RemoteCamera)


class ShardedSessions(SessionManager):
    """Sessions here and in workers."""

    def __init__(self, environment: Environment, streams: Streams, shards: Shards) -> None:
        super().__init__(environment, streams)
        self._shards = shards
        shards.keep = self.keep

    def _make(self, config: SessionConfig) -> SessionHandle:
        self._shards.placing.listen(config.camera_id, config.key, of_session(config, self._environment.host))
        camera = self._shards.cameras.get(config.camera_id)
        if camera is None:
            return super()._make(config)
        for target in config.targets:
            try:
                kind = self._environment.host.transport(target.transport, target.scheme)
            except LookupError:
                continue  # the worker says what is wrong
            if _registered(self._environment.host, kind):
                raise ConfigError(
                    f"camera {config.camera_id} runs in another process, which does not have the transport "
                    f'"{kind.name}" that this program registered; make it an installed plugin, '
                    "or add the camera with this output"
                )
        session = self._shards.sessions[config.key] = RemoteSession(config, camera.worker)
        return session

    def adopt(self, system: SystemConfig) -> None:
        super().adopt(system)
        for worker in self._shards.workers:
            worker.adopt(system)

    async def delete_session(self, key: SessionKey) -> None:
        self._shards.sessions.pop(key, None)
        try:
            await super().delete_session(key)
        finally:
            if self.get(key) is None:  # it may have been created again
                self._shards.placing.leave(key.camera_id, key)

    def _ends_with_us(self, session: SessionHandle) -> bool:
        return not isinstance(session, RemoteSession)
