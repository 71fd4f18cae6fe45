"""The files of one recording on their shelf, the archive: what is there and what is missing, as its index says.

Blocks: on a thread only. Several recorders, of several processes, share an archive; each has an index of its own, which
only it and its uploader write.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from camcast_record.index import Entry, Index, entry
from camcast_record.repair import repair

log = logging.getLogger(__name__)


class Shelf:
    """Of one recording in `archive`. `label` names its index. Raises `OSError` throughout."""

    def __init__(self, archive: Path, label: str) -> None:
        self.archive = archive
        self.index = Index(archive, label)
        self._end: float | None = None
        """Up to when the index tells what there is; None = nothing yet."""

    def prepare(self) -> None:
        """Look after what an earlier recorder left: files that were cut off count as complete, as far as they go."""
        begun: dict[Path, Entry] = {}
        for line in self.index.lines():
            if "end" in line:
                self._end = max(self._end or 0.0, line["end"])
            if (one := entry(self.archive, line)) is not None:
                begun[one.path] = one
        for one in begun.values():
            if one.end is None and is_there(one.path):
                try:
                    ended, size = one.path.stat().st_mtime, repair(one.path)
                except OSError as error:
                    # One file that nobody may open is no reason to record nothing any more.
                    log.warning("A recording in %s cannot be looked after: %s", self.archive, error.strerror)
                else:
                    self.finished(one.path, one.begin, ended, size, None)
        self._forget()

    def began(self, path: Path, begin: float) -> None:
        """The file is about to be made. What stands in no index is never looked after, so this comes before it."""
        self.index.add({"file": self._name(path), "begin": round(begin, 3)})

    def finished(self, path: Path, begin: float, end: float, size: int, frames: int | None) -> None:
        """The file is complete. `frames`: None = not counted."""
        more = {} if frames is None else {"frames": frames}
        self.index.add(
            {"file": self._name(path), "begin": round(begin, 3), "end": round(end, 3), "bytes": size, **more},
        )
        self._end = max(self._end or 0.0, end)

    def to_upload(self) -> Iterator[Entry]:
        """Complete files that are there and are not in a store yet, the oldest first."""
        found: dict[Path, Entry] = {}
        for line in self.index.lines():
            if (one := entry(self.archive, line)) is not None and one.end is not None:
                if line.get("uploaded"):
                    found.pop(one.path, None)
                else:
                    found[one.path] = one
        yield from sorted((one for one in found.values() if is_there(one.path)), key=lambda one: one.begin)

    def uploaded(self, one: Entry) -> None:
        """It is in a store."""
        self.index.add({"file": self._name(one.path), "begin": one.begin, "end": one.end, "uploaded": True})

    def gap(self, why: str, begin: float, end: float, frames: int = 0) -> None:
        """From `begin` to `end` there is nothing, or `frames` fewer than there were."""
        more = {"frames": frames} if frames else {}
        self.index.add({"gap": why, "begin": round(begin, 3), "end": round(end, 3), **more})
        self._end = max(self._end or 0.0, end)

    @property
    def end(self) -> float | None:
        """Up to when the index tells what there is, or is missing; None = nothing yet."""
        return self._end

    def _forget(self) -> None:
        """Leave out of the index what is not there any more: the lines of deleted files, and the gaps before them."""
        every = [*self.index.lines()]
        kept = [line for line in every if "gap" in line or self._keeps(line)]
        first = min((line["begin"] for line in kept if "file" in line), default=None)
        kept = [line for line in kept if "file" in line or (first is not None and line["end"] > first)]
        if len(kept) < len(every):
            self.index.replace(kept)

    def _keeps(self, line: dict[str, object]) -> bool:
        one = entry(self.archive, line)
        return one is not None and is_there(one.path)

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.archive))


def is_there(path: Path) -> bool:
    """Whether there is such a file, or it cannot be told."""
    try:
        return path.exists()
    except OSError:
        return True
