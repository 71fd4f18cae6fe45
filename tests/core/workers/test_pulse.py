"""When a worker counts as standing still."""

from __future__ import annotations

from camcast.workers.pulse import BEGINNING, LOOK, SILENCE, Pulse


def looks(pulse: Pulse, seconds: float) -> list[float | None]:
    return [pulse.look() for _ in range(round(seconds / LOOK))]


def test_one_that_is_heard_lives() -> None:
    pulse = Pulse()
    for _ in range(1000):
        pulse.heard()
        assert pulse.look() is None


def test_one_that_falls_silent_is_found_after_the_time_and_not_before() -> None:
    pulse = Pulse()
    pulse.heard()
    pulse.look()
    *before, last = looks(pulse, SILENCE)
    assert set(before) == {None}
    assert last == SILENCE


def test_a_word_in_between_begins_the_silence_anew() -> None:
    pulse = Pulse()
    pulse.heard()
    pulse.look()
    assert set(looks(pulse, SILENCE - LOOK)) == {None}
    pulse.heard()
    assert set(looks(pulse, SILENCE)) == {None}
    assert pulse.look() == SILENCE


def test_one_that_has_not_begun_has_longer() -> None:
    *before, last = looks(Pulse(), BEGINNING)
    assert set(before) == {None}
    assert last == BEGINNING
