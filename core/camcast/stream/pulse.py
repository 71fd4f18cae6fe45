"""Whether a stream's media flows, and who waits for it to."""

from __future__ import annotations

from time import monotonic
from typing import Protocol

import attrs

from camcast.native.states import PulseState


class FlowListener(Protocol):
    """Whoever waits for a stream's media."""

    def media_flows(self) -> None:
        """Media has come, for the first time or after a pause. On the loop; returns at once."""


@attrs.define(eq=False)
class Pulse(PulseState):
    """When media came last. The feed sets it itself, because that happens for each packet."""

    last: float = attrs.field(default=0.0, init=False)
    """Monotonic time of the newest media, a still picture's included; 0 = there was none."""
    source: float = attrs.field(default=0.0, init=False)
    """The same for what the source brought."""
    awaited: bool = attrs.field(default=True, init=False)
    """Whether somebody wants to be told of the next packet."""
    _listeners: tuple[FlowListener, ...] = attrs.field(default=(), init=False)

    @property
    def silent_for(self) -> float | None:
        """Seconds since the source brought media; None = it never did."""
        return monotonic() - self.source if self.source else None

    def flowing(self, within: float) -> bool:
        """Whether media came in the last `within` seconds. Each who asks has an idle time of its own."""
        return bool(self.last) and monotonic() - self.last < within

    def listen(self, listener: FlowListener) -> None:
        """Tell `listener` when media comes after an `idle`."""
        self._listeners = (*self._listeners, listener)

    def leave(self, listener: FlowListener) -> None:
        """Tell it no more."""
        self._listeners = tuple(other for other in self._listeners if other is not listener)

    def idle(self) -> None:
        """For somebody media has stopped: what comes next is told, to all."""
        self.awaited = True

    def tell(self) -> None:
        """Media flows."""
        for listener in self._listeners:
            listener.media_flows()
