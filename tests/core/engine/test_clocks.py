"""What is told of clocks: worked out with three of them in hand."""

from __future__ import annotations

import attrs
import pytest

from camcast.engine.clocks import Clocks, since_boot


@attrs.define
class Machine:
    """Time as a process on it sees it."""

    running: float = 50.0
    asleep: float = 7.0
    wall: float = 1_900_000_000.0

    def run(self, seconds: float) -> None:
        self.running += seconds
        self.wall += seconds

    def sleep(self, seconds: float) -> None:
        self.asleep += seconds
        self.wall += seconds

    @property
    def clocks(self) -> Clocks:
        return Clocks(lambda: self.running, lambda: self.running + self.asleep, lambda: self.wall)


def test_time_that_only_passes_is_no_news() -> None:
    machine = Machine()
    clocks = machine.clocks
    for _ in range(100):
        machine.run(0.5)
        machine.wall += 0.001  # a time server corrects it gently
        assert list(clocks.look(0.3)) == []


def test_a_process_that_stood_still_is_told() -> None:
    machine = Machine()
    clocks = machine.clocks
    machine.run(60.5)
    assert list(clocks.look(60.0)) == ["This process stood still for 60 s: it was stopped, or got no processor"]
    assert list(clocks.look(0.0)) == []


def test_a_machine_that_slept_is_told_and_its_clock_was_not_set() -> None:
    machine = Machine()
    clocks = machine.clocks
    machine.sleep(3600)
    assert list(clocks.look(0.1)) == ["This machine was suspended for 3600 s"]
    machine.run(1)
    assert list(clocks.look(0.1)) == []


@pytest.mark.parametrize(("seconds", "word"), [(3600, "forward"), (-90, "back")])
def test_a_clock_that_was_set_is_told_once(seconds: float, word: str) -> None:
    machine = Machine()
    clocks = machine.clocks
    machine.wall += seconds
    assert list(clocks.look(0.1)) == [f"The system's clock was set {word} by {abs(seconds)} s"]
    machine.run(1)
    assert list(clocks.look(0.1)) == []


def test_this_machines_clock_since_boot_goes_on() -> None:
    assert since_boot() <= since_boot()
    assert list(Clocks().look(0.0)) == []
