"""An encoder that obeys a regulator, a real outlet, and a link that changes: minutes of them in a moment.

The outlet, its ledger and its drops are camcast's own; the path is the simulated one of the outlet's tests, with a rate
that changes and another flow beside. No clock but the simulation's is read, so every run is the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

import attrs

from camcast.media import NS_PER_S, MediaKind, Packet, Tag, Unit
from camcast.session.liveness import LOOK as STALL_LOOK
from camcast.stream.outlet import Limits, Outlet
from camcast.stream.regulator import Regulator
from tests.adapt.traces import MBIT, Trace
from tests.core.stream.simulated import SEGMENT, STEP, Path
from tests.core.stream.test_outlet import Owner, make
from tests.core.world import AUDIO, VIDEO

FPS, GOP = 30, 60
KEYFRAME = 6.0
"""Times the mean of the other pictures."""
SOUND = 128_000
SOUNDS = 50
FOLLOWS = 0.3
"""Seconds in which an encoder's rate comes two thirds of the way to a new target."""
RECONNECTED = 1.0
"""Seconds after an outage."""
LEAST, MOST = 500_000, 4_000_000
TURN = 0.05
"""Seconds from one change of the jitter to the next."""


class Decides(Protocol):
    """Whatever sets an encoder's bitrate: ours, or a rival."""

    limits: Limits
    """How much may wait before pictures are left out."""
    tells: bool
    """Whether its outlet knows what has left; without, no queue on the way makes it leave pictures out."""

    def look(self, now: float, outlet: Outlet, path: Changing) -> int:
        """The bitrate from now on, bit/s for the picture. Called every 20 ms."""


@attrs.define(eq=False)
class Ours:
    """camcast's regulator, fed as a session feeds it."""

    limits = Limits(replay_seconds=0.0)
    tells = True

    regulator: Regulator = attrs.field(factory=lambda: Regulator(LEAST, MOST, SOUND))
    _last: float = -1.0
    _checked: float = 0.0
    _waited: float = 0.0

    def look(self, now: float, outlet: Outlet, path: Changing) -> int:
        if self._last < 0:
            self.regulator.begin(path.round_trip)
        if now >= self._checked:
            self._checked, self._waited = now + STALL_LOOK, outlet.waiting
        if now >= self._last + self.regulator.pause(self._waited):
            self._last = now
            reading = outlet.reading()
            if reading is not None:
                self.regulator.read(reading)
        return self.regulator.target


@attrs.define(eq=False)
class Changing(Path):
    """A path whose rate is a trace's, with a queue of fixed size and perhaps another flow in it."""

    trace: Trace = attrs.field(kw_only=True)
    other: float = 0.0
    """Bytes of the other flow that wait at the bottleneck."""
    other_window: float = 10 * SEGMENT
    dice: random.Random = attrs.field(factory=lambda: random.Random(7))
    later: float = 0.0
    """Seconds that answers take beyond the way, for now. `_held`: until when none comes, as a packet is sent again."""
    _held: float = 0.0
    _turn: float = 0.0
    _moved: int = 0
    """Where ends what has been made later."""

    @property
    def buffer(self) -> float:
        return max(32 * 1024, 4 * MBIT / 8 * self.trace.buffer)

    def _step(self) -> None:
        whole = self.trace.rate(self.now) / 8
        if self._resend is not None and whole > 0 and self._resend[0] > self.now + RECONNECTED:
            # TCP would wait as long again as the outage was; a session has connected anew long before that.
            self._resend = (self.now + RECONNECTED, self.timeout)
        between = self.trace.competitor
        if between is None or not between[0] <= self.now < between[1]:
            self.other, self.other_window = 0.0, 10 * SEGMENT
            self.rate = whole
        else:
            # Both leave a queue of both in proportion to what each has in it.
            share = self._queue / (self._queue + self.other) if self._queue + self.other else 1.0
            self.rate = max(whole * share, SEGMENT)
            passed = whole * STEP * (1 - share)
            self.other = max(0.0, self.other - passed)
            under_way = whole * self.round_trip * (1 - share)
            self.other_window += SEGMENT * STEP / (self.round_trip + (self._queue + self.other) / whole)
            self.other = max(self.other, self.other_window - under_way)
            if self._queue + self.other > self.buffer:
                self.other_window *= 0.7
                self.other = max(0.0, self.other_window - under_way)
        self._disturb()
        Path._step(self)

    def _disturb(self) -> None:
        """Answers that come at other times, and packets that are lost."""
        if self.now >= self._turn:
            self._turn = self.now + TURN
            self.later = self.dice.random() * self.trace.jitter
            if self.dice.random() < self.trace.losses * TURN and self._air:
                self._lose()
                self._held = self.now + self.round_trip
        if self._air and self._air[-1][1] != self._moved:
            # What left in the last step.
            at, self._moved = self._air[-1]
            self._air[-1] = (max(at + self.later, self._held), self._moved)

    def _is_cut(self, time: float) -> bool:
        return self.trace.rate(time) <= 0


