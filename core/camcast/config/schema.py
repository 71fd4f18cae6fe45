"""The JSON Schema of a configuration file, made from the same blocks and rules that read it.

With a plugin host, the options of each source type and transport are described too; without one they are open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from camcast.config.block import Block, Key, Shape
from camcast.config.blocks import ENCODER, ENTRY, FILE, FOREIGN_OUTPUTS, OUTPUT, SOURCE
from camcast.config.options_schema import options_schema
from camcast.config.service import one_schema
from camcast.kinds import EncoderKind, SourceKind, TransportKind

if TYPE_CHECKING:
    from camcast.host import PluginHost

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_ONE_CHAIN = [
    {"not": {"required": pair}}
    for pair in (["urls", "url"], ["urls", "url_template"], ["urls", "fallback_urls"], ["url", "url_template"])
]


def json_schema(host: PluginHost | None = None) -> dict[str, Any]:
    """The schema as plain values, ready for `json.dumps`."""
    definitions: dict[str, Any] = {}
    root = _object(FILE, definitions)
    definitions[OUTPUT.name]["allOf"] = list(_ONE_CHAIN)
    if host is not None:
        _add_options(definitions, host)
        by_name = {kind.name: one_schema(options_schema(kind.options)) for kind in host.services.values()}
        root["properties"]["services"] |= {"properties": by_name, "additionalProperties": False}
    return {"$schema": DIALECT, "title": "camcast configuration", **root, "$defs": definitions}


def _object(block: Block, definitions: dict[str, Any]) -> dict[str, Any]:
    properties = {name: _described(key, definitions) for name, key in block.keys.items()}
    for name in block.foreign:
        properties[name] = {"description": "Not camcast's; left alone."}
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": list(block.required)} if block.required else schema


def _reference(block: Block | None, definitions: dict[str, Any]) -> dict[str, Any]:
    assert block is not None
    if block.name not in definitions:
        definitions[block.name] = {}
        definitions[block.name] = _object(block, definitions)
    return {"$ref": f"#/$defs/{block.name}"}


def _described(key: Key, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _value(key, definitions)
    if isinstance(key.default, bool | int | float | str) and key.default != "":
        schema["default"] = key.default
    unit = f"In {key.rule.unit}." if key.rule is not None and key.rule.unit else ""
    if text := " ".join(filter(None, (key.about, unit))):
        schema["description"] = text
    return schema


def _value(key: Key, definitions: dict[str, Any]) -> dict[str, Any]:
    match key.shape:
        case Shape.VALUE:
            assert key.rule is not None
            return dict(key.rule.schema)
        case Shape.OBJECTS:
            return {"type": "array", "items": _reference(key.block, definitions)}
        case Shape.ENTRIES:
            text = {"type": "string", "pattern": r"\S"}
            return {"type": "array", "items": {"anyOf": [text, _reference(key.block, definitions)]}}
        case Shape.SWITCHED:
            return {"anyOf": [{"type": "boolean"}, _reference(key.block, definitions)]}
        case Shape.NAMED:
            others = FOREIGN_OUTPUTS if key.block is OUTPUT else ()
            foreign: dict[str, Any] = {name: {"description": "Not camcast's; left alone."} for name in others}
            return {
                "type": "object",
                **({"properties": foreign} if foreign else {}),
                "additionalProperties": _reference(key.block, definitions),
            }
    return _reference(key.block, definitions)


def _add_options(definitions: dict[str, Any], host: PluginHost) -> None:
    sources = definitions[SOURCE.name]
    if host.sources:
        sources["properties"]["type"]["enum"] = sorted(host.sources)
        sources["allOf"] = _choices("type", host.sources.values())
    by_transport = _choices("transport", host.transports.values())
    definitions[OUTPUT.name]["allOf"] += by_transport
    if by_transport:
        definitions[ENTRY.name]["allOf"] = by_transport
    if by_encoder := _choices("implementation", host.encoders.values()):
        definitions[ENCODER.name]["allOf"] = by_encoder


def _choices(key: str, kinds: Iterable[SourceKind | TransportKind | EncoderKind]) -> list[Mapping[str, Any]]:
    """The options that a kind has where `key` names it."""
    return [
        {
            "if": {"properties": {key: {"const": kind.name}}, "required": [key]},
            "then": {"properties": {"options": options_schema(kind.options)}},
        }
        for kind in kinds
    ]
