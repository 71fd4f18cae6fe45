"""Every key of the configuration, from the schema that `camcast schema` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tools.site.tables import code, table

from camcast.config.schema import json_schema
from camcast.host import PluginHost

Schema = Mapping[str, Any]
ORDER = ("Camera", "Stream", "Source", "Output", "Entry", "Encoder", "Slate", "Adapt", "RetryPolicy", "Limit")
"""Blocks in the order in which somebody who writes a file needs them; others come after these."""


def page() -> str:
    """The page."""
    schema = json_schema(PluginHost())
    blocks = schema["$defs"]
    names = [*(name for name in ORDER if name in blocks), *(name for name in blocks if name not in ORDER)]
    lines = [
        "# Every key of the configuration",
        "",
        (
            "Made from the schema that `camcast schema` prints, which editors use too. What keys are for, with "
            "examples: [Configuration](../configuration.md)."
        ),
        "",
        "## The file",
        "",
        *_keys(schema),
    ]
    for name in names:
        lines += ["", f"## {name}", "", *_keys(blocks[name])]
        for choice, options in _choices(blocks[name]):
            lines += ["", f"### Options of `{choice}`", "", *_keys(options)]
    services = schema["properties"]["services"].get("properties", {})
    for name, service in services.items():
        options = next((one for one in service["anyOf"] if one.get("type") == "object"), {})
        if options:
            lines += ["", f"## The service `{name}`", "", *_keys(options)]
    return "\n".join(lines) + "\n"


def _keys(block: Schema) -> list[str]:
    properties: Mapping[str, Schema] = block.get("properties", {})
    if not properties:
        return ["No keys of its own."]
    required = block.get("required", ())
    return table(
        ("key", "value", "default", "what it is for"),
        (
            (
                code(name),
                _value(key),
                code(json.dumps(key["default"])) if "default" in key else "required" if name in required else "",
                str(key.get("description", "")),
            )
            for name, key in properties.items()
        ),
    )


def _value(key: Schema) -> str:
    """What a value may be, in words."""
    if "$ref" in key:
        name = str(key["$ref"]).rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in key:
        return code(json.dumps(key["const"]))
    if "enum" in key:
        return ", ".join(code(json.dumps(one)) for one in key["enum"])
    for several in ("anyOf", "oneOf"):
        if several in key:
            return " or ".join(dict.fromkeys(_value(one) for one in key[several]))
    match key.get("type"):
        case "array":
            return f"list of {_value(key['items'])}" if isinstance(key.get("items"), Mapping) else "list"
        case "object":
            of = key.get("additionalProperties")
            return f"object of {_value(of)}" if isinstance(of, Mapping) and of else "object"
        case "integer" | "number" as number:
            return f"{number}{_bounds(key)}"
        case list(names):
            return " or ".join(names)
        case str(name):
            return name
    return "anything"


def _bounds(key: Schema) -> str:
    least, most = key.get("minimum"), key.get("maximum")
    if least is not None and most is not None:
        return f", {least:g} to {most:g}" if most < 2**31 - 1 else f", at least {least:g}"
    return f", at least {least:g}" if least is not None else f", at most {most:g}" if most is not None else ""


def _choices(block: Schema) -> Iterator[tuple[str, Schema]]:
    """A plugin's own options, by the name that chooses them."""
    for rule in block.get("allOf", ()):
        chosen = next((one.get("const") for one in rule.get("if", {}).get("properties", {}).values()), None)
        options = rule.get("then", {}).get("properties", {}).get("options")
        if chosen is not None and options is not None and options.get("properties"):
            yield chosen, options
