"""Reads the original's files as it did: comments, trailing commas, text behind the root value, any encoding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from camcast.config.json_text import parse_json
from camcast.errors import ConfigError
from camcast_legacy.convert import OldFiles, is_old

NET_SERVICE, VENC, VI = "net_service.json", "venc.json", "vi.json"
ENCODINGS = ("utf-8-sig", "gb18030", "latin-1")
"""Tried in turn: the devices' comments are often Chinese; Latin-1 reads anything."""
MAX_SIZE = 2**20
"""Bytes. The originals have a few hundred."""


def read_old_files(path: Path, data: bytes = b"") -> OldFiles:
    """An old `net_service.json` (`data`: what is in it), or the directory that holds it with `venc.json` and `vi.json`.

    Raises `ConfigError`, which names the file and the place in it.
    """
    if not path.is_dir():
        return OldFiles(net_service=_parsed(path, data) if data else _read(path))
    service = path / NET_SERVICE
    if not service.exists():
        raise ConfigError(f"{path} holds no {NET_SERVICE}; give the directory of the old files, or the file itself")
    venc, vi = path / VENC, path / VI
    return OldFiles(
        net_service=_read(service),
        venc=_read(venc) if venc.exists() else None,
        vi=_read(vi) if vi.exists() else None,
    )


def is_old_file(data: bytes, path: Path) -> bool:
    """Whether `data` is an old `net_service.json`, however written, or the directory `path` holds one."""
    if path.is_dir():
        return (path / NET_SERVICE).exists()
    try:
        return is_old(parse_old(data))
    except ConfigError:
        return False


def parse_old(data: bytes) -> Any:
    """The first value in `data`; raises `ConfigError` with line and column."""
    if len(data) > MAX_SIZE:
        raise ConfigError(f"the file is larger than {MAX_SIZE // 2**20} MiB, which none of the original's is")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text: str | None = data.decode("utf-16", "replace")
    else:
        text = next(text for text in (_decoded(data, encoding) for encoding in ENCODINGS) if text is not None)
    assert text is not None
    return parse_json(text, trailing=True)


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
    return _parsed(path, data)


def _parsed(path: Path, data: bytes) -> Any:
    try:
        return parse_old(data)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
