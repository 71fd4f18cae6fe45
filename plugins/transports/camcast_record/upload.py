"""Complete files of a recording to a store that fsspec knows: S3, SFTP, WebDAV, another folder, and many more.

On a thread of its own, one file after another, oldest first, no faster than `rate`. What has been uploaded stands in
the index, so that a program that begins anew goes on where it was. A store that is away is tried again, less and less
often; so is a single file that cannot be read or that the store does not take, while the others go on. Nothing waits
for any of it. Retention does not either: a file that is deleted before its turn is not uploaded.

A file comes to its name when it is whole: it is written as `NAME.part`, and moved.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import attrs

from camcast.errors import MissingDependency
from camcast_record.index import Entry
from camcast_record.shelf import Shelf, is_there

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

log = logging.getLogger(__name__)
T = TypeVar("T")

PIECE = 256 << 10
FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0
"""Seconds until a failed upload is tried again; each wait is twice the one before."""
HANGS = 30.0
"""Seconds that a store may take for one piece before it is told."""
_AWAY = 2
"""Files in a row that a store does not take: it is not their fault then."""


def available() -> None:
    """Raises `MissingDependency`."""
    try:
        import fsspec  # noqa: F401
    except ImportError as error:
        raise MissingDependency("`upload` needs fsspec: pip install 'camcast[upload]'") from error


class _Unreadable(Exception):
    """The file on this machine cannot be read."""


class _Stopped(Exception):
    """No further piece is wanted."""


@attrs.define(eq=False)
class _Later:
    """A file that is tried again at `at`, monotonic seconds, and `wait` after that."""

    at: float
    wait: float


class Uploader:
    """Of one recording, from its start until `stop`. `note` is called on the thread."""

    def __init__(
        self,
        shelf: Shelf,
        url: str,
        options: Mapping[str, Any],
        rate: int,
        note: Callable[[str, str], object],
    ) -> None:
        """`rate`: kbit/s, 0 = as fast as it goes."""
        self._shelf = shelf
        self._url = url.rstrip("/")
        self._options = dict(options)
        self._rate = rate * 125.0
        self._note = note
        self._news = threading.Event()
        self._stopped = False
        self._failing = False
        self._later: dict[Path, _Later] = {}
        self._asked: float | None = None
        """Monotonic time since when the store has not answered; None = nothing is wanted of it."""
        self.files = 0
        """Uploaded by this one."""
        self.thread = threading.Thread(target=self._run, name="camcast-record-upload", daemon=True)

    @property
    def hangs(self) -> bool:
        """Whether the store has answered nothing for `HANGS`."""
        asked = self._asked
        return asked is not None and time.monotonic() - asked > HANGS

    def more(self) -> None:
        """There may be another file to upload. From any thread."""
        self._news.set()

    def stop(self) -> None:
        """No further file, and no further piece. Does not wait."""
        self._stopped = True
        self._news.set()

    async def ended(self, seconds: float) -> None:
        """Until its thread has ended, for `seconds` at most: a store that hangs is left behind."""
        until = time.monotonic() + seconds
        while self.thread.is_alive() and time.monotonic() < until:  # noqa: ASYNC110  a thread tells no loop of its end
            await asyncio.sleep(0.01)

    # --- on the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        wait = FIRST_WAIT
        while not self._stopped:
            self._news.clear()
            try:
                away = self._round()
            except OSError as error:  # the index cannot be read or written
                self._failed(error)
                away = True
            if away:
                self._sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
            else:
                wait = FIRST_WAIT
                self._news.wait(self._until_next())

    def _round(self) -> bool:
        """All that are to be uploaded now. Returns whether the store is away. Raises `OSError`."""
        entries = [*self._shelf.to_upload()]
        there = {one.path for one in entries}
        self._later = {path: later for path, later in self._later.items() if path in there}
        refused = 0
        # What has failed comes after what has not been tried.
        for entry in sorted(entries, key=lambda one: one.path in self._later):
            later = self._later.get(entry.path)
            if later is not None and later.at > time.monotonic():
                continue
            try:
                whole = self._upload(entry)
            except _Stopped:
                return False
            except _Unreadable as error:
                self._put_off(entry, error.__cause__ or error)
                continue
            except Exception as error:  # noqa: BLE001  stores raise errors of many kinds
                self._put_off(entry, error)
                refused += 1
                if refused == _AWAY:
                    return True
                continue
            refused = 0
            self._later.pop(entry.path, None)
            if whole:
                self._shelf.uploaded(entry)
                self._goes_on()
            if self._stopped:
                return False
        return False

    def _upload(self, entry: Entry) -> bool:
        """Whether it is in the store; not when retention was quicker. Raises whatever the store raises."""
        try:
            source = _reading(lambda: entry.path.open("rb"))
        except _Unreadable:
            if is_there(entry.path):
                raise
            return False
        self._asked = time.monotonic()
        try:
            with source:
                self._into_store(source, entry.path.relative_to(self._shelf.archive).as_posix())
        finally:
            self._asked = None
        return True

    def _into_store(self, source: BinaryIO, name: str) -> None:
        store, root = self._store()
        target = f"{root}/{name}"
        part = f"{target}.part"
        store.makedirs(target.rpartition("/")[0], exist_ok=True)
        try:
            with store.open(part, "wb") as sink:
                self._copy(source, sink.write)
            _move(store, part, target)
        except BaseException:
            with contextlib.suppress(Exception):  # what is left of it is written over the next time
                store.rm_file(part)
            raise

    def _copy(self, source: BinaryIO, write: Callable[[bytes], object]) -> None:
        """Raises `_Stopped`, `_Unreadable`."""
        due = time.monotonic()
        while data := _reading(lambda: source.read(PIECE)):
            if self._stopped:
                raise _Stopped
            self._asked = time.monotonic()
            write(data)
            if self._rate:
                self._asked = None
                due = max(due, time.monotonic() - 1.0) + len(data) / self._rate
                self._sleep(due - time.monotonic())
        if self._stopped:
            raise _Stopped
        self._asked = time.monotonic()

    def _store(self) -> tuple[AbstractFileSystem, str]:
        import fsspec

        store, root = fsspec.core.url_to_fs(self._url, **self._options)
        return store, str(root).rstrip("/")

    def _put_off(self, entry: Entry, error: BaseException) -> None:
        later = self._later.setdefault(entry.path, _Later(0.0, FIRST_WAIT))
        later.at = time.monotonic() + later.wait
        later.wait = min(2 * later.wait, LONGEST_WAIT)
        self._failed(error)

    def _until_next(self) -> float | None:
        """Seconds until a file is to be tried again; None = there is none."""
        first = min((later.at for later in self._later.values()), default=None)
        return None if first is None else max(first - time.monotonic(), 0.0)

    def _goes_on(self) -> None:
        self.files += 1
        if self._failing and not self._later:
            self._failing = False
            self._note("upload_goes_on", "recordings are uploaded again")

    def _failed(self, error: BaseException) -> None:
        # Neither its text nor the URL: both may hold a secret.
        what = type(error).__name__
        log.debug("An upload failed: %s", what)
        if not self._failing:
            self._failing = True
            self._note(
                "upload_failed", f"recordings cannot be uploaded ({what}); it is tried again, less and less often"
            )

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._stopped and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))


def _reading(doing: Callable[[], T]) -> T:
    """What `doing` gives; its errors are the file's on this machine, and none of the store's. Raises `_Unreadable`."""
    try:
        return doing()
    except OSError as error:
        raise _Unreadable from error


def _move(store: AbstractFileSystem, old: str, new: str) -> None:
    """As one step where the store can. Where not it is copied, but not by fsspec's `mv`, to which `[` is a pattern."""
    from fsspec import AbstractFileSystem

    if type(store).mv is AbstractFileSystem.mv:
        store.cp_file(old, new)
        store.rm_file(old)
    else:
        store.mv(old, new)
