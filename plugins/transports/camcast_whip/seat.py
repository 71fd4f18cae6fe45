"""One attempt's place at the WHIP thread: taken once, left once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from camcast.errors import NetworkError, TransportError
from camcast_whip.thread import WhipThread

_LEAVE_WITHIN = 1.8
"""Seconds; a transport promises to be closed within 2."""


class Seat:
    """For the engine's loop."""

    def __init__(self, thread: WhipThread) -> None:
        self._thread = thread
        self._used = self._taken = False
        self.left = False
        """Whether the attempt has ended, or is about to."""

    def begin(self) -> None:
        """Raises `NetworkError` where the attempt has begun before, or has ended."""
        if self._used or self.left:
            raise NetworkError("this attempt has been used already", stage="connect")
        self._used = True

    def take(self) -> None:
        """From now on the thread runs for this attempt too. Raises `NetworkError` where it has ended meanwhile."""
        if self.left:
            raise NetworkError("this attempt has ended", stage="connect")
        self._thread.attach()
        self._taken = True

    async def leave(
        self, farewell: Callable[[], Coroutine[Any, Any, object] | None], failed: Callable[[str], object]
    ) -> None:
        """Have the thread do what `farewell` gives, if the attempt came so far, and need it no more.

        `failed` is told what went wrong there. Once; later calls do nothing.
        """
        if self.left:
            return
        self.left = True
        if not self._taken:
            return
        try:
            work = farewell()
            if work is not None:
                await self._thread.run(work, _LEAVE_WITHIN, "closing")
        except TransportError as error:
            failed(str(error))
        finally:
            self._taken = False
            self._thread.detach()
