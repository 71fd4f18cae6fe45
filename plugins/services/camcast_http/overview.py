"""Operations for what shows everything at once and again and again: one answer for all cameras, and what has been."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from camcast.camera.stats import ServiceMetrics, StreamMetrics
from camcast.config import CameraConfig
from camcast.engine.history import POINTS, SessionHistory
from camcast.event_fields import plain
from camcast.session.metrics import SessionMetrics, Totals
from camcast.session.uplinks import UplinkMetrics
from camcast_http.forms import closed, extended, fields, listed, schema
from camcast_http.looks import Look
from camcast_http.operation import Call, Operation, seen
from camcast_http.reading import version
from camcast_http.watching import watchable

_OUTPUT = (
    "key",
    "label",
    "state",
    "health",
    "target",
    "target_index",
    "bitrate",
    "bitrate_target",
    "bitrate_reason",
    "picture",
    "picture_reason",
    "fps",
    "lag",
    "frames_dropped",
    "uptime",
    "next_attempt_at",
    "last_error",
    "unconfirmed",
    "schedule",
)
"""What changes, and is shown of every session."""
_STREAM = ("stream_id", "label", "state", "last_error", "next_attempt_at", "silent_for", "waits_for", "pictured")
_SERVICE = ("name", "state", "last_error")
_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_WHOLE = {"type": "integer"}


_OF_OUTPUT, _OF_STREAM, _OF_SERVICE = attrgetter(*_OUTPUT), attrgetter(*_STREAM), attrgetter(*_SERVICE)


def overview(look: Look, call: Call) -> Any:
    stats = look.stats
    outputs: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for one in stats.sessions:
        row = dict(zip(_OUTPUT, _OF_OUTPUT(one), strict=True))
        # Said here, as asking for each costs more than all else of a row.
        row |= {"key": str(one.key), "state": one.state.value, "health": one.health.value}
        config, trip = look.sessions.get(one.key), one.transport.get("rtt_ms", 0.0)
        row |= {
            "output": one.key.output,
            "targets": len(config.targets) if config is not None else 1,
            "round_trip": trip / 1000 if trip > 0 else None,
            "watchable": watchable(one.state, one.target),
        }
        outputs.setdefault((one.key.camera_id, one.key.stream_id), []).append(row)
    streams: dict[int, list[StreamMetrics]] = {}
    for stream in stats.streams:
        streams.setdefault(stream.camera_id, []).append(stream)
    return {
        "version": version(),
        "time": look.time,
        "uptime": stats.uptime,
        "in_fleet": call.engine.in_fleet,
        "totals": fields(stats.totals),
        "uplinks": [fields(one) for one in stats.uplinks],
        "services": [dict(zip(_SERVICE, _OF_SERVICE(one), strict=True)) for one in stats.services],
        "cameras": [_camera(config, streams.get(config.camera_id, []), outputs) for config in look.cameras],
    }


async def history(call: Call) -> Any:
    return plain(await call.engine.history(call.key, call.query["limit"]))


def _camera(
    config: CameraConfig, streams: list[StreamMetrics], outputs: Mapping[tuple[int, int], list[dict[str, Any]]]
) -> dict[str, Any]:
    names = {stream.stream_id: stream.name for stream in config.streams}
    rows = [
        {
            **dict(zip(_STREAM, _OF_STREAM(one), strict=True)),
            "name": names.get(one.stream_id, ""),
            "outputs": outputs.get((config.camera_id, one.stream_id), []),
        }
        for one in streams
    ]
    return {"camera_id": config.camera_id, "name": config.name, "streams": rows}


def _part(of: type, names: tuple[str, ...]) -> dict[str, Any]:
    whole = schema(of)
    return {**whole, "properties": {name: whole["properties"][name] for name in names}, "required": list(names)}


_OUTPUTS = extended(
    _part(SessionMetrics, _OUTPUT),
    output=_TEXT,
    targets={**_WHOLE, "description": "How many its chain has."},
    round_trip={"anyOf": [_NUMBER, {"type": "null"}], "description": "Seconds to the server and back."},
    watchable={"type": "boolean", "description": "Whether a browser can watch it now, see `…/watch`."},
)
_STREAMS = extended(_part(StreamMetrics, _STREAM), name=_TEXT, outputs=listed(_OUTPUTS))

OVERVIEW = [
    Operation(
        method="GET",
        path="/overview",
        act=seen(overview),
        summary="All cameras with their streams and outputs, in what changes: for pages that look every few seconds",
        answer=closed(
            version=_TEXT,
            time={**_NUMBER, "description": "Seconds since 1970, by this machine's clock."},
            uptime={**_NUMBER, "description": "Seconds since the engine was started."},
            in_fleet={"type": "boolean", "description": "Whether there is a fleet to be seen, see `/fleet`."},
            totals=schema(Totals),
            uplinks=listed(schema(UplinkMetrics)),
            services=listed(_part(ServiceMetrics, _SERVICE)),
            cameras=listed(closed(camera_id=_WHOLE, name=_TEXT, streams=listed(_STREAMS))),
        ),
    ),
    Operation(
        method="GET",
        path="/sessions/{camera}/{stream}/{output}/history",
        act=history,
        summary="A session's last quarter of an hour, a figure each 2 s, the oldest first; null: not on the air",
        query={"limit": {"type": "integer", "minimum": 0, "maximum": POINTS, "default": POINTS}},
        answer=schema(SessionHistory),
    ),
]
