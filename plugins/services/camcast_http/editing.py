"""Operations that change what runs: cameras, outputs, the whole configuration, and the end."""

from __future__ import annotations

from typing import Any

from camcast.config import CameraConfig, Config, dump
from camcast.errors import Issue, NotFound
from camcast.events import SessionKey
from camcast.structure import described
from camcast_http import changes
from camcast_http.operation import Call, done
from camcast_http.problems import Problem


async def add_camera(call: Call) -> Any:
    body = _mapping(call.body)
    if body.get("camera_id", -1) == -1:
        # Before it is read: templates of its URLs hold the id.
        taken = {config.camera_id for config in await call.engine.cameras()}
        body = {**body, "camera_id": next(number for number in range(len(taken) + 1) if number not in taken)}
    mapping = {"cameras": [body]}
    (config,) = changes.read(call.engine, mapping, call.shared.limits).cameras
    added = await call.engine.add_camera(config)
    call.shared.looks.forget()
    return {"camera_id": added}


async def remove_camera(call: Call) -> Any:
    await call.engine.remove_camera(call.parts["camera"])
    return done(call)


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
    (camera_config,) = changes.read(call.engine, mapping, call.shared.limits).cameras
    made = camera_config.streams[0].sessions
    if not made:
        raise Problem(422, "the output is not enabled")
    key: SessionKey = await call.engine.add_output(made[0])
    call.shared.looks.forget()
    return {"key": str(key)}


async def remove_output(call: Call) -> Any:
    await call.engine.remove_output(call.key)
    return done(call)


async def configure(call: Call) -> Any:
    mapping = _mapping(call.body)
    current = call.engine.config
    config = changes.kept(changes.read(call.engine, mapping, call.shared.limits), current)
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


def _mapping(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        issue = Issue("", f"expected an object, got {described(body)}")
        raise Problem(422, "the configuration is wrong", issues=[issue])
    return body
