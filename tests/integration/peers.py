"""The real server of each transport behind one face, so that one test body does for all."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path

from camcast.bitstream.nal import split_prefixed
from camcast.config import TargetConfig
from camcast.media import MediaKind, Packet
from camcast.testing.conformance.peers import TCP, Relay
from tests.compare import compare
from tests.plugins.transport_harness import load
from tests.servers.certificates import Authority
from tests.servers.nginx import Nginx
from tests.servers.process import ServerProcess
from tests.servers.srt import LiveTransmit
from tests.servers.whip import WhipServer

PASSPHRASE = "correct-horse-battery"
KEY = "gate-with-a-key"


class Peer(ABC):
    """One server that runs, for one stream. `with Peer(directory) as peer`."""

    server: ServerProcess

    def __enter__(self) -> Peer:
        self.server.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.stop()

    @abstractmethod
    def target(self) -> TargetConfig: ...

    @abstractmethod
    def refused(self) -> TargetConfig:
        """One that the server refuses."""

    @abstractmethod
    def holds_every_frame(self, clip: Path) -> int:
        """Asserts that what came is a gapless run of the looped clip; how many pictures. Blocks."""

    def stall(self) -> None:
        """Take nothing more, and tell nobody."""
        self.server.freeze()

    def resume(self) -> None:
        self.server.thaw()


class RtmpPeer(Peer):
    """nginx, behind a relay that can stall: its own kernel would go on acknowledging for seconds."""

    settings: dict[str, str] = {}  # noqa: RUF012  a constant, with others in subclasses

    def __init__(self, directory: Path) -> None:
        self.server = self.nginx = Nginx(directory)

    def __enter__(self) -> Peer:
        super().__enter__()
        self.relay = Relay(self.origin("record"), TCP)
        return self

    def __exit__(self, *exc: object) -> None:
        self.relay.close()
        self.nginx.close()

    def origin(self, app: str) -> str:
        return self.nginx.url(KEY, app)

    def target(self) -> TargetConfig:
        return TargetConfig(url=self.relay.url, connect_timeout=2.0, **self.settings)  # type: ignore[arg-type]

    def refused(self) -> TargetConfig:
        return TargetConfig(url=self.origin("denied"), **self.settings)  # type: ignore[arg-type]

    def holds_every_frame(self, clip: Path) -> int:
        return compare(clip, self.nginx.recording(KEY), loop=True, from_keyframe=1).frames

    def stall(self) -> None:
        self.relay.stall()

    def resume(self) -> None:
        self.relay.resume()


class RtmpsPeer(RtmpPeer):
    def __init__(self, directory: Path) -> None:
        authority = Authority(directory / "authority")
        self.server = self.nginx = Nginx(directory, certificate=authority.issue())
        self.settings = {"ca_file": str(authority.ca_file)}

    def origin(self, app: str) -> str:
        return self.nginx.tls_url(KEY, app)


class LibrtmpPeer(RtmpPeer):
    settings = {"transport": "librtmp"}  # noqa: RUF012


class SrtPeer(Peer):
    def __init__(self, directory: Path) -> None:
        query = f"passphrase={PASSPHRASE}&peeridletimeo=1000"
        self.server = self.tool = LiveTransmit(directory, query=query, again=True)

    def target(self) -> TargetConfig:
        return TargetConfig(url=self.tool.url(f"streamid={KEY}&passphrase={PASSPHRASE}"), connect_timeout=3.0)

    def refused(self) -> TargetConfig:
        return TargetConfig(url=self.tool.url(f"streamid={KEY}&passphrase=wrong-{PASSPHRASE}"))

    def holds_every_frame(self, clip: Path) -> int:
        self.tool.stop()  # it writes what it still holds
        return compare(clip, self.tool.output, loop=True, from_keyframe=1).frames


class WhipPeer(Peer):
    """Pictures are as they were; sound was made for it, since WebRTC has no AAC."""

    def __init__(self, directory: Path) -> None:
        self.server = self.whip = WhipServer(directory, token=PASSPHRASE)

    def target(self) -> TargetConfig:
        return TargetConfig(url=self.whip.url(f"whip/{KEY}"), options={"token": PASSPHRASE}, connect_timeout=5.0)

    def refused(self) -> TargetConfig:
        return TargetConfig(url=self.whip.url(f"whip/{KEY}"), options={"token": f"wrong-{PASSPHRASE}"})

    def holds_every_frame(self, clip: Path) -> int:
        wanted = [hashes_of(packet) for packet in load(clip).packets if packet.track.kind is MediaKind.VIDEO]
        got = [unit for unit in self.whip.received() if unit.kind == "video"]
        start = wanted.index(got[0].hashes)
        for number, unit in enumerate(got):
            assert unit.hashes == wanted[(start + number) % len(wanted)], f"picture {number} is another"
        assert self.sound() > 0.9 * 2 * len(got), "50 packets of sound a second, 25 pictures"
        return len(got)

    def sound(self) -> int:
        return sum(unit.kind == "audio" for unit in self.whip.received())


def hashes_of(packet: Packet) -> tuple[str, ...]:
    """A picture as `WhipServer` knows it again."""
    return tuple(hashlib.sha256(part).hexdigest()[:16] for part in split_prefixed(packet.payload))


PEERS: dict[str, type[Peer]] = {
    "rtmp": RtmpPeer,
    "rtmps": RtmpsPeer,
    "srt": SrtPeer,
    "librtmp": LibrtmpPeer,
    "whip": WhipPeer,
}
