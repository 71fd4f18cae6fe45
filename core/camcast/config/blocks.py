"""The configuration as it is written: which keys each object of a file has.

They are made from the models, so that no key, rule, default or description is said twice.
"""

from __future__ import annotations

from typing import Any

import attrs

from camcast.config.block import Block, Key, Shape, by_name, keys_of
from camcast.config.model import EncoderConfig, PluginsConfig, SlateConfig, SourceConfig, SystemConfig
from camcast.config.rules import FLAG, LABEL, NAME, TEXT, TEXTS, Rule, read_mapping, whole
from camcast.config.service import SERVICES
from camcast.config.session import MAX_ID, NOT_SAID, RetryPolicy, SessionConfig
from camcast.config.shown_names import OWN_VARIABLES
from camcast.config.target import TargetConfig
from camcast.config.uplink import UplinkConfig
from camcast.errors import ConfigError, Issue
from camcast.structure import described


def _block(name: str, *keys: Key, **settings: Any) -> Block:
    return Block(name=name, keys=by_name(keys), **settings)


def _value(name: str, rule: Rule, about: str) -> Key:
    return Key(name=name, field=name, rule=rule, about=about)


def _part(name: str, shape: Shape, block: Block, about: str) -> Key:
    return Key(name=name, field=name, shape=shape, block=block, about=about)


MAX_VARIABLE_NAME = 32
FOREIGN_OUTPUTS = ("rtsp", "mp4")
"""Outputs of the original system that are not camcast's."""


def _read_variables(value: Any) -> dict[str, str | int]:
    variables = read_mapping(value)
    faults = [Issue(name, fault) for name, content in variables.items() if (fault := _variable_fault(name, content))]
    if faults:
        raise ConfigError(faults)
    return variables


def _variable_fault(name: str, content: Any) -> str:
    """What keeps this from being a variable, or ""."""
    if name in OWN_VARIABLES:
        return "is one of camcast's own variables; choose another name"
    if not name.isidentifier() or not name.isascii() or len(name) > MAX_VARIABLE_NAME:
        return f"expected a name of letters, digits and _, at most {MAX_VARIABLE_NAME} long"
    if not isinstance(content, str | int) or isinstance(content, bool):
        return f"expected text or a whole number, got {described(content)}"
    if isinstance(content, str) and content.startswith(("env:", "file:")):
        return "cannot be a secret; put the whole URL, or stream_key, into env: or file:"
    return ""


_VARIABLES = Rule(
    _read_variables,
    {
        "type": "object",
        "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]{0,31}$", "not": {"enum": list(OWN_VARIABLES)}},
        "additionalProperties": {"type": ["string", "integer"]},
    },
)
VARIABLES = _value("variables", _VARIABLES, "Further variables for the URL templates below here.")
_ID = Rule(whole(NOT_SAID, MAX_ID).read, whole(NOT_SAID, MAX_ID).schema)

ENTRY = Block(name="Entry", keys=by_name(keys_of(TargetConfig, without=("shown_name",))), required=("url",))

_IDENTITY = ("camera_id", "stream_id", "stream_name", "camera_name", "output", "targets", "chain")
"""Fields of a session that come from where its block stands."""
_RETRY = {key.name: key for key in keys_of(RetryPolicy)}
_TEMPLATES = "{camera_id}, {stream_id}, {stream_name}, {camera_name} and one's own variables are filled in."

OUTPUT = _block(
    "Output",
    *keys_of(TargetConfig, without=("url", "shown_name")),
    *keys_of(SessionConfig, without=_IDENTITY),
    _value("enabled", FLAG, "false turns the output off here and further in."),
    _value("url", NAME, f"Where to publish. {_TEMPLATES}"),
    _value("url_template", NAME, f"The same as url. {_TEMPLATES}"),
    _part("urls", Shape.ENTRIES, ENTRY, f"The chain, primary first: instead of url and fallback_urls. {_TEMPLATES}"),
    _part("fallback_urls", Shape.ENTRIES, ENTRY, f"Where to publish when the primary fails. {_TEMPLATES}"),
    VARIABLES,
    attrs.evolve(_RETRY["max_attempts"], name="max_retry_attempts", field="max_retry_attempts"),
    _RETRY["revive_after"],
)
SOURCE = Block(name="Source", keys=by_name(keys_of(SourceConfig)), required=("type",))
ENCODER = Block(name="Encoder", keys=by_name(keys_of(EncoderConfig)))
SLATE = Block(name="Slate", keys=by_name(keys_of(SlateConfig)))

_ENABLED = _value("enabled", FLAG, "false: checked, but not started.")
_RTMP = "The output of this name: each key is overridden by itself further in."
STREAM = _block(
    "Stream",
    _value("stream_id", _ID, "Unique in its camera; -1 or nothing: the next free one."),
    _value("name", LABEL, "What the stream is called in URLs, logs and figures; by its id main, sub, stream2 …"),
    _ENABLED,
    _part("source", Shape.OBJECT, SOURCE, "Where the media comes from."),
    _part("encoder", Shape.OBJECT, ENCODER, "What the picture is, or shall be made."),
    _part("slate", Shape.SWITCHED, SLATE, "A still picture with silence while the source is gone."),
    _part("rtmp", Shape.OBJECT, OUTPUT, _RTMP),
    _part("outputs", Shape.NAMED, OUTPUT, "Where the stream goes, by names of one's own; each is a session."),
    VARIABLES,
    required=("source",),
)
CAMERA = _block(
    "Camera",
    _value("camera_id", _ID, "Unique; -1 or nothing: the next free one."),
    _value("name", LABEL, "What the camera is called."),
    _ENABLED,
    _part("rtmp", Shape.OBJECT, OUTPUT, f"{_RTMP} For this camera's streams."),
    _part("streams", Shape.OBJECTS, STREAM, "The camera's streams."),
    VARIABLES,
    foreign=("sensor", "features"),
    foreign_place="cameras[].",
)
UPLINK = Block(name="Uplink", keys=by_name(keys_of(UplinkConfig)))
SYSTEM = _block(
    "System",
    *keys_of(SystemConfig, without=("uplinks",)),
    _part("uplinks", Shape.NAMED, UPLINK, "Links that several outputs share, by names of one's own."),
    foreign=("vb_pool",),
    foreign_place="system.",
)
PLUGINS = Block(name="Plugins", keys=by_name(keys_of(PluginsConfig)))
FILE = _block(
    "File",
    _part("plugins", Shape.OBJECT, PLUGINS, "Which plugins are used."),
    _part("system", Shape.OBJECT, SYSTEM, "What holds for the whole engine."),
    _value("services", SERVICES, "What runs beside the cameras: each kind's options, or a list of them, by its name."),
    _part("rtmp", Shape.OBJECT, OUTPUT, f"{_RTMP} For every stream."),
    _part("cameras", Shape.OBJECTS, CAMERA, "The cameras."),
    _value("include", TEXTS, "Further files, or globs of such, whose cameras are added; from this file's folder on."),
    VARIABLES,
    _value("$schema", TEXT, "Where an editor finds this schema."),
)
