"""One session's part of the uplink that it sends over: what it claims, and what it may do.

Without an uplink it may do anything. A second place that is published at the same time (`standby` "hot") goes over the
same link, so everything counts twice while there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import inf

import attrs

from camcast.config import SessionConfig
from camcast.events import SessionKey
from camcast.few import Few
from camcast.session.stage import OnAir
from camcast.session.uplinks import Part, Report, Uplinks
from camcast.stream.allotment import Claim

BUDGET = "the uplink's budget"
"""A reason."""
WINDOW = 4.0
"""Seconds over which it is taken what is sent: a group of pictures or two."""


@attrs.define(eq=False)
class Share:
    """Of one session. All calls on the loop."""

    config: SessionConfig
    uplinks: Uplinks
    key: SessionKey
    part: Part = attrs.field(factory=Part, init=False)
    """As of the last claim."""
    _on_air: OnAir | None = attrs.field(default=None, init=False)
    _claimed: bool = attrs.field(default=False, init=False)
    _places: int = attrs.field(default=1, init=False)
    """That are published at the same time."""
    _sent: int = attrs.field(default=0, init=False)
    """Bytes, to all places."""
    _beside: tuple[OnAir | None, int] = attrs.field(default=(None, 0), init=False)
    """The second place, and bytes that were sent there."""
    _own: int = attrs.field(default=0, init=False)
    _samples: Few[tuple[float, int]] = attrs.field(factory=Few, init=False)

    @property
    def uplink(self) -> str:
        """Its name; "" = there is none."""
        return self.config.uplink

    @property
    def rate(self) -> int:
        """bit/s that it may send; 0 = anything."""
        return 0 if self.part.rate == inf else max(1, round(self.part.rate))

    def adopt(self, config: SessionConfig) -> None:
        """Go on by this."""
        if config.uplink != self.uplink:
            self._leave()
        self.config = config

    def see(self, on_air: OnAir | None, now: float, sent: int, beside: OnAir | None) -> None:
        """What is on the air, and `beside` it; `sent` counts bytes of media to the former's place, `now` is
        `time.monotonic()`."""
        self._on_air = on_air
        if not self.uplink:
            return
        self._sent, self._own = self._sent + max(0, sent - self._own), sent
        before, counted = self._beside
        there = beside.outlet.counters.bytes if beside is not None else 0
        self._sent += max(0, there - counted) if beside is before else there
        self._beside = beside, there
        self._places = 1 if beside is None else 2
        self._samples.append((now, self._sent))
        while now - self._samples[0][0] > WINDOW:
            self._samples.popleft()
        if on_air is None:
            self._leave()

    def steps(self, rates: Sequence[float], names: Sequence[str]) -> Part:
        """It can send at these rates only, the highest first; bit/s, with sound. 0 = not known yet. `names`:
        what each is called, as long as it is the same.

        Until they are, it is not to take anything from those that can give way at once: it soon will, too.
        """
        if not all(rates):
            return self._claim(0.0, self._rate)
        steps, called = tuple(accumulate(reversed(rates), max)), tuple(reversed(names))
        part = self._claim(steps[0], steps[-1], steps, called)
        if part.name is None:
            return part
        # Decided by what was claimed before, perhaps.
        return attrs.evolve(part, step=called.index(part.name) if part.name in called else None)

    def between(self, least: float, most: float) -> Part:
        """It can send at any rate from `least` to `most`; bit/s, with sound."""
        return self._claim(least, most)

    def fixed(self) -> Part:
        """It cannot be told how much to send."""
        return self._claim(self._rate, self._rate)

    def end(self) -> None:
        """The session has ended."""
        self._leave()

    @property
    def _rate(self) -> float:
        """bit/s that are sent to each place."""
        if not self._samples:
            return 0.0
        (then, before), (last, after) = self._samples[0], self._samples[-1]
        return (after - before) * 8 / max(1.0, last - then) / self._places

    def _claim(self, least: float, most: float, steps: Sequence[float] = (), names: tuple[str, ...] = ()) -> Part:
        on_air, places = self._on_air, self._places
        if not self.uplink or on_air is None:
            return self.part
        self._claimed = True
        claim = Claim(
            self.config.priority, least * places, most * places, tuple(step * places for step in steps), names
        )
        part = self.uplinks.report(self.uplink, self.key, Report(claim, self._sent, on_air.outlet.reading()))
        self.part = attrs.evolve(part, rate=part.rate / places)
        return self.part

    def _leave(self) -> None:
        if self._claimed:
            self._claimed, self.part = False, Part()
            self.uplinks.leave(self.uplink, self.key)
