"""Services: what runs beside an engine, sees it through a narrow view, and is never on the path of a packet.

An HTTP interface, a sender of alerts, a broker's client. Each runs in a thread with an event loop of its own, so one
that hangs or is busy holds up no camera; what it asks of the engine is done on the engine's loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import attrs

if TYPE_CHECKING:
    from camcast.camera.stats import Stats
    from camcast.config import CameraConfig, Config, SessionConfig
    from camcast.engine.history import SessionHistory
    from camcast.engine.plan import Step
    from camcast.events import Event, SessionKey
    from camcast.fleet_report import FleetReport

EVENTS = 1000
"""Events that wait for a service unless it asks for another number."""
HISTORY = 450
"""Figures of a session that are kept, one each 2 s: 15 minutes."""


class EventQueue(Protocol):
    """Every event from its making on, in order, for one reader: `async for event in queue`. Ends with the engine.

    It is bounded: whoever reads too slowly loses the oldest, counted in `lost`. A service that does not read one that
    is full for half a minute is taken for hung, and is started anew.
    """

    @property
    def lost(self) -> int:
        """Events that were lost so far, because nobody read them in time."""

    def __aiter__(self) -> EventQueue: ...

    async def __anext__(self) -> Event: ...

    def close(self) -> None:
        """Take no more; what is there can still be read."""


class EngineView(Protocol):
    """An engine as a service may see and steer it. From any thread and event loop.

    What a call names and is not there raises `NotFound`; every call raises `WrongState` once the engine, or the run of
    the service that was given this view, has ended, and `DeadlineError` when the engine does not answer within 30 s.
    """

    @property
    def config(self) -> Config:
        """The configuration in use, with references instead of secrets as far as its author wrote them so. Other
        secrets are in it: pass it through `camcast.config.shown` before it is shown."""

    async def stats(self, age: float = 0.0) -> Stats:
        """A snapshot of all figures. Costs the engine's loop some 20 µs a session: ask at most a few times a second.

        `age`: seconds that it may be old. Whoever looks every few seconds is served by what another one has asked for.
        """

    async def refresh(self) -> None:
        """Have the figures of worker processes as of now, for the next `stats`."""

    def events(self, capacity: int = EVENTS) -> EventQueue:
        """All events from now on; at most `capacity` wait. To be read on the event loop on which this is called."""

    async def cameras(self) -> tuple[CameraConfig, ...]:
        """The cameras that run."""

    async def sessions(self) -> tuple[SessionConfig, ...]:
        """The sessions that there are."""

    async def history(self, key: SessionKey, limit: int = HISTORY) -> SessionHistory:
        """The last `limit` figures of a session, `HISTORY` at most."""

    @property
    def in_fleet(self) -> bool:
        """Whether this engine is a member of a fleet."""

    async def fleet(self) -> FleetReport | None:
        """The fleet of which this engine is a member; None where it is in none. Costs the engine's loop some 5 µs a
        camera of the whole fleet: ask every few seconds at most."""

    async def retry(self, key: SessionKey) -> None:
        """Skip a session's present wait; after giving up, begin anew."""

    async def pause(self, key: SessionKey) -> None:
        """Take a session off the air until `resume`."""

    async def resume(self, key: SessionKey) -> None:
        """End a pause."""

    async def switch(self, key: SessionKey, target: int) -> None:
        """Publish on the chain's entry `target`, 0 = primary. Raises `OutOfRange`."""

    async def retry_source(self, camera_id: int, stream_id: int) -> None:
        """Try a lost source at once, also one that has given up."""

    async def set_bitrate(self, camera_id: int, stream_id: int, bitrate_kbps: int) -> bool:
        """Aim at so many kbit/s. False = the picture is not made here. Raises `OutOfRange`."""

    async def request_keyframe(self, camera_id: int, stream_id: int) -> bool:
        """Ask for a keyframe. False = nobody can make one."""

    async def snapshot(self, camera_id: int, stream_id: int, *, small: bool = False) -> bytes:
        """The last keyframe of what a stream sends, as JPEG; `small`: at most 480 points across, for less.

        At most one of either a second and stream is made, others get the same. Raises `MediaError` while there is none,
        or where it cannot be decoded.
        """

    async def add_camera(self, config: CameraConfig) -> int:
        """Add and start a camera with its sessions; returns its id. Raises `ConfigError`."""

    async def remove_camera(self, camera_id: int) -> None:
        """End a camera's sessions and the camera."""

    async def add_output(self, config: SessionConfig) -> SessionKey:
        """Publish a running stream somewhere else as well. Raises `ConfigError`."""

    async def remove_output(self, key: SessionKey) -> None:
        """End one session."""

    def read(self, mapping: Mapping[str, Any]) -> Config:
        """What a configuration file with this content means. Raises `ConfigError`. Takes its time for a long one."""

    async def plan(self, config: Config) -> Sequence[Step]:
        """What `reload` would do. Raises `ConfigError`."""

    async def reload(self, config: Config) -> list[str]:
        """Make the engine be like `config`; returns what changed, a line each. Raises `ConfigError`.

        It goes on when the caller is cancelled: a reload may end the very service that asks for it.
        """

    async def reload_file(self) -> list[str]:
        """Read the configuration's file again and do the same. Raises `WrongState` where there is none."""

    def stop(self) -> None:
        """Ask the program to end in order. Raises `WrongState` where it has not said how."""


