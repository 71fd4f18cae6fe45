"""`camcast schema`: the JSON Schema of configuration files, for editors."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from camcast.cli.terminal import load_host
from camcast.config import json_schema


def schema(
    context: typer.Context,
    plugins: Annotated[bool, typer.Option(help="Describe the options of the plugins installed here too.")] = True,
) -> None:
    """Print the JSON Schema of configuration files."""
    typer.echo(json.dumps(json_schema(load_host(context) if plugins else None), indent=2))
