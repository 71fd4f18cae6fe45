"""Numbers of cameras and streams, and names of streams: unique among their siblings, and given where not written."""

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


def check_names(names: Sequence[str], places: Sequence[Place]) -> None:
    """A camera's streams that run have names of their own: labels, figures and templates know them by nothing else."""
    first: dict[str, Place] = {}
    for name, place in zip(names, places, strict=True):
        if first.setdefault(name, place) is not place:
            place.wrong(f'"{name}" is the name of {first[name].path.rpartition(".")[0]} already; give each its own')
