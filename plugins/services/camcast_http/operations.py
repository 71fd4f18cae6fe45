"""All operations of the interface."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from starlette.responses import Response, StreamingResponse

from camcast.camera.stats import ServiceMetrics, StreamMetrics
from camcast.config import CameraConfig, Config, dump, shown
from camcast.config.quantities import read_kbps
from camcast.config.rules import MAX_KBPS
from camcast.errors import Issue, NotFound
from camcast.events import SessionKey
from camcast.session.metrics import SessionMetrics, Totals
from camcast.structure import described
from camcast_http import changes
from camcast_http.forms import EVENT_SCHEMA, extended, listed, plain, schema
from camcast_http.operation import Call, Operation, member
from camcast_http.overview import OVERVIEW
from camcast_http.problems import Problem

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
    },
    "required": ["version", "uptime", "cameras", "totals", "services"],
}


async def status(call: Call) -> Any:
    stats = await call.shared.looks.stats()
    cameras = {stream.camera_id for stream in stats.streams}
    return {
        "version": importlib.metadata.version("camcast"),
        "uptime": stats.uptime,
        "cameras": len(cameras),
        "totals": plain(stats.totals),
        "services": plain(stats.services),
    }


# --- sessions ---------------------------------------------------------------------------------------------


async def sessions(call: Call) -> Any:
    stats, configs = await call.shared.looks.stats(), {one.key: one for one in await call.engine.sessions()}
    found = []
    for metrics in stats.sessions:
        config = configs.get(metrics.key)
        found.append(
            {
                **plain(metrics),
                "healthy": metrics.healthy,
                "targets": [target.shown for target in config.targets] if config else [],
                "camera_name": config.camera_name if config else "",
                "stream_name": config.stream_name if config else "",
            }
        )
    return found


async def session(call: Call) -> Any:
    wanted = str(call.key)
    for one in await sessions(call):
        if one["key"] == wanted:
            return one
    raise NotFound(f"there is no session {wanted}")


async def retry(call: Call) -> Any:
    await call.engine.retry(call.key)
    return _done(call)


async def pause(call: Call) -> Any:
    await call.engine.pause(call.key)
    return _done(call)


async def resume(call: Call) -> Any:
    await call.engine.resume(call.key)
    return _done(call)


async def switch(call: Call) -> Any:
    target = member(call.body, "target")["target"]
    if type(target) is not int:
        raise Problem(422, f"target: expected the number of one in the chain, got {described(target)}")
    await call.engine.switch(call.key, target)
    return _done(call)


async def remove_output(call: Call) -> Any:
    await call.engine.remove_output(call.key)
    return _done(call)


# --- streams ----------------------------------------------------------------------------------------------


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


async def retry_source(call: Call) -> Any:
    await call.engine.retry_source(*call.stream)
    return _done(call)


async def keyframe(call: Call) -> Any:
    return {"done": await call.engine.request_keyframe(*call.stream)}


async def bitrate(call: Call) -> Any:
    wanted = member(call.body, "bitrate")["bitrate"]
    try:
        kbps = read_kbps(wanted, 1, MAX_KBPS)
    except ValueError as error:
        raise Problem(422, f"bitrate: {error}") from None
    return {"done": await call.engine.set_bitrate(*call.stream, kbps)}


# --- changes ----------------------------------------------------------------------------------------------


async def add_camera(call: Call) -> Any:
    body = _mapping(call.body)
    if body.get("camera_id", -1) == -1:
        # Before it is read: templates of its URLs hold the id.
        taken = {config.camera_id for config in await call.engine.cameras()}
        body = {**body, "camera_id": next(number for number in range(len(taken) + 1) if number not in taken)}
    mapping = {"cameras": [body]}
    changes.check(mapping, call.engine.config, call.shared.limits)
    (config,) = call.engine.read(mapping).cameras
    added = await call.engine.add_camera(config)
    call.shared.looks.forget()
    return {"camera_id": added}


async def remove_camera(call: Call) -> Any:
    await call.engine.remove_camera(call.parts["camera"])
    return _done(call)


async def add_output(call: Call) -> Any:
    body = dict(_mapping(call.body))
    name = body.pop("name", "")
    if not isinstance(name, str) or not name:
        raise Problem(422, "name: expected a name for the output")
    changes.check(body, call.engine.config, call.shared.limits)
    config = await _config_of(call)
    written = next(one for one in dump_of(config)["streams"] if one["stream_id"] == call.parts["stream"])
    alone = {key: value for key, value in written.items() if key != "outputs"} | {"outputs": {name: body}}
    named = {"name": config.name} if config.name else {}
    mapping = {"cameras": [{"camera_id": config.camera_id, **named, "streams": [alone]}]}
    (camera_config,) = call.engine.read(mapping).cameras
    made = camera_config.streams[0].sessions
    if not made:
        raise Problem(422, "the output is not enabled")
    key: SessionKey = await call.engine.add_output(made[0])
    call.shared.looks.forget()
    return {"key": str(key)}


async def configuration(call: Call) -> Any:
    return shown(call.engine.config)


async def configure(call: Call) -> Any:
    mapping = _mapping(call.body)
    current = call.engine.config
    changes.check(mapping, current, call.shared.limits)
    config = changes.kept(call.engine.read(mapping), current)
    if call.query["dry_run"]:
        return {"changes": [step.text for step in await call.engine.plan(config)]}
    lines = await call.engine.reload(config)
    call.shared.looks.forget()
    return {"changes": lines}


async def reload(call: Call) -> Any:
    lines = await call.engine.reload_file()
    call.shared.looks.forget()
    return {"changes": lines}


async def stop(call: Call) -> Any:
    call.engine.stop()
    return {"done": True}


# --- events -----------------------------------------------------------------------------------------------


async def events(call: Call) -> Any:
    after = call.query["since"]
    if "text/event-stream" not in call.request.headers.get("accept", ""):
        return call.shared.happenings.since(after or 0, call.query["limit"])
    last = call.request.headers.get("last-event-id", "")
    if last.isascii() and last.isdecimal() and len(last) < 16:
        after = int(last)
    return StreamingResponse(call.shared.happenings.listen(after), media_type="text/event-stream")


def _done(call: Call) -> dict[str, bool]:
    call.shared.looks.forget()
    return {"done": True}


def _camera(config: CameraConfig, streams: tuple[StreamMetrics, ...]) -> dict[str, Any]:
    written = {one["stream_id"]: one["source"] for one in shown_of(config)["streams"]}
    found = []
    for metrics in streams:
        if metrics.camera_id == config.camera_id:
            source = written.get(metrics.stream_id, {})
            found.append({**plain(metrics), "source": source.get("type", ""), "source_url": source.get("url", "")})
    return {"camera_id": config.camera_id, "name": config.name, "streams": found}


async def _config_of(call: Call) -> CameraConfig:
    for config in await call.engine.cameras():
        if config.camera_id == call.parts["camera"]:
            if any(one.stream_id == call.parts["stream"] for one in config.streams):
                return config
            raise NotFound(f"camera {config.camera_id} has no stream {call.parts['stream']}")
    raise NotFound(f"there is no camera {call.parts['camera']}")


def dump_of(config: CameraConfig) -> dict[str, Any]:
    """One camera as a file has it, secrets and all."""
    written: dict[str, Any] = dump(Config(cameras=(config,)))["cameras"][0]
    return written


def shown_of(config: CameraConfig) -> dict[str, Any]:
    """One camera as anybody may see it."""
    written: dict[str, Any] = shown(Config(cameras=(config,)))["cameras"][0]
    return written


def _mapping(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        issue = Issue("", f"expected an object, got {described(body)}")
        raise Problem(422, "the configuration is wrong", issues=[issue])
    return body


_ONE_SESSION, _ONE_STREAM = "/sessions/{camera}/{stream}/{output}", "/streams/{camera}/{stream}"


def _commands() -> list[Operation]:
    """POST on a session or a stream, most of them without a body."""
    made = [
        ("retry", _ONE_SESSION, retry, "Skip a session's present wait; after giving up, begin anew"),
        ("pause", _ONE_SESSION, pause, "Take a session off the air until it is resumed"),
        ("resume", _ONE_SESSION, resume, "End a pause"),
        ("retry", _ONE_STREAM, retry_source, "Try a lost source at once"),
        ("keyframe", _ONE_STREAM, keyframe, "Ask for a keyframe; false: nobody can make one"),
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
    Operation(method="GET", path="/status", act=status, summary="How everything is", answer=_STATUS),
    *OVERVIEW,
    Operation(method="GET", path="/sessions", act=sessions, summary="All sessions", answer=listed(_SESSION)),
    Operation(method="GET", path=_ONE_SESSION, act=session, summary="One session", answer=_SESSION),
    Operation(method="DELETE", path=_ONE_SESSION, act=remove_output, summary="End a session", answer=_DONE),
    Operation(
        method="POST",
        path=f"{_ONE_SESSION}/switch",
        act=switch,
        summary="Publish on another target of the chain, 0 = primary",
        body=_TARGET,
        answer=_DONE,
    ),
    *_commands(),
    Operation(method="GET", path="/cameras", act=cameras, summary="All cameras", answer=listed(_CAMERA)),
    Operation(
        method="POST",
        path="/cameras",
        act=add_camera,
        summary="Add and start a camera, written as in a file",
        body=_OBJECT,
        answer=_ID,
        status=201,
    ),
    Operation(method="GET", path="/cameras/{camera}", act=camera, summary="One camera", answer=_CAMERA),
    Operation(
        method="DELETE",
        path="/cameras/{camera}",
        act=remove_camera,
        summary="End a camera and its sessions",
        answer=_DONE,
    ),
    Operation(method="GET", path=_ONE_STREAM, act=stream, summary="One stream", answer=_STREAM),
    Operation(
        method="GET",
        path=f"{_ONE_STREAM}/snapshot.jpg",
        act=snapshot,
        summary="What a stream sends: its last keyframe, at most one a second",
        media="image/jpeg",
        answer={"type": "string", "format": "binary"},
    ),
    Operation(
        method="POST",
        path=f"{_ONE_STREAM}/bitrate",
        act=bitrate,
        summary="Aim at another bitrate; false: the picture is not made here",
        body=_BITRATE,
        answer=_DONE,
    ),
    Operation(
        method="POST",
        path=f"{_ONE_STREAM}/outputs",
        act=add_output,
        summary="Publish a stream somewhere else as well: an output as in a file, and its name",
        body={**_OBJECT, "properties": {"name": _TEXT}, "required": ["name"]},
        answer=_KEY,
        status=201,
    ),
    Operation(
        method="GET",
        path="/configuration",
        act=configuration,
        summary="What is in use, without secrets",
        answer=_OBJECT,
    ),
    Operation(
        method="PUT",
        path="/configuration",
        act=configure,
        summary="Make the engine be like a configuration; services, plugins and included files stay as they are",
        query={"dry_run": _FLAG},
        body=_OBJECT,
        answer=_LINES,
    ),
    Operation(method="POST", path="/reload", act=reload, summary="Read the configuration's file again", answer=_LINES),
    Operation(method="POST", path="/stop", act=stop, summary="End the program in order", answer=_DONE),
    Operation(
        method="GET",
        path="/events",
        act=events,
        summary="What has happened; with Accept: text/event-stream also what happens, from Last-Event-ID on",
        query={"since": _SINCE, "limit": _MAX_KEPT},
        answer=listed(EVENT_SCHEMA),
        also={"text/event-stream": _TEXT},
    ),
]
