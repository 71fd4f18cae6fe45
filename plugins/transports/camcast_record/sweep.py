"""What is deleted of an archive because it is old or too much: the oldest, of all recordings in it. Blocks, briefly.

Only files that stand in an index are ever deleted, and never one that is being written. Indexes are read on from where
the last look ended, folders are listed when they have changed, and complete files are measured once; so a look at an
archive of many thousand files costs little, and one that has much to delete does it in several goes.

Age is the wall clock's matter, and that clock may be wrong: until it has gone along with the monotonic one for `HOLDS`,
nothing is deleted for its age.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from camcast_record.index import MAX_INDEX, SUFFIX, Entry, entry, parsed

EVERY = 60.0
"""Seconds between two sweeps of one archive, whoever asks."""
BUDGET = 1.0
"""Seconds of measuring, and of deleting, after which a sweep ends that has more to do, and goes on when asked again."""
JUMP = 5.0
"""Seconds that the wall clock may differ between two sweeps from what the monotonic one says."""
HOLDS = 300.0
_TAIL = 64

Tell = Callable[[str, str], object]
"""Is told a note's code and text."""


@attrs.define(eq=False)
class _File:
    entry: Entry
    size: int | None = None
    """None = not measured yet; it is measured for good when it is complete."""


@attrs.define(eq=False)
class _Known:
    """What has been read of one index."""

    inode: int
    at: int = 0
    tail: bytes = b""
    """What stands before `at`: it is another file when that has changed."""
    files: dict[Path, _File] = attrs.field(factory=dict)


class Steady:
    """Whether the wall clock can be believed."""

    def __init__(self) -> None:
        self._offset: float | None = None
        self._since = 0.0

    def holds(self, wall: float, monotonic: float) -> bool:
        """Whether it has not jumped for `HOLDS` seconds, as far as was looked."""
        offset = wall - monotonic
        if self._offset is None or abs(offset - self._offset) > JUMP:
            self._since = monotonic
        self._offset = offset
        return monotonic - self._since >= HOLDS


