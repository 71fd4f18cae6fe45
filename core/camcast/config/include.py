"""Further files of a configuration: each adds cameras of its own."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from camcast.config.json_text import MAX_DEPTH
from camcast.config.place import Place, Report
from camcast.config.read import MAX_SIZE, decode, parse, too_deep
from camcast.config.rules import read_list
from camcast.errors import ConfigError
from camcast.structure import suggest

MAX_FILES = 10_000
MAX_TOTAL = 64 * 2**20
"""Bytes of all included files together."""
_WILD = "*?["
_KEYS = ("cameras", "$schema")


@attrs.frozen
class Included:
    """One file's cameras, as written."""

    path: Path
    cameras: Sequence[Any] = attrs.field(repr=False)
    place: Place
    """Of `cameras`; it names the file."""


def read_included(patterns: Sequence[str], base: Path | None, place: Place, main: Path | None = None) -> list[Included]:
    """The files that `patterns` name, in the order of their names; what is wrong is told at its place.

    A pattern is a path or a glob, from `base` on. A plain path that is not there is wrong, a glob may find nothing.
    The file `main` itself, which a glob may find too, is left out.
    """
    if patterns and base is None:
        place.wrong(
            "names further files, and it is not known from where: only a configuration in a file includes others"
        )
        return []
    found: list[Included] = []
    total = 0
    for path in _found(patterns, base or Path(), place, main):
        shown = str(path.relative_to(base)) if base is not None and path.is_relative_to(base) else str(path)
        where = Place(shown, place.report)
        try:
            data = _bytes(path)
            total += len(data)
            if total > MAX_TOTAL:
                raise ConfigError(f"all included files together are larger than {MAX_TOTAL // 2**20} MiB")
            mapping = parse(decode(data), "toml" if path.suffix.lower() == ".toml" else "json")
            if too_deep(mapping):
                raise ConfigError(f"expected at most {MAX_DEPTH} objects and lists within each other, got more")
        except ConfigError as error:
            where.wrong(str(error))
            continue
        found += _cameras(mapping, path, shown, where)
    return found


def watched(patterns: Sequence[str], base: Path) -> tuple[list[Path], list[Path]]:
    """(files, folders) of which a change may change the configuration."""
    files = list(_found(patterns, base, Report().root(), None))
    folders = {_folder(base / pattern) for pattern in patterns} | {file.parent for file in files}
    return files, sorted(folders)


def _found(patterns: Sequence[str], base: Path, place: Place, main: Path | None) -> Iterator[Path]:
    seen = {os.path.realpath(main)} if main is not None else set()
    for index, pattern in enumerate(patterns):
        wild = any(sign in pattern for sign in _WILD)
        try:
            whole = str(base / Path(pattern).expanduser())
        except RuntimeError as error:  # nobody's home folder
            place.item(index).wrong(f"cannot be looked for: {error}")
            continue
        names = sorted(glob.glob(whole, recursive=True)) if wild else [whole]
        if not wild and os.path.realpath(whole) in seen:
            place.item(index).wrong("is the file itself, or is included twice")
        for name in names:
            real = os.path.realpath(name)
            if real in seen or (wild and not os.path.isfile(name)):
                continue
            seen.add(real)
            if len(seen) > MAX_FILES:
                place.wrong(f"names more than {MAX_FILES} files")
                return
            yield Path(name)


def _cameras(mapping: Mapping[str, Any], path: Path, shown: str, where: Place) -> Iterator[Included]:
    for key in mapping:
        if key not in _KEYS:
            text = "an included file holds cameras and nothing else"
            where.at(str(key)).wrong(f"{text}{suggest(str(key), _KEYS)}")
    place = Place(f"{shown}: cameras", where.report)
    with place.told():
        yield Included(path, read_list(mapping.get("cameras", [])), place)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_SIZE + 1)
    except OSError as error:
        raise ConfigError(f"cannot read it: {error.strerror}") from None


def _folder(pattern: Path) -> Path:
    """The innermost folder whose name has nothing wild."""
    folder = pattern.parent
    while any(sign in str(folder) for sign in _WILD):
        folder = folder.parent
    return folder
