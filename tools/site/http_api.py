"""The HTTP API, from the operations that the service answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools.site.tables import code, table

from camcast_http.openapi import describe
from camcast_http.operations import OPERATIONS


def page() -> str:
    """The page."""
    lines = [
        "# HTTP API",
        "",
        (
            "Made from the same description that a running camcast serves at `/api/v1/openapi.json`. How to switch it "
            "on, tokens, and what may be changed: [HTTP](../http.md)."
        ),
    ]
    paths: Mapping[str, Mapping[str, Any]] = describe(OPERATIONS)["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            lines += ["", f"## {method.upper()} {path}", "", str(operation.get("summary", ""))]
            if said := operation.get("description"):
                lines += ["", str(said)]
            if parameters := operation.get("parameters"):
                lines += [
                    "",
                    *table(
                        ("parameter", "where", "type", "what it is"),
                        (
                            (
                                code(one["name"]),
                                one["in"],
                                str(one["schema"].get("type", "")),
                                str(one.get("description", "")),
                            )
                            for one in parameters
                        ),
                    ),
                ]
            lines += [
                "",
                *table(
                    ("answer", "what it is"),
                    (
                        (code(status), str(answer.get("description", "")))
                        for status, answer in operation["responses"].items()
                    ),
                ),
            ]
    return "\n".join(lines) + "\n"
