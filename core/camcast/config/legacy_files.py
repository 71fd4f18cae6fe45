"""Reads the original's files as it did: comments, trailing commas, text behind the root value, any encoding."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from camcast.config.legacy import OldFiles, is_old
from camcast.config.read import MAX_SIZE, decode, parse_json
from camcast.errors import ConfigError

NET_SERVICE, VENC, VI = "net_service.json", "venc.json", "vi.json"
ENCODINGS = ("gb18030", "latin-1")
"""Tried where a file is not UTF-8: the devices' comments are often Chinese; Latin-1 reads anything."""


def read_old_files(path: Path) -> OldFiles:
    """An old `net_service.json`, or the directory that holds it with `venc.json` and `vi.json`.

    Raises `ConfigError`, which names the file and the place in it.
    """
    if not path.is_dir():
        return OldFiles(net_service=_read(path))
    service = path / NET_SERVICE
    if not service.exists():
        raise ConfigError(f"{path} holds no {NET_SERVICE}; give the directory of the old files, or the file itself")
    venc, vi = path / VENC, path / VI
    return OldFiles(
        net_service=_read(service),
        venc=_read(venc) if venc.exists() else None,
        vi=_read(vi) if vi.exists() else None,
    )


def old_value(data: bytes) -> Mapping[str, Any] | None:
    """The root value if `data` is an old `net_service.json`, however written; else None."""
    try:
        value = parse_old(data)
    except ConfigError:
        return None
    return value if is_old(value) else None


def parse_old(data: bytes) -> Any:
    """The first value in `data`; raises `ConfigError` with line and column."""
    try:
        text = decode(data)
    except ConfigError:
        if len(data) > MAX_SIZE:
            raise
        text = next(text for text in (_decoded(data, encoding) for encoding in ENCODINGS) if text is not None)
    try:
        return parse_json(text, trailing=True)
    except RecursionError:
        raise ConfigError("the file is nested too deeply") from None


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    try:
        return parse_old(data)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
