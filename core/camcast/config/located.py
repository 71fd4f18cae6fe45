"""Relative paths of a file are looked for beside the file first, then in the working directory."""

from __future__ import annotations

from pathlib import Path
from typing import overload

import attrs

from camcast.config.model import SourceConfig
from camcast.config.target import TargetConfig


@overload
def locate_text(text: str, base: Path | None) -> str: ...
@overload
def locate_text(text: None, base: Path | None) -> None: ...
def locate_text(text: str | None, base: Path | None) -> str | None:
    """The path below `base` if there is such a file; else `text` as it is. References `file:PATH` too."""
    if not text or base is None or "://" in text or text.startswith("env:"):
        return text
    mark, path = ("file:", text[5:]) if text.startswith("file:") else ("", text)
    if Path(path).is_absolute() or path.startswith("~"):
        return text
    try:
        return f"{mark}{base / path}" if (base / path).is_file() else text
    except (OSError, ValueError):
        return text


def locate_source(source: SourceConfig, base: Path | None) -> SourceConfig:
    return attrs.evolve(source, url=locate_text(source.url, base))


def locate_target(target: TargetConfig, base: Path | None) -> TargetConfig:
    key = target.stream_key
    return attrs.evolve(
        target,
        url=locate_text(target.url, base),
        ca_file=locate_text(target.ca_file, base),
        client_certificate=locate_text(target.client_certificate, base),
        client_key=locate_text(target.client_key, base),
        stream_key=locate_text(key, base) if key and key.startswith("file:") else key,
        proxy=locate_text(target.proxy, base),
    )
