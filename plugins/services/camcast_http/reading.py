"""Operations that only look."""

from __future__ import annotations

import functools
import importlib.metadata
from typing import Any

from starlette.responses import Response, StreamingResponse

from camcast.camera.stats import StreamMetrics
from camcast.config import CameraConfig, Config, SessionConfig, shown
from camcast.errors import NotFound
from camcast.session.metrics import SessionMetrics
from camcast_http.forms import fields
from camcast_http.looks import JSON, Look
from camcast_http.operation import Call

EVENT_STREAM = "text/event-stream"
UNBUFFERED = {"x-accel-buffering": "no"}
"""nginx in front, and others that know its word, hand events on as they come instead of a few kilobytes at a time."""


@functools.cache
def version() -> str:
    """Of what is installed; a file says it."""
    return importlib.metadata.version("camcast")


def status(look: Look, call: Call) -> Any:
    stats = look.stats
    return {
        "version": version(),
        "uptime": stats.uptime,
        "cameras": len({stream.camera_id for stream in stats.streams}),
        "totals": fields(stats.totals),
        "services": [fields(one) for one in stats.services],
        "uplinks": [fields(one) for one in stats.uplinks],
    }


def sessions(look: Look, call: Call) -> Any:
    return [_session(metrics, look.sessions.get(metrics.key)) for metrics in look.stats.sessions]


def session(look: Look, call: Call) -> Any:
    for metrics in look.stats.sessions:
        if metrics.key == call.key:
            return _session(metrics, look.sessions.get(metrics.key))
    raise NotFound(f"there is no session {call.key}")


def cameras(look: Look, call: Call) -> Any:
    return [_camera(config, look.stats.streams) for config in look.cameras]


def camera(look: Look, call: Call) -> Any:
    wanted = call.parts["camera"]
    for config in look.cameras:
        if config.camera_id == wanted:
            return _camera(config, look.stats.streams)
    raise NotFound(f"there is no camera {wanted}")


def stream(look: Look, call: Call) -> Any:
    for one in camera(look, call)["streams"]:
        if one["stream_id"] == call.parts["stream"]:
            return one
    raise NotFound(f"camera {call.parts['camera']} has no stream {call.parts['stream']}")


async def snapshot(call: Call) -> Any:
    picture = await call.engine.snapshot(*call.stream, small=call.query["small"])
    return Response(picture, media_type="image/jpeg")


async def configuration(call: Call) -> Any:
    return shown(call.engine.config)


async def events(call: Call) -> Any:
    after = call.query["since"]
    if EVENT_STREAM not in call.request.headers.get("accept", ""):
        return Response(call.shared.happenings.since(after or 0, call.query["limit"]), media_type=JSON)
    # As this interface writes it, "run-number"; a number alone is one of this run.
    run, _, last = call.request.headers.get("last-event-id", "").rpartition("-")
    if last.isascii() and last.isdecimal() and len(last) < 16:
        after = int(last)
    if call.request.method == "HEAD":
        # What is left out would never end, and nothing else could be asked on this connection.
        return Response(media_type=EVENT_STREAM, headers=UNBUFFERED)
    return StreamingResponse(call.shared.happenings.listen(after, run), media_type=EVENT_STREAM, headers=UNBUFFERED)


def _session(metrics: SessionMetrics, config: SessionConfig | None) -> dict[str, Any]:
    """`config`: None where it has ended meanwhile."""
    return {
        **fields(metrics),
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
            found.append({**fields(metrics), "source": source.get("type", ""), "source_url": source.get("url", "")})
    return {"camera_id": config.camera_id, "name": config.name, "streams": found}


def shown_of(config: CameraConfig) -> dict[str, Any]:
    """One camera as anybody may see it."""
    written: dict[str, Any] = shown(Config(cameras=(config,)))["cameras"][0]
    return written
