"""All operations of the interface: paths, what each takes and answers. What they do is in the modules beside."""

from __future__ import annotations

from camcast.camera.stats import ServiceMetrics, StreamMetrics
from camcast.session.metrics import SessionMetrics, Totals
from camcast.session.uplinks import UplinkMetrics
from camcast_http import editing, reading, steering
from camcast_http.fleets import FLEET
from camcast_http.forms import EVENT_SCHEMA, extended, listed, schema
from camcast_http.operation import Operation, seen
from camcast_http.overview import OVERVIEW
from camcast_http.watching import WATCHING

_TEXT = {"type": "string"}
_LINES = {"type": "object", "properties": {"changes": listed(_TEXT)}, "required": ["changes"]}
_DONE = {"type": "object", "properties": {"done": {"type": "boolean"}}, "required": ["done"]}
_OBJECT = {"type": "object"}
_FLAG = {"type": "boolean", "default": False}
_MAX_KEPT = {"type": "integer", "minimum": 0, "maximum": 1000, "default": 100}
_SINCE = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}

_SESSION = extended(
    schema(SessionMetrics), targets=listed(_TEXT), healthy={"type": "boolean"}, camera_name=_TEXT, stream_name=_TEXT
)
_STREAM = extended(schema(StreamMetrics), source=_TEXT, source_url=_TEXT)
_CAMERA = {
    "type": "object",
    "properties": {"camera_id": {"type": "integer"}, "name": _TEXT, "streams": listed(_STREAM)},
    "required": ["camera_id", "name", "streams"],
}
_STATUS = {
    "type": "object",
    "properties": {
        "version": _TEXT,
        "uptime": {"type": "number", "description": "Seconds since the engine was started."},
        "cameras": {"type": "integer"},
        "totals": schema(Totals),
        "services": listed(schema(ServiceMetrics)),
        "uplinks": listed(schema(UplinkMetrics)),
    },
    "required": ["version", "uptime", "cameras", "totals", "services", "uplinks"],
}


_ONE_SESSION, _ONE_STREAM = "/sessions/{camera}/{stream}/{output}", "/streams/{camera}/{stream}"


def _commands() -> list[Operation]:
    """POST on a session or a stream, most of them without a body."""
    made = [
        ("retry", _ONE_SESSION, steering.retry, "Skip a session's present wait; after giving up, begin anew"),
        ("pause", _ONE_SESSION, steering.pause, "Take a session off the air until it is resumed"),
        ("resume", _ONE_SESSION, steering.resume, "End a pause"),
        ("retry", _ONE_STREAM, steering.retry_source, "Try a lost source at once"),
        ("keyframe", _ONE_STREAM, steering.keyframe, "Ask for a keyframe; false: nobody can make one"),
    ]
    return [
        Operation(method="POST", path=f"{path}/{word}", act=act, summary=summary, answer=_DONE)
        for word, path, act, summary in made
    ]


_TARGET = {"type": "object", "properties": {"target": {"type": "integer", "minimum": 0}}, "required": ["target"]}
_BITRATE = {
    "type": "object",
    "properties": {
        "bitrate": {"anyOf": [{"type": "integer", "minimum": 1}, _TEXT], "description": 'kbit/s, or "4 Mbit/s"'}
    },
    "required": ["bitrate"],
}
_KEY = {"type": "object", "properties": {"key": _TEXT}, "required": ["key"]}
_ID = {"type": "object", "properties": {"camera_id": {"type": "integer"}}, "required": ["camera_id"]}

OPERATIONS = [
    Operation(method="GET", path="/status", act=seen(reading.status), summary="How everything is", answer=_STATUS),
    *OVERVIEW,
    FLEET,
    Operation(
        method="GET", path="/sessions", act=seen(reading.sessions), summary="All sessions", answer=listed(_SESSION)
    ),
    Operation(method="GET", path=_ONE_SESSION, act=seen(reading.session), summary="One session", answer=_SESSION),
    Operation(method="DELETE", path=_ONE_SESSION, act=editing.remove_output, summary="End a session", answer=_DONE),
    Operation(
        method="POST",
        path=f"{_ONE_SESSION}/switch",
        act=steering.switch,
        summary="Publish on another target of the chain, 0 = primary",
        body=_TARGET,
        answer=_DONE,
    ),
    *_commands(),
    *WATCHING,
    Operation(method="GET", path="/cameras", act=seen(reading.cameras), summary="All cameras", answer=listed(_CAMERA)),
    Operation(
        method="POST",
        path="/cameras",
        act=editing.add_camera,
        summary="Add and start a camera, written as in a file",
        body=_OBJECT,
        answer=_ID,
        status=201,
    ),
    Operation(method="GET", path="/cameras/{camera}", act=seen(reading.camera), summary="One camera", answer=_CAMERA),
    Operation(
        method="DELETE",
        path="/cameras/{camera}",
        act=editing.remove_camera,
        summary="End a camera and its sessions",
        answer=_DONE,
    ),
    Operation(method="GET", path=_ONE_STREAM, act=seen(reading.stream), summary="One stream", answer=_STREAM),
    Operation(
        method="GET",
        path=f"{_ONE_STREAM}/snapshot.jpg",
        act=reading.snapshot,
        summary="What a stream sends: its last keyframe, at most one a second; small: at most 480 points across",
        query={"small": _FLAG},
        media="image/jpeg",
        answer={"type": "string", "format": "binary"},
    ),
    Operation(
        method="POST",
        path=f"{_ONE_STREAM}/bitrate",
        act=steering.bitrate,
        summary="Aim at another bitrate; false: the picture is not made here",
        body=_BITRATE,
        answer=_DONE,
    ),
    Operation(
        method="POST",
        path=f"{_ONE_STREAM}/outputs",
        act=editing.add_output,
        summary="Publish a stream somewhere else as well: an output as in a file, and its name",
        body={**_OBJECT, "properties": {"name": _TEXT}, "required": ["name"]},
        answer=_KEY,
        status=201,
    ),
    Operation(
        method="GET",
        path="/configuration",
        act=reading.configuration,
        summary="What is in use, without secrets",
        answer=_OBJECT,
    ),
    Operation(
        method="PUT",
        path="/configuration",
        act=editing.configure,
        summary="Make the engine be like a configuration; services, plugins and included files stay as they are",
        query={"dry_run": _FLAG},
        body=_OBJECT,
        answer=_LINES,
    ),
    Operation(
        method="POST", path="/reload", act=editing.reload, summary="Read the configuration's file again", answer=_LINES
    ),
    Operation(method="POST", path="/stop", act=editing.stop, summary="End the program in order", answer=_DONE),
    Operation(
        method="GET",
        path="/events",
        act=reading.events,
        summary="What has happened; with Accept: text/event-stream also what happens, from Last-Event-ID on",
        query={"since": _SINCE, "limit": _MAX_KEPT},
        answer=listed(EVENT_SCHEMA),
        also={"text/event-stream": _TEXT},
    ),
]
