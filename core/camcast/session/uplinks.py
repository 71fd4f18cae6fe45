"""The links that outputs share: what they tell of themselves, what each may send, how that stands.

Decided by `stream/budget.py` (what a link bears) and `stream/allotment.py` (who gets how much of it), whenever an
output tells how it is, four times a second. In worker processes outputs tell the parent, which decides for all
of them (`TellingUplinks`).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from math import inf
from typing import Generic, TypeVar

import attrs

from camcast.config import SessionConfig, TargetConfig, UplinkConfig
from camcast.errors import ConfigError, Issue
from camcast.events import Event, SessionKey, UplinkChanged
from camcast.stream.allotment import HEADROOM, Allotment, Claim
from camcast.stream.budget import Budget
from camcast.stream.observed import Reading
from camcast.stream.regulator import LOOK

EARLY = 0.8
"""Of the time from one look to the next, what must have passed: sessions are looked after at shared moments."""
WINDOW = 5.0
"""Seconds over which it is taken what is sent."""
SHORT = 5.0
"""Seconds in which the budget must have been less than the least of all before that is told."""

KEPT = 1024
"""Outputs of which it is kept what they might do when they left."""
K = TypeVar("K", bound=Hashable)

TAKEN = "too little, its outputs take"
"""A reason."""


@attrs.frozen
class Report:
    """What an output tells of itself."""

    claim: Claim
    sent: int
    """Bytes of media so far, replays and second places included."""
    reading: Reading | None = None
    """Of its path; None = there is none to go by."""


@attrs.frozen
class Part:
    """What an output may do."""

    rate: float = inf
    """bit/s that it may send, with sound."""
    step: int | None = None
    """Which of the steps that it claimed it may take, 0 = the least; None = it claimed none, or nobody has decided yet.
    """
    late: bool = False
    """Whether all outputs of its uplink are late: then its own path says nothing of itself."""
    name: str | None = None
    """The step's, as it was claimed: what an output claims may be another list by the time that it is told."""


Told = Mapping[tuple[str, SessionKey], Report]
Parts = Mapping[tuple[str, SessionKey], Part]


@attrs.frozen(kw_only=True)
class UplinkMetrics:
    """A snapshot of an uplink. Rates are bit/s."""

    name: str
    interface: str = ""
    limit: int = 0
    """As configured; 0 = there is none."""
    budget: int = 0
    """What its outputs may send together: the limit, or less where the link bears less; 0 = not known yet."""
    reason: str = ""
    """Why that was changed last."""
    changes: int = 0
    sent: float = 0.0
    """What is sent, media with sound, over the last five seconds."""
    least: int = 0
    """What its outputs take at least."""
    outputs: int = 0
    """How many of them are on the air."""


class _Lately(Generic[K]):
    """What outputs might do when they left: who comes back goes on by that until it is decided again."""

    def __init__(self) -> None:
        self._parts: dict[K, Part] = {}

    def keep(self, key: K, part: Part) -> None:
        self._parts.pop(key, None)
        self._parts[key] = part
        if len(self._parts) > KEPT:
            del self._parts[next(iter(self._parts))]

    def get(self, key: K) -> Part | None:
        return self._parts.get(key)


