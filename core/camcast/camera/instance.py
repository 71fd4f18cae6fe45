"""One camera that runs in this process: its streams, by `stream_id`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from camcast.camera.stream import CameraStream
from camcast.config import CameraConfig
from camcast.events import Event
from camcast.session.environment import Environment


class CameraInstance:
    """Implements `CameraHandle`."""

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

    def set_bitrate(self, stream_id: int, bitrate_kbps: int) -> bool:
        """Aim at so many kbit/s where the picture is made here, at most what it is configured with.

        False = it comes encoded from the source. Raises `KeyError` for no such stream, `OutOfRange` below 1.
        """
        return self.streams[stream_id].set_bitrate(bitrate_kbps)
