"""Sources that are slower than `idle_timeout`: told once, by their rhythm, and not for each pause."""

from __future__ import annotations

from camcast.session.pauses import ENOUGH, Pauses


def told(pauses: Pauses, *moments: float) -> list[str]:
    """What is told when pauses begin at these moments and end a second later."""
    found = []
    for moment in moments:
        pauses.waits(moment)
        pauses.waits(moment + 0.5)
        found.append(pauses.goes_on())
    return [text for text in found if text]


def test_a_source_with_a_picture_now_and_then_is_told_of_once() -> None:
    (text,) = told(Pauses(8.0), *(10.0 * number for number in range(20)))
    assert "every 10 s only" in text
    assert "after 8 s without media" in text
    assert "above 20 s" in text


def test_it_takes_some_of_them_in_a_row() -> None:
    assert not told(Pauses(8.0), *(10.0 * number for number in range(ENOUGH)))
    assert told(Pauses(8.0), *(10.0 * number for number in range(ENOUGH + 1)))


def test_a_source_that_pauses_now_and_then_is_none() -> None:
    assert not told(Pauses(8.0), *(300.0 * number for number in range(20)))
    # Three in a row, but for a long time on the air between them.
    assert not told(Pauses(8.0), 0.0, 10.0, 20.0, 400.0, 410.0, 420.0)


def test_a_session_that_has_not_begun_yet_is_not_counted_twice() -> None:
    pauses = Pauses(8.0)
    for moment in range(100):
        pauses.waits(moment / 10)
    assert not pauses.goes_on()
