"""Complete files of a recording to a store that fsspec knows: S3, SFTP, WebDAV, another folder, and many more.

On a thread of its own, one file after another, oldest first, no faster than `rate`. What has been uploaded stands in
the index, so that a program that begins anew goes on where it was. A store that is away is tried again, less and less
often; nothing waits for it. Retention does not either: a file that is deleted before its turn is not uploaded.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from camcast.errors import MissingDependency
from camcast_record.index import Entry
from camcast_record.shelf import Shelf

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

log = logging.getLogger(__name__)

PIECE = 256 << 10
FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0
"""Seconds until a failed upload is tried again; each wait is twice the one before."""


def available() -> None:
    """Raises `MissingDependency`."""
    try:
        import fsspec  # noqa: F401
    except ImportError as error:
        raise MissingDependency("`upload` needs fsspec: pip install 'camcast[upload]'") from error


class Uploader:
    """Of one recording, from its start until `stop`. `note` is called on the thread."""

    def __init__(
        self,
        shelf: Shelf,
        url: str,
        options: Mapping[str, Any],
        rate: int,
        note: Callable[[str, str], object],
        before: threading.Thread | None = None,
    ) -> None:
        """`rate`: kbit/s, 0 = as fast as it goes. `before`: an earlier uploader's thread, which must have ended."""
        self._shelf = shelf
        self._url = url.rstrip("/")
        self._options = dict(options)
        self._rate = rate * 125.0
        self._note = note
        self._before = before
        self._news = threading.Event()
        self._stopped = False
        self._failing = False
        self.files = 0
        """Uploaded by this one."""
        self.thread = threading.Thread(target=self._run, name="camcast-record-upload", daemon=True)

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
        if self._before is not None:
            self._before.join()
        wait = FIRST_WAIT
        while not self._stopped:
            self._news.clear()
            try:
                for entry in self._shelf.to_upload():
                    self._upload(entry)
                    wait = FIRST_WAIT
                    if self._stopped:
                        return
            except Exception as error:  # noqa: BLE001  stores raise errors of many kinds
                # Neither its text nor the URL: both may hold a secret.
                self._failed(type(error).__name__, wait)
                self._sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
            else:
                self._news.wait()

    def _upload(self, entry: Entry) -> None:
        """Raises whatever the store raises."""
        store, root = self._store()
        name = entry.path.relative_to(self._shelf.archive).as_posix()
        target = f"{root}/{name}"
        store.makedirs(target.rpartition("/")[0], exist_ok=True)
        try:
            with entry.path.open("rb") as source, store.open(target, "wb") as sink:
                if not self._copy(source.read, sink.write):
                    return
        except FileNotFoundError:
            if entry.path.exists():
                raise
            return  # retention was quicker
        self._shelf.uploaded(entry)
        self.files += 1
        if self._failing:
            self._failing = False
            self._note("upload_goes_on", "recordings are uploaded again")

    def _copy(self, read: Callable[[int], bytes], write: Callable[[bytes], object]) -> bool:
        """Whether all of it was written."""
        due = time.monotonic()
        while data := read(PIECE):
            if self._stopped:
                return False
            write(data)
            if self._rate:
                due = max(due, time.monotonic() - 1.0) + len(data) / self._rate
                self._sleep(due - time.monotonic())
        return not self._stopped

    def _store(self) -> tuple[AbstractFileSystem, str]:
        import fsspec

        store, root = fsspec.core.url_to_fs(self._url, **self._options)
        return store, str(root).rstrip("/")

    def _failed(self, what: str, wait: float) -> None:
        log.debug("An upload failed: %s; tried again in %g s", what, wait)
        if not self._failing:
            self._failing = True
            self._note(
                "upload_failed", f"recordings cannot be uploaded ({what}); it is tried again, less and less often"
            )

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._stopped and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
