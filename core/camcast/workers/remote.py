"""What the parent shows of cameras and sessions that live in a worker: the same faces as those at home."""

from __future__ import annotations

import asyncio
from math import inf

import attrs

from camcast.camera.handles import check_bitrate, stream_of, with_stream, without_stream
from camcast.camera.stats import StreamMetrics
from camcast.config import CameraConfig, SessionConfig, StreamConfig
from camcast.errors import CamcastError
from camcast.events import SessionState, SourceState
from camcast.session.health import Health
from camcast.session.metrics import Recorder, SessionMetrics, Sketch
from camcast.workers import wire
from camcast.workers.process import WorkerProcess


class RemoteSession:
    """A session in a worker. Its figures are at most half a second old."""

    def __init__(self, config: SessionConfig, worker: WorkerProcess) -> None:
        self.config = config
        self.key = config.key
        self.label = config.label
        self.worker = worker
        self.create()

    def create(self) -> None:
        """Tell the worker, also again after a restart."""
        self.worker.tell(wire.CreateSession(self.config), f"Session {self.label} cannot be created")

    @property
    def metrics(self) -> SessionMetrics:
        return self.worker.sessions.get(self.key) or Recorder().snapshot(
            key=self.key,
            label=self.label,
            state=SessionState.DISCONNECTED,
            health=Health.UNHEALTHY,
            target=self.config.targets[0].shown,
            target_index=0,
            retries=0,
            next_attempt_at=None,
            on_air=None,
        )

    @property
    def sketch(self) -> Sketch | None:
        told = self.metrics
        if told.state is not SessionState.CONNECTED:
            return None
        return Sketch(told.target_index, told.bitrate, told.bitrate_target, told.lag, told.transport)

    @property
    def state(self) -> SessionState:
        return self.metrics.state

    @property
    def target_shown(self) -> str:
        return self.metrics.target

    @property
    def health(self) -> Health:
        return self.metrics.health

    @property
    def healthy(self) -> bool:
        return self.metrics.healthy

    @property
    def frames_dropped(self) -> int:
        return self.metrics.frames_dropped

    def tick(self, now: float) -> float:
        """Looked after by the worker."""
        return inf

    def start(self) -> None:
        """Begun by `create`."""

    async def stop(self) -> None:
        try:
            await self.worker.ask(wire.DeleteSession(self.key))
        except CamcastError:
            # The worker is gone, and the session with it.
            return

    def adopt(self, config: SessionConfig) -> None:
        self.config, self.label = config, config.label
        self.worker.post(wire.Adopt(config))

    def retry_now(self) -> None:
        self._control("retry_now")

    def pause(self) -> None:
        self._control("pause")

    def resume(self) -> None:
        self._control("resume")

    def switch(self, target: int) -> None:
        """Raises `OutOfRange` for an index that is not in the chain."""
        self.config.check_target(target)
        self._control("switch", target)

    def _control(self, method: str, *arguments: int) -> None:
        self.worker.post(wire.Control(self.key, method, arguments))


class RemoteStream:
    """One stream of a camera in a worker."""

    def __init__(self, camera: CameraConfig, config: StreamConfig, worker: WorkerProcess) -> None:
        self.camera = camera
        self.config = config
        self.label = config.label(camera.camera_id)
        self.worker = worker

    @property
    def metrics(self) -> StreamMetrics:
        key = (self.camera.camera_id, self.config.stream_id)
        return self.worker.streams.get(key) or StreamMetrics(camera_id=key[0], stream_id=key[1], label=self.label)

    @property
    def state(self) -> SourceState:
        return self.metrics.state

    def request_keyframe(self) -> bool:
        """Passed on; whether anybody could is not known here."""
        self.worker.post(wire.Keyframe(self.camera.camera_id, self.config.stream_id))
        return True

    def set_bitrate(self, bitrate_kbps: int) -> bool:
        """Passed on; whether the picture is made there is not known here."""
        check_bitrate(bitrate_kbps)
        self.worker.post(wire.Bitrate(self.camera.camera_id, self.config.stream_id, bitrate_kbps))
        return True

    def adopt(self, config: StreamConfig) -> None:
        self.config, self.label = config, config.label(self.camera.camera_id)
        self.worker.post(wire.AdoptStream(self.camera.camera_id, attrs.evolve(config, sessions=())))

    async def snapshot(self, *, small: bool = False) -> bytes:
        answer = await self.worker.ask(wire.Snapshot(self.camera.camera_id, self.config.stream_id, small))
        assert isinstance(answer, bytes)
        return answer

    def retry_now(self) -> None:
        self.worker.post(wire.RetrySource(self.camera.camera_id, self.config.stream_id))


class RemoteCamera:
    """A camera in a worker."""

    def __init__(self, config: CameraConfig, worker: WorkerProcess) -> None:
        self.config = config
        self.worker = worker
        self.streams = {
            stream.stream_id: RemoteStream(config, stream, worker) for stream in config.streams if stream.enabled
        }
        self.create()

    @property
    def camera_id(self) -> int:
        return self.config.camera_id

    def create(self) -> None:
        """Tell the worker, also again after a restart. The sessions are told apart."""
        self.worker.tell(wire.AddCamera(self.config.without_sessions()), f"Camera {self.camera_id} cannot be added")

    def start(self) -> None:
        """Begun by `create`."""

    async def stop(self) -> None:
        try:
            await self.worker.ask(wire.RemoveCamera(self.camera_id))
        except (CamcastError, asyncio.CancelledError):
            return

    def rename(self, name: str) -> None:
        self.config = attrs.evolve(self.config, name=name)
        for stream in self.streams.values():
            stream.camera = self.config
        self.worker.post(wire.Rename(self.camera_id, name))

    def adopt_stream(self, config: StreamConfig) -> None:
        stream_of(self, config.stream_id).adopt(config)
        self.config = with_stream(self.config, config)
        for stream in self.streams.values():
            stream.camera = self.config

    def add_stream(self, config: StreamConfig) -> None:
        """Tell the worker; after a restart of it the camera is made with this stream."""
        self.config = with_stream(self.config, config)
        self.streams[config.stream_id] = RemoteStream(self.config, config, self.worker)
        bare = attrs.evolve(config, sessions=())
        self.worker.tell(wire.AddStream(self.camera_id, bare), f"Stream {config.label(self.camera_id)} cannot be added")

    async def remove_stream(self, stream_id: int) -> None:
        """Raises `KeyError` for no such stream."""
        del self.streams[stream_id]
        self.config = without_stream(self.config, stream_id)
        try:
            await self.worker.ask(wire.RemoveStream(self.camera_id, stream_id))
        except CamcastError:
            # The worker is gone, and the stream with it.
            return

    def request_keyframe(self, stream_id: int = 0) -> bool:
        return stream_of(self, stream_id).request_keyframe()

    def set_bitrate(self, stream_id: int, bitrate_kbps: int) -> bool:
        return stream_of(self, stream_id).set_bitrate(bitrate_kbps)
