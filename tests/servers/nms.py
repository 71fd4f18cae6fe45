"""node-media-server: RTMP and RTMPS in, Enhanced codecs included; RTMP and HTTP-FLV out; records all."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.certificates import Certificate
from tests.servers.process import ServerProcess, free_port, wait_for

_HERE = Path(__file__).parent


class NodeMediaServer(ServerProcess):
    """Takes every application and every name of [A-Za-z0-9_-]. A name is held for 30 s after its publisher has gone,
    but the same client address may take it at once, and its timestamps then continue the last ones.

    With a `certificate`, RTMPS on `tls_port` (`tls_url`).
    """

    package = "node-media-server"

    def __init__(
        self,
        directory: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        prefix: Sequence[str] = (),
        certificate: Certificate | None = None,
    ) -> None:
        super().__init__(directory, host=host, port=port, prefix=prefix)
        self.http_port = free_port()
        self.tls_port = free_port() if certificate else 0
        self._recordings = directory / "recordings"
        self._config: dict[str, object] = {
            "bind": host,
            "rtmp": {"port": self.port},
            "http": {"port": self.http_port},
            "webadmin": {"enable": False},
            "store": {"path": str(directory / "data")},
            "record": {"auto": True, "path": str(self._recordings)},
        }
        if certificate:
            self._config["rtmps"] = {
                "port": self.tls_port,
                "key": str(certificate.key_file),
                "cert": str(certificate.cert_file),
            }

    def command(self) -> Sequence[str]:
        return (shutil.which("node") or "nodejs", str(_HERE / "nms.js"), json.dumps(self._config), self.package)

    def ports(self) -> Sequence[int]:
        return (self.port, self.http_port, self.tls_port) if self.tls_port else (self.port, self.http_port)

    def environment(self) -> Mapping[str, str]:
        return os.environ | {"NODE_PATH": str(_HERE / "node_modules")}

    def url(self, name: str, app: str = "live") -> str:
        return f"rtmp://{self.address}/{app}/{name}"

    def tls_url(self, name: str, app: str = "live", *, host: str = "localhost") -> str:
        return f"rtmps://{host}:{self.tls_port}/{app}/{name}"

    def http_flv_url(self, name: str, app: str = "live") -> str:
        """Where a player reads the stream back."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.http_port}/{app}/{name}.flv"

    def wait_player(self, name: str, app: str = "live") -> None:
        """Until somebody plays `name`: what is published before that they may miss."""
        wait_for(lambda: f"start play /{app}/{name}" in self.log_text, timeout=30, why=f"a player of {app}/{name}")

    def recordings(self, name: str, app: str = "live") -> list[Path]:
        """Files recorded of this name, oldest first; complete once the server has been stopped."""
        return sorted((self._recordings / app / name).glob("*.flv"))

    def recording(self, name: str, app: str = "live") -> Path:
        """The newest recording of `name`, once its publisher has gone. Ends the server, which completes its files."""
        wait_for(
            lambda: self._publisher_gone(name, app), why=f"{app}/{name} has come and gone:\n{self.log_text[-2000:]}"
        )
        self.stop()
        return self.recordings(name, app)[-1]

    def _publisher_gone(self, name: str, app: str) -> bool:
        publishers = re.findall(rf"RTMP session (\S+) \S+ start push /{app}/{name}\b", self.log_text)
        return bool(publishers) and f"RTMP session {publishers[-1]} close" in self.log_text


class NodeMediaServer2(NodeMediaServer):
    """Version 2.7, which is what most have. It records nothing by itself: play what it has (`url`)."""

    package = "node-media-server-2"

    def __init__(self, directory: Path, *, host: str = "127.0.0.1", port: int = 0, prefix: Sequence[str] = ()) -> None:
        super().__init__(directory, host=host, port=port, prefix=prefix)
        self._config = {
            "logType": 2,
            # Its documentation's own example, which everybody copies.
            "rtmp": {"port": self.port, "chunk_size": 60000, "gop_cache": True, "ping": 30, "ping_timeout": 60},
            "http": {"port": self.http_port, "allow_origin": "*"},
        }
