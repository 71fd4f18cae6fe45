"""What services cost the streams beside which they run: files to nginx-rtmp from one process, with and without them.

1. Everything on (the interface with somebody who watches the page, Prometheus scraped every 15 s, a webhook, MQTT)
   against nothing on, in turns: CPU and memory; first without the page's pictures, then with them, of which the page
   fetches one every 4 s. Reach: at most 5 % more CPU and 15 MB more memory.
2. 1,000 requests a second to the interface: the time from a packet's arrival to the end of its send. Reach: p99 within
   twice that of the runs without requests before and after it.

    python -m bench.beside [--streams 64] [--seconds 15] [--rounds 3] [--rate 1000]
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tests.servers.mosquitto import Mosquitto
from tests.servers.process import free_port

from bench.case import Case, Run, measure
from bench.report import Row, keep, show
from bench.server import BenchServer

MOST_CPU, MOST_MB, FACTOR = 5.0, 15.0, 2.0
"""% more, MB more, times the p99."""
SCRAPE = 15.0
LOOK = PICTURE = 4.0
"""Seconds between two looks of the page, and between two of its pictures, as its scripts have it for 50 outputs or more
of which nothing happens to any."""
AGAIN = 0.5
"""Seconds after which somebody is asked again who was not there."""
SETTLE = 5.0
"""Seconds in which services load what they need, which is no running cost."""
PATHS = ("/api/v1/status", "/api/v1/sessions/0/0/rtmp", "/healthz", "/api/v1/events?limit=10")


class Services:
    """Everything on, and everybody who would ask it."""

    def __init__(self, broker: str, streams: int, *, pictures: bool) -> None:
        self._shown = range(streams) if pictures else range(0)
        self.http, self.prometheus = free_port(), free_port()
        self.options: dict[str, Any] = {
            "http": {"port": self.http},
            "prometheus": {"listen": f"127.0.0.1:{self.prometheus}"},
            "webhook": {"url": "http://127.0.0.1:9/", "retry_policy": {"max_attempts": 0}},
            "mqtt": {"url": broker},
        }
        self._ended = threading.Event()

    @contextlib.contextmanager
    def asked(self) -> Iterator[None]:
        """The page is open, and Prometheus scrapes."""
        pictures = [f"/api/v1/streams/{camera}/0/snapshot.jpg?small=true" for camera in self._shown]
        asking = [
            threading.Thread(target=self._every, args=(LOOK, self.http, ["/api/v1/overview"])),
            threading.Thread(target=self._every, args=(PICTURE, self.http, pictures)),
            threading.Thread(target=self._every, args=(SCRAPE, self.prometheus, ["/metrics"])),
            threading.Thread(target=self._listen, args=(self.http, "/api/v1/events")),
        ]
        for one in asking:
            one.start()
        try:
            yield
        finally:
            self._ended.set()
            for one in asking:
                one.join()

    def _every(self, seconds: float, port: int, paths: list[str]) -> None:
        """As browsers and scrapers do: over one connection that stays, from when there is somebody to ask."""
        connection, pause = http.client.HTTPConnection("127.0.0.1", port, timeout=10), AGAIN
        for path in itertools.cycle(paths):
            if self._ended.wait(pause):
                break
            try:
                connection.request("GET", path)
                connection.getresponse().read()
                pause = seconds
            except (OSError, http.client.HTTPException):
                connection.close()
        connection.close()

    def _listen(self, port: int, path: str) -> None:
        """To what happens, from the interface's beginning on."""
        asked = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n".encode()
        while not self._ended.wait(AGAIN):
            with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), 1.0) as connection:
                connection.sendall(asked)
                while not self._ended.is_set():
                    with contextlib.suppress(TimeoutError):
                        if not connection.recv(65536):
                            break


@contextlib.contextmanager
def flooded(port: int, rate: float, seconds: float) -> Iterator[dict[str, Any]]:
    """So many requests a second meanwhile; filled at the end with what became of them."""
    command = [sys.executable, "-m", "bench.requests", *map(str, (port, rate, seconds)), *PATHS]
    found: dict[str, Any] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
        try:
            yield found
            out, _ = load.communicate(timeout=seconds + 30)
            found |= json.loads(out)
        finally:
            load.kill()


