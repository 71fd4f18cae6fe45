"""A path whose peer reports now and then, and which loses what finds no room: RTP, in a fluid model."""

from __future__ import annotations

import attrs
import pytest

from camcast.stream.ladder import Ladder, Part, Rung
from camcast.stream.observed import Reading
from camcast.stream.regulator import LOOK, LOST, Regulator

MBIT = 1_000_000
LEAST, MOST, SOUND = 200_000, 2 * MBIT, 64_000
TICK = 0.05
ROUND_TRIP = 0.05


@attrs.define(eq=False)
class Path:
    """Whoever is sent something reports `every` seconds; `loses` is a share that vanishes whatever is sent."""

    every: float
    rate: float = 5 * MBIT
    room: float = 0.3
    """Seconds of `rate` that the bottleneck keeps."""
    loses: float = 0.0
    up: bool = True
    now: float = 0.0
    given: float = 0.0
    lost: float = 0.0
    queue: float = 0.0
    _reported: float = 0.0
    _report: int = 0
    _last: Reading | None = None

    def send(self, bitrate: float) -> None:
        """For one tick."""
        self.now += TICK
        size = bitrate / 8 * TICK
        self.given += size
        if not self.up:
            self.lost += size
        else:
            self.lost += size * self.loses
            self.queue = max(0.0, self.queue + size * (1 - self.loses) - self.rate / 8 * TICK)
            over = max(0.0, self.queue - self.rate / 8 * self.room)
            self.queue -= over
            self.lost += over
        if self.up and self.now - self._reported >= self.every:
            self._reported = self.now
            self._report += 1
            self._last = Reading(
                self.now,
                round(self.given),
                round(self.given - self.queue),
                ROUND_TRIP + self.queue * 8 / self.rate,
                0.0,
                0,
                lost=round(self.lost),
                report=self._report,
                every=self.every,
            )

    def reading(self) -> Reading | None:
        last = self._last
        return attrs.evolve(last, waiting=ROUND_TRIP + self.now - last.now) if last is not None else None


@attrs.define(eq=False)
class Run:
    path: Path
    regulator: Regulator = attrs.field(factory=lambda: Regulator(LEAST, MOST, SOUND))
    came: float = 0.0
    changes: list[tuple[float, int, str]] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.regulator.begin(ROUND_TRIP)

    def play(self, seconds: float) -> float:
        """Share of what the path had and the stream could use that came in this time."""
        path, regulator = self.path, self.regulator
        before, looked = path.given - path.queue - path.lost, path.now
        for _ in range(round(seconds / TICK)):
            path.send(regulator.target + SOUND)
            if path.now - looked >= LOOK:
                looked = path.now
                reading = path.reading()
                change = regulator.read(reading) if reading is not None else None
                if change is not None:
                    self.changes.append((path.now, change.target, change.reason))
        came = (path.given - path.queue - path.lost - before) * 8 / seconds
        return came / min(path.rate * (1 - path.loses), MOST + SOUND)


@pytest.mark.parametrize("every", [0.1, 0.2, 1.0, 1.5, 5.0])
@pytest.mark.parametrize("room", [0.03, 0.3, 1.5])
def test_it_goes_down_and_comes_back(every: float, room: float) -> None:
    run = Run(Path(every, room=room))
    assert run.play(20) > 0.95
    run.path.rate = 0.8 * MBIT
    run.play(20)
    assert run.play(60) > 0.75
    run.path.rate = 5 * MBIT
    run.play(60 + 20 * every)
    assert run.regulator.target == MOST
    times = [at for at, _, _ in run.changes]
    assert max(sum(at <= other < at + 60 for other in times) for at in times) <= 24


@pytest.mark.parametrize("every", [0.2, 1.0])
def test_from_the_bottom_it_comes_back_too(every: float) -> None:
    run = Run(Path(every))
    run.play(20)
    run.path.rate = 0.15 * MBIT
    run.play(30)
    assert run.regulator.target == LEAST
    run.path.rate = 5 * MBIT
    run.play(60)
    assert run.regulator.target == MOST


def test_where_no_queue_is_to_be_seen_losses_are_told_as_the_reason() -> None:
    run = Run(Path(0.2, room=0.02))
    run.play(20)
    run.path.rate = MBIT
    run.play(10)
    assert run.changes[0][2] == LOST


@pytest.mark.parametrize("every", [0.2, 1.0])
@pytest.mark.parametrize("loses", [0.03, 0.15, 0.25])
def test_what_is_lost_whatever_is_sent_is_no_want_of_room(every: float, loses: float) -> None:
    run = Run(Path(every, loses=loses))
    run.play(60)
    assert run.play(60) > 0.95 * (1 - loses)
    assert run.regulator.target == MOST


@pytest.mark.parametrize("every", [0.2, 1.0])
def test_what_a_radio_loses_now_and_then_keeps_nothing_down(every: float) -> None:
    run = Run(Path(every))
    run.play(20)
    run.path.rate = 0.8 * MBIT
    run.play(20)
    assert run.regulator.target < MOST
    run.path.rate = 5 * MBIT
    for second in range(80):
        run.path.loses = 0.02 * (second % 3)
        run.play(1)
    assert run.regulator.target == MOST


def test_losses_of_its_own_do_not_hide_a_thin_path() -> None:
    run = Run(Path(0.2, loses=0.05))
    run.play(30)
    run.path.rate = 0.6 * MBIT
    run.play(15)
    assert run.regulator.target <= 0.6 * MBIT
    assert run.play(60) > 0.7


def test_a_silence_is_a_cut_and_a_report_that_is_late_is_none() -> None:
    run = Run(Path(1.0))
    run.play(20)
    run.path.up = False
    run.play(1.4)
    assert run.changes == []
    run.play(8)
    assert [reason for _, _, reason in run.changes] == ["nothing is acknowledged"]
    run.path.up = True
    run.play(60)
    assert run.regulator.target == MOST


@pytest.mark.parametrize("every", [0.2, 1.0, 1.5])
def test_of_pictures_that_come_encoded_fewer_are_sent_and_all_again(every: float) -> None:
    rungs = [Rung("", Part.ALL, 2 * MBIT), Rung("sub", Part.ALL, 0.5 * MBIT), Rung("sub", Part.KEYFRAMES, 0.1 * MBIT)]
    path, ladder = Path(every), Ladder(beside=SOUND)
    ladder.begin(ROUND_TRIP)
    steps: list[tuple[Rung, str]] = []

    def play(seconds: float) -> None:
        looked = path.now
        for _ in range(round(seconds / TICK)):
            path.send(ladder.at.rate + SOUND if ladder.at.stream else 2 * MBIT + SOUND)
            if path.now - looked >= LOOK:
                looked = path.now
                reading = path.reading()
                step = ladder.read(reading, rungs) if reading is not None else None
                if step is not None:
                    steps.append((step.to, step.reason))
                    ladder.settled(path.now)

    play(10)
    assert ladder.at == rungs[0]
    path.rate = 0.9 * MBIT
    play(60)
    assert steps[0][0] == rungs[1]
    assert {rung for rung, _ in steps} == {rungs[0], rungs[1]}
    assert len(steps) <= 7, "what fails waits twice as long"
    path.rate = 5 * MBIT
    play(180)
    assert ladder.at == rungs[0]
    assert ladder.holds == {}