class Program(Protocol):
    """What the program around an engine does for services; see `Engine.program`. Called on the engine's loop."""

    async def reload(self) -> list[str]:
        """Read the configuration again; returns what changed. Raises `CamcastError`."""

    def stop(self) -> None:
        """Begin to end the program in order; returns at once."""


@runtime_checkable
class FleetProgram(Program, Protocol):
    """A program whose engine runs one machine's share of a fleet's cameras."""

    def fleet(self) -> FleetReport:
        """The fleet as this member knows it."""


@attrs.frozen(kw_only=True)
class ServiceContext:
    """What a service is built with."""

    name: str
    """"http"; "http2" for a second one of its kind."""
    options: Any = attrs.field(repr=False)
    """Instance of the kind's options class, its secrets resolved."""
    engine: EngineView = attrs.field(repr=False)
    log: logging.Logger | logging.LoggerAdapter[Any] = attrs.field(repr=False)
    note: Callable[[str, str], object] = attrs.field(default=lambda code, text: None, repr=False)
    """Tell an operator something; becomes a `ServiceNote`. `(code, text)`: the code is stable, the text is for people
    and must not hold a secret. From any thread; of more than one a second the rest is counted and left out."""
    figure: Callable[[str, float], object] = attrs.field(default=lambda name, value: None, repr=False)
    """Have a figure of your own among the metrics: `(name, value)`. It stays until this run ends. From any thread; of
    more than 32 names the rest is left out."""


class Service(Protocol):
    """Something that runs beside an engine. Used once: each start builds a new one."""

    async def run(self) -> None:
        """Serve until cancelled, and then end within 2 s with nothing left open.

        On an event loop of the service's own, in a thread of its own. Raises `ServiceError` for what is nobody's bug (a
        port that is taken, a broker that is away). Whatever it raises, and when it returns, it is started anew after 1,
        2, 4 … 60 s, unless the error is `fatal`.
        """


def _always() -> None:
    """Nothing to miss."""


@attrs.frozen
class NoServiceOptions:
    """For services without options: any key is an error."""


@attrs.frozen(kw_only=True)
class ServiceKind:
    """A kind of service."""

    name: str
    """As under "services" in the configuration."""
    title: str
    build: Callable[[ServiceContext], Service]
    """Called in the service's own thread, on its loop."""
    options: type = NoServiceOptions
    available: Callable[[], None] = _always
    """Raises `MissingDependency`."""
    check: Callable[[Mapping[str, Any]], None] = lambda options: None
    """Looks over the options as they are written, where a secret may still be a reference. Pure; raises `ValueError`,
    or `ConfigError` with places below the options, for what cannot work."""
