"""What an engine has opened towards servers, so that its end leaves nothing on the air.

Sessions close what they open. This is for what they could not: a loop that was blocked while they ended, a bug.
"""

from __future__ import annotations

import asyncio
import logging
from weakref import ref

from camcast.contracts import Transport
from camcast.patience import wait_patiently

log = logging.getLogger(__name__)


class Opened:
    """Every transport that is in use, by the label of its session. One that is let go of is forgotten by itself."""

    def __init__(self) -> None:
        self._left: dict[int, tuple[ref[Transport], str]] = {}

    def __len__(self) -> int:
        return len(self._left)

    def add(self, transport: Transport, label: str) -> None:
        """`transport` may hold a connection from now on."""
        number = id(transport)
        try:
            self._left[number] = ref(transport, lambda _: self._left.pop(number, None)), label
        except TypeError:  # a class with slots and none for this: its session alone looks after it
            log.debug("%s: a %s cannot be referred to weakly", label, type(transport).__name__)

    async def close(self, seconds: float) -> None:
        """Close all that are left, side by side; it does no harm to those that are closed (see `Transport.close`).

        What has not closed after `seconds` is told, and left.
        """
        left = [(transport, label) for known, label in self._left.values() if (transport := known()) is not None]
        closing = {asyncio.ensure_future(transport.close()): label for transport, label in left}
        pending = await wait_patiently(closing, seconds)
        for task, label in closing.items():
            if task in pending:
                log.error("%s: a transport did not close within %g s and may still be connected", label, seconds)
                task.cancel()
            elif not task.cancelled() and (error := task.exception()) is not None:
                log.error("%s: a transport failed to close: %s", label, type(error).__name__)
        self._left.clear()
