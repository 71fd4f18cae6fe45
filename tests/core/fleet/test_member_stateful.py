"""Random sequences of deaths, freezes, cuts, lost answers and lost stores, against what must hold whatever happens.

The faults that a real fleet is tested with are all among them: a member killed, frozen, cut off from the store or from
the receivers only, all started anew, another leader, a store that lost everything, one cut off from the two others.

With `lease`: never is one camera on the air twice, at any tick. With either: once all is well again, every camera is on
the air once, on a member that has room for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.core.fleet.world import LEASE, OVERLAP, World

from camcast.coordinators import Hold, Order

NAMES = st.sampled_from("abc")
CAMERAS = 6


class Fleet(RuleBasedStateMachine):
    hold = Hold.LEASE
    more: ClassVar[Mapping[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.world = World(hold=self.hold, capacity=CAMERAS)
        self.version = 1
        self.cameras = CAMERAS

    @initialize(ready=st.booleans())
    def begin(self, ready: bool) -> None:
        for name in "abc":
            self.world.start(name)
        self.world.apply(1, CAMERAS, **self.more)
        if ready:
            self.world.pass_(LEASE + 3)

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0, 4.0, 6.5, 9.0, 11.0, 25.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.pass_(seconds)

    @rule(name=NAMES)
    def killed(self, name: str) -> None:
        self.world.kill(name)

    @rule(name=NAMES)
    def ended_in_order(self, name: str) -> None:
        self.world.end(name)

    @rule(name=NAMES, remembers=st.booleans())
    def started(self, name: str, remembers: bool) -> None:
        self.world.start(name, remembers=remembers)

    @rule(name=NAMES)
    def frozen(self, name: str) -> None:
        self.world.freeze(name)

    @rule(name=NAMES)
    def thawed(self, name: str) -> None:
        self.world.thaw(name)

    @rule(name=NAMES)
    def cut(self, name: str) -> None:
        self.world.store.cut(name)

    @rule(name=NAMES, after=st.integers(0, 3 + CAMERAS))
    def cut_in_the_middle(self, name: str, after: int) -> None:
        self.world.store.cut_midway(name, after)

    @rule(name=NAMES)
    def healed(self, name: str) -> None:
        self.world.store.heal(name)

    @rule(name=NAMES, deaf=st.booleans())
    def answers_are_lost(self, name: str, deaf: bool) -> None:
        self.world.processes[name].deaf = deaf

    @rule()
    def all_are_started_anew(self) -> None:
        for name in "abc":
            self.world.kill(name)
            self.world.start(name)

    @rule()
    def the_store_has_another_leader(self) -> None:
        """Which costs everybody the connection, and nothing else."""
        for name in "abc":
            self.world.store.again(name, "another leader")

    @rule(name=NAMES, dark=st.booleans())
    def the_receivers_are_away(self, name: str, dark: bool) -> None:
        """From one member only; it keeps its lease."""
        self.world.processes[name].dark = dark

    @rule()
    def the_store_loses_everything(self) -> None:
        self.world.store.wipe()

    @rule(name=NAMES, order=st.sampled_from(Order))
    def ordered(self, name: str, order: Order) -> None:
        self.world.order(name, order)

    @rule(cameras=st.integers(1, CAMERAS))
    def applied(self, cameras: int) -> None:
        known = [one.member.desired for one in self.world.processes.values() if one.member and one.member.desired]
        self.version = max([self.version, *(one.version for one in known)]) + 1
        self.cameras = cameras
        self.world.apply(self.version, cameras, **self.more)

    @invariant()
    def nothing_is_on_the_air_twice(self) -> None:
        self.world.look()

    def teardown(self) -> None:
        """All is mended, by people who know what they want: then everything runs, once."""
        world = self.world
        for name in "abc":
            world.processes[name].deaf = world.processes[name].dark = False
            world.thaw(name)
            world.store.heal(name)
            member = world.processes[name].member
            if member is not None and member.leaving:
                world.kill(name)  # who looks after it has waited for long enough
            world.start(name)
            world.order(name, Order.NONE)
        world.pass_(1)
        self.applied(CAMERAS)
        world.pass_(6 * LEASE)
        assert Counter(camera for one in world.processes.values() for camera in one.on_air) == Counter(range(CAMERAS))


class Forever(Fleet):
    hold = Hold.FOREVER


class Overlapping(Fleet):
    """Two may have a camera on the air while the one gives it to the other, and never anybody else."""

    more = OVERLAP


TestLease = Fleet.TestCase
TestLease.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestForever = Forever.TestCase
TestForever.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestOverlapping = Overlapping.TestCase
TestOverlapping.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
