"""A fleet in one process: pure members, a store in memory, and a clock that is made up.

What counts is `on_air`: which processes really send a camera. A frozen process goes on sending nothing new, but counts
until its kernel ends it, and again if it is let go on before.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

import attrs

from camcast.coordinators import Away, Card, Desired, Hold, News, Order
from camcast.errors import CoordinatorError
from camcast.fleet.actions import Action, Bury, Pass, Put, Release, Renew, Say, Start, Stop, Take
from camcast.fleet.member import Member
from camcast.testing.coordinator import MemoryCoordinator, MemoryStore

T = TypeVar("T")
LEASE = 10.0
TICK = 0.5
ENDING = 1.0
"""Seconds that ending a camera takes."""
COMING = 1.5
"""Seconds from its beginning until a camera is seen to be on the air."""
OVERLAP: dict[str, Any] = {"fleet": {"rules": [{"cameras": "*", "overlap": True}]}}


def now_(doing: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        doing.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise AssertionError("it waits")


@attrs.define(eq=False)
class Process:
    """One machine: the member that runs there, if any, and what of it survives."""

    name: str
    hold: Hold
    capacity: float = 100.0
    member: Member | None = None
    way: MemoryCoordinator | None = None
    on_air: set[int] = attrs.field(factory=set)
    ending: dict[int, float] = attrs.field(factory=dict)
    coming: dict[int, float] = attrs.field(factory=dict)
    dark: bool = False
    """Whether it does not reach the receivers: what it sends, nobody sees."""
    fence: float | None = None
    """When the kernel ends it, as it was last told: a frozen process tells nothing new."""
    slept: bool = False
    """Whether it was frozen since it last renewed its lease."""
    frozen: bool = False
    deaf: bool = False
    """Whether answers to its calls are lost, though they are carried out."""
    lives: int = 0
    disk: tuple[Desired | None, dict[int, int], str] = (None, {}, "")
    said: list[Say] = attrs.field(factory=list)
    missed: list[News] = attrs.field(factory=list)
    """What came while it was frozen."""


class World:
    """`hold` for all members."""

    def __init__(self, names: str = "abc", hold: Hold = Hold.LEASE, capacity: float = 100.0) -> None:
        self.store = MemoryStore()
        self.now = 1000.0
        self.processes = {name: Process(name, hold, capacity) for name in names}
        self.killed_by_kernel = 0

    # --- what happens to processes ------------------------------------------------------------------------

    def start(self, name: str, *, remembers: bool = True) -> None:
        """`remembers`: whether it finds what it had written to its disk, and so knows that its last life is over."""
        process = self.processes[name]
        if process.member is not None:
            return
        process.lives += 1
        desired, fences, previous = process.disk if remembers else (None, {}, "")
        count = iter(range(1000))
        process.member = Member(
            process.name,
            lives=lambda: f"{process.lives}.{next(count)}",
            lease=LEASE,
            hold=process.hold,
            former=[previous],
            desired=desired,
            fences=fences,
        )
        process.way = MemoryCoordinator(self.store, process.name)
        if name in self.store.away:
            process.member.hear(Away("cut off"), self.now)
        else:
            self.store.recite(lambda news: self._hear(process, news))
        self.store.listen(process.way, lambda news: self._hear(process, news))

    def kill(self, name: str) -> None:
        process = self.processes[name]
        if process.member is None:
            return
        process.disk = (process.member.desired, dict(process.member.claims.numbers), process.member.me.incarnation)
        assert process.way is not None
        self.store.listen(process.way, None)
        process.member = process.way = None
        process.on_air.clear()
        process.ending.clear()
        process.coming.clear()
        process.missed.clear()
        process.frozen = process.slept = False
        process.fence = None

    def end(self, name: str) -> None:
        """Have it leave in order."""
        if (member := self.processes[name].member) is not None:
            member.leave()

    def freeze(self, name: str) -> None:
        process = self.processes[name]
        process.frozen = process.slept = process.member is not None

    def thaw(self, name: str) -> None:
        """Go on; the kernel comes first."""
        process = self.processes[name]
        self._fence(process)
        process.frozen = False
        if process.member is not None:
            for news in process.missed:
                process.member.hear(news, self.now)
        process.missed.clear()

    def apply(self, version: int, cameras: int, origin: str = "", **more: Any) -> None:
        """Somebody puts so many cameras."""
        mapping = {"cameras": [{"camera_id": number, "name": f"cam{number}"} for number in range(cameras)], **more}
        desired = Desired(version=version, mapping=mapping, origin=origin)
        now_(MemoryCoordinator(self.store, "operator").put(desired))

    def order(self, name: str, order: Order) -> None:
        now_(MemoryCoordinator(self.store, "operator").order(name, order))

    # --- time -----------------------------------------------------------------------------------------------

    def pass_(self, seconds: float) -> None:
        """Let time pass, with a look at the air at every tick."""
        until = self.now + seconds
        while self.now < until:
            self.now += TICK
            self.tick()

    def tick(self) -> None:
        """Every process does what it wants to do now."""
        for process in self.processes.values():
            self._fence(process)
            if process.member is None or process.frozen:
                continue
            for camera_id in [one for one, at in process.ending.items() if self.now >= at]:
                del process.ending[camera_id]
                process.on_air.discard(camera_id)
                process.member.stopped(camera_id)
            for camera_id in [one for one, at in process.coming.items() if self.now >= at and not process.dark]:
                del process.coming[camera_id]
                process.member.came(camera_id, self.now)
            if process.dark:
                for camera_id in list(process.member.partings.offers):
                    process.member.partings.lost(camera_id)
            actions = process.member.step(self.now)
            self._guard(process, process.member)
            for action in actions:
                self._do(process, process.member, action)
            if process.member.gone:
                self.kill(process.name)
            self.look()

    def look(self) -> None:
        """No camera is on the air twice, as far as members hold to leases."""
        for process in self.processes.values():
            if process.hold is Hold.LEASE:
                for other in self.processes.values():
                    both = set() if other is process else process.on_air & other.on_air
                    both -= _offered(process, other) | _offered(other, process)
                    assert not both, f"at {self.now}: cameras {both} are on the air on {process.name} and {other.name}"

    def where(self) -> dict[int, str]:
        """Who sends each camera."""
        return {camera: one.name for one in self.processes.values() for camera in one.on_air}

    # --- inside ---------------------------------------------------------------------------------------------

    def _hear(self, process: Process, news: News) -> None:
        if process.frozen:
            process.missed.append(news)
        elif process.member is not None:
            process.member.hear(news, self.now)

    def _guard(self, process: Process, member: Member) -> None:
        """As the driver does, which knows no more than the member."""
        if member.hold is Hold.LEASE:
            if not member.running:
                process.fence = None
            elif (at := member.lease.kill_at) is not None:
                process.fence = at

    def _fence(self, process: Process) -> None:
        """What the kernel does. Who was never frozen ends in order before, however the store fails."""
        if process.fence is not None and self.now >= process.fence:
            assert process.slept, f"at {self.now}: {process.name} ran until the kernel ended it"
            self.killed_by_kernel += 1
            self.kill(process.name)

    def _do(self, process: Process, member: Member, action: Action) -> None:
        way = process.way
        assert way is not None
        match action:
            case Start(camera_id):
                process.on_air.add(camera_id)
                process.coming[camera_id] = self.now + COMING
            case Stop(camera_id):
                process.ending[camera_id] = self.now + ENDING
                process.coming.pop(camera_id, None)
            case Say():
                process.said.append(action)
            case Renew():
                card = Card(
                    holder=action.holder,
                    capacity=process.capacity,
                    lease=LEASE,
                    hold=process.hold,
                    leaving=member.leaving,
                )
                try:
                    revision = self._call(process, way.renew(card, action.after))
                except CoordinatorError:
                    member.not_renewed()
                else:
                    member.renewed(action, revision, card, self.now, self.now)
                    process.slept = False
                    # The driver is woken by the answer; the tick that comes next is too late.
                    self._guard(process, member)
            case Bury(name, after):
                self._try(process, way.bury(name, after))
                member.buried(name)
            case Take(camera_id, after):
                holder = member.me
                try:
                    fence = self._call(process, way.claim(camera_id, holder, after))
                except CoordinatorError:
                    member.not_taken(camera_id)
                else:
                    member.taken(camera_id, holder, fence)
            case Pass(camera_id, holder, after, giver):
                self._try(process, way.claim(camera_id, holder, after, giver))
                member.released(camera_id)
            case Release(camera_id, fence):
                self._try(process, way.release(camera_id, fence))
                member.released(camera_id)
            case Put(desired):
                self._try(process, way.put(desired))

    def _call(self, process: Process, doing: Coroutine[Any, Any, T]) -> T:
        result = now_(doing)
        if process.deaf:
            raise CoordinatorError("no answer")
        return result

    def _try(self, process: Process, doing: Coroutine[Any, Any, Any]) -> None:
        try:
            self._call(process, doing)
        except CoordinatorError:
            process.said.append(Say("refused", "the store did not do it"))


def _offered(giver: Process, heir: Process) -> set[int]:
    """Cameras that one has offered to the other, and has not ended yet: both may run them."""
    offers = giver.member.partings.offers if giver.member is not None else {}
    return {camera_id for camera_id, offer in offers.items() if offer.heir.name == heir.name}
