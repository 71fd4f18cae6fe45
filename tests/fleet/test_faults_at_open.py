"""Every fault, at a receiver that lets both publish."""

from __future__ import annotations

import pytest

from camcast.coordinators import Hold
from tests.fleet.faults import Faults, plan_for
from tests.fleet.receivers import Open
from tests.fleet.site import Plan


@pytest.fixture(scope="module", params=list(Hold), ids=lambda hold: str(hold.value))
def plan(request: pytest.FixtureRequest) -> Plan:
    return plan_for(Open, request.param)


class TestFaults(Faults):
    pass
