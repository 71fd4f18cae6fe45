"""The store in memory passes the kit, and the kit finds what a coordinator does wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

import camcast
from camcast.coordinators import (
    Card,
    CoordinatorContext,
    CoordinatorKind,
    Holder,
    News,
    Synced,
)
from camcast.host import PluginHost
from camcast.testing.conformance import CoordinatorConformance, RuleBroken
from camcast.testing.conformance.coordinator_bench import CoordinatorBench
from camcast.testing.conformance.coordinator_rules import RULES
from camcast.testing.coordinator import MemoryCoordinator, MemoryPlugin


class TestMemory(CoordinatorConformance):
    kind = "memory"
    plugin = MemoryPlugin()
    url = "memory://"


class Blind(MemoryCoordinator):
    """Replaces a lease without looking."""

    async def renew(self, card: Card, after: int) -> int:
        there = self._store.members.get(card.holder.name)
        return await super().renew(card, there.revision if there else 0)


class Hurried(MemoryCoordinator):
    """Says that it has told everything before it has."""

    async def run(self, hear: Callable[[News], object]) -> None:
        hear(Synced("1"))
        await super().run(hear)


class Forgetful(MemoryCoordinator):
    """Begins to count anew where it has no record."""

    async def claim(self, camera_id: int, holder: Holder, after: int, giver: Holder | None = None) -> int:
        return await super().claim(camera_id, holder, after if camera_id in self._store.claims else 0, giver)


class Greedy(MemoryCoordinator):
    """Lets everybody have a camera."""

    async def claim(self, camera_id: int, holder: Holder, after: int, giver: Holder | None = None) -> int:
        there = self._store.claims.get(camera_id)
        return await super().claim(camera_id, holder, there.fence if there else 0, giver)


class Silent(MemoryCoordinator):
    """Does not tell who gives a camera."""

    async def claim(self, camera_id: int, holder: Holder, after: int, giver: Holder | None = None) -> int:
        return await super().claim(camera_id, holder, after)


FAULTS = [
    (Blind, "a_lease_is_renewed_by_who_knows_it"),
    (Hurried, "tells_what_there_was_before_it_says_synced"),
    (Forgetful, "a_lost_record_does_not_take_numbers_back"),
    (Greedy, "one_of_those_who_contend_wins"),
    (Greedy, "fencing_numbers_rise"),
    (Silent, "tells_what_changes"),
]


@pytest.mark.parametrize(("fault", "rule"), FAULTS, ids=lambda one: getattr(one, "__name__", one))
def test_the_kit_finds_it(fault: type[MemoryCoordinator], rule: str) -> None:
    plugin = MemoryPlugin()

    class Broken:
        @camcast.hookimpl
        def camcast_coordinators(self) -> Sequence[CoordinatorKind]:
            return [CoordinatorKind(name="broken", title="", schemes=("broken",), build=self.build)]

        def build(self, context: CoordinatorContext) -> MemoryCoordinator:
            return fault(plugin.stores[context.fleet], context.name)

    host = PluginHost(entry_points=False)
    host.register(Broken())
    with pytest.raises(RuleBroken):
        RULES.named(rule).run(CoordinatorBench(host, host.coordinators["broken"], "broken://", {}))
