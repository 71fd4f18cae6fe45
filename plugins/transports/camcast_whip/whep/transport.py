"""One attempt of a WHEP output, as the engine's loop sees it: packets go to the WHIP thread, which serves the viewers.

It is on the air once it waits for viewers, whether anybody watches or not. So what is acknowledged is what the thread
has taken, and a viewer's link is that viewer's matter: nobody's slow network may hold up or thin out what others see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from camcast.contracts import TransportContext
from camcast.errors import MisconfiguredError, NetworkError, TransportError
from camcast.kinds import Acceptance
from camcast.media import Packet, Tag, Track, Unit
from camcast_kit_ingest.refusals import Refusals
from camcast_whip.carried import check_carried
from camcast_whip.names import Names
from camcast_whip.seat import Seat
from camcast_whip.thread import WhipThread
from camcast_whip.whep.figures import Figures
from camcast_whip.whep.options import WhepOptions, address_of

if TYPE_CHECKING:
    from camcast_whip.whep.audience import Audience
    from camcast_whip.whep.door import Door, Doors

_OPEN_WITHIN = 20.0
"""Seconds for importing the libraries, once in a program's life, and to listen."""
_BEGIN_WITHIN = 5.0


@attrs.define(eq=False)
class Shared:
    """What the outputs of one engine share."""

    doors: Doors | None = None


class WhepTransport:
    """Implements `camcast.contracts.Transport`."""

    def __init__(self, context: TransportContext, thread: WhipThread, shared: Shared) -> None:
        self._context = context
        self._options = context.options if isinstance(context.options, WhepOptions) else WhepOptions()
        try:
            self._address = address_of(context.target)
        except ValueError as error:
            raise MisconfiguredError(str(error)) from None
        self._thread = thread
        self._shared = shared
        self._figures = Figures()
        self._door: Door | None = None
        self._audience: Audience | None = None
        self._seat = Seat(thread)
        self._refusals: Refusals | None = None
        self._published = False
        self._ending: set[asyncio.Task[Any]] = set()
        self._handed = 0
        self._taken = 0
        """Written by the thread."""
        self._after_loss = 0

    def __repr__(self) -> str:
        return f"<WhepTransport {self._address.place}>"

    async def connect(self) -> Acceptance | None:
        """Listen, if no other output does so there already. Raises `TransportError`."""
        self._seat.begin()
        self._loop = asyncio.get_running_loop()
        self._seat.take()
        await self._thread.run(self._enter(), _OPEN_WITHIN, "waiting for viewers")
        return None

    async def publish(self, tracks: Sequence[Track]) -> None:
        """Be watched from now on. Raises `TransportError`."""
        if self._door is None or self._seat.left:
            raise NetworkError("not connected", stage="publish")
        check_carried(tracks, "WHEP")
        await self._thread.run(self._begin(tuple(tracks)), _BEGIN_WITHIN, "publishing")
        self._published = True

    def send(self, unit: Unit, time: int) -> int | None:
        if not self._published or self._seat.left or isinstance(unit, Tag):
            self._after_loss += 1
            return self._handed
        self._handed += len(unit.payload)
        self._thread.call(self._feed, unit, time)
        return self._handed

    @property
    def pending(self) -> int:
        return max(0, self._handed - self._taken) if self._published and not self._seat.left else 0

    @property
    def unsent(self) -> int:
        """What the thread has not taken; what waits for a viewer's link is in no way this output's."""
        return self.pending

    @property
    def acked(self) -> int:
        return self._taken

    def _lose(self, why: str) -> None:
        if not self._seat.left:
            self._context.events.lost(NetworkError(why, stage="streaming"))

    async def close(self) -> None:
        events = self._context.events
        await self._seat.leave(self._farewell, lambda text: events.note("whep_close", text))

    def _farewell(self) -> Coroutine[Any, Any, None]:
        # Not to be cancelled: whoever waits for the end may stop waiting, and the port is free all the same.
        self._thread.call(self._leave)
        return self._left()

    def stats(self) -> Mapping[str, float]:
        return {**attrs.asdict(self._figures), "sent_after_loss": self._after_loss}

    # --- the other thread -------------------------------------------------------------------------------------

    async def _enter(self) -> None:
        """Runs over there, because importing takes a second."""
        try:
            from camcast_whip.whep.door import Doors
            from camcast_whip.whep.endpoint import Stage
        except ImportError as error:
            raise MisconfiguredError(
                f"aiortc does not load ({type(error).__name__}: {error}): pip install 'camcast[whip]'",
                stage="connect",
            ) from error
        doors = self._shared.doors
        if doors is None or doors.loop is not asyncio.get_running_loop():
            doors = self._shared.doors = Doors()
        door = await doors.enter(self._address, self._options)
        refusals = Refusals(lambda text: self._thread.tell(self._context.events.note, "viewer_refused", text))
        try:
            door.expect(
                self._address.path,
                Stage(self._options, self._figures, lambda why: self._thread.tell(self._lose, why), refusals),
            )
        except TransportError:
            doors.leave(door, self._address)
            raise
        self._door, self._refusals = door, refusals

    async def _begin(self, tracks: Sequence[Track]) -> None:
        from camcast_whip.whep.audience import Audience

        thread, events, target = self._thread, self._context.events, self._context.target
        if self._door is None or self._refusals is None:
            raise NetworkError("the attempt has ended", stage="publish")
        self._audience = Audience(
            self._address,
            self._options,
            Names(self._context.resolver, self._loop, "", (), target.ip_family),
            self._figures,
            tracks,
            family=target.ip_family,
            keyframe_wanted=lambda: thread.tell(events.keyframe_wanted),
            refused=self._refusals.add,
        )
        self._door.begin(self._address.path, self._audience)

    def _feed(self, packet: Packet, time: int) -> None:
        self._taken += len(packet.payload)
        if self._audience is not None:
            self._audience.feed(packet, time)

    def _leave(self) -> None:
        door, doors, audience = self._door, self._shared.doors, self._audience
        if door is None or doors is None:
            return
        self._door = None
        if self._refusals is not None:
            self._refusals.close()
        door.end(self._address.path)
        if audience is not None:
            self._ending.add(asyncio.get_running_loop().create_task(audience.close()))
        if closing := doors.leave(door, self._address):
            self._ending.add(closing)

    async def _left(self) -> None:
        self._leave()  # what is called waits for a moment, and this does not
        if self._ending:
            await asyncio.wait(self._ending)
