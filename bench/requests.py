"""Asks an HTTP server so many times a second, over connections that stay.

    python -m bench.requests PORT RATE SECONDS PATH...

At its end it says how many were answered, how many not, and how long they took.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time

from bench.senders.child import quantiles

CONNECTIONS = 20


class Load:
    """Requests are due at a steady pace; which connection is free takes the next."""

    def __init__(self, port: int, rate: float, paths: list[str]) -> None:
        self._port, self._rate = port, rate
        self._paths = itertools.cycle(paths)
        self.took: list[int] = []
        self.failed = 0
        self._begun = time.monotonic()
        self._number = 0

    async def connection(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while True:
            self._number += 1
            await asyncio.sleep(max(0.0, self._begun + self._number / self._rate - time.monotonic()))
            began = time.monotonic_ns()
            writer.write(f"GET {next(self._paths)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            size = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(size.partition(b":")[2]))
            self.took.append(time.monotonic_ns() - began)
            self.failed += b" 200 " not in head.partition(b"\r\n")[0]

    async def run(self, seconds: float) -> None:
        tasks = [asyncio.create_task(self.connection()) for _ in range(CONNECTIONS)]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        broken = sum(isinstance(one, Exception) for one in ended)
        took = time.monotonic() - self._begun
        print(
            json.dumps(
                {
                    "a second": round(len(self.took) / took),
                    "failed": self.failed + broken,
                    "ms p50, p99, max": [round(one, 1) for one in quantiles(self.took)],
                }
            )
        )


if __name__ == "__main__":
    asyncio.run(Load(int(sys.argv[1]), float(sys.argv[2]), sys.argv[4:]).run(float(sys.argv[3])))
