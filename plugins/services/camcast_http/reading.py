"""Operations that only look."""

from __future__ import annotations

import functools
import importlib.metadata
from typing import Any

from starlette.responses import Response, StreamingResponse

from camcast.camera.stats import StreamMetrics
from camcast.config import CameraConfig, Config, SessionConfig, shown
from camcast.errors import NotFound
from camcast.event_fields import plain
from camcast.session.metrics import SessionMetrics
from camcast_http.operation import Call


@functools.cache
def version() -> str:
    """Of what is installed; a file says it."""
    return importlib.metadata.version("camcast")


async def status(call: Call) -> Any:
    stats = await call.shared.looks.stats()
    cameras = {stream.camera_id for stream in stats.streams}
    return {
        "version": version(),
        "uptime": stats.uptime,
        "cameras": len(cameras),
        "totals": plain(stats.totals),
        "services": plain(stats.services),
    }


async def sessions(call: Call) -> Any:
    stats, configs = await call.shared.looks.stats(), {one.key: one for one in await call.engine.sessions()}
    return [_session(metrics, configs.get(metrics.key)) for metrics in stats.sessions]


async def session(call: Call) -> Any:
    stats = await call.shared.looks.stats()
    for metrics in stats.sessions:
        if metrics.key == call.key:
            configs = (one for one in await call.engine.sessions() if one.key == call.key)
            return _session(metrics, next(configs, None))
    raise NotFound(f"there is no session {call.key}")


async def cameras(call: Call) -> Any:
    stats = await call.shared.looks.stats()
    return [_camera(config, stats.streams) for config in await call.engine.cameras()]


async def camera(call: Call) -> Any:
    wanted = call.parts["camera"]
    for one in await cameras(call):
        if one["camera_id"] == wanted:
            return one
    raise NotFound(f"there is no camera {wanted}")


async def stream(call: Call) -> Any:
    for one in (await camera(call))["streams"]:
        if one["stream_id"] == call.parts["stream"]:
            return one
    raise NotFound(f"camera {call.parts['camera']} has no stream {call.parts['stream']}")


async def snapshot(call: Call) -> Any:
    return Response(await call.engine.snapshot(*call.stream), media_type="image/jpeg")


async def configuration(call: Call) -> Any:
    return shown(call.engine.config)


async def events(call: Call) -> Any:
    after = call.query["since"]
    if "text/event-stream" not in call.request.headers.get("accept", ""):
        return call.shared.happenings.since(after or 0, call.query["limit"])
    last = call.request.headers.get("last-event-id", "")
    if last.isascii() and last.isdecimal() and len(last) < 16:
        after = int(last)
    return StreamingResponse(call.shared.happenings.listen(after), media_type="text/event-stream")


def _session(metrics: SessionMetrics, config: SessionConfig | None) -> dict[str, Any]:
    """`config`: None where it has ended meanwhile."""
    return {
        **plain(metrics),
        "healthy": metrics.healthy,
        "targets": [target.shown for target in config.targets] if config else [],
        "camera_name": config.camera_name if config else "",
        "stream_name": config.stream_name if config else "",
    }


def _camera(config: CameraConfig, streams: tuple[StreamMetrics, ...]) -> dict[str, Any]:
    written = {one["stream_id"]: one["source"] for one in shown_of(config)["streams"]}
    found = []
    for metrics in streams:
        if metrics.camera_id == config.camera_id:
            source = written.get(metrics.stream_id, {})
            found.append({**plain(metrics), "source": source.get("type", ""), "source_url": source.get("url", "")})
    return {"camera_id": config.camera_id, "name": config.name, "streams": found}


def shown_of(config: CameraConfig) -> dict[str, Any]:
    """One camera as anybody may see it."""
    written: dict[str, Any] = shown(Config(cameras=(config,)))["cameras"][0]
    return written
