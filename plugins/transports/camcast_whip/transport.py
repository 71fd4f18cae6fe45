"""One attempt over WHIP, as the engine's loop sees it: packets go to the WHIP thread, figures come back.

WebRTC costs some 20 µs for each packet of 1200 bytes and tens of ms for its handshakes, so it is done on a loop of its
own, in one thread per engine. A thread and not a process: encryption and the socket call release the interpreter lock
and packets are paced, so the engine's loop waits little. Measured by `bench/whip.py` on two busy cores: with 16 streams
of 4 Mbit/s a timer of that loop is late by 0.5 ms (p99 11 ms), in an idle process at the same time by 0.2 (p99 9). A
process would cost 60 MB and a copy of every packet.

`pending` is what waits for the socket; once the peer has been silent for longer than it usually is, it is all that
the peer has not confirmed. `acked` is what receiver reports cover (RTCP), or consent where there are none.
"""

from __future__ import annotations

import asyncio
import time as clock
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from camcast.contracts import PathReport, TransportContext
from camcast.errors import MisconfiguredError, NetworkError, TransportError
from camcast.kinds import Acceptance
from camcast.media import Tag, Track, Unit
from camcast_whip.carried import check_carried
from camcast_whip.counters import Counters
from camcast_whip.errors import Moved
from camcast_whip.names import Names
from camcast_whip.options import SCHEMES, Place, WhipOptions, place_of
from camcast_whip.seat import Seat
from camcast_whip.thread import WhipThread

if TYPE_CHECKING:
    from camcast_whip.carrier import Carrier

_IMPORT_DEADLINE = 20.0
"""Seconds for importing the libraries, once in a program's life."""
_SLACK = 0.5
"""Seconds by which the step itself, which can say more, gives up earlier."""
_PREPARE_STEPS = 3
"""Connecting, TLS, asking; each has the target's deadline."""
_PUBLISH_STEPS = 5
"""Gathering, the same three, and connecting the media; there may be a second round with ICE servers."""


