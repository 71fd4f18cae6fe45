"""Which member runs which camera: a pure function of the cameras, the members and who has what now.

Every member computes it alike, so nobody decides alone who could die. What runs well stays where it is: a camera moves
because its member is gone, is being emptied or may not have it (any more), or because another has less than nine tenths
of its share. Where a camera goes is decided by rendezvous hashing (Thaler and Ravishankar, 1996) among those that have
room, so members with nothing in common but the names of cameras and members agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from hashlib import blake2b
from math import log

import attrs

FILLED = 0.9
"""A member with less than this part of its share is filled up to the whole of it from those that have more."""
_BITS = (1 << 64) - 1


@attrs.frozen(kw_only=True)
class Wanted:
    """One camera that some member is to run."""

    camera_id: int
    name: str = ""
    weight: float = 1.0
    """Of a member's capacity."""
    labels: Mapping[str, str] = attrs.field(factory=dict)
    """That its member must have, with these values."""
    near: Mapping[str, str] = attrs.field(factory=dict)
    """That its member should have: such a member with room is taken before any other."""
    not_with: tuple[str, ...] = ()
    """Names of cameras (`hall-*`) that may not be on its member."""


@attrs.frozen(kw_only=True)
class Place:
    """One member that is there."""

    name: str
    capacity: float
    labels: Mapping[str, str] = attrs.field(factory=dict)
    takes_more: bool = True
    """Not while it is cordoned: it keeps what it has."""
    keeps: bool = True
    """Not while it is drained: what it has moves to others, as far as these have room."""


def place(
    wanted: Iterable[Wanted], members: Iterable[Place], now: Mapping[int, str] | None = None
) -> dict[int, str | None]:
    """The member of each camera, None where nobody may have it. `now`: who has it at present, by camera.

    The order of what is given does not matter. A camera is left without a member only where none that may have it has
    room for it, nor could make room by moving others on (with cameras of several weights: as far as it is found).
    """
    table = _Table(sorted(wanted, key=lambda one: one.camera_id), sorted(members, key=lambda one: one.name))
    table.keep(now or {})
    table.settle()
    table.stay(now or {})
    table.fill()
    return table.placed


