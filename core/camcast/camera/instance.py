"""One camera that runs in this process: its streams, by `stream_id`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import attrs

from camcast.camera.handles import stream_of, with_stream, without_stream
from camcast.camera.stream import CameraStream
from camcast.config import CameraConfig, StreamConfig
from camcast.events import Event
from camcast.session.environment import Environment


class CameraInstance:
    """Implements `CameraHandle`."""

    def __init__(self, config: CameraConfig, environment: Environment, emit: Callable[[Event], object]) -> None:
        self.config = config
        self._environment = environment
        self._emit = emit
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

    def rename(self, name: str) -> None:
        """Be called this from now on."""
        self.config = attrs.evolve(self.config, name=name)
        for stream in self.streams.values():
            stream.camera = self.config

    def adopt_stream(self, config: StreamConfig) -> None:
        """A stream goes on by this, as it is. Raises `NotFound` for no such stream."""
        stream_of(self, config.stream_id).adopt(config)
        self.config = with_stream(self.config, config)
        for stream in self.streams.values():
            stream.camera = self.config

    def add_stream(self, config: StreamConfig) -> None:
        """Make and start one more stream."""
        self.config = with_stream(self.config, config)
        stream = self.streams[config.stream_id] = CameraStream(self.config, config, self._environment, self._emit)
        stream.start()

    async def remove_stream(self, stream_id: int) -> None:
        """Stop a stream and forget it; the others go on. Raises `KeyError` for no such stream."""
        stream = self.streams.pop(stream_id)
        self.config = without_stream(self.config, stream_id)
        await stream.stop()

    def request_keyframe(self, stream_id: int = 0) -> bool:
        """Ask whoever makes this stream's picture. False = nobody can. Raises `NotFound` for no such stream."""
        return stream_of(self, stream_id).request_keyframe()

    def set_bitrate(self, stream_id: int, bitrate_kbps: int) -> bool:
        """Aim at so many kbit/s where the picture is made here, at most what it is configured with.

        False = it comes encoded from the source. Raises `NotFound` for no such stream, `OutOfRange` below 1.
        """
        return stream_of(self, stream_id).set_bitrate(bitrate_kbps)
