"""What becomes of one connection that was called for: to a server, or a rendezvous."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from camcast.errors import TransportError
from camcast_srt.ingest.errors import StreamError
from camcast_srt.ingest.gate import Gate
from camcast_srt.ingest.media import TsIntake

if TYPE_CHECKING:
    from camcast_srt.opening import Opening


class Calling:
    """Implements `gate.GateOwner`. Used once."""

    def __init__(self, intake: TsIntake) -> None:
        self.opening: Opening[Gate] | None = None
        """Is told how it went while it is under way."""
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why it is over; or the error that what came has led to."""
        self.over.add_done_callback(lambda done: done.cancelled() or done.exception())
        self.heard = 0.0
        """When something came last, as the loop has it."""
        self._intake = intake
        self._up: Gate | None = None

    def opened(self, gate: Gate) -> None:
        if self._up is None and self.opening is not None:
            self._up = gate
            self.heard = asyncio.get_running_loop().time()
            self._intake.begin(time.monotonic_ns())
            self.opening.opened(gate)

    def failed(self, gate: Gate, error: TransportError) -> None:
        if self.opening is not None:
            self.opening.failed(error)

    def broken(self, gate: Gate, why: str) -> None:
        if gate is not self._up:
            if self.opening is not None:
                self.opening.broken(why)
        else:
            self.end(why)

    def end(self, why: str) -> None:
        """Nothing more comes: the last units are whole."""
        if self.over.done():
            return
        try:
            with contextlib.suppress(StreamError):
                self._intake.end(time.monotonic_ns())
        except Exception as error:  # noqa: BLE001  likewise
            self.over.set_exception(error)
        else:
            self.over.set_result(why)

    def media(self, connection: int, data: bytes) -> None:
        if self._up is None or self.over.done():
            return
        self.heard = asyncio.get_running_loop().time()
        try:
            self._intake.feed(data, time.monotonic_ns())
        except Exception as error:  # noqa: BLE001  a codec's bug is the source's failure, whatever it is
            self.over.set_exception(error)

    def takes(self, number: int) -> None:
        """There are no places."""

    def began(self, connection: int, place: int) -> None:
        """Nobody calls us."""

    def left(self, connection: int, why: str) -> None:
        """Likewise."""

    def refused(self, place: int, reason: int, count: int) -> None:
        """Likewise."""
