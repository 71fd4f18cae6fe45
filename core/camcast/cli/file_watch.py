"""Notices that a configuration's files have changed, so that they can be read again without being asked.

Folders are watched rather than files: editors and deployments put a new file in place of the old one. What counts is
what the names lead to in the end: which file, of what size, changed when. Where nobody tells of changes (some network
file systems), that is looked at every few seconds all the same.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from camcast.config.include import watched

LOOK = 5.0
"""Seconds between two looks where nobody tells of changes, and until a switch to watching is noticed."""
SETTLED = 300
"""Milliseconds without a change until what was written counts as whole."""
LONGEST = 2000
"""Milliseconds after which it is looked at although changes go on."""

log = logging.getLogger("camcast")

Seen = tuple[tuple[str, int, int, int, int], ...]
"""Of each file: its name, and what it leads to."""


@attrs.frozen
class Files:
    """A configuration's file, and those that it includes."""

    main: Path
    include: Callable[[], Sequence[str]] = tuple
    """What is included as of now."""

    def found(self) -> tuple[list[Path], list[Path], Seen]:
        """(files, folders to watch, how the files are). Touches the disk, so it belongs on a thread."""
        base = self.main.parent.absolute()
        files, folders = watched(self.include(), base)
        files = [self.main.absolute(), *files]
        real = {Path(os.path.realpath(path)).parent for path in files}
        there = sorted(folder for folder in {base, *folders, *real} if folder.is_dir())
        return files, there, tuple(_seen(path) for path in files)


async def watch(files: Files, wanted: Callable[[], bool], changed: Callable[[], object]) -> None:
    """Call `changed()` whenever the files have changed and have settled, while `wanted()`; until cancelled."""
    before: Seen | None = None
    while True:
        if not wanted():
            before = None
            await asyncio.sleep(LOOK)
            continue
        _, folders, now = await asyncio.to_thread(files.found)
        if before is not None and now != before:
            log.info("The configuration's files have changed; they are read again")
            changed()
        before = now
        await _told(folders)


async def _told(folders: Sequence[Path]) -> None:
    """Until something in these folders has changed and settled, or `LOOK` has passed."""
    if not folders:
        await asyncio.sleep(LOOK)
        return
    from watchfiles import awatch  # it takes a while to load

    try:
        async for _ in awatch(
            *folders,
            watch_filter=None,
            debounce=LONGEST,
            step=SETTLED,
            rust_timeout=int(LOOK * 1000),
            yield_on_timeout=True,
            recursive=False,
        ):
            return
    except OSError as error:
        # No watches left, or a folder that went away: what is looked at is noticed a little later.
        log.debug("Changes of files are not told: %s", error)
        await asyncio.sleep(LOOK)


def _seen(path: Path) -> tuple[str, int, int, int, int]:
    try:
        state = path.stat()
    except OSError:
        return str(path), 0, 0, 0, 0
    return str(path), state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns
