"""An address of this machine at which cameras call: one for all sources that name it, each with a stream id of its own.

What strangers may cost is libsrt's process's to bear (`receiving.py`): a handshake that is not finished holds nothing,
whom no place is for has no connection, and what comes too fast is not read.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from camcast.errors import SourceError, TransportError
from camcast_kit_ingest.refusals import Refusals
from camcast_srt.address import Address
from camcast_srt.ingest import access
from camcast_srt.ingest.errors import StreamError
from camcast_srt.ingest.gate import Gate
from camcast_srt.ingest.place import Place

REASONS = {
    access.TOO_MANY: "too many connections at once",
    access.UNKNOWN: "a stream id that nobody here takes",
    access.BUSY: "somebody publishes with this stream id already",
    access.NOT_PUBLISHING: "it asked for a stream instead of bringing one",
    access.TOO_OLD: "its SRT is older than 1.3, and cannot be held to a passphrase",
}
"""Why a caller was turned away."""
RESTS = "somebody was cut off here just now, or too many begin and end"
CLOSED_WITHIN = 1.9
"""Seconds for which the end of the process is waited for, which has the port."""


class Listener:
    """On one address. Made and used on one loop."""

    def __init__(self, address: Address, make: Callable[[Listener], Gate], timeout: float) -> None:
        """`timeout`: seconds within which it must listen."""
        self.refusals = Refusals(self._tell, self._count)
        """Of those who named no place."""
        self._address = address
        self._timeout = timeout
        self._gate = make(self)
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Nobody may have waited for it.
        self._ready.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._begun = False
        self._places: list[Place] = []
        self._wanted = self._telling = 0
        """Numbers of what the process is to be told and of what it is being told; 0 = nothing."""
        self._waits: dict[int, asyncio.Future[None]] = {}
        """Of those who have entered, by the number of what they want told."""
        self.over = False
        """Whether nobody listens any more, though places are left."""

    @property
    def publishers(self) -> int:
        """How many are on the air."""
        return sum(place.connection is not None for place in self._places)

    async def enter(self, place: Place) -> None:
        """Take callers for this place too. Raises `SourceError`."""
        if any(one.streamid == place.streamid for one in self._places):
            text = "another stream takes callers with this stream id already; give each a `streamid` of its own"
            raise SourceError(text)
        if len(self._places) >= access.MAX_CALLERS:
            text = f"{access.MAX_CALLERS} streams share port {self._address[1][1]}, the most there may be"
            raise SourceError(f"{text}; give this one another port")
        self._places.append(place)
        if not self._begun:
            self._begun = True
            self._gate.open(self._address, None, self._timeout)
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.shield(self._ready)
                await self._take()
        except TransportError as error:
            raise SourceError(f"cannot listen at port {self._address[1][1]}: {error}") from None
        except TimeoutError:
            raise SourceError(f"libsrt's process does not answer within {self._timeout:g} s") from None

    async def _take(self) -> None:
        """Until the places are these. Raises `SourceError`."""
        self._wanted += 1
        number, taken = self._wanted, asyncio.get_running_loop().create_future()
        self._waits[number] = taken
        self._tell_places()
        try:
            await taken
        finally:
            self._waits.pop(number, None)

    def _tell_places(self) -> None:
        """One telling at a time is under way: all places of an address may come or go at once, and the channel is
        bounded."""
        if not self._telling:
            self._telling = self._wanted
            self._gate.take(self._telling, (one.told() for one in self._places))

    def leave(self, place: Place) -> bool:
        """Its publisher is cut off. Whether this was the last one, and nobody listens any more."""
        if place in self._places:
            self._places.remove(place)
        place.close()
        if self._places and self._ready.done():
            self._wanted += 1
            self._tell_places()
        if not self._places:
            self.refusals.close()
            self._gate.close()
        return not self._places

    async def closed(self) -> None:
        """Where nobody is left: until the port is free, or that takes too long."""
        if not self._places:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSED_WITHIN):
                    await self._gate.closed.wait()

    # --- what the gate tells ------------------------------------------------------------------------------

    def opened(self, gate: Gate) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def failed(self, gate: Gate, error: TransportError) -> None:
        if not self._ready.done():
            self._ready.set_exception(error)

    def takes(self, number: int) -> None:
        if number != self._telling:
            return
        self._telling = 0
        for wanted, taken in self._waits.items():
            if wanted <= number and not taken.done():
                taken.set_result(None)
        if self._wanted > number:
            self._tell_places()

    def broken(self, gate: Gate, why: str) -> None:
        self.over = True
        for taken in self._waits.values():
            if not taken.done():
                taken.set_exception(SourceError(why))
        for place in tuple(self._places):
            place.on_broken(why)

    def began(self, connection: int, number: int) -> None:
        place = next((one for one in self._places if one.number == number), None)
        if place is None or place.connection is not None:
            self._gate.drop(connection)
        elif not place.rests.let_in(time.monotonic()):
            place.refusals.add(RESTS)
            self._gate.drop(connection)
        else:
            place.began(connection, self._silent)

    def media(self, connection: int, data: bytes) -> None:
        if (place := self._of(connection)) is not None:
            try:
                place.data(data)
            except StreamError as error:
                place.rests.cut_off(time.monotonic())
                self._cut_off(place, str(error))

    def left(self, connection: int, why: str) -> None:
        if (place := self._of(connection)) is not None:
            place.left(f"the publisher has gone: {why}")

    def refused(self, number: int, reason: int, count: int) -> None:
        place = next((one for one in self._places if one.number == number), None)
        (self.refusals if place is None else place.refusals).add(REASONS[reason], count)

    def _of(self, connection: int) -> Place | None:
        return next((one for one in self._places if one.connection == connection), None)

    def _silent(self, place: Place) -> None:
        self._cut_off(place, f"it sent nothing for {place.timeout:g} s")

    def _cut_off(self, place: Place, why: str) -> None:
        if place.connection is not None:
            self._gate.drop(place.connection)
            place.left(f"the publisher was cut off: {why}")

    def _count(self, reason: str, count: int) -> None:
        if self._places:
            self._places[0].on_counted(reason, count)

    def _tell(self, text: str) -> None:
        if self._places:
            self._places[0].on_refused(text)


class Listeners:
    """All of one plugin host, by address."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, Address], tuple[Listener, object]] = {}

    async def enter(self, address: Address, settings: object, make: Callable[[], Listener], place: Place) -> Listener:
        """The listener at that address, with this place. `settings`: what all that share it must agree on.

        Raises `SourceError`.
        """
        # Each loop has its own: two engines of one host may listen one after the other.
        name = (id(asyncio.get_running_loop()), address)
        known = self._known.get(name)
        if known is None or known[0].over:
            known = self._known[name] = (make(), settings)
        listener, agreed = known
        if agreed != settings:
            text = f"another stream listens at port {address[1][1]} with other options: all that share it need the same"
            # Which may be about to end, or to be given the same.
            raise SourceError(text)
        try:
            await listener.enter(place)
        except BaseException:
            self.leave(listener, place)
            raise
        return listener

    def leave(self, listener: Listener, place: Place) -> None:
        """The place is given up."""
        if listener.leave(place):
            for name, (known, _) in list(self._known.items()):
                if known is listener:
                    del self._known[name]
