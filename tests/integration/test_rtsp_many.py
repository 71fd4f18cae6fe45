"""Sixteen RTSP cameras at once. `python -m bench.cameras --minutes 60` is the long form."""

from __future__ import annotations

import pytest
from bench.cameras import run

SECONDS = 45


@pytest.mark.timeout(180)
async def test_sixteen_cameras_lose_nothing_and_stay_in_step():
    result = await run(SECONDS)
    assert result.pictures > 16 * 25 * (SECONDS - 2)
    assert result.lost_at_source == result.dropped == result.missing_at_receiver == 0
    assert result.widest_drift < 40
    assert result.memory_growth < 16
    assert result.descriptors[1] <= result.descriptors[0] + 2