@attrs.define(eq=False)
class Uplink:
    """One of them."""

    name: str
    config: UplinkConfig
    emit: Callable[[Event], object]
    changes: int = 0
    _budget: Budget[SessionKey] = attrs.field(factory=Budget, init=False)
    _allotment: Allotment[SessionKey] = attrs.field(factory=Allotment, init=False)
    _reports: dict[SessionKey, Report] = attrs.field(factory=dict, init=False)
    _bytes: int = attrs.field(default=0, init=False)
    """Sent by all, ever; `_counted`: of it, what was taken into account."""
    _counted: int = attrs.field(default=0, init=False)
    _samples: deque[tuple[float, int]] = attrs.field(factory=deque, init=False)
    _lately: _Lately[SessionKey] = attrs.field(factory=lambda: _Lately[SessionKey](), init=False)
    _looked: float = attrs.field(default=-inf, init=False)
    _short_since: float | None = attrs.field(default=None, init=False)
    _told: bool = attrs.field(default=False, init=False)
    """Whether it was told that the budget is too small."""

    def __attrs_post_init__(self) -> None:
        self.adopt(self.config)

    def adopt(self, config: UplinkConfig) -> None:
        """Go on by this."""
        self.config = config
        self._budget.limit = config.limit * 1000

    def take(self, reports: Mapping[SessionKey, Report], now: float) -> None:
        """What some outputs tell; `now` in seconds."""
        for key, report in reports.items():
            before = self._reports.get(key)
            self._bytes += max(0, report.sent - before.sent) if before is not None else 0
            self._reports[key] = report
        # One that has just come waits for that, too: where hundreds come back at once, it is decided once.
        if now - self._looked >= EARLY * LOOK:
            self._look(now)

    def leave(self, key: SessionKey) -> None:
        """It sends nothing any more."""
        if self._reports.pop(key, None) is not None and key in self._allotment.given:
            self._lately.keep(key, self._part(key))

    def part(self, key: SessionKey) -> Part:
        """What it may do; for one that has just come, what it might before, or its least."""
        if key in self._allotment.given:
            return self._part(key)
        report = self._reports.get(key)
        return self._lately.get(key) or Part(report.claim.least if report is not None else inf)

    def _part(self, key: SessionKey) -> Part:
        allotment = self._allotment
        return Part(allotment.given[key], allotment.step(key), self._budget.late, allotment.name(key))

    def metrics(self, now: float) -> UplinkMetrics:
        """How it stands."""
        self._sample(now)
        (then, before), (last, after) = self._samples[0], self._samples[-1]
        return UplinkMetrics(
            name=self.name,
            interface=self.config.interface or "",
            limit=self.config.limit * 1000,
            budget=self._budget.now,
            reason=self._budget.reason,
            changes=self.changes,
            sent=(after - before) * 8 / (last - then) if last - then >= 1 else 0.0,
            least=round(sum(report.claim.least for report in self._reports.values())),
            outputs=len(self._reports),
        )

    def _look(self, now: float) -> None:
        self._looked = now
        self._read(now)
        claims = {key: report.claim for key, report in self._reports.items()}
        least, most = (sum(getattr(one, what) for one in claims.values()) for what in ("least", "most"))
        given = self._allotment.given
        waits = any(one.steps and given.get(key, 0.0) < one.steps[-1] for key, one in claims.items())
        self._budget.want(least, most, in_steps=waits)
        self._allotment.look(now, self._budget.now, claims, (self._bytes - self._counted) * 8)
        self._counted = self._bytes
        self._tell(least, now)
        self._sample(now)

    def _read(self, now: float) -> None:
        before = self._budget.now
        readings = {key: report.reading for key, report in self._reports.items() if report.reading is not None}
        change = self._budget.read(now, readings)
        if change is None:
            return
        self.changes += 1
        self.emit(
            UplinkChanged(
                label=self.name, budget=change.target, before=before, reason=change.reason, bears=round(change.bears)
            )
        )

    def _tell(self, least: float, now: float) -> None:
        if least <= self._budget.now * HEADROOM:
            self._short_since = None
            self._told = self._told and least > self._budget.now * HEADROOM / 2
            return
        if self._short_since is None:
            self._short_since = now
        if not self._told and now - self._short_since >= SHORT:
            self._told = True
            budget = self._budget.now
            self.emit(UplinkChanged(label=self.name, budget=budget, before=budget, reason=TAKEN, least=round(least)))

    def _sample(self, now: float) -> None:
        samples = self._samples
        samples.append((now, self._bytes))
        while now - samples[0][0] > WINDOW:
            samples.popleft()


