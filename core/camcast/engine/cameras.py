"""Cameras at run time: made, started, stopped and removed, each without touching the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import attrs

from camcast.config import CameraConfig
from camcast.engine.camera_stream import CameraStream
from camcast.errors import ConfigError, Issue
from camcast.events import Event
from camcast.session.services import Services


class CameraInstance:
    """One camera with its streams, by `stream_id`."""

    def __init__(self, config: CameraConfig, services: Services, emit: Callable[[Event], object]) -> None:
        self.config = config
        self.streams: dict[int, CameraStream] = {
            stream.stream_id: CameraStream(config, stream, services, emit)
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
        return self.streams[stream_id].feed.request_keyframe()


@attrs.define(eq=False)
class CameraManager:
    """All cameras of an engine, at most `max_cameras`."""

    _services: Services
    _emit: Callable[[Event], object]
    max_cameras: int = 16
    _cameras: dict[int, CameraInstance] = attrs.field(factory=dict, init=False)

    def __iter__(self) -> Iterator[CameraInstance]:
        return iter(sorted(self._cameras.values(), key=lambda camera: camera.camera_id))

    def __len__(self) -> int:
        return len(self._cameras)

    def get(self, camera_id: int) -> CameraInstance | None:
        return self._cameras.get(camera_id)

    def create(self, config: CameraConfig) -> CameraInstance:
        """Make a camera, not yet started; −1 as its id takes the next free one. Raises `ConfigError`."""
        if config.camera_id < 0:
            free = next(number for number in range(len(self._cameras) + 1) if number not in self._cameras)
            config = attrs.evolve(config, camera_id=free)
        if config.camera_id in self._cameras:
            raise ConfigError([Issue("camera_id", f"{config.camera_id} is taken; remove that camera first")])
        if len(self._cameras) >= self.max_cameras:
            raise ConfigError([Issue("system.max_cameras", f"there are {self.max_cameras} cameras already; raise it")])
        camera = self._cameras[config.camera_id] = CameraInstance(config, self._services, self._emit)
        return camera

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
        return camera.streams[stream_id]

    async def close(self) -> None:
        cameras, self._cameras = list(self._cameras.values()), {}
        await asyncio.gather(*(camera.stop() for camera in cameras))
