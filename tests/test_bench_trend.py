"""The slopes of long runs: noise is no growth, growth is."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable

import attrs
import pytest
from bench.trend import student, trend
from bench.watch import Sample, Watch

SECONDS = [5.0 * number for number in range(1440)]
"""Two hours, a sample every five seconds."""


def series(shape: Callable[[float], float], *, noise: float = 0.3, wander: float = 0.0, seed: int = 1) -> list[float]:
    """A shape over hours with noise, some of it staying for a while."""
    chance, drift, values = random.Random(seed), 0.0, []
    for at in SECONDS:
        drift = 0.98 * drift + chance.gauss(0, wander)
        values.append(120 + shape(at / 3600) + drift + chance.gauss(0, noise))
    return values


def test_a_line_is_found_exactly() -> None:
    found = trend(SECONDS, series(lambda hours: 3 * hours, noise=0.0))
    assert found.slope == pytest.approx(3.0)
    assert (found.low, found.high) == pytest.approx((3.0, 3.0), abs=1e-6)


def test_a_constant_does_not_grow() -> None:
    found = trend(SECONDS, [24.0] * len(SECONDS))
    assert (found.slope, found.grows(0.0)) == (0.0, False)


@pytest.mark.parametrize("wander", [0.0, 0.2])
def test_noise_is_no_growth_and_growth_is(wander: float) -> None:
    flat = [trend(SECONDS, series(lambda hours: 0.0, wander=wander, seed=seed)).grows(1.0) for seed in range(40)]
    leaking = [
        trend(SECONDS, series(lambda hours: 4 * hours, wander=wander, seed=seed)).grows(1.0) for seed in range(40)
    ]
    assert sum(flat) == 0
    assert sum(leaking) >= 36


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    found = [trend(SECONDS, series(lambda hours: 2 * hours, wander=0.1, seed=seed)) for seed in range(200)]
    assert sum(one.low <= 2 <= one.high for one in found) >= 180


def test_a_step_early_on_is_no_steady_growth() -> None:
    assert not trend(SECONDS, series(lambda hours: 5.0 if hours > 0.3 else 0.0)).grows(4.0)


def test_a_leak_of_a_descriptor_a_fault_is_seen() -> None:
    assert trend(SECONDS, [50.0 + at // 240 for at in SECONDS]).grows(2.0)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_too_few_samples_say_nothing(count: int) -> None:
    found = trend(SECONDS[:count], [float(number) * 1000 for number in range(count)])
    assert math.isinf(found.high)
    assert not found.grows(0.0)


@pytest.mark.parametrize(("freedom", "quantile"), [(3, 3.182), (5, 2.571), (10, 2.228), (38, 2.024)])
def test_students_quantiles(freedom: int, quantile: float) -> None:
    assert student(0.95, freedom) == pytest.approx(quantile, rel=0.02)


def watched(hours: float, **growth: float) -> Watch:
    """A run of so many hours; what grows by how much an hour, from the first second on."""
    made = Watch()
    for at in SECONDS[: round(hours * 720)]:
        flat = Sample(at=at, memory=100.0, tasks=24, threads=10, descriptors=50, peers=80.0)
        grown = {figure: getattr(flat, figure) + an_hour * at / 3600 for figure, an_hour in growth.items()}
        made.samples.append(attrs.evolve(flat, **grown))
    return made


@pytest.mark.parametrize(
    ("growth", "blamed"),
    [
        ({}, []),
        ({"memory": 0.9, "descriptors": 1.5}, []),
        ({"memory": 1.2}, ["memory"]),
        ({"tasks": 5.0, "threads": 3.0}, ["tasks", "threads"]),
        ({"peers": 500.0}, []),
    ],
)
def test_a_run_fails_for_what_grows_in_its_own_process(growth: dict[str, float], blamed: list[str]) -> None:
    assert [text.partition(" ")[0] for text in watched(2.0, **growth).trouble()] == blamed


def test_a_short_run_does_not_judge() -> None:
    assert watched(0.2, memory=1000.0).trouble() == []
    assert watched(0.5, memory=1000.0).trouble() != []


async def test_a_look_counts_what_there_is() -> None:
    watch = Watch(lambda: [os.getpid()])
    watch.start()
    (sample,) = watch.samples
    assert sample.memory > 10
    assert sample.peers == pytest.approx(sample.memory, rel=0.1)
    assert sample.tasks == 1
    opened = [os.dup(0) for _ in range(5)]
    watch.note()
    for descriptor in opened:
        os.close(descriptor)
    assert watch.samples[-1].descriptors == sample.descriptors + 5
