"""Writes a configuration to the disk: whole or not at all, and readable by its owner only when it holds a secret."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from camcast.config.secrets import is_reference
from camcast.errors import ConfigError
from camcast.redaction import holds_login, is_secret_name, url_secrets

_SECRET_KEYS = ("stream_key", "passphrase", "password", "token", "secret", "key")


def holds_secret(value: Any, key: str = "") -> bool:
    """Whether anything in a configuration's mapping may be a secret: when unsure, it is one."""
    if isinstance(value, Mapping):
        return any(holds_secret(item, str(name)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return any(holds_secret(item, key) for item in value)
    if not isinstance(value, str) or is_reference(value):
        return False
    if "://" in value:
        name = value.rpartition("/")[2]
        # A camera's path is no key; what it takes to see it stands before an @ or behind a ?.
        if holds_login(value.partition("://")[2].partition("/")[2]):
            return True
        key_in_path = bool(name) and is_secret_name(name) and not value.lower().startswith("rtsp")
        return key_in_path or (bool({"@", "?"} & set(value)) and bool(url_secrets(value)))
    return any(word in key.lower() for word in _SECRET_KEYS)


def write_new(path: Path, text: str, *, secret: bool, force: bool = False) -> None:
    """Write `text` so that at any moment there is the old file or the new one, never half of one.

    Raises `ConfigError` where there is a file already and `force` is not set, or where nothing can be written.
    """
    path = Path(os.path.realpath(path))
    if not force and os.path.lexists(path):
        raise ConfigError(f"{path} is there already; --force overwrites it")
    try:
        with _beside(path, 0o600 if secret else 0o666) as temporary:
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if force:
                os.replace(temporary, path)
            else:
                _claim(temporary, path)
        _sync(path.parent)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from None


@contextlib.contextmanager
def _beside(path: Path, mode: int) -> Iterator[Path]:
    """An empty file in the same directory, which is gone afterwards unless it was renamed."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    try:
        yield temporary
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _claim(temporary: Path, path: Path) -> None:
    """Give the file its name, unless somebody else did meanwhile."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise ConfigError(f"{path} is there already; --force overwrites it") from None
    except OSError:
        # A file system without hard links.
        if path.exists():
            raise ConfigError(f"{path} is there already; --force overwrites it") from None
        os.replace(temporary, path)


def _sync(directory: Path) -> None:
    """Make the new name last through a loss of power, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
