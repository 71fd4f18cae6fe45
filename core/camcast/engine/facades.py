"""The managers and handles of a running engine, as other threads may use them: each call waits for its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from camcast.camera.handles import CameraHandle, StreamHandle
from camcast.camera.manager import CameraManager
from camcast.camera.stats import StreamMetrics
from camcast.config import CameraConfig, SessionConfig, StreamConfig
from camcast.engine.loop_thread import LoopThread
from camcast.events import SessionKey, SessionState, SourceState
from camcast.session.health import Health
from camcast.session.metrics import SessionMetrics, Totals
from camcast.session.session_manager import SessionHandle, SessionManager


class ThreadedSession:
    """A `SessionHandle` for other threads."""

    def __init__(self, session: SessionHandle, loop: LoopThread) -> None:
        self._session = session
        self._loop = loop

    @property
    def config(self) -> SessionConfig:
        return self._session.config

    @property
    def key(self) -> SessionKey:
        return self._session.key

    @property
    def label(self) -> str:
        return self._session.label

    @property
    def state(self) -> SessionState:
        return self._loop.call(lambda: self._session.state)

    @property
    def target_shown(self) -> str:
        return self._loop.call(lambda: self._session.target_shown)

    @property
    def health(self) -> Health:
        return self._loop.call(lambda: self._session.health)

    @property
    def healthy(self) -> bool:
        return self._loop.call(lambda: self._session.healthy)

    @property
    def metrics(self) -> SessionMetrics:
        return self._loop.call(lambda: self._session.metrics)

    def stop(self) -> None:
        self._loop.run(self._session.stop())

    def retry_now(self) -> None:
        self._loop.call(self._session.retry_now)

    def pause(self) -> None:
        self._loop.call(self._session.pause)

    def resume(self) -> None:
        self._loop.call(self._session.resume)

    def switch(self, target: int) -> None:
        self._loop.call(self._session.switch, target)


class ThreadedSessions:
    """A `SessionManager` for other threads."""

    def __init__(self, sessions: SessionManager, loop: LoopThread) -> None:
        self._sessions = sessions
        self._loop = loop

    def __iter__(self) -> Iterator[ThreadedSession]:
        return iter([ThreadedSession(one, self._loop) for one in self._loop.call(lambda: [*self._sessions])])

    def __len__(self) -> int:
        return len(self._sessions)

    def create_session(self, config: SessionConfig) -> ThreadedSession:
        return ThreadedSession(self._loop.call(self._sessions.create_session, config), self._loop)

    def delete_session(self, key: SessionKey) -> None:
        self._loop.run(self._sessions.delete_session(key))

    def get(self, key: SessionKey) -> ThreadedSession | None:
        one = self._loop.call(lambda: self._sessions.get(key))
        return ThreadedSession(one, self._loop) if one is not None else None

    def find(
        self,
        *,
        camera_id: int | None = None,
        stream_id: int | None = None,
        output: str | None = None,
        url: str | None = None,
    ) -> list[ThreadedSession]:
        found = self._loop.call(
            lambda: self._sessions.find(camera_id=camera_id, stream_id=stream_id, output=output, url=url)
        )
        return [ThreadedSession(one, self._loop) for one in found]

    def metrics(self) -> list[SessionMetrics]:
        return self._loop.call(self._sessions.metrics)

    def totals(self) -> Totals:
        return self._loop.call(self._sessions.totals)


class ThreadedStream:
    """A `StreamHandle` for other threads."""

    def __init__(self, stream: StreamHandle, loop: LoopThread) -> None:
        self._stream = stream
        self._loop = loop

    @property
    def config(self) -> StreamConfig:
        return self._stream.config

    @property
    def label(self) -> str:
        return self._stream.label

    @property
    def state(self) -> SourceState:
        return self._loop.call(lambda: self._stream.state)

    @property
    def metrics(self) -> StreamMetrics:
        return self._loop.call(lambda: self._stream.metrics)

    def request_keyframe(self) -> bool:
        return self._loop.call(self._stream.request_keyframe)

    def set_bitrate(self, bitrate_kbps: int) -> bool:
        return self._loop.call(self._stream.set_bitrate, bitrate_kbps)

    def retry_now(self) -> None:
        self._loop.call(self._stream.retry_now)

    def snapshot(self, *, small: bool = False) -> bytes:
        return self._loop.run(self._stream.snapshot(small=small))


class ThreadedCamera:
    """A `CameraHandle` for other threads."""

    def __init__(self, camera: CameraHandle, loop: LoopThread) -> None:
        self._camera = camera
        self._loop = loop

    @property
    def config(self) -> CameraConfig:
        return self._camera.config

    @property
    def camera_id(self) -> int:
        return self._camera.camera_id

    @property
    def streams(self) -> Mapping[int, ThreadedStream]:
        return {number: ThreadedStream(stream, self._loop) for number, stream in self._camera.streams.items()}

    def start(self) -> None:
        self._loop.call(self._camera.start)

    def stop(self) -> None:
        self._loop.run(self._camera.stop())

    def request_keyframe(self, stream_id: int = 0) -> bool:
        return self._loop.call(self._camera.request_keyframe, stream_id)

    def set_bitrate(self, stream_id: int, bitrate_kbps: int) -> bool:
        return self._loop.call(self._camera.set_bitrate, stream_id, bitrate_kbps)


class ThreadedCameras:
    """A `CameraManager` for other threads, as far as embedders use one: `EngineThread` adds and removes cameras."""

    def __init__(self, cameras: CameraManager, loop: LoopThread) -> None:
        self._cameras = cameras
        self._loop = loop

    def __iter__(self) -> Iterator[ThreadedCamera]:
        return iter([ThreadedCamera(one, self._loop) for one in self._loop.call(lambda: [*self._cameras])])

    def __len__(self) -> int:
        return len(self._cameras)

    def get(self, camera_id: int) -> ThreadedCamera | None:
        one = self._loop.call(lambda: self._cameras.get(camera_id))
        return ThreadedCamera(one, self._loop) if one is not None else None

    def require(self, camera_id: int) -> ThreadedCamera:
        return ThreadedCamera(self._loop.call(self._cameras.require, camera_id), self._loop)

    def names(self, camera_id: int) -> Mapping[int, str]:
        return self._loop.call(self._cameras.names, camera_id)
