"""Cameras at run time: made, started, stopped and removed, each without touching the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import attrs

from camcast.camera.stream import CameraStream, StreamMetrics
from camcast.config import CameraConfig, StreamConfig
from camcast.errors import ConfigError, Issue
from camcast.events import Event, SourceState
from camcast.session.environment import Environment


class StreamHandle(Protocol):
    """What a stream shows to others, wherever it runs."""

    config: StreamConfig
    label: str

    @property
    def state(self) -> SourceState: ...

    @property
    def metrics(self) -> StreamMetrics: ...

    def request_keyframe(self) -> bool: ...

    def set_bitrate(self, bitrate: int) -> bool: ...


class CameraHandle(Protocol):
    """What a camera shows to others, wherever it runs."""

    config: CameraConfig

    @property
    def camera_id(self) -> int: ...

    @property
    def streams(self) -> Mapping[int, StreamHandle]: ...

    def start(self) -> None: ...

    async def stop(self) -> None: ...

    def request_keyframe(self, stream_id: int = 0) -> bool: ...

    def set_bitrate(self, stream_id: int, bitrate: int) -> bool: ...


class CameraInstance:
    """One camera with its streams, by `stream_id`."""

    def __init__(self, config: CameraConfig, environment: Environment, emit: Callable[[Event], object]) -> None:
        self.config = config
        self.streams: dict[int, CameraStream] = {
            stream.stream_id: CameraStream(config, stream, environment, emit)
            for stream in config.streams
            if stream.enabled
        }

    @property
    def camera_id(self) -> int:
        return self.config.camera_id

    def start(self) -> None:
        for stream in self.streams.values():
            stream.start()

    async def stop(self) -> None:
        await asyncio.gather(*(stream.stop() for stream in self.streams.values()))

    def request_keyframe(self, stream_id: int = 0) -> bool:
        """Ask whoever makes this stream's picture. False = nobody can. Raises `KeyError` for no such stream."""
        return self.streams[stream_id].request_keyframe()

    def set_bitrate(self, stream_id: int, bitrate: int) -> bool:
        """Aim at `bitrate` kbit/s where the picture is encoded or transcoded here, at most what it is configured with.

        False = it comes encoded from the source. Raises `KeyError` for no such stream, `ValueError` below 1.
        """
        return self.streams[stream_id].set_bitrate(bitrate)


@attrs.define(eq=False)
class CameraManager:
    """All cameras of an engine, at most `max_cameras`."""

    _environment: Environment
    _emit: Callable[[Event], object]
    max_cameras: int = 16
    _cameras: dict[int, CameraHandle] = attrs.field(factory=dict, init=False)

    def __iter__(self) -> Iterator[CameraHandle]:
        return iter(sorted(self._cameras.values(), key=lambda camera: camera.camera_id))

    def __len__(self) -> int:
        return len(self._cameras)

    def get(self, camera_id: int) -> CameraHandle | None:
        return self._cameras.get(camera_id)

    def create(self, config: CameraConfig) -> CameraHandle:
        """Make a camera, not yet started; −1 as its id takes the next free one. Raises `ConfigError`."""
        if config.camera_id < 0:
            free = next(number for number in range(len(self._cameras) + 1) if number not in self._cameras)
            config = config.renumbered(free)
        if config.camera_id in self._cameras:
            raise ConfigError([Issue("camera_id", f"{config.camera_id} is taken; remove that camera first")])
        if len(self._cameras) >= self.max_cameras:
            raise ConfigError([Issue("system.max_cameras", f"there are {self.max_cameras} cameras already; raise it")])
        camera = self._cameras[config.camera_id] = self._make(config)
        return camera

    def _make(self, config: CameraConfig) -> CameraHandle:
        return CameraInstance(config, self._environment, self._emit)

    async def destroy(self, camera_id: int) -> None:
        """Stop a camera and forget it. Raises `KeyError` for one that is not there."""
        await self._cameras.pop(camera_id).stop()

    def stream(self, camera_id: int, stream_id: int) -> CameraStream:
        """Raises `LookupError` that says what there is."""
        camera = self._cameras.get(camera_id)
        if camera is None:
            known = ", ".join(str(number) for number in sorted(self._cameras))
            raise LookupError(f"there is no camera {camera_id}; known: {known or 'none'}")
        if stream_id not in camera.streams:
            known = ", ".join(str(number) for number in sorted(camera.streams))
            raise LookupError(f"camera {camera_id} has no stream {stream_id}; known: {known or 'none'}")
        stream = camera.streams[stream_id]
        if not isinstance(stream, CameraStream):
            raise LookupError(f"camera {camera_id} runs in another process")
        return stream

    async def close(self) -> None:
        cameras, self._cameras = list(self._cameras.values()), {}
        await asyncio.gather(*(camera.stop() for camera in cameras))