class Bench:
    """All runs, at one server."""

    def __init__(self, server: BenchServer, broker: str, streams: int, seconds: float) -> None:
        self._server, self._broker = server, broker
        self._case = Case(way="file", streams=streams)
        self._seconds = seconds
        self._number = 0

    @property
    def streams(self) -> int:
        return self._case.streams

    def off(self, *, probe: bool = False) -> Run:
        """Without any service."""
        return self._measured(probe=probe)

    def on(self, *, pictures: bool) -> Run:
        """With all, and everybody who asks."""
        services = Services(self._broker, self._case.streams, pictures=pictures)
        with services.asked():
            return self._measured(services=services.options, on_air=lambda: time.sleep(SETTLE))

    def flooded(self, rate: float) -> tuple[Run, dict[str, Any]]:
        """With the interface, which is asked so often a second once it is on the air."""
        port = free_port()
        with contextlib.ExitStack() as stack:
            found: dict[str, Any] = {}

            def begin() -> None:
                nonlocal found
                found = stack.enter_context(flooded(port, rate, self._seconds))

            run = self._measured(probe=True, services={"http": {"port": port}}, on_air=begin)
            stack.close()
        return run, found

    def _measured(self, **more: Any) -> Run:
        self._number += 1
        run = measure(self._case, self._server, f"beside{self._number}-", self._seconds, **more)
        if run.error:
            raise SystemExit(f"run {self._number}: {run.error}")
        return run


def costs(bench: Bench, rounds: int, *, pictures: bool) -> Row:
    """Everything on against nothing on, in turns."""
    pairs = []
    for _ in range(rounds):
        off, on = bench.off(), bench.on(pictures=pictures)
        pairs.append((off, on, bench.off()))
        time.sleep(1)
    more = [100 * (on.cpu / ((off.cpu + again.cpu) / 2) - 1) for off, on, again in pairs]
    memory = [on.memory - (off.memory + again.memory) / 2 for off, on, again in pairs]
    return {
        "what": f"everything on, the page open{', with its pictures' if pictures else ''}",
        "CPU without, % of a core": round(median(off.cpu for off, _, _ in pairs) * bench.streams, 1),
        "CPU more, %": round(median(more), 1),
        "in each round": ", ".join(f"{one:.1f}" for one in more),
        "MB more": round(median(memory), 1),
        "lost": sum(run.lost for three in pairs for run in three),
        "reached": median(more) <= MOST_CPU and median(memory) <= MOST_MB,
    }


def requests(bench: Bench, rate: float) -> Row:
    """Requests beside the streams, between two runs without."""
    before = bench.off(probe=True)
    flooded, answers = bench.flooded(rate)
    after = bench.off(probe=True)
    calm = max(before.delays[1], after.delays[1])
    return {
        "what": f"{rate:.0f} requests a second",
        "answered a second": answers["a second"],
        "failed": answers["failed"],
        "answer, ms": " / ".join(map(str, answers["ms p50, p99, max"])),
        "p99 without, ms": round(calm, 2),
        "p99 with, ms": round(flooded.delays[1], 2),
        "lost": before.lost + flooded.lost + after.lost,
        "reached": flooded.delays[1] <= FACTOR * calm and not flooded.lost,
    }


def main() -> int:
    """Measure, show, keep, and say whether the reaches are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=1000.0)
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(Mosquitto(folder / "mosquitto"))
        server = stack.enter_context(BenchServer(folder / "nginx"))
        bench = Bench(server, broker.url, asked.streams, asked.seconds)
        rows = [
            requests(bench, asked.rate),
            costs(bench, asked.rounds, pictures=False),
            costs(bench, asked.rounds, pictures=True),
        ]
    for row in rows:
        show(f"beside {asked.streams} streams", [row])
    print(keep("beside", rows, streams=asked.streams, seconds=asked.seconds))
    return 0 if all(row["reached"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
