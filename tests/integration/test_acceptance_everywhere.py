"""The acceptance tests are all there, and each of them runs here and 150 ms away."""

from __future__ import annotations

import inspect

from tests.integration import test_stays_on_air_acceptance_1_to_6 as first
from tests.integration import test_stays_on_air_acceptance_7_to_11 as second
from tests.integration.place import ROUND_TRIP, FarPlace, Place, place


def test_each_runs_with_its_servers_here_and_far_away() -> None:
    found = {name: test for module in (first, second) for name, test in vars(module).items() if "acceptance_" in name}
    assert {int(name.removeprefix("test_acceptance_")[:2]) for name in found} == set(range(1, 12))
    for name, test in found.items():
        assert "place" in inspect.signature(test).parameters, f"{name} does not ask for a place"
    assert first.place is second.place is place
    assert issubclass(FarPlace, Place)
    assert ROUND_TRIP == 0.15
