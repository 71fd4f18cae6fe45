"""`camcast run` with a schedule: on the air and off it by the system's clock, which libfaketime sets; with workers."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from camcast.media import MediaKind
from tests.command_run import command_run
from tests.integration.air import recorded
from tests.integration.suspended import set_clock
from tests.media import made
from tests.servers.nginx import Nginx
from tests.servers.process import free_port, wait_for

HOUR = 3600
BUSY = 40.0
"""Seconds for what takes one, on a machine that does much else."""

__all__ = ["set_clock"]


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    with Nginx(tmp_path / "nginx") as server:
        yield server


def clock(hours: int) -> str:
    """What the clock on the wall shows so many hours from now."""
    return f"{datetime.now(UTC) + timedelta(hours=hours):%H:%M}"


def output(nginx: Nginx, name: str) -> dict[str, object]:
    return {"url": nginx.url(name), "connect_timeout": 15}


def test_it_goes_off_and_on_and_all_of_it_arrives(
    nginx: Nginx, tmp_path: Path, set_clock: Callable[[int], dict[str, str]]
) -> None:
    port = free_port()
    source = {"type": "file", "url": str(made("h264_aac")), "options": {"loop": True}}
    schedule = {"timezone": "UTC", "windows": [{"start": clock(2), "stop": clock(4)}]}
    config = {
        "system": {"workers": 2},
        "services": {"http": {"port": port}},
        "cameras": [
            {"camera_id": 0, "streams": [{"source": source, "rtmp": {**output(nginx, "day"), "schedule": schedule}}]},
            {"camera_id": 1, "streams": [{"source": source, "rtmp": output(nginx, "always")}]},
        ],
    }

    def on(name: str) -> bool:
        return name in nginx.publishing("record")

    def ready() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            return bool(answer.status == 200)

    with command_run(tmp_path, config, **set_clock(0)) as command:
        wait_for(lambda: on("always"), timeout=BUSY)
        wait_for(lambda: "Session cam0_main: off by its schedule until " in command.log, timeout=BUSY)
        assert not on("day")
        for hours, wanted in ((3, True), (5, False), (3, True), (0, False)):
            set_clock(hours * HOUR)
            wait_for(lambda wanted=wanted: on("day") is wanted, timeout=BUSY)  # type: ignore[misc]
            if wanted:
                # For longer than a second, as nginx names its recordings by that.
                nginx.wait_publishing("day", "record", least=200_000, timeout=BUSY)
        wait_for(ready, timeout=BUSY)
        figures = command.end()
    assert command.process.returncode == 0
    day, always = figures["sessions"]
    assert (day["health"], day["state"], day["failed_attempts"], day["attempts"]) == (
        "scheduled off",
        "disconnected",
        0,
        2,
    )
    assert day["schedule"].startswith("off by its schedule until ")
    assert day["downtime"] < 5
    assert (always["healthy"], always["attempts"], always["moves"]) == (True, 1, 0)
    # Every unit that there was to send is sent or counted, and what was sent is what the server has.
    got = recorded(nginx.recordings("day"))
    for kind in MediaKind:
        drops = sum(count for why, count in day["dropped"].items() if why.startswith(kind.value))
        assert day[f"{kind.value}_offered"] == day[f"{kind.value}_sent"] + drops
        replayed = day["replayed"] if kind is MediaKind.VIDEO else 0
        assert got[kind] == day[f"{kind.value}_sent"] + replayed