class Sweeper:
    """Of one archive, shared by its recordings with one policy. From any thread; never raises `OSError`."""

    def __init__(
        self,
        archive: Path,
        keep_for: float | None,
        keep_size: int | None,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`keep_for`: seconds, `keep_size`: bytes; None = no bound."""
        self.archive = archive
        self._keep_for = keep_for
        self._keep_size = keep_size
        self._wall = wall
        self._monotonic = monotonic
        self._steady = Steady()
        self._next = monotonic()
        self._busy = threading.Lock()
        self._known: dict[Path, _Known] = {}
        self._listed: dict[Path, int] = {}
        """By folder: when it had changed last (st_mtime_ns) as it was listed."""
        self._failed = 0
        self._why = ""
        self._telling = False

    @property
    def due(self) -> bool:
        """Whether there is anything to be done now."""
        return (self._keep_for is not None or self._keep_size is not None) and self._monotonic() >= self._next

    def sweep(self, tell: Tell) -> int:
        """Delete what is too old or too much, if it is due. Returns how many files that were.

        What cannot be read or deleted is passed over, and told once until all can be again.
        """
        if not self.due or not self._busy.acquire(blocking=False):
            return 0
        try:
            self._next = self._monotonic() + EVERY
            self._failed = 0
            deleted = self._alone()
            self._tell(tell)
            return deleted
        finally:
            self._busy.release()

    def _alone(self) -> int:
        try:
            with _locked(self.archive) as mine:
                return self._sweep() if mine else 0
        except OSError as error:
            self._fails(error)
            return 0

    def _sweep(self) -> int:
        began, now = self._monotonic(), self._wall()
        limit = None
        if self._steady.holds(now, began) and self._keep_for is not None:
            limit = now - self._keep_for
        found = self._found()
        if found is None:
            self._next = began
            return 0
        total = sum(file.size or 0 for file in found.values())
        deleted, since = 0, self._monotonic()
        for path, file in sorted(found.items(), key=lambda one: one[1].entry.begin):
            over = self._keep_size is not None and total > self._keep_size
            if file.entry.end is None or not (over or (limit is not None and file.entry.end < limit)):
                continue
            if self._monotonic() - since > BUDGET:
                self._next = began
                break
            try:
                if not over and limit is not None and path.stat().st_mtime >= limit:
                    continue  # the clock was slow when its end was noted
                path.unlink()
                deleted += 1
            except FileNotFoundError:
                pass  # somebody was quicker, which is as good
            except OSError as error:
                self._fails(error)
                continue
            total -= file.size or 0
            for known in self._known.values():
                known.files.pop(path, None)
            with contextlib.suppress(OSError):  # others are in it, or it is the archive itself
                if path.parent != self.archive:
                    path.parent.rmdir()
        return deleted

    def _found(self) -> dict[Path, _File] | None:
        """All files that are there, measured; None = there was no time for all of them."""
        indexes = sorted(self.archive.glob(f"*{SUFFIX}"))
        self._known = {path: known for path, known in self._known.items() if path in {*indexes}}
        for path in indexes:
            try:
                self._read(path)
            except OSError as error:
                self._fails(error)
        self._drop_gone()
        found: dict[Path, _File] = {}
        began = self._monotonic()
        for known in self._known.values():
            for path, file in [*known.files.items()]:
                if file.size is None or file.entry.end is None:
                    if self._monotonic() - began > BUDGET:
                        return None
                    try:
                        file.size = path.stat().st_size
                    except FileNotFoundError:
                        del known.files[path]
                        continue
                    except OSError as error:
                        self._fails(error)
                        continue
                found[path] = file
        return found

    def _read(self, path: Path) -> None:
        """What has come to an index since it was read last."""
        with path.open("rb") as file:
            status, known = os.fstat(file.fileno()), self._known.get(path)
            if known is None or known.inode != status.st_ino or not _goes_on(file.fileno(), known):
                known = self._known[path] = _Known(status.st_ino)
            file.seek(known.at)
            text = file.read(MAX_INDEX)
        text = text[: text.rfind(b"\n") + 1]
        for line in parsed(text):
            one = entry(self.archive, line)
            # A line about its upload comes after the file's end, and says it again.
            if one is not None and not (line.get("uploaded") and one.path not in known.files):
                size = known.files[one.path].size if line.get("uploaded") else None
                known.files[one.path] = _File(one, size)
        known.at += len(text)
        known.tail = (known.tail + text)[-_TAIL:]

    def _drop_gone(self) -> None:
        """Forget what others have deleted: a folder in which that was has changed."""
        by_folder: dict[Path, list[tuple[_Known, Path]]] = {}
        for known in self._known.values():
            for path in known.files:
                by_folder.setdefault(path.parent, []).append((known, path))
        self._listed = {folder: at for folder, at in self._listed.items() if folder in by_folder}
        for folder, files in by_folder.items():
            try:
                changed = folder.stat().st_mtime_ns
                if self._listed.get(folder) == changed:
                    continue
                names = {*os.listdir(folder)}
            except (FileNotFoundError, NotADirectoryError):
                names, changed = set(), 0
            except OSError as error:
                self._fails(error)
                continue
            self._listed[folder] = changed
            for known, path in files:
                if path.name not in names:
                    del known.files[path]

    def _fails(self, error: OSError) -> None:
        self._failed += 1
        self._why = error.strerror or type(error).__name__

    def _tell(self, tell: Tell) -> None:
        if self._failed and not self._telling:
            self._telling = True
            # Without the files' names, which may be a secret.
            text = f"{self._failed} files or indexes in {self.archive} cannot be read or deleted ({self._why})"
            tell("record_sweep_failed", f"{text}; all others are looked after. Change their owner or mode")
        elif not self._failed and self._telling:
            self._telling = False
            tell("record_sweep_goes_on", f"all recordings in {self.archive} can be looked after again")


def _goes_on(descriptor: int, known: _Known) -> bool:
    """Whether it is the file that was read, with more behind it at most."""
    return os.pread(descriptor, len(known.tail), known.at - len(known.tail)) == known.tail


@contextlib.contextmanager
def _locked(archive: Path) -> Iterator[bool]:
    """Whether nobody else sweeps this archive, of any process."""
    descriptor = os.open(archive, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    mine = True
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            mine = False
        except OSError:
            mine = True  # no locks on this file system (folders of NFS): two that sweep delete the same files
        yield mine
    finally:
        os.close(descriptor)
