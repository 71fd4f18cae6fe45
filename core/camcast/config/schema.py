"""The JSON Schema of a configuration file, made from the same models and rules that read it.

With a plugin host, the options of each source type and transport are described too; without one they are open.
"""

from __future__ import annotations

import enum
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import attrs

from camcast.config.model import SlateConfig
from camcast.config.resolve import FOREIGN_OUTPUTS
from camcast.config.rules import rule_of
from camcast.config.written import (
    UNSET,
    EncoderBlock,
    EntryBlock,
    FileBlock,
    OutputBlock,
    SourceBlock,
    StreamBlock,
)

if TYPE_CHECKING:
    from camcast.host import PluginHost

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_REQUIRED: Mapping[Any, tuple[str, ...]] = {SourceBlock: ("type",), StreamBlock: ("source",), EntryBlock: ("url",)}
_FOREIGN: Mapping[str, tuple[str, ...]] = {"CameraBlock": ("sensor", "features"), "SystemConfig": ("vb_pool",)}
_ONE_CHAIN = [
    {"not": {"required": pair}}
    for pair in (["urls", "url"], ["urls", "url_template"], ["urls", "fallback_urls"], ["url", "url_template"])
]
_BASIC = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def json_schema(host: PluginHost | None = None) -> dict[str, Any]:
    """The schema as plain values, ready for `json.dumps`."""
    schema = _Schema()
    root = schema.model(FileBlock)
    for cls in (EntryBlock, SlateConfig):
        schema.reference(cls)
    schema.defs[OutputBlock.__name__]["allOf"] = list(_ONE_CHAIN)
    if host is not None:
        _add_options(schema, host)
    root["properties"]["$schema"] = {"type": "string"}
    return {"$schema": DIALECT, "title": "camcast configuration", **root, "$defs": schema.defs}


class _Schema:
    def __init__(self) -> None:
        self.defs: dict[str, Any] = {}

    def reference(self, cls: Any) -> dict[str, Any]:
        name = cls.__name__
        if name not in self.defs:
            self.defs[name] = {}
            self.defs[name] = self.model(cls)
        return {"$ref": f"#/$defs/{name}"}

    def model(self, cls: Any) -> dict[str, Any]:
        properties = {field.alias: self.field(field) for field in attrs.fields(cls)}
        for name in _FOREIGN.get(cls.__name__, ()):
            properties[name] = {"description": "Not camcast's; left alone."}
        schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
        if cls in _REQUIRED:
            schema["required"] = list(_REQUIRED[cls])
        return schema

    def field(self, field: Any) -> dict[str, Any]:
        schema = self.type(field.type)
        default = field.metadata.get("default", field.default)
        if isinstance(default, bool | int | float | str) and default != "" and "$ref" not in schema:
            schema = {**schema, "default": default}
        return schema

    def type(self, type_: Any) -> dict[str, Any]:
        """A field's type: a model, a list or mapping of models, or a value with a rule."""
        rule = rule_of(type_)
        inner = get_args(type_)[0] if get_origin(type_) is Annotated else type_
        if isinstance(inner, type) and attrs.has(inner):
            # A rule that offers alternatives to the model refers to it itself.
            return dict(rule.schema) if rule is not None and "anyOf" in rule.schema else self.reference(inner)
        if rule is None:
            return {}
        schema = dict(rule.schema)
        items = get_args(inner)
        if get_origin(inner) is list and isinstance(items[0], type) and attrs.has(items[0]):
            schema["items"] = self.reference(items[0])
        elif get_origin(inner) is dict and attrs.has(items[1]):
            schema["properties"] = {name: {} for name in FOREIGN_OUTPUTS}
            schema["additionalProperties"] = self.reference(items[1])
        return schema


def _add_options(schema: _Schema, host: PluginHost) -> None:
    source = schema.defs[SourceBlock.__name__]
    by_source = [
        _when({"type": {"const": kind.name}}, ["type"], options_schema(kind.options)) for kind in host.sources.values()
    ]
    if by_source:
        source["properties"]["type"]["enum"] = sorted(host.sources)
        source["allOf"] = by_source
    by_transport = [
        _when({"transport": {"const": kind.name}}, ["transport"], options_schema(kind.options))
        for kind in host.transports.values()
    ]
    if by_transport:
        schema.defs[EntryBlock.__name__]["allOf"] = by_transport
    schema.defs[OutputBlock.__name__]["allOf"] = [*_ONE_CHAIN, *by_transport]
    by_encoder = [
        _when({"implementation": {"const": kind.name}}, ["implementation"], options_schema(kind.options))
        for kind in host.encoders.values()
    ]
    if by_encoder:
        schema.defs[EncoderBlock.__name__]["allOf"] = by_encoder


def _when(condition: Mapping[str, Any], needs: list[str], options: Mapping[str, Any]) -> dict[str, Any]:
    return {"if": {"properties": condition, "required": needs}, "then": {"properties": {"options": options}}}


def options_schema(cls: type) -> dict[str, Any]:
    """A plugin's options class as schema; types that it does not know are left open."""
    if not attrs.has(cls):
        return {"type": "object"}
    fields = attrs.fields(attrs.resolve_types(cls))
    properties = {}
    for field in fields:
        properties[field.alias] = _plain(field.type)
        default = field.default
        if isinstance(default, bool | int | float | str) and default is not UNSET:
            properties[field.alias]["default"] = default
    required = [field.alias for field in fields if field.default is attrs.NOTHING]
    return {"type": "object", "properties": properties, "additionalProperties": False, "required": required}


def _plain(type_: Any) -> dict[str, Any]:
    rule = rule_of(type_)
    if rule is not None:
        return dict(rule.schema)
    if type_ in _BASIC:
        return {"type": _BASIC[type_]}
    origin, arguments = get_origin(type_), get_args(type_)
    if origin is Annotated:
        return _plain(arguments[0])
    if origin in (Union, types.UnionType):
        return {"anyOf": [_plain(argument) for argument in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (list, tuple, set, frozenset) or (isinstance(origin, type) and origin.__name__ == "Sequence"):
        return {"type": "array", "items": _plain(arguments[0])} if arguments else {"type": "array"}
    if origin is dict or (isinstance(origin, type) and origin.__name__ == "Mapping"):
        return {"type": "object", "additionalProperties": _plain(arguments[1])}
    if isinstance(type_, type):
        if attrs.has(type_):
            return options_schema(type_)
        if issubclass(type_, enum.Enum):
            return {"enum": [member.value for member in type_]}
    return {}
