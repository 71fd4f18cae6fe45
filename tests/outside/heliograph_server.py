"""The receiver of light signals: a server on a thread, for the made-up transport."""

from __future__ import annotations

import socketserver
import threading
from typing import Self

import attrs


@attrs.define
class Received:
    """What one publication brought."""

    key: str
    records: list[tuple[int, bytes]] = attrs.field(factory=list)
    """(time in ms, payload)."""


class HeliographServer(socketserver.ThreadingTCPServer):
    """`with HeliographServer() as server: … server.url("key") … server.received`. Keys like "no…" are refused."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Station)
        self.received: list[Received] = []
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.02,), name="conformance-heliograph", daemon=True
        )

    def url(self, key: str) -> str:
        return f"helio://127.0.0.1:{self.server_address[1]}/{key}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join(5)

    def process_request(self, request: object, client_address: object) -> None:
        threading.Thread(
            target=self.process_request_thread, args=(request, client_address), name="conformance-station", daemon=True
        ).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that break are what is tested."""


class _Station(socketserver.StreamRequestHandler):
    server: HeliographServer

    def handle(self) -> None:
        key = self.rfile.readline().decode().split()[-1]
        if key.startswith("no"):
            self.wfile.write(f"NO entry for {key}\n".encode())
            return
        self.wfile.write(b"OK\n")
        if self.rfile.readline() != b"GO\n":
            return
        received = Received(key)
        self.server.received.append(received)
        self.wfile.write(b"OK\n")
        count = 0
        while head := self.rfile.read(12):
            payload = self.rfile.read(int.from_bytes(head[:4]))
            received.records.append((int.from_bytes(head[4:12]), payload))
            count += 12 + len(payload)
            self.wfile.write(count.to_bytes(8))
