"""WHEP where the viewer is another machine, and where media comes through a TURN server only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from camcast import SessionConfig
from camcast.config import TargetConfig
from camcast.media import MediaKind
from tests.faults.netns import Namespace
from tests.faults.proxy import FaultProxy
from tests.integration.kit import camera, connected, engine
from tests.media import made
from tests.plugins.transport_harness import load
from tests.plugins.whep_kit import Viewers, hashes, watching
from tests.servers.coturn import PASSWORD, USER, Coturn
from tests.servers.process import free_port, wait_for

CLIP = "h264_opus"
TOKEN = "correct-horse-battery"
SOME = 60
"""Pictures."""


@pytest.fixture
def elsewhere() -> Iterator[Namespace]:
    with Namespace() as found:
        yield found


def watched(url: str, **options: Any) -> SessionConfig:
    return SessionConfig(
        camera_id=0, output="browser", targets=[TargetConfig(url=url, options={"token": TOKEN, **options})]
    )


async def come(viewers: Viewers) -> None:
    """Until there are some pictures, each as the clip has it and in its order, and sound."""
    await viewers.until(lambda v: len(v.units(0, MediaKind.VIDEO)) >= SOME and v.units(0, MediaKind.AUDIO), 60)
    clip = [hashes(packet) for packet in load(made(CLIP)).packets if packet.track.kind is MediaKind.VIDEO]
    got = [unit["hashes"] for unit in viewers.units(0, MediaKind.VIDEO)]
    # Who comes in the middle of a picture may be given the rest of it first.
    got = got[got[0] not in clip :]
    start = clip.index(got[0])
    for number, unit in enumerate(got):
        assert unit == clip[(start + number) % len(clip)], f"picture {number} is another"


async def test_another_machine_watches(elsewhere: Namespace) -> None:
    """It has the one address that the cable leads to, and no other way."""
    port = free_port(elsewhere.near_address)
    place = f"{elsewhere.near_address}:{port}/gate"
    async with engine(camera(0, made(CLIP), watched(f"whep://{place}"))) as running:
        await connected(running)
        async with watching(f"http://{place}", token=TOKEN, addresses=None, prefix=elsewhere.prefix) as viewers:
            await come(viewers)
            await viewers.leave()
        (one,) = running.sessions
        assert one.metrics.transport["viewers_seen"] == 1


async def test_a_viewer_that_is_reached_by_its_relay_only_watches(elsewhere: Namespace, tmp_path: Path) -> None:
    """It offers no address of its own."""
    port = free_port(elsewhere.near_address)
    place = f"{elsewhere.near_address}:{port}/gate"
    with Coturn(tmp_path / "turn", host=elsewhere.near_address) as turn:
        relay = [{"urls": turn.url(), "username": USER, "credential": PASSWORD}]
        async with engine(camera(0, made(CLIP), watched(f"whep://{place}"))) as running:
            await connected(running)
            async with watching(
                f"http://{place}", token=TOKEN, relay=relay, addresses=[], prefix=elsewhere.prefix
            ) as viewers:
                await come(viewers)
                await viewers.leave()
        await asyncio.to_thread(wait_for, lambda: turn.brought > SOME, why="the relay says what it carried")


async def test_who_reaches_us_by_our_relay_only_watches(elsewhere: Namespace, tmp_path: Path) -> None:
    """The output waits at the loopback, behind a proxy for HTTP; so its media has no other way out."""
    port = free_port()
    with Coturn(tmp_path / "turn", host=elsewhere.near_address) as turn:
        relay = [{"url": turn.url(), "username": USER, "credential": PASSWORD}]
        output = watched(f"whep://127.0.0.1:{port}/gate", ice_servers=relay)
        with FaultProxy(("127.0.0.1", port), host=elsewhere.near_address) as proxy:
            url = f"http://{proxy.address}/gate"
            async with engine(camera(0, made(CLIP), output)) as running:
                await connected(running)
                async with watching(url, token=TOKEN, addresses=None, prefix=elsewhere.prefix) as viewers:
                    await come(viewers)
                    await viewers.leave()
        await asyncio.to_thread(wait_for, lambda: turn.relayed > SOME, why="the relay says what it carried")
