"""The index of one recording, a file of JSON lines in its archive: read, written and held. Blocks: on a thread only.

    {"file": "gate/20261130-120000.mp4", "begin": 1795953600.0}                                     it will be begun
    {"file": …, "begin": …, "end": 1795954200.0, "bytes": 300124567, "frames": 42000}               it is complete
    {"file": …, "begin": …, "end": …, "uploaded": true}                                             it is in a store
    {"gap": "the disk was too slow", "begin": …, "end": …, "frames": 25}                            this is missing

A loss of power costs the line that was being written: each is on the disk before what follows from it is done, and a
line never goes on where another was cut off.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs

from camcast_record.durable import sync_folder, write_all

SUFFIX = ".index.jsonl"
MAX_LINE = 32 << 10
"""Bytes of a line that are read: a path of Linux's longest fits in, however it is escaped."""
MAX_INDEX = 64 << 20
"""Bytes of an index that are read: more than any archive has, less than hurts."""
_MAX_NAME = 150
_MAX_TIME = 1e12
_TRIES = 10


@attrs.frozen
class Entry:
    """One recorded file."""

    path: Path
    begin: float
    """`time.time()` seconds; so is `end`, None while it is being written."""
    end: float | None


class Index:
    """The lines of one recording. From any thread. Raises `OSError` throughout."""

    def __init__(self, archive: Path, label: str) -> None:
        self.path = archive / index_name(label)
        self._held: int | None = None
        self._lock = threading.Lock()

    def hold(self) -> bool:
        """Be who writes it, until `release`. False = somebody else is, in this program or another."""
        with self._lock:
            if self._held is None:
                self._held = _held(self.path)
            return self._held is not None

    def release(self) -> None:
        """Harmless where it is not held."""
        with self._lock:
            held, self._held = self._held, None
            if held is not None:
                os.close(held)

    def add(self, line: dict[str, Any]) -> None:
        """One line, which the disk has when this returns. Also without holding it: lines are only ever appended."""
        data = (json.dumps(line) + "\n").encode()
        with self._lock:
            if self._held is not None and not os.fstat(self._held).st_nlink:  # somebody has deleted the file
                os.close(self._held)
                self._held = _held(self.path)
            descriptor = self._held if self._held is not None else _opened(self.path)
            try:
                write_all(descriptor, data if _ends_whole(descriptor) else b"\n" + data)
                os.fdatasync(descriptor)
            finally:
                if descriptor != self._held:
                    os.close(descriptor)

    def replace(self, lines: Iterable[dict[str, Any]]) -> None:
        """Have it be these lines; at no time is there less than either."""
        new = self.path.with_name(self.path.name + ".new")
        new.unlink(missing_ok=True)
        with self._lock:
            descriptor = os.open(new, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
            try:
                write_all(descriptor, "".join(json.dumps(line) + "\n" for line in lines).encode())
                os.fsync(descriptor)
                if self._held is not None:
                    _lock(descriptor)
                os.replace(new, self.path)
                if self._held is not None:
                    self._held, descriptor = descriptor, self._held
            finally:
                os.close(descriptor)
            sync_folder(self.path.parent)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Those that are as they should be; none where there is no such file."""
        yield from lines(self.path)


def index_name(label: str) -> str:
    """Of a recording's label; two labels never have one name."""
    name = quote(label, safe="", errors="surrogatepass")
    if len(name) > _MAX_NAME:
        # No quoted text has these two characters side by side.
        name = f"{name[:_MAX_NAME]}%-{hashlib.sha256(name.encode()).hexdigest()[:32]}"
    return name + SUFFIX


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of an index that are as they should be."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_INDEX)
    except FileNotFoundError:
        return
    yield from parsed(text)


def parsed(text: bytes) -> Iterator[dict[str, Any]]:
    """Lines of an index; those that are damaged are passed over."""
    for raw in text.splitlines():
        try:
            line = json.loads(raw[:MAX_LINE])
        except (ValueError, RecursionError):
            continue
        if isinstance(line, dict) and _is_good(line):
            yield line


def entry(archive: Path, line: dict[str, Any]) -> Entry | None:
    """The file that a line names; None = it names none, or one that is outside of the archive."""
    name = line.get("file")
    if not isinstance(name, str) or "\0" in name:
        return None
    path = Path(os.path.normpath(archive / name))
    return Entry(path, line["begin"], line.get("end")) if path.is_relative_to(archive) else None


def _is_good(line: dict[str, Any]) -> bool:
    timed = _is_time(line.get("begin")) and _is_time(line.get("end", 0))
    return timed and (isinstance(line.get("file"), str) or (isinstance(line.get("gap"), str) and "end" in line))


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MAX_TIME


def _opened(path: Path) -> int:
    """To be read and appended to; the disk has its name."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        descriptor = os.open(path, flags | os.O_CREAT, 0o640)
    sync_folder(path.parent)
    return descriptor


def _held(path: Path) -> int | None:
    """The file opened and locked; None = another has it locked."""
    for _ in range(_TRIES):
        descriptor = _opened(path)
        try:
            if not _lock(descriptor):
                break
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                held, descriptor = descriptor, -1
                return held
        except FileNotFoundError:
            pass  # replaced or deleted since it was opened: the next one
        finally:
            if descriptor >= 0:
                os.close(descriptor)
    return None


def _lock(descriptor: int) -> bool:
    """Whether nobody else has the file locked. It is unlocked with the descriptor's end, also by the system's hand."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks is no reason not to record
    return True


def _ends_whole(descriptor: int) -> bool:
    """Whether the last line has its end."""
    size = os.fstat(descriptor).st_size
    return not size or os.pread(descriptor, 1, size - 1) == b"\n"
