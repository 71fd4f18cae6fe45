"""What systemd is told of `camcast run`: that it is ready, how it is, that it reads its file again, that it lives."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from tests.cli.test_run import start
from tests.cli.test_terminal import SOURCE, metrics
from tests.core.session.test_session import chain
from tests.core.world import World, until

from camcast.camera.stats import Stats
from camcast.cli.service_manager import Flow, ServiceManager
from camcast.events import SessionState
from camcast.session.metrics import total


class Manager:
    """A service manager's socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(30)

    def next(self, *without: str) -> str:
        """The next message, but for those that begin like one of `without`."""
        while (text := self._socket.recv(4096).decode()).startswith(without):
            pass
        return text

    def waiting(self) -> list[str]:
        """All that have come."""
        self._socket.setblocking(False)
        found = []
        try:
            while True:
                found.append(self._socket.recv(4096).decode())
        except BlockingIOError:
            return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.close()


def test_it_is_told_from_the_beginning_to_the_end(manager: Manager, tmp_path: Path) -> None:
    camera = {"streams": [{"source": {"type": "testsrc"}, "outputs": {"a": {"url": "rtmp://127.0.0.1:9/a/b"}}}]}
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"cameras": [camera]}))
    environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "900000"}
    with start(file, "--plain", env=environment) as process:
        assert manager.next() == "READY=1"
        assert manager.next() == "WATCHDOG=1"
        assert manager.next("WATCHDOG").startswith("STATUS=0 of 1 sessions connected")
        process.send_signal(signal.SIGHUP)
        begun = manager.next("WATCHDOG", "STATUS")
        assert begun.startswith("RELOADING=1\nMONOTONIC_USEC=")
        assert int(begun.partition("USEC=")[2]) > 0
        assert manager.next("WATCHDOG", "STATUS") == "READY=1"
        file.write_text("{")
        process.send_signal(signal.SIGHUP)
        assert manager.next("WATCHDOG", "STATUS").startswith("RELOADING=1")
        assert manager.next("WATCHDOG", "STATUS") == "READY=1"
        process.terminate()
        assert manager.next("WATCHDOG", "STATUS").startswith("STOPPING=1")
        _, log = process.communicate(timeout=20)
    assert "Not reloaded" in log


@pytest.mark.parametrize("address", ["", "relative", "/nobody/is/here", "@camcast-test-nobody"])
def test_without_a_manager_nothing_is_told_and_nothing_fails(address: str) -> None:
    one = ServiceManager({"NOTIFY_SOCKET": address} if address else {})
    one.ready()
    one.stopping()
    with one.reloading():
        assert one.watchdog is None


def test_names_of_the_kernel_are_understood() -> None:
    name = f"camcast-test-{os.getpid()}"
    manager = Manager(f"\0{name}")
    ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).ready()
    assert manager.next() == "READY=1"
    manager.close()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_a_watchdog_counts_where_it_waits_for_us(environment: dict[str, str], seconds: float | None) -> None:
    assert ServiceManager({"NOTIFY_SOCKET": "/run/notify", **environment}).watchdog == seconds
    assert ServiceManager(environment).watchdog is None


async def test_a_loop_that_stands_still_feeds_no_watchdog(manager: Manager, tmp_path: Path) -> None:
    world = World()
    engine = await world.start(chain("a"))
    one = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "60000"})
    task = asyncio.create_task(one.watch(engine))
    fed = 0

    def feeds() -> bool:
        nonlocal fed
        fed += manager.waiting().count("WATCHDOG=1")
        return fed > 2

    await until(feeds)
    manager.waiting()
    time.sleep(0.3)  # noqa: ASYNC251  this is what holds the loop
    assert manager.waiting() == []
    await until(feeds)
    task.cancel()
    await world.close()


LIVE = metrics(state=SessionState.CONNECTED, video_offered=100)
FED = attrs.evolve(SOURCE, video_received=100)


def stats(offered: int, received: int, state: SessionState = SessionState.CONNECTED) -> Stats:
    session = attrs.evolve(LIVE, video_offered=offered, state=state)
    return Stats(
        uptime=1,
        sessions=(session,),
        streams=(attrs.evolve(FED, video_received=received),),
        totals=total([session]),
    )


@pytest.mark.parametrize(
    ("second", "well"),
    [
        (stats(110, 110), True),
        (stats(100, 110), False),
        (stats(100, 100), True),  # the camera brings nothing
        (stats(100, 110, SessionState.ERROR), True),  # the server is gone
    ],
)
def test_media_that_comes_must_go_on(second: Stats, well: bool) -> None:
    flow = Flow()
    assert flow.goes_on(stats(100, 100))
    assert flow.goes_on(second) is well


def test_one_stream_that_stands_still_is_no_reason_to_end_the_others() -> None:
    flow = Flow()

    def both(first: int, second: int, received: int) -> Stats:
        other = attrs.evolve(LIVE, key=attrs.evolve(LIVE.key, camera_id=1), video_offered=second)
        sessions = (attrs.evolve(LIVE, video_offered=first), other)
        streams = tuple(attrs.evolve(FED, camera_id=camera, video_received=received) for camera in (0, 1))
        return Stats(uptime=1, sessions=sessions, streams=streams, totals=total(sessions))

    assert flow.goes_on(both(10, 10, 10))
    assert flow.goes_on(both(20, 10, 20))
    assert not flow.goes_on(both(20, 10, 30))
