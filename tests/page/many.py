"""An engine that is none: as many cameras as a test wants, whose figures change at every look."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs

from camcast import CameraConfig, SessionConfig
from camcast.camera.stats import ServiceMetrics, Stats, StreamMetrics
from camcast.engine.history import SessionHistory
from camcast.engine.service_events import ServiceEvents
from camcast.errors import MediaError
from camcast.events import SessionKey, SessionState, SourceState
from camcast.fleet_report import FleetReport
from camcast.services import HISTORY
from camcast.session.health import Health
from camcast.session.metrics import Recorder, SessionMetrics, total
from camcast.session.uplinks import UplinkMetrics
from camcast_http.app import Interface
from camcast_http.service import serve
from camcast_kit_http.listening import listen
from camcast_kit_http.server import Server
from tests.plugins.served import camera


class Many:
    """Shows what the page asks for, as `services.EngineView` does."""

    def __init__(self, count: int) -> None:
        self.changes: dict[int, dict[str, Any]] = {}
        """What is otherwise with a camera's session."""
        self.uplinks: tuple[UplinkMetrics, ...] = ()
        self.services: tuple[ServiceMetrics, ...] = ()
        self.report: FleetReport | None = None
        self.configs = [camera(number) for number in range(count)]
        self._looks = itertools.count()
        self._began = time.monotonic()

    async def stats(self, age: float = 0.0) -> Stats:
        look = next(self._looks)
        sessions = tuple(self._session(config.camera_id, look) for config in self.configs)
        streams = tuple(
            StreamMetrics(camera_id=one.camera_id, stream_id=0, label="main", state=SourceState.RUNNING)
            for one in self.configs
        )
        uptime = time.monotonic() - self._began
        return Stats(
            uptime=uptime,
            sessions=sessions,
            streams=streams,
            totals=total(sessions),
            uplinks=self.uplinks,
            services=self.services,
        )

    def _session(self, number: int, look: int) -> SessionMetrics:
        bare = Recorder().snapshot(
            key=SessionKey(number, 0, "rtmp"),
            label=f"cam{number}_main",
            state=SessionState.CONNECTED,
            health=Health.HEALTHY,
            target=f"rtmp://server/live/{number}",
            target_index=0,
            retries=0,
            next_attempt_at=None,
            on_air=None,
        )
        figures = {"bitrate": 2e6 + 1e5 * ((look + number) % 7), "fps": 25.0, "uptime": float(look)}
        return attrs.evolve(bare, **{**figures, **self.changes.get(number, {})})

    @property
    def in_fleet(self) -> bool:
        return self.report is not None

    async def fleet(self) -> FleetReport | None:
        return self.report

    async def cameras(self) -> tuple[CameraConfig, ...]:
        return tuple(self.configs)

    async def sessions(self) -> tuple[SessionConfig, ...]:
        return tuple(session for one in self.configs for stream in one.streams for session in stream.sessions)

    async def history(self, key: SessionKey, limit: int = HISTORY) -> SessionHistory:
        figures = [2e6] * limit
        nothing = [0.0] * limit
        return SessionHistory(
            key=key, until=time.time(), target=[0] * limit, bitrate=figures, lag=nothing, dropped=nothing,
            round_trip=nothing, bitrate_target=nothing,
        )  # fmt: skip

    async def snapshot(self, camera_id: int, stream_id: int, *, small: bool = False) -> bytes:
        raise MediaError("there is no picture")

    def events(self, capacity: int = 100) -> ServiceEvents:
        return ServiceEvents(capacity, closed=lambda queue: None)


@contextlib.asynccontextmanager
async def many(count: int, made: Callable[[int], Many] = Many) -> AsyncIterator[tuple[Many, str]]:
    """So many cameras, and the address of their page."""
    engine = made(count)
    interface = Interface(engine)  # type: ignore[arg-type]
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    serving = asyncio.create_task(serve(interface, Server(interface.app, connections=50), sock))
    try:
        yield engine, f"http://127.0.0.1:{port}/"
    finally:
        serving.cancel()
        await asyncio.wait({serving})
