"""A TCP proxy that does to a connection what networks and bad servers do, on cue.

It runs in a thread of its own; all of its methods and attributes may be used from any thread and take effect on open
connections as well as new ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any, Self, TypeVar

from tests.far.path import entered
from tests.servers.process import wait_for

T = TypeVar("T")
CHUNK = 65_536
LINGER_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 s: close sends RST."""


class Greeting(Enum):
    """What happens to a new connection."""

    PASS = "pass"
    SILENT = "silent"
    """Accepted and read, never answered."""
    DEAF = "deaf"
    """Accepted, never read."""
    FIN = "fin"
    """Accepted and closed at once."""
    RESET = "reset"
    """Accepted and reset at once."""
    GARBAGE = "garbage"
    """Accepted and answered with noise, read on."""


class FaultProxy:
    """Forwards to `backend`, which is connected anew for every client (so it may restart meanwhile).

    - `delay`: seconds added in each direction, so the round trip grows by twice that
    - `rate_up`, `rate_down`: bit/s from and to the client; None = no limit
    - `freeze()` / `thaw()`: read nothing any more, from either side; buffers fill up, nothing is acknowledged then
    - `reset()`, `finish()`: RST or FIN to all clients now
    - `reset_after`, `finish_after`: the same when that many bytes have come from a client; None = never
    - `inject(data)`: send the clients bytes that the server never sent
    - `corrupt(count, down=...)`: flip bits in the next bytes in one direction (which breaks TLS records)
    - `greeting`: what happens to new connections
    - `refuse()` / `listen()`: close the listening port, open it again

    Seen: `accepted` (all), `open` (now), `bytes_up`, `bytes_down`, `accept_times` (`time.monotonic()`).
    """

    def __init__(
        self,
        backend: tuple[str, int],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        receive_buffer: int = CHUNK,
        delay: float = 0.0,
        rate_up: float | None = None,
        rate_down: float | None = None,
        greeting: Greeting = Greeting.PASS,
        namespace: str = "",
    ) -> None:
        """`namespace`: the network namespace that it runs in, and its backend; "" = this one."""
        self.backend = backend
        self.host, self.port = host, port
        self.delay = delay
        self.rate_up, self.rate_down = rate_up, rate_down
        self.greeting = greeting
        self.reset_after: int | None = None
        self.finish_after: int | None = None
        self.accept_times: list[float] = []
        self.bytes_up = self.bytes_down = 0
        self._receive_buffer = receive_buffer
        self._corrupt = {"up": 0, "down": 0}
        self._links: set[_Link] = set()
        self._listener: asyncio.Task[None] | None = None
        self._loop = asyncio.new_event_loop()
        self._namespace = namespace
        self._thread = threading.Thread(target=self._run_loop, name="fault proxy", daemon=True)

    # --- life

    def start(self) -> Self:
        self._thread.start()
        self.listen()
        return self

    def stop(self) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # --- faults

    def freeze(self) -> None:
        self._each(lambda link: link.thawed.clear())

    def thaw(self) -> None:
        self._each(lambda link: link.thawed.set())

    def reset(self) -> None:
        self._each(lambda link: link.end(reset=True))

    def finish(self) -> None:
        self._each(lambda link: link.end(reset=False))

    def inject(self, data: bytes) -> None:
        async def send() -> None:
            for link in list(self._links):
                with contextlib.suppress(OSError):
                    await self._loop.sock_sendall(link.client, data)

        self._run(send())

    def corrupt(self, count: int = 16, *, down: bool = True) -> None:
        self._corrupt["down" if down else "up"] = count

    def refuse(self) -> None:
        self._run(self._unlisten())

    def listen(self) -> None:
        self._run(self._listen())

    # --- what was seen

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def accepted(self) -> int:
        return len(self.accept_times)

    @property
    def open(self) -> int:
        return len(self._links)

    def wait_accepted(self, count: int, *, timeout: float = 10.0) -> None:
        wait_for(lambda: self.accepted >= count, timeout=timeout, why=f"{count} connections accepted")

    # --- inside, on the loop

    def _run_loop(self) -> None:
        with entered(self._namespace) if self._namespace else contextlib.nullcontext():
            self._loop.run_forever()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _each(self, do: Callable[[_Link], object]) -> None:
        async def all_of_them() -> None:
            for link in list(self._links):
                do(link)

        self._run(all_of_them())

    async def _listen(self) -> None:
        if self._listener is not None:
            return
        listening = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit it; small, so that a frozen proxy is felt soon.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        listening.bind((self.host, self.port))
        listening.listen(128)
        listening.setblocking(False)
        self.port = listening.getsockname()[1]
        self._listener = self._loop.create_task(self._accept(listening))

    async def _unlisten(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
            self._listener = None

    async def _stop(self) -> None:
        await self._unlisten()
        tasks = [link.task for link in self._links if link.task is not None]
        for link in list(self._links):
            link.end(reset=True)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, listening: socket.socket) -> None:
        with listening:
            while True:
                client, _ = await self._loop.sock_accept(listening)
                client.setblocking(False)
                self.accept_times.append(time.monotonic())
                link = _Link(self, client)
                self._links.add(link)
                link.task = self._loop.create_task(link.run(self.greeting))

    def _spoil(self, data: bytes, direction: str) -> bytes:
        if count := min(self._corrupt[direction], len(data)):
            self._corrupt[direction] -= count
            # The end of the chunk: payload rather than framing.
            data = data[:-count] + bytes(byte ^ 0xFF for byte in data[-count:])
        return data