@attrs.define(eq=False)
class Transport:
    """A transport over a path, on the simulation's clock."""

    path: Path
    tells: bool = True
    now: float = 0.0
    sent: list[tuple[int, Unit, float]] = attrs.field(factory=list)

    def send(self, unit: Unit, time: int) -> int:
        size = len(unit.head) + len(unit.body) if isinstance(unit, Tag) else len(unit.payload)
        self.path.write(size + 12, self.now)
        self.sent.append((self.path.written, unit, self.now))
        return self.path.written

    @property
    def pending(self) -> int:
        return self.path.written - self.path.acked

    @property
    def acked(self) -> int:
        return self.path.acked

    @property
    def unsent(self) -> int | None:
        return self.path.written - self.path.left if self.tells else None


@attrs.define(eq=False)
class Run:
    """What became of it."""

    trace: Trace
    rates: list[tuple[float, float, float]] = attrs.field(factory=list)
    """Second, bit/s that came to the peer in it, bit/s that the link had."""
    lags: list[tuple[float, float]] = attrs.field(factory=list)
    """When a picture came, and how much later than the path's length explains."""
    drops: list[float] = attrs.field(factory=list)
    """When each picture was left out."""
    changes: list[tuple[float, int]] = attrs.field(factory=list)

    def used(self, spans: tuple[tuple[float, float], ...] = ()) -> float:
        """Of what the link had and the stream could use, what came: over `spans`, or all of it."""
        spans = spans or ((0.0, self.trace.seconds),)
        chosen = [one for one in self.rates if any(start <= one[0] < end for start, end in spans)]
        could = sum(min(had, MOST + SOUND) for _, _, had in chosen)
        return sum(got for _, got, _ in chosen) / could if could else 0.0

    def lag(self, share: float = 0.95, since: float = 0.0) -> float:
        late = sorted(lag for at, lag in self.lags if at >= since)
        return late[min(len(late) - 1, int(len(late) * share))]

    def most_changes(self) -> int:
        """In any minute."""
        times = [at for at, _ in self.changes]
        return max((sum(at <= other < at + 60 for other in times) for at in times), default=0)

    def dropped(self, start: float, end: float) -> int:
        return sum(start <= at < end for at in self.drops)


def drive(trace: Trace, decides: Decides, *, scale: Callable[[float], float] = lambda time: 1.0) -> Run:
    """Play `trace` to the end. `scale`: of the target, what the encoder really makes at a time (a still picture)."""
    dice = random.Random(7)
    path = Changing(rate=trace.rate(0.0) / 8, round_trip=trace.round_trip, trace=trace)
    transport = Transport(path, decides.tells)
    hub, owner = make(audio=True), Owner()
    outlet = Outlet(transport, decides.limits, owner, now=lambda: transport.now)  # type: ignore[arg-type]
    outlet.start(hub)
    run = Run(trace)
    target = made = float(MOST)
    came, acked_before, second = 0, 0, 0.0
    dropped = 0
    sounds = 0
    for number in range(int(trace.seconds * FPS)):
        begin = number / FPS
        # The encoder looks at its rate once a picture, the regulator every 20 ms or so.
        for part in range(2):
            now = begin + part / (2 * FPS)
            transport.now = now
            path.advance(now)
            wanted = decides.look(now, outlet, path)
            if wanted != target:
                run.changes.append((now, wanted))
                target = wanted
        made += (target - made) / (FOLLOWS * FPS)
        transport.now = begin + 1 / (2 * FPS)
        mean = made / 8 / FPS * scale(begin)
        plain = mean * GOP / (GOP - 1 + KEYFRAME)
        key = number % GOP == 0
        size = int(plain * (KEYFRAME if key else 1.0) * dice.uniform(0.7, 1.3))
        dts = int(begin * NS_PER_S)
        hub.packet(Packet(VIDEO, dts, dts, keyframe=key, payload=bytes(max(64, size))))
        while sounds / SOUNDS <= begin:
            at = int(sounds / SOUNDS * NS_PER_S)
            hub.packet(Packet(AUDIO, at, at, keyframe=True, payload=bytes(SOUND // 8 // SOUNDS)))
            sounds += 1
        behind = sum(count for (kind, _), count in outlet.counters.dropped.items() if kind is MediaKind.VIDEO)
        run.drops.extend([begin] * (behind - dropped))
        dropped = behind
        while came < len(transport.sent) and transport.sent[came][0] <= path.acked:
            _, unit, handed = transport.sent[came]
            packet = unit.packet if isinstance(unit, Tag) else unit
            if packet is not None and packet.track is VIDEO:
                run.lags.append((begin, max(0.0, begin - handed - trace.round_trip)))
            came += 1
        if begin >= second + 1:
            had = sum(trace.rate(second + tenth / 10) for tenth in range(10)) / 10
            if trace.competitor and trace.competitor[0] <= second < trace.competitor[1]:
                had /= 2
            run.rates.append((second, (path.acked - acked_before) * 8, had))
            acked_before, second = path.acked, second + 1
    return run
