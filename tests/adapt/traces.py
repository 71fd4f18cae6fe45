"""Links that change, as functions of time: what a regulator is shown. The same for ever, whoever is asked."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import attrs

MBIT = 1_000_000


@attrs.frozen
class Trace:
    """One link over time."""

    name: str
    rate: Callable[[float], float]
    """bit/s at a time in seconds."""
    seconds: float
    steady: tuple[tuple[float, float], ...]
    """Where the link has been the same for a while, so that what is got of it can be judged."""
    round_trip: float = 0.08
    buffer: float = 0.3
    """Seconds at 4 Mbit/s that the bottleneck keeps."""
    competitor: tuple[float, float] | None = None
    """When another flow takes whatever it gets."""
    jitter: float = 0.0
    """Seconds by which an answer may come later than the way takes, another time each 50 ms."""
    losses: float = 0.0
    """Packets a second that are lost for no want of room. TCP sends less after each, and what came behind waits; at one
    a second it is TCP that bears less than the link."""


def steps(*levels: tuple[float, float]) -> Callable[[float], float]:
    """(from second, Mbit/s), in order."""

    def rate(time: float) -> float:
        return next((level for start, level in reversed(levels) if time >= start), levels[0][1]) * MBIT

    return rate


def saw(time: float) -> float:
    """Between 6 and 2 Mbit/s: down within 5 s, up within 25 s."""
    at = time % 30
    return (6 - 4 * at / 5 if at < 5 else 2 + 4 * (at - 5) / 25) * MBIT


def lte() -> Callable[[float], float]:
    """A phone in a moving car: a slow swell, a walk of 0.5 s steps on it, and a fade now and then."""
    dice = random.Random(18)
    walk, levels = 1.0, []
    fade = 0
    for at in range(600):
        walk = min(1.5, max(0.6, walk * math.exp(dice.gauss(0, 0.09))))
        fade = fade - 1 if fade else (8 if dice.random() < 0.012 else 0)
        swell = 4.2 + 1.8 * math.sin(at / 2 / 47 * 2 * math.pi)
        levels.append(max(0.4, swell * walk * (0.35 if fade else 1.0)))
    return lambda time: levels[int(time * 2) % len(levels)] * MBIT


TRACES = (
    Trace("steady above", steps((0, 8)), 60, ((10, 60),)),
    Trace("steady below", steps((0, 2.5)), 120, ((20, 120),)),
    Trace("step to half", steps((0, 5), (20, 2)), 100, ((10, 20), (35, 100))),
    Trace("step to half, bufferbloat", steps((0, 5), (20, 2)), 100, ((10, 20), (35, 100)), buffer=1.5),
    Trace("step up", steps((0, 1.5), (40, 6)), 120, ((20, 40), (80, 120))),
    Trace("down and up", steps((0, 5), (20, 1.5), (60, 5)), 140, ((10, 20), (35, 60), (100, 140))),
    Trace("saw", saw, 150, ()),
    Trace("LTE-like", lte(), 240, (), buffer=1.0),
    Trace("outage of 30 s", steps((0, 5), (30, 0), (60, 5)), 140, ((10, 30), (90, 140))),
    Trace("competing flow", steps((0, 5)), 140, ((10, 40), (110, 140)), buffer=0.5, competitor=(40, 90)),
    Trace("jitter", steps((0, 5), (25, 2)), 100, ((12, 25), (45, 100)), jitter=0.06),
    Trace("losses", steps((0, 5), (25, 2)), 100, ((12, 25), (45, 100)), losses=0.4),
    Trace("jitter and losses", steps((0, 5), (25, 2)), 100, ((12, 25), (45, 100)), jitter=0.04, losses=0.5),
    Trace("far and thin", steps((0, 5), (25, 2)), 100, ((12, 25), (45, 100)), round_trip=0.3, buffer=0.6),
)
