"""Messages between parent and worker: a length (u32) and a pickle of one of the classes below.

Both ends are this program on this machine, joined by pipes that nobody else can open.
"""

from __future__ import annotations

import asyncio
import pickle
import struct
from collections.abc import Mapping
from typing import Any

import attrs

from camcast.camera.stats import Stats
from camcast.config import CameraConfig, SessionConfig, StreamConfig, SystemConfig, UplinkConfig
from camcast.events import Event, SessionKey
from camcast.session import uplinks
from camcast.session.uplinks import Told

MAX_MESSAGE = 64 * 1024 * 1024
_LENGTH = struct.Struct(">I")


@attrs.frozen
class Begin:
    """Parent to worker, first: what holds for the whole engine."""

    system: SystemConfig
    first_timestamp: int
    plugins: tuple[str, ...]
    """Entry points to load, as "distribution:name": those that the parent has in use, in the order of their rank."""


@attrs.frozen
class Do:
    """Parent to worker: one of the calls below, answered by `Done`."""

    number: int
    call: Call


@attrs.frozen
class AddCamera:
    config: CameraConfig


@attrs.frozen
class RemoveCamera:
    camera_id: int


@attrs.frozen
class AddStream:
    camera_id: int
    config: StreamConfig


@attrs.frozen
class RemoveStream:
    camera_id: int
    stream_id: int


@attrs.frozen
class CreateSession:
    config: SessionConfig


@attrs.frozen
class DeleteSession:
    key: SessionKey


@attrs.frozen
class Control:
    """A method of one session without an answer: retry_now, pause, resume, switch."""

    key: SessionKey
    method: str
    arguments: tuple[int, ...] = ()


@attrs.frozen
class Adopt:
    """A session goes on by another configuration."""

    config: SessionConfig


@attrs.frozen
class Rename:
    """A camera has another name."""

    camera_id: int
    name: str


@attrs.frozen
class AdoptStream:
    """A stream goes on by another configuration."""

    camera_id: int
    config: StreamConfig


@attrs.frozen
class Keyframe:
    camera_id: int
    stream_id: int


@attrs.frozen
class Bitrate:
    camera_id: int
    stream_id: int
    kbps: int


@attrs.frozen
class RetrySource:
    camera_id: int
    stream_id: int


@attrs.frozen
class Snapshot:
    """Answered with JPEG."""

    camera_id: int
    stream_id: int
    small: bool


@attrs.frozen
class LogLevel:
    """The least that a worker logs from now on."""

    level: str


@attrs.frozen
class AdoptUplinks:
    """The uplinks that there are from now on."""

    uplinks: Mapping[str, UplinkConfig]


@attrs.frozen
class Tell:
    """The figures of now, before the answer."""


@attrs.frozen
class Stop:
    pass


Call = (
    AddCamera
    | RemoveCamera
    | AddStream
    | RemoveStream
    | CreateSession
    | DeleteSession
    | Control
    | Adopt
    | Rename
    | AdoptStream
    | Keyframe
    | Bitrate
    | RetrySource
    | Snapshot
    | LogLevel
    | AdoptUplinks
    | Tell
    | Stop
)


def camera_of(call: object) -> int | None:
    """The id of the camera that a call is about; None = of none, of all, or it is no call."""
    about: object = call
    if isinstance(call, AddCamera | CreateSession | Adopt):
        about = call.config
    elif isinstance(call, DeleteSession | Control):
        about = call.key
    number = getattr(about, "camera_id", None)
    return number if isinstance(number, int) else None


@attrs.frozen
class Done:
    """Worker to parent: the answer to `Do`. `error` is a text when it failed."""

    number: int
    error: str = ""
    answer: object = None


@attrs.frozen
class Happened:
    """Worker to parent."""

    event: Event


@attrs.frozen
class Logged:
    """Worker to parent: a line of the worker's log."""

    logger: str
    level: int
    text: str


@attrs.frozen
class Figures:
    """Worker to parent, about twice a second."""

    stats: Stats


@attrs.frozen
class SlotAsked:
    """Worker to parent: may I connect to this host?"""

    number: int
    host: str


@attrs.frozen
class SlotGiven:
    number: int


@attrs.frozen
class HostDown:
    """Worker to parent: sessions here wait for this host."""

    host: str


@attrs.frozen
class HostBack:
    """Both ways: somebody got through."""

    host: str


@attrs.frozen
class Reports:
    """Worker to parent, about four times a second: how the outputs are here that share uplinks, all of them."""

    told: Told


@attrs.frozen
class Parts:
    """Parent to worker: what they may do."""

    parts: uplinks.Parts


def pack(message: object) -> bytes:
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(data)) + data


async def read(reader: asyncio.StreamReader) -> Any:
    """The next message; None at the end of the stream."""
    try:
        (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if size > MAX_MESSAGE:
            raise ConnectionError(f"a message of {size} bytes between processes")
        return pickle.loads(await reader.readexactly(size))
    except asyncio.IncompleteReadError:
        return None
