"""Every fault, at a receiver that refuses the newcomer while it has the name."""

from __future__ import annotations

import pytest

from camcast.coordinators import Hold
from tests.fleet.faults import Faults, plan_for
from tests.fleet.receivers import Holding
from tests.fleet.site import Plan


@pytest.fixture(scope="module", params=list(Hold), ids=lambda hold: str(hold.value))
def plan(request: pytest.FixtureRequest) -> Plan:
    return plan_for(Holding, request.param)


class TestFaults(Faults):
    pass
