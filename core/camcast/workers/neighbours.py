"""Which cameras must run in one process, because they listen at addresses that they share with each other. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs


@attrs.frozen
class Needs:
    """What one camera's place hangs on."""

    listens: frozenset[str] = frozenset()
    """At which addresses."""
    at_home: bool = False
    """Whether only the first process can run it."""


@attrs.frozen
class Group:
    """Cameras that are connected by addresses, each with another or over others in between."""

    cameras: frozenset[int]
    needs: Needs


def groups(cameras: Mapping[int, Needs]) -> list[Group]:
    """Those of all cameras that listen somewhere, each once."""
    found: list[Group] = []
    for number, needs in cameras.items():
        if needs.listens:
            met = [one for one in found if one.needs.listens & needs.listens]
            found = [one for one in found if one not in met] + [_joined([Group(frozenset({number}), needs), *met])]
    return found


def _joined(parts: Sequence[Group]) -> Group:
    needs = Needs(frozenset().union(*(one.needs.listens for one in parts)), any(one.needs.at_home for one in parts))
    return Group(frozenset().union(*(one.cameras for one in parts)), needs)
