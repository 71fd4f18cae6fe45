"""A plugin's options class as JSON Schema. What stands beneath a field in its source becomes its description."""

from __future__ import annotations

import enum
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import attrs

from camcast.config.about import about_fields
from camcast.config.rules import rule_of

_BASIC = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def options_schema(cls: type) -> dict[str, Any]:
    """A plugin's options class as schema; types that it does not know are left open."""
    if not attrs.has(cls):
        return {"type": "object"}
    fields, texts = attrs.fields(attrs.resolve_types(cls)), about_fields(cls)
    properties = {}
    for field in fields:
        properties[field.alias] = _plain(field.type)
        rule = rule_of(field.type)
        unit = f"In {rule.unit}." if rule is not None and rule.unit else ""
        if text := " ".join(filter(None, (texts.get(field.name, ""), unit))):
            properties[field.alias]["description"] = text
        default = field.default
        if isinstance(default, bool | int | float | str):
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
