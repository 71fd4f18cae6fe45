"""Writes a configuration: what is not a default, in the order in which people read it.

What is written holds the secrets that the configuration holds; `config.store` is the door to the disk.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from camcast.config.model import CameraConfig, Config, EncoderConfig, SourceConfig, StreamConfig
from camcast.config.rules import key_of
from camcast.config.service import written as services_written
from camcast.config.session import SessionConfig
from camcast.config.target import TargetConfig

_IDENTITY = ("camera_id", "stream_id", "stream_name", "camera_name", "output", "targets", "chain")


def dump(config: Config) -> dict[str, Any]:
    """The configuration as plain values; loading them gives an equal one, but for outputs that are off."""
    written: dict[str, Any] = {}
    if plugins := _changed(config.plugins):
        written["plugins"] = plugins
    if system := _changed(config.system):
        written["system"] = system
    if config.services:
        written["services"] = services_written(config.services)
    written["cameras"] = [_camera(camera) for camera in config.cameras]
    return written


def dumps(config: Config) -> str:
    """The same as JSON text."""
    return to_json(dump(config))


def to_json(mapping: Mapping[str, Any]) -> str:
    """JSON as configuration files are laid out, with a line's end."""
    return json.dumps(mapping, indent=2, ensure_ascii=False) + "\n"


def _camera(camera: CameraConfig) -> dict[str, Any]:
    written: dict[str, Any] = {"camera_id": camera.camera_id}
    if camera.name:
        written["name"] = camera.name
    if not camera.enabled:
        written["enabled"] = False
    written["streams"] = [_stream(stream) for stream in camera.streams]
    return written


def _stream(stream: StreamConfig) -> dict[str, Any]:
    written: dict[str, Any] = {"stream_id": stream.stream_id, "name": stream.name}
    if not stream.enabled:
        written["enabled"] = False
    written["source"] = {"type": stream.source.type, **_changed(stream.source, SourceConfig(type=stream.source.type))}
    encoder = _changed(stream.encoder, EncoderConfig(type=stream.encoder.type))
    written["encoder"] = {"type": stream.encoder.type, **encoder}
    if stream.slate is not None:
        written["slate"] = _changed(stream.slate) or True
    outputs = {session.output: _output(session) for session in stream.sessions}
    if outputs:
        written["outputs"] = outputs
    return written


def _output(session: SessionConfig) -> dict[str, Any]:
    plain = SessionConfig(camera_id=session.camera_id, targets=session.targets)
    return {
        "urls": [_target(target) for target in session.targets],
        **{key: value for key, value in _changed(session, plain).items() if key not in _IDENTITY},
    }


def written_url(target: TargetConfig) -> str:
    """A target's URL as a file has it: what looks like a variable is none."""
    return target.url if "://" not in target.url else target.url.replace("{", "{{").replace("}", "}}")


def _target(target: TargetConfig) -> str | dict[str, Any]:
    url = written_url(target)
    own = _changed(target, TargetConfig(url=target.url))
    return {"url": url, **own} if own else url


def _changed(model: Any, plain: Any = None) -> dict[str, Any]:
    """The fields of a model that differ from `plain`, by default a new one."""
    plain = type(model)() if plain is None else plain
    return {
        key_of(field): _value(getattr(model, field.name))
        for field in attrs.fields(type(model))
        if field.eq and getattr(model, field.name) != getattr(plain, field.name)
    }


def _value(value: Any) -> Any:
    if attrs.has(type(value)):
        return {key_of(field): _value(getattr(value, field.name)) for field in attrs.fields(type(value))}
    if isinstance(value, Mapping):
        return {key: _value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