class WhipTransport:
    """Implements `camcast.contracts.Transport`."""

    def __init__(self, context: TransportContext, thread: WhipThread) -> None:
        self._context = context
        self._target = context.target
        self._options = context.options if isinstance(context.options, WhipOptions) else WhipOptions()
        try:
            self._place: Place = place_of(self._target, self._options)
        except ValueError as error:
            raise MisconfiguredError(str(error)) from None
        self._thread = thread
        self._seat = Seat(thread)
        self._gone = False
        self._published = False
        self._carrier: Carrier | None = None
        self._counters = Counters()
        self._after_loss = 0

    def __repr__(self) -> str:
        return f"<WhipTransport {self._target.shown}>"

    async def connect(self) -> Acceptance | None:
        """Look the server up and reach it by HTTP, which may name ICE servers. Raises `TransportError`."""
        self._seat.begin()
        self._loop = asyncio.get_running_loop()
        if self._target.insecure and self._place.secure:
            self._context.events.note("tls_insecure", "any certificate is accepted, because insecure is set")
        timeout = self._target.connect_timeout
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._context.resolver.resolve(
                    self._place.host, self._place.port, self._target.ip_family
                )
        except TimeoutError:
            raise NetworkError(f"no answer to the look-up of {self._place.host} in time", stage="resolve") from None
        self._seat.take()
        await self._thread.run(self._build(addresses), _IMPORT_DEADLINE, "importing aiortc")
        assert self._carrier is not None
        await self._thread.run(self._carrier.prepare(), timeout * _PREPARE_STEPS + _SLACK, "OPTIONS")
        return None

    @property
    def findings(self) -> Sequence[str]:
        """See `contracts.TellsFindings`."""
        return self._carrier.findings if self._carrier is not None else ()

    async def publish(self, tracks: Sequence[Track]) -> None:
        """Offer `tracks`, and return once media can flow. Raises `TransportError`."""
        if self._carrier is None or self._seat.left:
            raise NetworkError("not connected", stage="publish")
        check_carried(tracks, "WHIP")
        timeout = self._target.connect_timeout
        try:
            await self._thread.run(self._carrier.publish(tracks), timeout * _PUBLISH_STEPS, "publishing")
        except Moved as moved:
            self._redirect(moved.url)
            raise
        if self._gone:
            raise NetworkError("the server ended the connection", stage="publish")
        self._published = True

    def send(self, unit: Unit, time: int) -> int | None:
        if not self._published or self._gone or self._seat.left or isinstance(unit, Tag):
            self._after_loss += 1
            return self._counters.handed
        assert self._carrier is not None
        self._counters.handed += len(unit.payload)
        self._thread.call(self._carrier.feed, unit, time)
        return self._counters.handed

    @property
    def pending(self) -> int:
        if self._carrier is None or self._gone:
            return 0
        counters = self._counters
        if self._published and self._carrier.liveness.silent(clock.monotonic()):
            return max(0, counters.handed - counters.acked)
        return max(0, counters.handed - counters.gone)

    @property
    def unsent(self) -> int:
        """What the carrier has not given to the socket: the pacer's queue, or one that is full."""
        if self._carrier is None or self._gone:
            return 0
        return max(0, self._counters.handed - self._counters.gone)

    @property
    def acked(self) -> int:
        return self._counters.acked

    @property
    def path_report(self) -> PathReport | None:
        return self._counters.report

    @property
    def impaired(self) -> bool:
        return self._counters.impaired or self._counters.blind

    async def close(self) -> None:
        events, carrier = self._context.events, self._carrier
        await self._seat.leave(
            lambda: carrier.close() if carrier is not None else None, lambda text: events.note("whip_close", text)
        )

    def stats(self) -> Mapping[str, float]:
        counters = self._counters
        found: dict[str, float] = {
            "queued_packets": counters.queued_packets,
            "overflow_packets": counters.overflow_packets,
            "damaged_packets": counters.damaged_packets,
            "keyframe_awaited_packets": counters.keyframe_awaited_packets,
            "unknown_packets": counters.unknown_packets,
            "refused_packets": counters.refused_packets,
            "keyframe_requests": counters.keyframe_requests,
            "sent_after_loss": self._after_loss,
        }
        if self._carrier is not None:
            found |= self._carrier.figures()
            found["silence_ms"] = max(0.0, clock.monotonic() - self._carrier.liveness.heard_at) * 1000
        return found

    # --- the other thread -------------------------------------------------------------------------------------

    async def _build(self, addresses: Sequence[tuple[int, tuple[Any, ...]]]) -> None:
        """Runs over there, because importing takes a second."""
        try:
            from camcast_whip.carrier import Carrier
        except ImportError as error:
            raise MisconfiguredError(
                f"aiortc does not load ({type(error).__name__}: {error}): pip install 'camcast[whip]'",
                stage="connect",
            ) from error
        thread, events = self._thread, self._context.events
        self._carrier = Carrier(
            self._target,
            self._options,
            self._place,
            Names(self._context.resolver, self._loop, self._place.host, addresses, self._target.ip_family),
            self._counters,
            lost=lambda error: thread.tell(self._lose, error),
            note=lambda code, text: thread.tell(events.note, code, text),
            keyframe_wanted=lambda: thread.tell(events.keyframe_wanted),
        )

    def _lose(self, error: TransportError) -> None:
        if not self._gone and not self._seat.left:
            self._gone = True
            self._context.events.lost(error)

    def _redirect(self, url: str) -> None:
        """Tell the session, in the words of the configuration: whips:// if that is what it says."""
        if not self._target.shows(url):
            text = "the server redirects to an address that holds a secret: not followed"
            self._context.events.note("redirect_refused", text)
            return
        scheme, _, rest = url.partition("://")
        if SCHEMES.get(self._target.scheme) == scheme:
            scheme = self._target.scheme
        self._context.events.redirect(f"{scheme}://{rest}")
