"""Servers, what stands before them, and the cameras that publish to them: seven sessions of four cameras.

They go to nginx (near, and far behind a link of 100 ms that can be cut), to nginx over TLS and to receivers, most
through proxies; standby is cold, warm and hot.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path as File
from typing import Any

import attrs
from tests.far.path import Path
from tests.media import made
from tests.servers.certificates import Authority
from tests.servers.nginx import Nginx

from bench.peers import Peer
from bench.soak.proxies import Proxies
from camcast import CameraConfig, Config, RetryPolicy, SessionConfig, SourceConfig, StreamConfig
from camcast.config import EncoderConfig, TargetConfig

POLICY = RetryPolicy(max_attempts=None, max_delay=8.0)
ROUND_TRIP = 0.1
"""Seconds, to the far server."""


@attrs.define
class Place:
    """All that a fault may harm."""

    near: Nginx
    far: Nginx
    path: Path
    peers: list[Peer]
    proxies: Proxies
    rng: random.Random

    def proxy(self) -> str:
        """The name of one that carries something."""
        busy: list[str] = self.proxies.ask("open") or [*self.proxies.addresses]
        return self.rng.choice(busy)

    def pids(self) -> Iterable[int]:
        """Of all processes around."""
        servers = [server.pid for server in (self.near, self.far) if server.running]
        return [*servers, self.proxies.pid, *(peer.pid for peer in self.peers if peer.running)]


def build(stack: ExitStack, seed: int) -> tuple[Place, Config]:
    """Started servers, and the configuration that publishes to them."""
    root = File(stack.enter_context(tempfile.TemporaryDirectory(prefix="camcast-soak-")))
    authority = Authority(root / "ca")
    path = stack.enter_context(Path(round_trip=ROUND_TRIP))
    near = stack.enter_context(Nginx(root / "near", certificate=authority.issue()))
    far = stack.enter_context(Nginx(root / "far", host=path.address, prefix=path.prefix))
    peers = [stack.enter_context(Peer(keep=False)) for _ in range(2)]
    backends = {"nginx": (near.host, near.port), "tls": ("127.0.0.1", near.tls_port)}
    backends |= {f"peer{number}": (peer.host, peer.port) for number, peer in enumerate(peers)}
    proxies = stack.enter_context(Proxies(backends))
    place = Place(near, far, path, peers, proxies, random.Random(seed))
    return place, _config(place, str(authority.ca_file))


def _config(place: Place, ca_file: str) -> Config:
    def via(name: str, key: str) -> str:
        return f"{'rtmps' if name == 'tls' else 'rtmp'}://{place.proxies.addresses[name]}/live/{key}"

    def session(camera: int, output: str, *urls: str, **settings: Any) -> SessionConfig:
        targets = [
            TargetConfig(url=url, connect_timeout=3.0, ca_file=ca_file if "rtmps" in url else None) for url in urls
        ]
        quick: dict[str, Any] = {"retry_policy": POLICY, "failback_after": 10.0, "max_moves_per_hour": 3600, **settings}
        return SessionConfig(camera_id=camera, output=output, targets=targets, **quick)

    far = place.far
    warm = session(1, "warm", via("peer0", "c1"), via("peer1", "c1"), standby="warm")
    hot = session(2, "hot", via("peer1", "d2"), via("peer0", "d2"), standby="hot")
    sessions = {
        0: [session(0, "nginx", via("nginx", "a0")), session(0, "chain", far.url("b0", "live"), via("peer0", "b0"))],
        1: [session(1, "tls", via("tls", "a1")), warm],
        2: [session(2, "far", far.url("e2", "live")), hot],
        3: [session(3, "drawn", via("nginx", "f3"), via("peer1", "f3"))],
    }
    files = [made("h264_b_aac"), made("h264_aac"), made("h264_aac_ts")]
    cameras = []
    for camera, outputs in sessions.items():
        if camera < len(files):
            source = SourceConfig(type="file", url=str(files[camera]), options={"loop": True})
            stream = StreamConfig(source=source, sessions=tuple(outputs))
        else:
            encoder = EncoderConfig(type="H264_CBR", width=320, height=240, framerate=15, bitrate_kbps=300)
            source = SourceConfig(type="testsrc", options={"tone": 440})
            stream = StreamConfig(source=source, encoder=encoder, sessions=tuple(outputs))
        cameras.append(CameraConfig(camera_id=camera, streams=(stream,)))
    return Config(cameras=tuple(cameras))
