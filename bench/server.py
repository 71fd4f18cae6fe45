"""The server of all measurements: nginx-rtmp, not recording, with room for many publishers, and TLS before it."""

from __future__ import annotations

import time
from pathlib import Path

from tests.servers.certificates import Authority
from tests.servers.nginx import Nginx

APP = "live"


class BenchServer(Nginx):
    """Publishes to `address_of`; `received` counts the audio and video payload that came in, by name.

    nginx adds up the lengths of the audio and video messages that it received whole, so equality with what was sent
    says that no frame is lost.
    """

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory / "ca")
        super().__init__(directory, certificate=self.authority.issue())
        self._text = self._text.replace("worker_connections 1024", "worker_connections 8192")

    def prefix_of(self, *, secure: bool) -> str:
        """The URL up to the name."""
        return self.tls_url("", app=APP) if secure else self.url("", app=APP)

    def received(self, prefix: str) -> dict[str, int]:
        """Bytes by name, of all names that begin with `prefix`."""
        return {name: count for name, count in self.publishing(APP).items() if name.startswith(prefix)}

    def settled(self, prefix: str, expected: int, timeout: float = 3.0) -> int:
        """Bytes received once they are all there, or when no more come."""
        deadline = time.monotonic() + timeout
        last, since = -1, time.monotonic()
        while time.monotonic() < deadline:
            found = sum(self.received(prefix).values())
            if found >= expected:
                return found
            if found != last:
                last, since = found, time.monotonic()
            elif time.monotonic() - since > 1.0:
                break
            time.sleep(0.05)
        return max(last, 0)