class _Table:
    """A placement in the making."""

    def __init__(self, wanted: Sequence[Wanted], members: Sequence[Place]) -> None:
        self.members = {one.name: one for one in members}
        self._seeds = {one.name: _seed(f"member {one.name}") for one in members}
        self._takers = [one.name for one in members if one.takes_more and one.keeps]
        self._open = frozenset(self._takers)
        self._load = dict.fromkeys(self.members, 0.0)
        self._on: dict[str, dict[int, Wanted]] = {name: {} for name in self.members}
        self._picky: dict[str, dict[int, Wanted]] = {name: {} for name in self.members}
        """Of those on it, the ones with a `not_with`."""
        self.placed: dict[int, str | None] = {one.camera_id: None for one in wanted}
        seeds = {one.camera_id: _seed(f"camera {one.camera_id}") for one in wanted}
        # Whoever fits into few places comes before those that fit anywhere, the heavy before the light.
        self._wanted = sorted(wanted, key=lambda one: (-_needs(one), -one.weight, seeds[one.camera_id], one.camera_id))
        self._scores = _Scores(seeds, self._seeds, self.members)
        room = sum(one.capacity for one in members if one.keeps)
        total = sum(one.weight for one in wanted)
        self._share = {one.name: total * one.capacity / room if one.keeps and room else 0.0 for one in members}

    def keep(self, now: Mapping[int, str]) -> None:
        """Leave what may stay."""
        for camera in self._wanted:
            holder = now.get(camera.camera_id)
            if holder in self.members and self.members[holder].keeps and self._fits(camera, holder):
                self._put(camera, holder)

    def settle(self) -> None:
        """Find a place for what has none."""
        for camera in self._wanted:
            if self.placed[camera.camera_id] is None:
                if (best := self._best(camera)) is not None:
                    self._put(camera, best)
                else:
                    self._make_room(camera, set())

    def stay(self, now: Mapping[int, str]) -> None:
        """What nobody has room for stays on a member that is being emptied."""
        for camera in self._wanted:
            holder = now.get(camera.camera_id)
            if self.placed[camera.camera_id] is None and holder in self.members and self._fits(camera, holder):
                self._put(camera, holder)

    def fill(self) -> None:
        """Give a member that has too little its share."""
        for name, member in self.members.items():
            share = min(self._share[name], member.capacity)
            if not (member.takes_more and member.keeps) or self._load[name] >= FILLED * share:
                continue
            for camera in sorted(
                self._spare(name), key=lambda one: (self._scores.of(one.camera_id, name), one.camera_id)
            ):
                giver = self.placed[camera.camera_id]
                if giver is not None and self._gains(camera, giver, name, share):
                    self._take(camera, giver)
                    self._put(camera, name)

    def _gains(self, camera: Wanted, giver: str, taker: str, share: float) -> bool:
        """Whether a camera's move brings both members nearer to their shares. Never back again by the same rule."""
        left, got = self._load[giver] - camera.weight, self._load[taker] + camera.weight
        even = left / self.members[giver].capacity >= got / self.members[taker].capacity
        return got <= share and self._load[giver] > self._share[giver] and even and self._fits(camera, taker)

    def _make_room(self, camera: Wanted, seen: set[str]) -> bool:
        """Place a camera where another makes room by moving on, and yet another for that one: an augmenting path."""
        if sum(self.members[name].capacity - self._load[name] for name in self._takers) < camera.weight:
            return False
        for name in self._takers:
            if name in seen or not _has(self.members[name].labels, camera.labels):
                continue
            seen.add(name)
            for other in self._one_of_each(name):
                self._take(other, name)
                if self._fits(camera, name):
                    self._put(camera, name)
                    if (best := self._best(other, but=name)) is not None:
                        self._put(other, best)
                        return True
                    if self._make_room(other, seen):
                        return True
                    self._take(camera, name)
                self._put(other, name)
        self.placed[camera.camera_id] = None
        return False

    def _one_of_each(self, name: str) -> list[Wanted]:
        """Cameras of a member, one of those that may go to the same places."""
        found: dict[tuple[object, ...], Wanted] = {}
        for one in sorted(self._on[name].values(), key=lambda one: one.camera_id):
            found.setdefault((one.weight, one.not_with, tuple(sorted(one.labels.items()))), one)
        return list(found.values())

    def _spare(self, name: str) -> list[Wanted]:
        """Cameras of members that have more than their share, which are no worse off with `name`."""
        labels = self.members[name].labels
        return [
            camera
            for giver, cameras in self._on.items()
            if giver != name and self._load[giver] > self._share[giver]
            for camera in cameras.values()
            if not camera.near or _has(labels, camera.near) or not _has(self.members[giver].labels, camera.near)
        ]

    def _best(self, camera: Wanted, but: str = "") -> str | None:
        """Where a camera goes, of the members with room: to one that is near; of these to one with less than its share,
        the first by its scores; where none has, to the emptiest."""
        best, rank = None, (True, 0.0)
        for name in self._scores.order(camera.camera_id):
            if name == but or name not in self._open or not self._fits(camera, name):
                continue
            far = bool(camera.near) and not _has(self.members[name].labels, camera.near)
            load = self._load[name] + camera.weight
            over = load / self.members[name].capacity if load > max(self._share[name], camera.weight) else 0.0
            if best is None or (far, over) < rank:
                best, rank = name, (far, over)
            if rank == (False, 0.0):
                break
        return best

    def _fits(self, camera: Wanted, name: str) -> bool:
        member = self.members[name]
        return (
            self._load[name] + camera.weight <= member.capacity
            and _has(member.labels, camera.labels)
            and not any(
                _apart(camera, other) for other in (self._on if camera.not_with else self._picky)[name].values()
            )
        )

    def _put(self, camera: Wanted, name: str) -> None:
        self.placed[camera.camera_id] = name
        self._load[name] += camera.weight
        self._on[name][camera.camera_id] = camera
        if camera.not_with:
            self._picky[name][camera.camera_id] = camera

    def _take(self, camera: Wanted, name: str) -> None:
        self._load[name] -= camera.weight
        del self._on[name][camera.camera_id]
        self._picky[name].pop(camera.camera_id, None)


class _Scores:
    """Rendezvous scores. The least wins; a member of twice the capacity wins twice as often."""

    def __init__(self, cameras: Mapping[int, int], seeds: Mapping[str, int], members: Mapping[str, Place]) -> None:
        self._cameras = cameras
        self._members = {name: (seed, 1 / members[name].capacity) for name, seed in seeds.items()}

    def of(self, camera_id: int, name: str) -> float:
        seed, part = self._members[name]
        return -log((_mixed(self._cameras[camera_id] ^ seed) + 0.5) / (_BITS + 1)) * part

    def order(self, camera_id: int) -> list[str]:
        """Names of the members, the best for this camera first."""
        return [name for _, name in sorted((self.of(camera_id, name), name) for name in self._members)]


def _needs(camera: Wanted) -> int:
    return 2 * len(camera.labels) + 2 * bool(camera.not_with) + bool(camera.near)


def _has(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in wanted.items())


def _apart(one: Wanted, other: Wanted) -> bool:
    """Whether one of the two does not want to be where the other is."""
    return any(fnmatchcase(other.name, pattern) for pattern in one.not_with) or any(
        fnmatchcase(one.name, pattern) for pattern in other.not_with
    )


def _seed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _mixed(value: int) -> int:
    """The end of splitmix64 (Steele, Lea and Flood, 2014): each bit of what comes depends on all of what went in."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _BITS
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _BITS
    return value ^ (value >> 31)
