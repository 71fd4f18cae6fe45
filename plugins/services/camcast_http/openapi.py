"""The description of the interface in OpenAPI 3.1, made from the operations themselves."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from typing import Any

from camcast_http.operation import PARTS, Operation
from camcast_http.problems import TYPE

PREFIX = "/api/v1"

_PROBLEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was expected, what came, what to do."},
        "issues": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
                "required": ["path", "message"],
            },
        },
    },
    "required": ["type", "title", "status", "detail"],
}


def describe(operations: Iterable[Operation]) -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(PREFIX + operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "camcast",
            "version": importlib.metadata.version("camcast"),
            "description": "Look at, steer and change a running engine.",
        },
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"bearer": []}, {}],
    }


def _operation(operation: Operation) -> dict[str, Any]:
    content = {operation.media: {"schema": operation.answer}}
    content |= {media: {"schema": schema} for media, schema in operation.also.items()}
    problem = {
        "description": "What went wrong",
        "content": {TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    found: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": operation.act.__name__,
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": PARTS[name]} for name in operation.parts),
            *({"name": name, "in": "query", "schema": schema} for name, schema in operation.query.items()),
        ],
        "responses": {str(operation.status): {"description": "Done", "content": content}, "default": problem},
    }
    if operation.body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": operation.body}}}
    return found
