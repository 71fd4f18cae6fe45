"""Whether media flows: for each who asks within an idle time of its own, and told to those who wait."""

from __future__ import annotations

import pytest

from camcast.stream import pulse as module
from camcast.stream.pulse import Pulse


class Waiting:
    def __init__(self) -> None:
        self.told = 0

    def media_flows(self) -> None:
        self.told += 1


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set."""
    time = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: time[0])
    return time


def test_what_never_came_flows_not_and_is_silent_for_no_time(now: list[float]) -> None:
    pulse = Pulse()
    assert not pulse.flowing(1e9)
    assert pulse.silent_for is None
    assert pulse.awaited


def test_media_flows_within_the_time_of_who_asks(now: list[float]) -> None:
    pulse = Pulse()
    pulse.last, now[0] = 100.0, 108.0
    assert not pulse.flowing(8.0)
    assert pulse.flowing(8.1)
    assert pulse.silent_for is None


def test_a_still_picture_ends_no_silence_of_the_source(now: list[float]) -> None:
    pulse = Pulse()
    pulse.source, pulse.last, now[0] = 100.0, 109.0, 110.0
    assert pulse.silent_for == 10.0
    assert pulse.flowing(2.0)


def test_all_who_listen_are_told_until_they_leave() -> None:
    pulse, one, other = Pulse(), Waiting(), Waiting()
    pulse.listen(one)
    pulse.listen(other)
    pulse.tell()
    pulse.leave(one)
    pulse.leave(one)
    pulse.tell()
    assert (one.told, other.told) == (1, 2)


def test_who_finds_it_idle_has_the_next_packet_told() -> None:
    pulse = Pulse()
    pulse.awaited = False
    pulse.idle()
    assert pulse.awaited
