"""Sixteen RTSP cameras at once. `make soak-cameras` is the long form."""

from __future__ import annotations

import pytest
from bench.cameras import Cameras

SECONDS = 45


@pytest.mark.timeout(180)
async def test_sixteen_cameras_lose_nothing_and_stay_in_step() -> None:
    run = Cameras(SECONDS)
    await run.run()
    assert run.trouble == []
    assert run.pictures > 16 * 25 * (SECONDS - 2)
    first, last = run.watch.samples[0], run.watch.samples[-1]
    assert last.memory < first.memory + 16
    assert last.descriptors <= first.descriptors + 2
    assert last.tasks <= first.tasks + 2
