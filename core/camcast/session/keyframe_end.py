"""Ends an outlet where a keyframe begins, so that whoever publishes next begins with that very picture."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from camcast.media import MediaKind, Packet, Unit
from camcast.session.stage import OnAir

DEADLINE = 20.0
"""Seconds to wait for the keyframe: the longest usual distance, doubled."""


class KeyframeEnd:
    """Stands before an outlet on its hub, until the next keyframe. Implements `HubOutlet`, and sends nothing.

    Where there is no picture at all, the next sound will do.
    """

    def __init__(self, on_air: OnAir, ended: Callable[[], object]) -> None:
        """`ended` is called within the hub's round, before anybody can come between."""
        self.reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended = ended
        self._outlet = on_air.outlet
        self._hub = on_air.published.hub
        self._hub.attach(self, first=True)

    def leave(self) -> None:
        """It is not wanted any more."""
        self._hub.detach(self)

    def offer(self, unit: Unit, packet: Packet) -> None:
        begins = packet.track.kind is MediaKind.VIDEO and packet.keyframe
        if (begins or self._hub.latest_video is None) and not self.reached.done():
            self._hub.detach(self)
            self._outlet.finish()
            self.reached.set_result(None)
            self._ended()

    def announce(self, units: Sequence[Unit]) -> None:
        """Not sent anywhere."""

    def overloaded(self, packet: Packet) -> None:
        """Not sent anywhere."""


async def end_at_keyframe(on_air: OnAir, ended: Callable[[], object]) -> bool:
    """Feed it up to the next keyframe and no further, and call `ended` at once. False = none came in time, or it was
    lost meanwhile."""
    end = KeyframeEnd(on_air, ended)
    try:
        on_air.attempt.want_keyframe()
        either: set[asyncio.Future[Any]] = {end.reached, on_air.attempt.lost_error}
        await asyncio.wait(either, timeout=DEADLINE, return_when=asyncio.FIRST_COMPLETED)
        return end.reached.done()
    finally:
        end.leave()
