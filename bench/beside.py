"""What services cost the streams beside which they run: files to nginx-rtmp from one process, with and without them.

1. Everything on (the interface with somebody who watches the page, Prometheus scraped every 15 s, a webhook, MQTT)
   against nothing on, in turns: CPU and memory; first without the page's pictures, then with them, of which the page
   fetches one every 4 s. Reach: at most 5 % more CPU and 15 MB more memory.
2. 1,000 requests a second to the interface: the time from a packet's arrival to the end of its send. Reach: p99 within
   twice that of the runs without requests before and after it, while that many are answered.

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

import attrs
from tests.servers.mosquitto import Mosquitto
from tests.servers.process import free_port

from bench.case import Case, Run, measure
from bench.report import Row, keep, show
from bench.server import BenchServer

MOST_CPU, MOST_MB, FACTOR = 5.0, 15.0, 2.0
"""% more, MB more, times the p99."""
FLOODS = 2
ANSWERED = 0.98
"""The part of the requests asked for that must be answered a second."""
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


@attrs.frozen
class Beside:
    """A run with something, between the two without it before and after."""

    before: Run
    run: Run
    after: Run

    @property
    def more(self) -> float:
        """% of processor time."""
        return 100 * (self.run.cpu / ((self.before.cpu + self.after.cpu) / 2) - 1)

    @property
    def memory(self) -> float:
        """MB more."""
        return self.run.memory - (self.before.memory + self.after.memory) / 2


def costs(bench: Bench, rounds: int) -> list[Row]:
    """Everything on against nothing on, in turns, of which each without serves what is before it and what is after."""
    found: dict[bool, list[Beside]] = {False: [], True: []}
    last = bench.off()
    for _ in range(rounds):
        for pictures, several in found.items():
            run, after = bench.on(pictures=pictures), bench.off()
            several.append(Beside(last, run, after))
            last = after
    return [_cost(bench, several, pictures=pictures) for pictures, several in found.items()]


def _cost(bench: Bench, found: list[Beside], *, pictures: bool) -> Row:
    more, memory = median(one.more for one in found), median(one.memory for one in found)
    runs = [run for one in found for run in (one.before, one.run, one.after)]
    return {
        "what": f"everything on, the page open{', with its pictures' if pictures else ''}",
        "CPU without, % of a core": round(median(one.before.cpu for one in found) * bench.streams, 1),
        "CPU more, %": round(more, 1),
        "in each round": ", ".join(f"{one.more:.1f}" for one in found),
        "MB more": round(memory, 1),
        "lost": sum(run.lost for run in runs),
        "reached": more <= MOST_CPU and memory <= MOST_MB,
    }


def requests(bench: Bench, rate: float) -> Row:
    """Requests beside the streams, twice, between runs without."""
    calm, flooded = [bench.off(probe=True)], []
    for _ in range(FLOODS):
        flooded.append(bench.flooded(rate))
        calm.append(bench.off(probe=True))
    runs, answers = zip(*flooded, strict=True)
    answered = min(one["a second"] for one in answers)
    without, meanwhile = (max(run.delays[1] for run in several) for several in (calm, runs))
    lost, failed = sum(run.lost for run in (*calm, *runs)), sum(one["failed"] for one in answers)
    return {
        "what": f"{rate:.0f} requests a second",
        "answered a second": answered,
        "failed": failed,
        "answer, ms": " / ".join(map(str, answers[0]["ms p50, p99, max"])),
        "asking, % of a core": answers[0]["asking, % of a core"],
        "p99 without, ms": ", ".join(f"{run.delays[1]:.2f}" for run in calm),
        "p99 with, ms": ", ".join(f"{run.delays[1]:.2f}" for run in runs),
        "lost": lost,
        "reached": meanwhile <= FACTOR * without and answered >= ANSWERED * rate and not lost and not failed,
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
            *costs(bench, asked.rounds),
        ]
    for row in rows:
        show(f"beside {asked.streams} streams", [row])
    print(keep("beside", rows, streams=asked.streams, seconds=asked.seconds))
    return 0 if all(row["reached"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
