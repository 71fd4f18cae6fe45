"""The link is honest: what a plain TCP socket sees of it is what was asked for.

Time in which those that measure waited for a processor is taken off: then they saw nothing of the link.
"""

from __future__ import annotations

import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.far.path import ALGORITHMS, Path, available
from tests.far.starved import Starved
from tests.servers.process import wait_for

ROUND_TRIP, RATE = 0.15, 2_500_000
SLACK = 0.05
"""Seconds that a round trip may take longer."""
SEGMENT = 1448 / 1500
"""What TCP carries of a full IP packet: 20 bytes are IP's, 32 TCP's with timestamps."""


@contextmanager
def connection(path: Path) -> Iterator[tuple[socket.socket, socket.socket, float]]:
    """(ours, theirs, seconds that connecting took)."""
    with path.there():
        listening = socket.create_server((path.address, 0))
    with path.here():
        ours = socket.socket()
    with closing(listening), closing(ours):
        ours.settimeout(10)
        began = time.monotonic()
        ours.connect(listening.getsockname())
        took = time.monotonic() - began
        theirs, _ = listening.accept()
        with closing(theirs):
            theirs.settimeout(10)
            yield ours, theirs, took


def answer_time(ours: socket.socket, theirs: socket.socket) -> float:
    """Seconds from a byte to its answer."""
    began = time.monotonic()
    ours.sendall(b"?")
    assert theirs.recv(1) == b"?"
    theirs.sendall(b"!")
    assert ours.recv(1) == b"!"
    return time.monotonic() - began


class Flood:
    """Sends as fast as the link takes it, until stopped; counts what comes out on the other side."""

    def __init__(self, ours: socket.socket, theirs: socket.socket) -> None:
        self.received = 0
        self._ours, self._theirs = ours, theirs
        self._going = True
        self._threads = [threading.Thread(target=self._send), threading.Thread(target=self._receive)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._going = False
        for thread in self._threads:
            thread.join(20)

    def _send(self) -> None:
        while self._going:
            self._ours.sendall(bytes(8192))
        self._ours.shutdown(socket.SHUT_WR)

    def _receive(self) -> None:
        while data := self._theirs.recv(65536):
            self.received += len(data)


def test_what_this_kernel_cannot_do_is_said() -> None:
    """Every other test here takes the congestion controls that the kernel has."""
    assert "cubic" in available()
    for missing in set(ALGORITHMS) - set(available()):
        warnings.warn(
            f"this kernel has no congestion control {missing!r} (modprobe tcp_{missing}?): far servers are tested "
            "without it",
            stacklevel=1,
        )


@pytest.mark.parametrize("congestion", available())
def test_a_plain_socket_sees_the_round_trip_and_the_rate(congestion: str) -> None:
    with Path(round_trip=ROUND_TRIP, rate=RATE, near=True, congestion=congestion) as path, connection(path) as found:
        ours, theirs, connecting = found
        starved = Starved(path)
        used = ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()
        assert used == congestion
        best = min(connecting, *(answer_time(ours, theirs) for _ in range(3)))
        assert ROUND_TRIP <= best < ROUND_TRIP + SLACK + starved.seconds
        flood = Flood(ours, theirs)
        time.sleep(2.0)  # a slow start is no part of the rate
        starved.anew()
        (before, _), at, bytes_before = path.counts(), time.monotonic(), flood.received
        time.sleep(4.0)
        (after, _), seconds, received = path.counts(), time.monotonic() - at, flood.received - bytes_before
        late = starved.seconds
        flood.stop()
        on_the_wire = after.bytes - before.bytes
        assert 0.9 * RATE * (seconds - late) < on_the_wire * 8 < 1.02 * RATE * (seconds + late)
        # Sent again after a loss, a packet crosses the wire twice; handed out late, it counts in another second.
        assert 0.8 * RATE * (seconds - late) < received * 8 / SEGMENT < 1.15 * RATE * (seconds + late)
        assert after.most_queued > 0.9 * RATE / 8 * 0.3, "the queue was never full"


def test_without_a_rate_nothing_is_slowed_down_or_lost() -> None:
    with Path(round_trip=0.02) as path, connection(path) as (ours, theirs, _):
        flood = Flood(ours, theirs)
        # More than anything that has a rate here carries in all that time.
        wait_for(lambda: flood.received > 10e6, timeout=20, why="10 MB")
        flood.stop()
        for way in path.counts():
            assert way.overflowed == way.lost == way.cut == 0


def test_a_cut_link_carries_nothing_and_recovers_by_itself() -> None:
    with Path(round_trip=0.05) as path, connection(path) as (ours, theirs, _):
        starved = Starved(path)
        assert answer_time(ours, theirs) < 0.05 + SLACK + starved.seconds
        path.cut(0.6)
        starved.anew()
        took = answer_time(ours, theirs)
        assert 0.6 - starved.seconds < took < 3.0 + starved.seconds
        assert path.counts()[0].cut > 0
        assert answer_time(ours, theirs) < 0.05 + SLACK + starved.seconds


def test_a_link_that_loses_packets_is_felt_and_survived() -> None:
    with Path(round_trip=0.02, rate=10e6, loss=0.02) as path, connection(path) as (ours, theirs, _):
        flood = Flood(ours, theirs)
        wait_for(lambda: flood.received > 500_000 and path.counts()[0].lost > 5, timeout=20, why="500 kB and losses")
        flood.stop()


def test_two_paths_are_apart() -> None:
    with Path(round_trip=0.3) as far, Path(round_trip=0.02) as near, connection(far) as one, connection(near) as other:
        starved = Starved(far, near)
        assert min(other[2], answer_time(*other[:2])) < 0.02 + SLACK + starved.seconds
        assert one[2] >= 0.3
        far.cut(60.0)
        assert answer_time(*other[:2]) < 0.02 + SLACK + starved.seconds
