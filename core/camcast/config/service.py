"""A service as the configuration asks for it, and the names that several of one kind go by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from camcast.config.rules import Name, Options, Rule, checked, read_mapping
from camcast.structure import described


@attrs.frozen(kw_only=True, field_transformer=checked)
class ServiceConfig:
    """One service. `options` is checked against the kind's class when a file is loaded."""

    type: Name
    """Name of the service kind, as `camcast plugins` lists them."""
    options: Options = attrs.field(factory=dict, repr=False)
    """The service kind's own."""


def named(services: Iterable[ServiceConfig]) -> Mapping[str, ServiceConfig]:
    """Each service by its name: its kind's, with a number from the second of a kind on."""
    seen: Counter[str] = Counter()
    found = {}
    for service in services:
        seen[service.type] += 1
        number = seen[service.type]
        found[service.type if number == 1 else f"{service.type}{number}"] = service
    return found


def entries(name: str, value: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """What stands behind a kind's name under "services": (place below it, options) of each service there.

    An object holds the options of one service, a list those of several; true is one without options, false none. Raises
    `ValueError`.
    """
    if isinstance(value, bool):
        return [("", {})] if value else []
    if isinstance(value, list | tuple):
        found = []
        for index, item in enumerate(value):
            if not isinstance(item, Mapping):
                raise ValueError(f"expected a list of objects, got {described(item)} as number {index + 1}")
            found.append((f"[{index}]", item))
        return found
    if not isinstance(value, Mapping):
        raise ValueError(f"expected an object, a list of objects, true or false, got {described(value)}")
    return [("", value)]


def written(services: Iterable[ServiceConfig]) -> dict[str, Any]:
    """The same as a file has it."""
    found: dict[str, list[Any]] = {}
    for service in services:
        found.setdefault(service.type, []).append(dict(service.options))
    return {kind: options if len(options) > 1 else options[0] or True for kind, options in found.items()}


def one_schema(options: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of what stands behind a kind's name, whose options have the schema `options`."""
    return {"anyOf": [{"type": "boolean"}, dict(options), {"type": "array", "items": dict(options)}]}


SERVICES = Rule(
    read_mapping,
    {"type": "object", "additionalProperties": one_schema({"type": "object"})},
)
