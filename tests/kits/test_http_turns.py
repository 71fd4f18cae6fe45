"""How often whoever comes from one place may ask."""

from __future__ import annotations

from camcast_kit_http.turns import MAX_PLACES, Turns


def asked(turns: Turns, place: str, now: float) -> bool:
    if not turns.due(place, now):
        return False
    turns.took(place, now)
    return True


def test_so_many_at_once_and_then_so_many_a_second() -> None:
    turns = Turns(burst=3, rate=2.0)
    assert [asked(turns, "a", 10.0) for _ in range(5)] == [True] * 3 + [False] * 2
    assert not turns.due("a", 10.4)
    assert [asked(turns, "a", 10.5) for _ in range(2)] == [True, False]
    assert [asked(turns, "a", 1000.0) for _ in range(5)] == [True] * 3 + [False] * 2


def test_each_place_has_turns_of_its_own() -> None:
    turns = Turns(burst=1, rate=0.001)
    assert asked(turns, "a", 0.0)
    assert not asked(turns, "a", 0.0)
    assert asked(turns, "b", 0.0)


def test_looking_takes_none() -> None:
    turns = Turns(burst=1, rate=0.001)
    assert all(turns.due("a", 0.0) for _ in range(5))


def test_what_is_remembered_of_places_is_bounded_and_who_asks_is_not_forgotten() -> None:
    turns = Turns(burst=1, rate=0.001)
    assert asked(turns, "flood", 0.0)
    for number in range(2 * MAX_PLACES):
        turns.took(f"other{number}", 0.0)
        turns.took("flood", 0.0)
    assert not turns.due("flood", 0.0)
    assert turns.due("other0", 0.0)
    assert not turns.due(f"other{2 * MAX_PLACES - 1}", 0.0)
