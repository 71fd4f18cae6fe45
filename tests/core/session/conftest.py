"""What the tests of a session's pure pieces share: a clock in hand."""

from __future__ import annotations

import pytest
from tests.core.session.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()
