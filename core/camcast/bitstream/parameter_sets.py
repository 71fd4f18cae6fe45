"""The parameter sets that a stream has shown so far, and which of them count."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from camcast.bitstream.syntax import ParameterSet
from camcast.errors import MediaError
from camcast.media import Track

MAX_SET_BYTES = 0xFFFF
"""A record's size fields have 16 bits."""
MAX_SETS = 64

_ById = dict[tuple[int, int], ParameterSet]


class ParameterSets:
    """`order`: the types as keyframes have them. `read` tells which set a unit is, `make` what a track is by its sets.

    Both may raise `MediaError`.
    """

    def __init__(
        self,
        order: tuple[int, ...],
        read: Callable[[bytes], ParameterSet],
        make: Callable[[Mapping[int, Sequence[bytes]]], Track],
    ) -> None:
        self.front: tuple[bytes, ...] = ()
        """Those that count, in their order."""
        self._order = order
        self._read = read
        self._make = make
        self._next: tuple[Track, tuple[bytes, ...]] | None = None
        self._sets: _ById = {}
        self._known: dict[bytes, ParameterSet] = {}

    def learn(self, nals: Sequence[bytes]) -> None:
        """Take in parameter sets. All or none: on `MediaError` nothing has changed."""
        known = self._known
        if all(nal in known for nal in nals):
            return
        if len(nals) > MAX_SETS:
            raise MediaError(f"{len(nals)} parameter sets, at most {MAX_SETS} are allowed")
        came = [known.get(nal) or self._first_seen(nal) for nal in nals]
        sets = dict(self._sets)
        for entry in came:
            sets[entry.type, entry.id] = entry
        for entry in came:
            if entry.nal not in known:
                self._drop_orphans(sets, entry, came)
        if len(sets) > MAX_SETS:
            raise MediaError(f"{len(sets)} parameter sets, at most {MAX_SETS} are allowed")
        by_type = {kind: [sets[key].nal for key in sorted(sets) if key[0] == kind] for kind in self._order}
        if all(by_type.values()):
            front = tuple(nal for nals_of_type in by_type.values() for nal in nals_of_type)
            self._next = None if front == self.front else (self._make(by_type), front)
        self._sets = sets
        self._known = {entry.nal: entry for entry in sets.values()}

    def take(self) -> Track | None:
        """From here on the newest count. Returns their track, or None where they did before."""
        if self._next is None:
            return None
        (track, self.front), self._next = self._next, None
        return track

    def _first_seen(self, nal: bytes) -> ParameterSet:
        if len(nal) > MAX_SET_BYTES:
            raise MediaError(f"parameter set of {len(nal)} bytes, at most {MAX_SET_BYTES} are allowed")
        return self._read(nal)

    def _drop_orphans(self, sets: _ById, changed: ParameterSet, came: Sequence[ParameterSet]) -> None:
        """A changed set that brought its dependants along takes with it those of its old form."""
        order = self._order
        child_type = order[(order.index(changed.type) + 1) % len(order)]
        heirs = [entry for entry in came if entry.type == child_type and entry.parent == changed.id]
        if heirs:
            for key, entry in list(sets.items()):
                if entry.type == child_type and entry.parent == changed.id and entry not in heirs:
                    del sets[key]
