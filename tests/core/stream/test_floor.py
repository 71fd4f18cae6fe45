"""When a picture is made smaller, and when it is as it was."""

from __future__ import annotations

from camcast.stream.floor import DOWN, FAILED, MAX_UP, SPARE, UP, Floor

BELOW = 600_000


def play(floor: Floor, start: float, seconds: float, bitrate: int) -> float:
    for at in range(int(seconds * 4)):
        floor.look(start + at / 4, bitrate, BELOW)
    return start + seconds


def test_it_is_made_smaller_once_the_bitrate_stays_below() -> None:
    floor = Floor()
    at = play(floor, 0.0, 60, BELOW)
    assert not floor.small, "at it is not below it"
    # A queue that is to go takes the bitrate down for 2.5 s.
    at = play(floor, at, 2.5, BELOW - 1)
    at = play(floor, at, 0.5, BELOW)
    at = play(floor, at, 2.5, BELOW - 1)
    assert not floor.small, "a dip while a queue goes is none"
    play(floor, at, 1.0, BELOW - 1)
    assert floor.small


def test_it_is_as_it_was_only_with_room_to_spare() -> None:
    floor = Floor(small=True)
    at = play(floor, 0.0, 60, int(SPARE * BELOW) - 1)
    assert floor.small
    at = play(floor, at, UP - 0.5, int(SPARE * BELOW))
    assert floor.small
    play(floor, at, 1.0, int(SPARE * BELOW))
    assert not floor.small


def test_where_that_fails_it_is_tried_ever_more_seldom() -> None:
    floor, now, waits = Floor(small=True), 0.0, []
    for _ in range(7):
        start = now
        while floor.look(now, int(SPARE * BELOW), BELOW):
            now += 0.25
        waits.append(now - start)
        while not floor.look(now, BELOW - 1, BELOW):
            now += 0.25
    assert waits == [UP, 2 * UP, 4 * UP, 8 * UP, MAX_UP, MAX_UP, MAX_UP]
    # What has held for a while has not failed.
    while floor.look(now, int(SPARE * BELOW), BELOW):
        now += 0.25
    now = play(floor, now, FAILED, int(SPARE * BELOW))
    now = play(floor, now, DOWN + 1, BELOW - 1)
    play(floor, now, UP + 1, int(SPARE * BELOW))
    assert not floor.small
