from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.core.world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A made-up world; its engine is stopped at the end."""
    made = World()
    yield made
    await made.close()