class _Link:
    """One client's connection and, behind it, the backend's."""

    def __init__(self, proxy: FaultProxy, client: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        self.server: socket.socket | None = None
        self.task: asyncio.Task[None] | None = None
        self.thawed = asyncio.Event()
        self.thawed.set()
        self._loop = proxy._loop
        self._up = 0

    async def run(self, greeting: Greeting) -> None:
        try:
            if greeting is Greeting.PASS:
                await self._forward()
            elif greeting is Greeting.DEAF:
                await asyncio.Event().wait()
            elif greeting in (Greeting.FIN, Greeting.RESET):
                self.end(reset=greeting is Greeting.RESET)
            else:
                if greeting is Greeting.GARBAGE:
                    await self._loop.sock_sendall(self.client, os.urandom(8192))
                while data := await self._loop.sock_recv(self.client, CHUNK):
                    self.proxy.bytes_up += len(data)
        except OSError:
            pass
        finally:
            self.end(reset=False)

    def end(self, *, reset: bool) -> None:
        """Close both sides, the client's with RST or FIN."""
        if self in self.proxy._links:
            self.proxy._links.discard(self)
            for side in (self.client, self.server):
                if side is not None:
                    self._loop.remove_reader(side)
                    self._loop.remove_writer(side)
            if reset:
                self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
            else:
                # Without this, unread bytes in our buffer would turn the FIN into a RST.
                with contextlib.suppress(OSError):
                    self.client.shutdown(socket.SHUT_WR)
                    while self.client.recv(CHUNK):
                        pass
            self.client.close()
            if self.server is not None:
                self.server.close()
            if self.task is not None and self.task is not asyncio.current_task():
                self.task.cancel()

    async def _forward(self) -> None:
        host, port = self.proxy.backend
        self.server = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.server.setblocking(False)
        await self._loop.sock_connect(self.server, (host, port))
        pumps = [
            asyncio.create_task(self._pump(self.client, self.server, "up")),
            asyncio.create_task(self._pump(self.server, self.client, "down")),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        """Carry bytes one way, late by the proxy's delay and no faster than its rate."""
        line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(16)
        deliver = asyncio.create_task(self._deliver(line, sink, direction))
        try:
            while True:
                await self.thawed.wait()
                data = await self._loop.sock_recv(source, self._portion(direction))
                if not data:
                    break
                await self.thawed.wait()
                if direction == "up" and self._counted(len(data)):
                    return
                if (rate := self._rate(direction)) is not None:
                    await asyncio.sleep(len(data) * 8 / rate)
                await line.put((time.monotonic() + self.proxy.delay, self.proxy._spoil(data, direction)))
            await line.join()
        finally:
            deliver.cancel()
            await asyncio.gather(deliver, return_exceptions=True)

    def _rate(self, direction: str) -> float | None:
        return self.proxy.rate_up if direction == "up" else self.proxy.rate_down

    def _portion(self, direction: str) -> int:
        """Bytes to read at once: a tenth of a second's worth where there is a rate."""
        rate = self._rate(direction)
        return CHUNK if rate is None else max(1, min(CHUNK, int(rate / 80)))

    def _counted(self, size: int) -> bool:
        """Whether the client has sent as much as it may, and has been cut off for it."""
        self._up += size
        for limit, reset in ((self.proxy.reset_after, True), (self.proxy.finish_after, False)):
            if limit is not None and self._up >= limit:
                self.end(reset=reset)
                return True
        return False

    async def _deliver(self, line: asyncio.Queue[tuple[float, bytes]], sink: socket.socket, direction: str) -> None:
        while True:
            due, data = await line.get()
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            try:
                await self._loop.sock_sendall(sink, data)
            except OSError:
                self.end(reset=True)
                return
            if direction == "up":
                self.proxy.bytes_up += len(data)
            else:
                self.proxy.bytes_down += len(data)
            line.task_done()
