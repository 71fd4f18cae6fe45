"""One run: faults one at a time, in random order with a fixed seed, and what became of the sessions after each."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import ExitStack

import attrs

from bench.report import Row
from bench.soak.faults import FAULTS
from bench.soak.place import Place, build
from bench.watch import Watch
from camcast import Engine
from camcast.events import SessionState
from camcast.media import MediaKind
from camcast.session.session import Session
from camcast.session.stage import OnAir

PATIENCE = 150.0
"""nginx holds the name of a connection that vanished for up to 90 s: it pings each minute and waits for half of one."""
CALM = (4.0, 7.0)
"""Seconds between faults."""
LOOK = 0.1
UP_TO_DATE = 1.0
"""Seconds of media that a session which delivers may be behind."""


@attrs.define
class Tally:
    """Of one kind of fault."""

    times: int = 0
    survived: int = 0
    """Every session delivered again within `PATIENCE` of its end."""
    off_air: float = 0.0
    """Seconds, of all sessions together."""
    longest: float = 0.0

    def row(self, kind: str) -> Row:
        return {
            "fault": kind,
            "times": self.times,
            "survived": self.survived,
            "off_air_s": round(self.off_air, 1),
            "off_air_s_each": round(self.off_air / self.times, 2) if self.times else 0.0,
            "longest_until_all_deliver_s": round(self.longest, 1),
        }


class Soak:
    """Its figures may be asked for at any time."""

    def __init__(self, seconds: float, seed: int) -> None:
        self.seconds = seconds
        self.seed = seed
        self.tallies = {kind: Tally() for kind in FAULTS}
        self.watch = Watch()
        self._trouble: list[str] = []
        self._sessions: list[Session] = []
        self._slow = ""

    async def run(self) -> None:
        """Until the time is over or it is cancelled."""
        with ExitStack() as stack:
            place, config = await asyncio.to_thread(build, stack, self.seed)
            self.watch = Watch(place.pids)
            try:
                async with Engine(config) as engine:
                    self._sessions = [one for one in engine.sessions if isinstance(one, Session)]
                    await self._soak(place)
            finally:
                self._trouble += self._unbalanced()

    async def _soak(self, place: Place) -> None:
        if not await self._delivering(PATIENCE):
            self._trouble.append(f"at the start: {self._ill()}")
        self.watch.start()
        watching = asyncio.create_task(self.watch.run())
        try:
            await self._faults(place)
        finally:
            watching.cancel()

    @property
    def trouble(self) -> list[str]:
        """Why the run has failed; empty = it has not."""
        lost = [f"{kind}: not survived" for kind, tally in self.tallies.items() if tally.survived < tally.times]
        return [*self._trouble, *lost, *self.watch.trouble()]

    async def _faults(self, place: Place) -> None:
        bag: list[str] = []
        while self.watch.seconds < self.seconds:
            await asyncio.sleep(place.rng.uniform(*CALM))
            if not bag:
                # Every kind once, in random order, then anew.
                bag = list(FAULTS)
                place.rng.shuffle(bag)
            kind = bag.pop()
            tally, down = self.tallies[kind], self._downtime()
            await FAULTS[kind](place)
            ended = time.monotonic()
            survived = await self._delivering(PATIENCE)
            # Together: a table may be written while a fault lasts, which is none that was not survived.
            tally.times += 1
            if survived:
                tally.survived += 1
            else:
                self._trouble.append(f"{kind}: {self._ill()}")
                for one in self._sessions:
                    one.retry_now()
            tally.longest = max(tally.longest, time.monotonic() - ended)
            tally.off_air += max(0.0, self._downtime() - down)
            print(f"{self.watch.seconds:7.0f} s  {kind}: {time.monotonic() - ended:.1f} s", flush=True)

    async def _delivering(self, patience: float) -> bool:
        """Wait until every session sends, and its peer acknowledges what is sent from now on."""
        seen: dict[Session, tuple[OnAir, int]] = {}
        until = time.monotonic() + patience
        rest = list(self._sessions)
        while rest and time.monotonic() < until:
            await asyncio.sleep(LOOK)
            for one in tuple(rest):
                active = one.active
                if one.state is not SessionState.CONNECTED or active is None:
                    seen.pop(one, None)
                    continue
                acked, _pending = active.published.connected.transport.read()
                attempt, before = seen.setdefault(one, (active, acked))
                if attempt is not active:
                    seen[one] = (active, acked)
                elif acked > before and active.outlet.lag < UP_TO_DATE:
                    rest.remove(one)
        self._slow = ", ".join(one.label for one in rest)
        return not rest

    def _downtime(self) -> float:
        # Without its source a session waits; for whoever looks at the stream, it is off the air as well.
        return sum(one.metrics.downtime + one.metrics.waiting for one in self._sessions)

    def _ill(self) -> str:
        ill = [one for one in self._sessions if one.state is not SessionState.CONNECTED]
        return (
            "; ".join(f"{one.label} {one.state.value}: {one.metrics.last_error}" for one in ill)
            or f"lagging: {self._slow}"
        )

    def _unbalanced(self) -> list[str]:
        """Sessions of which offered = sent + drops by reason does not hold."""
        found = []
        for one in self._sessions:
            flow = one.recorder.flow
            for kind in MediaKind:
                drops = sum(count for (dropped, _), count in flow.dropped.items() if dropped is kind)
                offered, sent = flow.offered[kind], flow.sent[kind]
                if offered != sent + drops:
                    found.append(f"balance: {one.label}: {offered} {kind.value} offered, {sent} sent, {drops} dropped")
        return found

    # --- figures

    def rows(self) -> list[Row]:
        return [tally.row(kind) for kind, tally in self.tallies.items()]

    def summary(self) -> Row:
        metrics = [one.metrics for one in self._sessions]
        lost: Counter[str] = Counter()
        for one in metrics:
            lost.update(one.dropped)
        return {
            "seconds": round(self.watch.seconds),
            "seed": self.seed,
            "sessions": len(metrics),
            "faults": sum(tally.times for tally in self.tallies.values()),
            "survived": sum(tally.survived for tally in self.tallies.values()),
            "off_air_s": round(sum(tally.off_air for tally in self.tallies.values()), 1),
            "frames_offered": sum(one.video_offered + one.audio_offered for one in metrics),
            "frames_sent": sum(one.frames_sent for one in metrics),
            "frames_replayed": sum(one.replayed for one in metrics),
            "frames_lost": dict(sorted(lost.items())),
            **self.watch.row(),
            "trouble": self.trouble,
        }
