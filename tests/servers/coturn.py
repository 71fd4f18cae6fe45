"""coturn, Debian's TURN server, for senders that reach nobody directly. It relays on this machine only."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.servers.process import ServerProcess

USER, PASSWORD = "camera", "turn-password-77"


class Coturn(ServerProcess):
    """Takes `USER` and `PASSWORD`, by UDP and by TCP."""

    def command(self) -> Sequence[str]:
        options = (
            *("--listening-ip", self.host, "--relay-ip", self.host, "--listening-port", str(self.port)),
            *("--user", f"{USER}:{PASSWORD}", "--realm", "camcast.test", "--lt-cred-mech"),
            *("--allow-loopback-peers", "--no-tls", "--no-dtls", "--no-cli", "--log-file", "stdout", "--verbose"),
            *("--pidfile", str(self.directory / "turn.pid"), "--userdb", str(self.directory / "turn.db")),
        )
        return ("turnserver", "-n", *options)

    def url(self, transport: str = "udp") -> str:
        return f"turn:{self.address}?transport={transport}"

    @property
    def relayed(self) -> int:
        """Packets that went from its clients to their peers, of sessions that have ended."""
        return self._count("sp")

    @property
    def brought(self) -> int:
        """Likewise from their peers to them."""
        return self._count("rp")

    def _count(self, figure: str) -> int:
        return sum(map(int, re.findall(rf"peer usage: .*? {figure}=(\d+)", self.log_text)))
