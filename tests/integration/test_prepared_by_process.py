"""`camcast run` whose server falls silent: the next one is connected to before the first is given up."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from camcast_rtmp.receiver import Receiver
from tests.cli.test_night_figures import Relay
from tests.integration.test_odd_servers import ended, running, shows

PREPARED = 0.1
"""Seconds between connecting and publishing, at the least: by the rule it is two fifths of the timeout."""


@pytest.mark.parametrize("stall_timeout", [1.25, 0.75])
async def test_also_with_a_short_timeout(tmp_path: Path, stall_timeout: float) -> None:
    connected: list[float] = []
    published: list[float] = []
    async with Receiver() as first, Receiver() as second:
        second.on_connect = lambda app, properties: connected.append(time.monotonic())
        second.on_publish = lambda app, key: published.append(time.monotonic())
        relay = Relay(first.port)
        chain = [f"rtmp://127.0.0.1:{relay.port}/live/cam", second.url("live", "cam")]
        output = {"urls": chain, "stall_timeout": stall_timeout}
        async with running(tmp_path, "", loop=True, outputs={"odd": output}) as process:
            recording = await first.recording("cam", timeout=40)
            await first.until(lambda: shows(recording), timeout=40)
            relay.silent.set()
            following = await second.recording("cam", timeout=40)
            await second.until(lambda: shows(following), timeout=40)
            process.terminate()
            _, log = await ended(process)
        relay.close()
        assert second.accepted == 1
    assert "stalled" in log
    assert published[0] - connected[0] > PREPARED, log
