"""What cameras and streams show to others, wherever they run: here, or in a worker process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import attrs

from camcast.camera.stats import StreamMetrics
from camcast.config import CameraConfig, StreamConfig
from camcast.errors import NotFound, OutOfRange
from camcast.events import SourceState


class StreamHandle(Protocol):
    """One stream of a camera. All calls on the engine's loop."""

    config: StreamConfig
    label: str
    """"cam0_main"."""

    @property
    def state(self) -> SourceState:
        """Where its source is."""

    @property
    def metrics(self) -> StreamMetrics:
        """A snapshot; of a stream in a worker process, at most half a second old."""

    def request_keyframe(self) -> bool:
        """Ask whoever makes this stream's picture. False = nobody can."""

    def set_bitrate(self, bitrate_kbps: int) -> bool:
        """Aim at so many kbit/s where the picture is made here. False = it is not. Raises `OutOfRange` below 1."""

    def adopt(self, config: StreamConfig) -> None:
        """The engine's own: go on by this, which differs in nothing that the picture's going on depends on."""

    def retry_now(self) -> None:
        """Try a lost source at once, also one that has given up."""

    async def snapshot(self, *, small: bool = False) -> bytes:
        """The last keyframe of what is sent, as JPEG; `small`: at most 480 points across.

        Raises `CamcastError`: while there is none, for one.
        """


class CameraHandle(Protocol):
    """One camera. All calls on the engine's loop."""

    config: CameraConfig

    @property
    def camera_id(self) -> int:
        """The key: unique in its engine."""

    @property
    def streams(self) -> Mapping[int, StreamHandle]:
        """Its enabled streams by `stream_id`."""

    def start(self) -> None:
        """Start the sources; does nothing where they run."""

    async def stop(self) -> None:
        """End the sources, within 3 s. The camera's sessions then wait for media."""

    def rename(self, name: str) -> None:
        """Be called this from now on: in logs, and where a slate shows it. The engine's own."""

    def adopt_stream(self, config: StreamConfig) -> None:
        """A stream goes on by this, which differs in nothing that its going on depends on. The engine's own."""

    def add_stream(self, config: StreamConfig) -> None:
        """Make and start one more stream. The engine's own: it makes the stream's sessions too."""

    async def remove_stream(self, stream_id: int) -> None:
        """Stop a stream and forget it; the others go on. The engine's own, which has ended its sessions."""

    def request_keyframe(self, stream_id: int = 0) -> bool:
        """Ask whoever makes this stream's picture. False = nobody can. Raises `NotFound` for no such stream."""

    def set_bitrate(self, stream_id: int, bitrate_kbps: int) -> bool:
        """Aim at so many kbit/s where the picture is made here, at most what it is configured with.

        False = it comes encoded from the source. Raises `NotFound` for no such stream, `OutOfRange` below 1.
        """


def with_stream(camera: CameraConfig, stream: StreamConfig) -> CameraConfig:
    """The camera with this stream, instead of the one of its id if there is one."""
    others = (one for one in camera.streams if one.stream_id != stream.stream_id)
    return attrs.evolve(camera, streams=tuple(sorted((*others, stream), key=lambda one: one.stream_id)))


def without_stream(camera: CameraConfig, stream_id: int) -> CameraConfig:
    """The camera without this stream."""
    return attrs.evolve(camera, streams=tuple(one for one in camera.streams if one.stream_id != stream_id))


def stream_of(camera: CameraHandle, stream_id: int) -> StreamHandle:
    """An enabled stream of a camera. Raises `NotFound` that says what there is."""
    stream = camera.streams.get(stream_id)
    if stream is None:
        known = ", ".join(str(number) for number in sorted(camera.streams))
        raise NotFound(f"camera {camera.camera_id} has no stream {stream_id}; known: {known or 'none'}")
    return stream


def check_bitrate(bitrate_kbps: int) -> None:
    """Raises `OutOfRange`."""
    if bitrate_kbps < 1:
        raise OutOfRange(f"bitrate {bitrate_kbps}: expected kbit/s, at least 1")
