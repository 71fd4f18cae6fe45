"""What a member knows, written down beside all else: however long a disk takes, the lease is renewed."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from camcast.fleet.disk import Disk
from camcast.fleet.member import Member

log = logging.getLogger(__name__)

KEEP = 5.0
"""Seconds between two writes of fencing numbers, and after a write that failed."""
KEEP_LAST = 5.0
"""Seconds for the disk at the end."""


class Keeping:
    """One task, so that never two write. `run` it until `end`."""

    def __init__(self, disk: Disk, member: Member) -> None:
        self._disk = disk
        self._member = member
        self._new = asyncio.Event()
        self._over = asyncio.Event()

    def look(self) -> None:
        """Write soon, if what is desired is not on the disk."""
        if self._member.desired != self._disk.desired:
            self._new.set()

    async def run(self) -> None:
        """Until `end`, and once more then."""
        while not self._over.is_set():
            await either(self._new, KEEP)
            self._new.clear()
            if not await self._kept():
                await either(self._over, KEEP)
        await self._kept()

    async def end(self, running: asyncio.Task[None]) -> None:
        """Have `run`, which is this task, write once more and return. A disk that hangs is left to itself."""
        self._over.set()
        self._new.set()
        if not (await asyncio.wait({running}, timeout=KEEP_LAST))[0]:
            log.error("Fleet: %s: the disk does not answer", self._disk.folder)

    async def _kept(self) -> bool:
        try:
            await asyncio.to_thread(self._disk.keep, self._member.desired, dict(self._member.claims.numbers))
        except OSError as error:
            log.error("Fleet: %s cannot be written: %s", self._disk.folder, error.strerror)
            return False
        return True


async def either(event: asyncio.Event, seconds: float) -> None:
    """Until the event, or until so long has passed."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
