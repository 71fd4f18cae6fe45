"""The files of one recording on their shelf, the archive: an index of what is there and what is missing, and what is
deleted because it is old or too much. Blocks: on a thread only.

The index is a file of JSON lines in the archive, one for each recording, which only its recorder and uploader write:

    {"file": "gate/20261130-120000.mp4", "begin": 1795953600.0}                                     it was begun
    {"file": …, "begin": …, "end": 1795954200.0, "bytes": 300124567, "frames": 42000}               it is complete
    {"file": …, "begin": …, "end": …, "uploaded": true}                                             it is in a store
    {"gap": "the disk was too slow", "begin": …, "end": …, "frames": 25}                            this is missing

Only files that stand in an index are ever deleted. Several recorders, of several processes, share an archive.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from camcast_record.durable import sync_folder
from camcast_record.repair import repair

SUFFIX = ".index.jsonl"
MAX_LINE = 4096
MAX_INDEX = 64 << 20
"""Bytes of an index that are read: more than any archive has, less than hurts."""


@attrs.frozen
class Entry:
    """One recorded file."""

    path: Path
    begin: float
    """`time.time()` seconds; so is `end`, None while it is being written."""
    end: float | None
    index: Path


class Shelf:
    """Of one recording in `archive`. `label` names its index. Raises `OSError` throughout."""

    def __init__(self, archive: Path, label: str, *, keep_for: float | None, keep_size: int | None) -> None:
        self.archive = archive
        self.index = archive / (re.sub(r"[^A-Za-z0-9_.-]+", "-", label).strip("-.") + SUFFIX)
        self._keep_for = keep_for
        self._keep_size = keep_size
        self._end: float | None = None
        """When the newest file ends that is complete; None = not known."""

    def prepare(self) -> None:
        """Look after what an earlier recorder left: files that were cut off count as complete, as far as they go."""
        begun: dict[Path, Entry] = {}
        for entry in entries(self.index):
            begun[entry.path] = entry
            if entry.end is not None:
                self._end = max(self._end or 0.0, entry.end)
        for entry in begun.values():
            if entry.end is None and entry.path.exists():
                ended = entry.path.stat().st_mtime
                self.finished(entry.path, entry.begin, ended, repair(entry.path), None)
        self._forget()

    def began(self, path: Path, begin: float) -> None:
        self._add({"file": self._name(path), "begin": round(begin, 3)})
        sync_folder(path.parent)

    def finished(self, path: Path, begin: float, end: float, size: int, frames: int | None) -> None:
        """The file is complete. `frames`: None = not counted."""
        more = {} if frames is None else {"frames": frames}
        self._add(
            {"file": self._name(path), "begin": round(begin, 3), "end": round(end, 3), "bytes": size, **more},
        )
        self._end = max(self._end or 0.0, end)

    def to_upload(self) -> Iterator[Entry]:
        """Complete files that are there and are not in a store yet, the oldest first."""
        found: dict[Path, Entry] = {}
        for line in _lines(self.index):
            if (entry := _entry(self.index, line)) is not None and entry.end is not None:
                if line.get("uploaded"):
                    found.pop(entry.path, None)
                else:
                    found[entry.path] = entry
        yield from sorted((one for one in found.values() if one.path.exists()), key=lambda one: one.begin)

    def uploaded(self, entry: Entry) -> None:
        """It is in a store."""
        self._add({"file": self._name(entry.path), "begin": entry.begin, "end": entry.end, "uploaded": True})

    def gap(self, why: str, begin: float, end: float, frames: int = 0) -> None:
        """From `begin` to `end` there is nothing, or `frames` fewer than there were."""
        more = {"frames": frames} if frames else {}
        self._add({"gap": why, "begin": round(begin, 3), "end": round(end, 3), **more})

    @property
    def end(self) -> float | None:
        """When the newest file ends that is complete."""
        return self._end

    def sweep(self, now: float) -> int:
        """Delete what is too old or too much, of all recordings in the archive. Returns how many files that were."""
        if self._keep_for is None and self._keep_size is None:
            return 0
        with _alone(self.archive) as mine:
            return self._sweep(now) if mine else 0

    def _sweep(self, now: float) -> int:
        found: dict[Path, tuple[Entry, int]] = {}
        for index in sorted(self.archive.glob(f"*{SUFFIX}")):
            for entry in entries(index):
                with contextlib.suppress(FileNotFoundError):
                    found[entry.path] = entry, entry.path.stat().st_size
        total = sum(size for _, size in found.values())
        deleted = 0
        for entry, size in sorted(found.values(), key=lambda one: one[0].begin):
            if entry.end is None:
                continue  # it is being written
            old = self._keep_for is not None and entry.end < now - self._keep_for
            if old or (self._keep_size is not None and total > self._keep_size):
                with contextlib.suppress(FileNotFoundError):
                    entry.path.unlink()
                    deleted += 1
                total -= size
                with contextlib.suppress(OSError):  # others are in it, or it is the archive itself
                    if entry.path.parent != self.archive:
                        entry.path.parent.rmdir()
        return deleted

    def _forget(self) -> None:
        """Leave out of the index what is not there any more: the lines of deleted files, and the gaps before them."""
        kept = [line for line in _lines(self.index) if "gap" in line or (self.archive / str(line["file"])).exists()]
        first = min((line["begin"] for line in kept if "file" in line), default=None)
        kept = [line for line in kept if "file" in line or (first is not None and line["end"] > first)]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        if not self.index.exists() or self.index.stat().st_size == len(text.encode()):
            return
        new = self.index.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        os.replace(new, self.index)

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.archive))

    def _add(self, line: dict[str, Any]) -> None:
        """One line, in one write: what is cut off by a loss of power is the last line at most."""
        descriptor = os.open(self.index, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            os.write(descriptor, (json.dumps(line) + "\n").encode())
            # A file that stands in no index is never looked after again.
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)


def entries(index: Path) -> Iterator[Entry]:
    """The files that an index names, in the order of its lines; one that is complete comes twice. What leads out of the
    archive, or cannot be read, is passed over."""
    for line in _lines(index):
        if (entry := _entry(index, line)) is not None:
            yield entry


def _entry(index: Path, line: dict[str, Any]) -> Entry | None:
    """The file that a line names."""
    name = line.get("file")
    if not isinstance(name, str):
        return None
    path = Path(os.path.normpath(index.parent / name))
    return Entry(path, line["begin"], line.get("end"), index) if path.is_relative_to(index.parent) else None


def _lines(index: Path) -> Iterator[dict[str, Any]]:
    """The lines that are as they should be."""
    try:
        with index.open("rb") as file:
            text = file.read(MAX_INDEX)
    except FileNotFoundError:
        return
    for raw in text.splitlines():
        try:
            line = json.loads(raw[:MAX_LINE])
        except ValueError:
            continue
        if isinstance(line, dict) and _is_good(line):
            yield line


def _is_good(line: dict[str, Any]) -> bool:
    timed = _is_time(line.get("begin")) and _is_time(line.get("end", 0))
    return timed and (isinstance(line.get("file"), str) or (isinstance(line.get("gap"), str) and "end" in line))


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@contextlib.contextmanager
def _alone(archive: Path) -> Iterator[bool]:
    """Whether nobody else sweeps this archive."""
    descriptor = os.open(archive, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)
