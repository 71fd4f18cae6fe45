"""What an outlet says of itself; those figures that ask the transport say so."""

from __future__ import annotations

from camcast.flv.packer import to_ms
from camcast.stream.flow import FlowCounters
from camcast.stream.hub import Hub
from camcast.stream.ledger import Ledger
from camcast.stream.pace import Pace
from camcast.stream.sender import Sender


class OutletFigures:
    """The part of an `Outlet` that changes nothing."""

    __slots__ = ()

    counters: FlowCounters
    _hub: Hub | None
    _ledger: Ledger
    _pace: Pace
    _sender: Sender
    _started: float
    """When it was made, in seconds of its clock."""

    @property
    def base(self) -> int | None:
        """Time on the hub in ms that is this attempt's 0; None = it has not begun."""
        return self._sender.base

    @property
    def sender(self) -> Sender:
        """What hands its units to the transport; for the fast path."""
        return self._sender

    @property
    def sending(self) -> bool:
        """Whether anything has been sent."""
        return self._ledger.end > 0

    @property
    def delivered(self) -> bool:
        """Whether the peer has acknowledged media: more than a handshake and headers. Asks, until it has."""
        if not self._ledger.delivered:
            self._sender.look()
        return self._ledger.delivered

    @property
    def lag(self) -> float:
        """Seconds of media that wait on this machine, because the link is slow and not because it is long. Asks.

        Never more than the oldest of it has waited: a burst from a source is not a slow link.
        """
        return self._ledger.lag(self._sender.look())

    @property
    def waiting(self) -> float:
        """Seconds since the oldest unit was sent that the peer has not acknowledged whole; 0 = there is none. Asks."""
        return self._ledger.waiting(self._sender.look())

    @property
    def last_picture_sent(self) -> float | None:
        """Monotonic time; None = no picture has been sent yet."""
        return self._sender.last_picture

    @property
    def unseen_since(self) -> float | None:
        """After `write_off`: monotonic time from which on the peer has no picture; None = it never had one."""
        return self._sender.unseen_since

    def picture_overdue(self, now: float) -> float:
        """Seconds by which the next picture is later than the usual distance of this stream's pictures allows.

        0.0 = one went out lately enough, or the stream has none. `now` is `time.monotonic()`. It does not matter why
        none goes out: pictures that are dropped do not count, and whether the source is silent the caller knows.
        """
        newest = self._hub.latest_video if self._hub is not None else None
        if newest is None:
            return 0.0
        self._pace.see(self.counters.offered.video, to_ms(newest))
        last = self._sender.last_picture
        return self._pace.overdue(now - (self._started if last is None else last))
