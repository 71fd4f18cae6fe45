"""Numbers of cameras and streams: unique among their siblings, and given where they are not written."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.config.place import Place


def assigned(written: Sequence[int], places: Sequence[Place]) -> list[int]:
    """The ids as written; each below 0 becomes the lowest that is free. One that is taken is told at its place."""
    first: dict[int, Place] = {}
    for number, place in zip(written, places, strict=True):
        if number >= 0 and first.setdefault(number, place) is not place:
            place.wrong(f"{number} is taken by {first[number].path}; ids are unique")
    free = (number for number in range(len(written) + len(first) + 1) if number not in first)
    return [number if number >= 0 else next(free) for number in written]
