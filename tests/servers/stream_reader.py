"""FFmpeg (through PyAV) as player and as RTMP server, in a process of its own: it holds the interpreter lock.

`Player(url)` reads what a server gives out; `Listener()` is a server for one publisher, with any application and
name. Both keep every packet; `received()` gives them as `compare.Media`.
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.compare import Media, demux
from tests.servers.process import ServerProcess, wait_for


class Player(ServerProcess):
    """Reads `url` until it ends. `options` are FFmpeg's."""

    again = False
    every = False
    """Whether all tracks are kept, not the first ones only."""

    def __init__(self, directory: Path, url: str, *, prefix: Sequence[str] = (), **options: str) -> None:
        super().__init__(directory, port=-1, prefix=prefix)
        self.input = url
        self.options = {"rw_timeout": "15000000", **options}
        self._kept = directory / "packets.pickle"

    def ports(self) -> Sequence[int]:
        return ()

    def command(self) -> Sequence[str]:
        return (
            sys.executable,
            "-m",
            "tests.servers.stream_reader",
            self.input,
            str(self._kept),
            json.dumps(self.options),
            "again" if self.again else "once",
            "every" if self.every else "first",
        )

    def environment(self) -> dict[str, str]:
        root = str(Path(__file__).parent.parent.parent)
        return {**super().environment(), "PYTHONPATH": root}

    def so_far(self) -> Media:
        """What has come by now."""
        if not self._kept.exists():
            return Media()
        return Media.load(self._kept)

    def wait_packets(self, count: int, *, timeout: float = 20.0) -> Media:
        """Until `count` packets of any kind have come."""

        def enough() -> Media | None:
            media = self.so_far()
            return media if len(media.video) + len(media.audio) >= count else None

        found = wait_for(enough, timeout=timeout, why=f"{count} packets have come; {self.log_text}")
        assert found is not None
        return found

    def received(self, *, timeout: float = 20.0) -> Media:
        """All packets, once the stream has ended."""
        wait_for(lambda: not self.running, timeout=timeout, why="the stream has ended")
        return self.so_far()


class Listener(Player):
    """FFmpeg's RTMP server: one publisher, then it ends, unless `again`. `url()` is where to publish."""

    def __init__(
        self,
        directory: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        prefix: Sequence[str] = (),
        again: bool = False,
        **options: str,
    ) -> None:
        super().__init__(directory, "", prefix=prefix, **options)
        ServerProcess.__init__(self, directory, host=host, port=port, prefix=prefix)
        self.input = self.url("any")
        self.again = again
        # rw_timeout would also bound the wait for the publisher.
        self.options = {"listen": "1", **options}

    def ports(self) -> Sequence[int]:
        return (self.port,)

    def url(self, name: str, app: str = "live") -> str:
        return f"rtmp://{self.address}/{app}/{name}"


def _main(url: str, out: str, options: str, again: str, tracks: str) -> None:
    with Path(out).open("wb") as kept:
        while True:
            for item in demux(url, json.loads(options), every=tracks == "every"):
                pickle.dump(item, kept)
                kept.flush()
            if again == "once":
                return


if __name__ == "__main__":
    _main(*sys.argv[1:])
