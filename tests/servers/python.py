"""RTMP servers written in Python, by others. They run with a Python of their own: `install.sh` makes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.servers.process import ServerProcess, wait_for

_HERE = Path(__file__).parent
_BIN = _HERE / "python" / "bin"


class PyRtmp(ServerProcess):
    """pyrtmp: takes any application and name, and writes down what comes, legacy forms or not."""

    def command(self) -> Sequence[str]:
        return (str(_BIN / "python"), str(_HERE / "pyrtmp_server.py"), str(self.port), str(self.directory))

    def url(self, name: str, app: str = "live") -> str:
        return f"rtmp://{self.address}/{app}/{name}"

    def recording(self, name: str) -> Path:
        """What came, once its publisher has gone. Ends the server."""
        path = self.directory / f"{name}.flv"
        wait_for(path.exists, why=f"{name} was published")
        size = -1

        def whole() -> bool:
            nonlocal size
            before, size = size, path.stat().st_size
            return size == before > 0

        wait_for(lambda: whole(), why=f"{path} is complete")
        self.stop()
        return path


class RtmpLite(ServerProcess):
    """rtmplite3: rejects what connect announces of Enhanced RTMP, and is silent at the plain one with this Python."""

    def command(self) -> Sequence[str]:
        return (str(_BIN / "rtmplite3"), "-i", self.host, "-p", str(self.port), "-r", f"{self.directory}/")

    def url(self, name: str, app: str = "live") -> str:
        return f"rtmp://{self.address}/{app}/{name}"
