"""Asks an HTTP server so many times a second, over connections that stay.

    python -m bench.requests PORT RATE SECONDS PATH...

At its end it says how many were answered, how many not, how long they took, and what asking cost: bare sockets and one
selector, as it shares the processors with the server.
"""

from __future__ import annotations

import itertools
import json
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator

from bench.senders.child import quantiles

CONNECTIONS = 20


class Connection:
    """One, with at most one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10.0)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._came = b""
        self._began = 0

    def ask(self, path: str) -> None:
        self._began = time.monotonic_ns()
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())

    def read(self) -> tuple[bool, int] | None:
        """Whether the answer is 200, and how many ns it took, once it is there. Raises `OSError`."""
        data = self.socket.recv(1 << 20)
        if not data:
            raise ConnectionError("the server has ended the connection")
        self._came += data
        head, end, body = self._came.partition(b"\r\n\r\n")
        if not end:
            return None
        size = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        if len(body) < int(size.partition(b":")[2]):
            return None
        self._came = b""
        return b" 200 " in head.partition(b"\r\n")[0], time.monotonic_ns() - self._began


class Load:
    """Requests are due at a steady pace; which connection is free takes the next."""

    def __init__(self, port: int, rate: float, paths: list[str]) -> None:
        self._rate = rate
        self._paths: Iterator[str] = itertools.cycle(paths)
        self._selector = selectors.DefaultSelector()
        self._free: deque[Connection] = deque()
        for _ in range(CONNECTIONS):
            connection = Connection(port)
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
            self._free.append(connection)
        self.took: list[int] = []
        self.failed = 0

    def run(self, seconds: float) -> dict[str, object]:
        begun, number, cost = time.monotonic(), 0, time.process_time()
        while (now := time.monotonic() - begun) < seconds:
            while self._free and number / self._rate <= now:
                self._free.popleft().ask(next(self._paths))
                number += 1
            wait = (number / self._rate if self._free else seconds) - now
            for key, _ in self._selector.select(max(0.0, wait)):
                self._read(key.data)
        return {
            "a second": round(len(self.took) / now),
            "failed": self.failed,
            "ms p50, p99, max": [round(one, 1) for one in quantiles(self.took)[:3]],
            "asking, % of a core": round(100 * (time.process_time() - cost) / now, 1),
        }

    def _read(self, connection: Connection) -> None:
        try:
            found = connection.read()
        except OSError:  # counted, and never asked again
            self.failed += 1
            self._selector.unregister(connection.socket)
            return
        if found is not None:
            self.failed += not found[0]
            self.took.append(found[1])
            self._free.append(connection)


if __name__ == "__main__":
    print(json.dumps(Load(int(sys.argv[1]), float(sys.argv[2]), sys.argv[4:]).run(float(sys.argv[3]))))