class Uplinks:
    """All of one engine. All calls on its loop."""

    def __init__(
        self,
        configs: Mapping[str, UplinkConfig] | None = None,
        emit: Callable[[Event], object] = lambda event: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._configs = dict(configs or {})
        self._emit = emit
        self._now = now
        self._uplinks = {name: Uplink(name, config, emit) for name, config in self._configs.items()}
        self._whose: dict[tuple[str, SessionKey], Hashable] = {}
        """Which process told of an output; those of this one are not in it."""

    def adopt(self, configs: Mapping[str, UplinkConfig]) -> None:
        """Other limits from now on; another interface holds for connections that begin later."""
        self._configs = dict(configs)
        for name, config in configs.items():
            if name in self._uplinks:
                self._uplinks[name].adopt(config)
            else:
                self._uplinks[name] = Uplink(name, config, self._emit)
        for name in self._uplinks.keys() - configs.keys():
            del self._uplinks[name]

    def check(self, config: SessionConfig) -> None:
        """Raises `ConfigError` where it names an uplink that is none."""
        if config.uplink and config.uplink not in self._configs:
            known = ", ".join(f'"{name}"' for name in self._configs) or "none"
            raise ConfigError([Issue("uplink", f'"{config.uplink}" is not among system.uplinks; known: {known}')])

    def bound(self, uplink: str, target: TargetConfig) -> TargetConfig:
        """The same as it goes out over this uplink: through its interface, where it says nothing else itself."""
        config = self._configs.get(uplink)
        if config is None or config.interface is None or target.bind is not None:
            return target
        return attrs.evolve(target, bind=config.interface)

    def report(self, name: str, key: SessionKey, report: Report) -> Part:
        """What an output tells; returns what it may do."""
        uplink = self._uplinks.get(name)
        if uplink is None:
            return Part()
        uplink.take({key: report}, self._now())
        return uplink.part(key)

    def leave(self, name: str, key: SessionKey) -> None:
        """An output is off the air, or sends over another uplink."""
        if name in self._uplinks:
            self._uplinks[name].leave(key)

    def metrics(self) -> tuple[UplinkMetrics, ...]:
        """How each stands."""
        now = self._now()
        return tuple(uplink.metrics(now) for uplink in self._uplinks.values())

    # --- of other processes --------------------------------------------------------------------------------

    def take(self, process: Hashable, told: Told) -> Parts:
        """What all outputs of a worker process tell, those that are on the air; returns what they may do."""
        for name, key in [one for one, whose in self._whose.items() if whose == process and one not in told]:
            self.leave(name, key)
            del self._whose[name, key]
        now, by_name = self._now(), dict[str, dict[SessionKey, Report]]()
        for (name, key), report in told.items():
            self._whose[name, key] = process
            by_name.setdefault(name, {})[key] = report
        for name, reports in by_name.items():
            if name in self._uplinks:
                self._uplinks[name].take(reports, now)
        # An uplink that is none leaves all free.
        return {(name, key): self._uplinks[name].part(key) if name in self._uplinks else Part() for name, key in told}

    def forget(self, process: Hashable) -> None:
        """It has died: nothing is sent there."""
        self.take(process, {})


class TellingUplinks(Uplinks):
    """In a worker process: the parent decides. Until it has, an output goes on as it might before, or sends its least:
    of pictures that come encoded, those that it sends already, as nobody knows yet which of them fit."""

    def __init__(
        self,
        configs: Mapping[str, UplinkConfig],
        tell: Callable[[Told], object],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(configs, now=now)
        self._tell = tell
        self._reports: dict[tuple[str, SessionKey], Report] = {}
        self._parts: Parts = {}
        self._lately: _Lately[tuple[str, SessionKey]] = _Lately()
        self._told = -inf

    def check(self, config: SessionConfig) -> None:
        """The parent has done so."""

    def report(self, name: str, key: SessionKey, report: Report) -> Part:
        self._reports[name, key] = report
        self._tell_when_due()
        return self._parts.get((name, key)) or self._lately.get((name, key)) or Part(report.claim.least)

    def leave(self, name: str, key: SessionKey) -> None:
        if self._reports.pop((name, key), None) is None:
            return
        if (part := self._parts.get((name, key))) is not None:
            self._lately.keep((name, key), part)
        if self._reports:
            self._tell_when_due()
        else:
            # Nobody is left who would.
            self._tell({})

    def metrics(self) -> tuple[UplinkMetrics, ...]:
        """The parent has them."""
        return ()

    def told(self, parts: Parts) -> None:
        """What the parent has decided."""
        self._parts = parts

    def _tell_when_due(self) -> None:
        """All at once, four times a second: where hundreds come or go together, each would tell of all of them."""
        now = self._now()
        if now - self._told >= EARLY * LOOK:
            self._told = now
            self._tell(dict(self._reports))
