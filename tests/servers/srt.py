"""SRT receivers: libsrt's own tool, and FFmpeg with a libsrt of its own version. Both write what they get to a file."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import imageio_ffmpeg

from tests.servers.process import ServerProcess, listens, wait_for


class _SrtServer(ServerProcess):
    """Listens for one caller on UDP. `query` is more of the URL: "passphrase=…&latency=200"."""

    def __init__(
        self, directory: Path, *, host: str = "127.0.0.1", port: int = 0, prefix: Sequence[str] = (), query: str = ""
    ) -> None:
        super().__init__(directory, host=host, port=port, prefix=prefix)
        self.output = directory / "received.ts"
        self.query = query

    @property
    def listening_url(self) -> str:
        return f"srt://{self.address}?mode=listener{'&' if self.query else ''}{self.query}"

    def url(self, query: str = "") -> str:
        """What a caller is given."""
        return f"srt://{self.address}{'?' if query else ''}{query}"

    def ports(self) -> Sequence[int]:
        return ()

    def start(self, *, timeout: float = 20.0) -> Self:
        super().start(timeout=timeout)
        wait_for(lambda: listens(self.pid, self.port, udp=True), timeout=timeout, why="SRT port is bound")
        return self

    def received(self, *, timeout: float = 15.0) -> Path:
        """The file, once the caller has gone and everything is written."""
        assert self.process is not None
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{type(self).__name__} still waits for the caller to go:\n{self.log_text}") from None
        return self.output


class LiveTransmit(_SrtServer):
    """`srt-live-transmit`. It ends with its caller unless `again`."""

    def __init__(
        self,
        directory: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        prefix: Sequence[str] = (),
        query: str = "",
        again: bool = False,
    ) -> None:
        super().__init__(directory, host=host, port=port, prefix=prefix, query=query)
        self.again = again

    def command(self) -> Sequence[str]:
        tool = ["srt-live-transmit", "-q", "-a:yes" if self.again else "-a:no", self.listening_url, "file://con"]
        return ("sh", "-c", f"exec {shlex.join(tool)} >> {shlex.quote(str(self.output))}")


class LiveDatagrams(_SrtServer):
    """`srt-live-transmit`, which passes each payload on at once, by UDP to `to` on this machine."""

    def __init__(self, directory: Path, to: int) -> None:
        super().__init__(directory)
        self.to = to

    def command(self) -> Sequence[str]:
        return ("srt-live-transmit", "-q", "-a:no", self.listening_url, f"udp://127.0.0.1:{self.to}")


class FfmpegReceiver(_SrtServer):
    """FFmpeg as the listener, copying to `received.ts`."""

    def command(self) -> Sequence[str]:
        return (
            imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "warning", "-nostdin",
            "-i", self.listening_url, "-map", "0", "-c", "copy", "-copyts", "-y", str(self.output),
        )  # fmt: skip


class LiveCaller(_SrtServer):
    """`srt-live-transmit` that calls us, for transports that listen."""

    def command(self) -> Sequence[str]:
        url = f"srt://{self.address}?mode=caller{'&' if self.query else ''}{self.query}"
        tool = ["srt-live-transmit", "-q", "-a:no", url, "file://con"]
        return ("sh", "-c", f"exec {shlex.join(tool)} >> {shlex.quote(str(self.output))}")
