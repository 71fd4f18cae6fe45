"""All cameras of an engine: made, found and removed, each without touching the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping

import attrs

from camcast.camera.handles import CameraHandle, stream_of
from camcast.camera.instance import CameraInstance
from camcast.camera.stream import CameraStream
from camcast.config import CameraConfig, StreamConfig
from camcast.config.check import check_camera
from camcast.config.given import given
from camcast.errors import ConfigError, Issue, NotFound, WrongState
from camcast.events import Event
from camcast.session.environment import Environment
from camcast.session.hook_threads import HookThreads
from camcast.stream.feed import Feed


@attrs.define(eq=False)
class CameraManager:
    """Iterating gives the cameras in the order of their ids; at most `max_cameras`. All calls on the loop."""

    _environment: Environment
    _emit: Callable[[Event], object]
    max_cameras: int = 16
    _cameras: dict[int, CameraHandle] = attrs.field(factory=dict, init=False)
    _coming: set[int] = attrs.field(factory=set, init=False)
    """Ids of those that are being checked."""
    _threads: HookThreads = attrs.field(factory=HookThreads, init=False)
    _closed: bool = attrs.field(default=False, init=False)

    def __iter__(self) -> Iterator[CameraHandle]:
        return iter(sorted(self._cameras.values(), key=lambda camera: camera.camera_id))

    def __len__(self) -> int:
        return len(self._cameras)

    def get(self, camera_id: int) -> CameraHandle | None:
        """The camera of this id, or None."""
        return self._cameras.get(camera_id)

    def require(self, camera_id: int) -> CameraHandle:
        """The camera of this id. Raises `NotFound` that says what there is."""
        camera = self._cameras.get(camera_id)
        if camera is None:
            known = ", ".join(str(number) for number in sorted(self._cameras))
            raise NotFound(f"there is no camera {camera_id}; known: {known or 'none'}")
        return camera

    def create(self, config: CameraConfig) -> CameraHandle:
        """Make a camera, not yet started; −1 as its id takes the next free one. Raises `ConfigError`.

        Plugins look at it here and now: beside cameras that run, `add` is what is meant.
        """
        return self._keep(check_camera(self._numbered(config), self._environment.host))

    async def add(self, config: CameraConfig) -> CameraHandle:
        """As `create`, with plugins' checks on a thread: what they look at may lie on a mount whose server is gone."""
        config = self._numbered(config)
        self._coming.add(config.camera_id)
        try:
            config = await self._threads.run(lambda: check_camera(config, self._environment.host), None)
        finally:
            self._coming.discard(config.camera_id)
        return self._keep(config)

    def _numbered(self, config: CameraConfig) -> CameraConfig:
        self._check_open()
        config = given(config, CameraConfig)
        taken = self._coming.union(self._cameras)
        if config.camera_id < 0:
            config = config.renumbered(next(number for number in range(len(taken) + 1) if number not in taken))
        if config.camera_id in taken:
            raise ConfigError([Issue("camera_id", f"{config.camera_id} is taken; remove that camera first")])
        if len(taken) >= self.max_cameras:
            raise ConfigError([Issue("system.max_cameras", f"there are {self.max_cameras} cameras already; raise it")])
        return config

    def _keep(self, config: CameraConfig) -> CameraHandle:
        self._check_open()
        camera = self._cameras[config.camera_id] = self._make(config)
        return camera

    def _check_open(self) -> None:
        if self._closed:
            raise WrongState("the engine has been stopped; make a new one")

    def _make(self, config: CameraConfig) -> CameraHandle:
        return CameraInstance(config, self._environment, self._emit)

    async def destroy(self, camera_id: int) -> None:
        """Stop a camera and forget it. Raises `NotFound` for one that is not there."""
        camera = self.require(camera_id)
        del self._cameras[camera_id]
        await camera.stop()

    def add_stream(self, camera_id: int, config: StreamConfig) -> None:
        """Make a stream of a camera, and start it. Raises `NotFound`, `ConfigError`."""
        self.require(camera_id).add_stream(config)

    async def remove_stream(self, camera_id: int, stream_id: int) -> None:
        """End a stream of a camera; harmless where either is not there."""
        camera = self.get(camera_id)
        if camera is not None and stream_id in camera.streams:
            await camera.remove_stream(stream_id)

    def stream(self, camera_id: int, stream_id: int) -> CameraStream:
        """A stream that runs in this process. Raises `NotFound` that says what there is."""
        camera = self.require(camera_id)
        stream = stream_of(camera, stream_id)
        if not isinstance(stream, CameraStream):
            raise NotFound(f"camera {camera_id} runs in another process")
        return stream

    # --- what sessions need of cameras: `session_manager.Streams` -------------------------------------------

    def feed(self, camera_id: int, stream_id: int) -> Feed:
        """What a stream's sessions are fed from. Raises `NotFound`."""
        return self.stream(camera_id, stream_id).feed

    def names(self, camera_id: int) -> Mapping[int, str]:
        """A camera's streams, wherever it runs: names by id. Raises `NotFound`."""
        return {number: stream.config.name for number, stream in self.require(camera_id).streams.items()}

    async def close(self) -> None:
        """Stop all cameras side by side; none can be made any more."""
        self._closed = True
        cameras, self._cameras = list(self._cameras.values()), {}
        await asyncio.gather(*(camera.stop() for camera in cameras if self._ends_with_us(camera)))

    def _ends_with_us(self, camera: CameraHandle) -> bool:
        """Whether nobody else ends it when the engine ends."""
        return True
