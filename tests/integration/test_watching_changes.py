"""Streams that become something else while somebody watches: other parameters, another codec. aiortc is the viewer."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path

from camcast import CameraConfig, Engine, SessionConfig, SourceConfig, StreamConfig
from camcast.media import NS_PER_MS, MediaKind
from tests.cameras.rtp import nals
from tests.integration.air import FAST
from tests.integration.kit import connected, engine, until
from tests.integration.test_round_trips import changed, units
from tests.plugins.whep_kit import Viewers, watching
from tests.servers.process import free_port

SOME = 40
"""Pictures: more than a clip has."""


class Camera:
    """Pushes the pictures of clips, again and again, each as long after the one before as they are to be shown."""

    def __init__(self, running: Engine) -> None:
        self._feed = running.push(0, 0)
        self._clock = 0

    async def show(self, codec: str, clip: Path, enough: Callable[[], object]) -> None:
        await self._feed.ready()
        async with asyncio.timeout(60):
            while not enough():
                pictures = [unit for unit in units(clip, self._clock) if unit[0] is MediaKind.VIDEO]
                for kind, data, dts, pts in pictures:
                    assert self._feed.packet(data, kind=kind, codec=codec, pts=pts, dts=dts)
                    await asyncio.sleep(0.04)
                self._clock = pictures[-1][2] + 40 * NS_PER_MS


def output(port: int) -> SessionConfig:
    return SessionConfig(camera_id=0, output="browser", url=f"whep://127.0.0.1:{port}/gate", retry_policy=FAST)


def pushed(session: SessionConfig) -> CameraConfig:
    source = SourceConfig(type="push", options={"video": "h264"})
    return CameraConfig(camera_id=0, streams=(StreamConfig(source=source, sessions=(session,)),))


def hashed(clip: Path) -> list[list[str]]:
    """Of each picture its NAL units."""
    found = [data for kind, data, _, _ in units(clip, 0) if kind is MediaKind.VIDEO]
    return [[hashlib.sha256(nal).hexdigest()[:16] for nal in nals(data)] for data in found]


def parameters(clip: Path) -> str:
    """Its sequence parameter set."""
    data = next(data for kind, data, _, _ in units(clip, 0) if kind is MediaKind.VIDEO)
    return next(hashlib.sha256(nal).hexdigest()[:16] for nal in nals(data) if nal[0] & 31 == 7)


def shown(viewers: Viewers, clip: Path) -> list[int]:
    """Which pictures of a clip a viewer got, by their numbers."""
    numbers = {nal: number for number, picture in enumerate(hashed(clip)) for nal in picture[-1:]}
    return [numbers[unit["hashes"][-1]] for unit in viewers.units(0, MediaKind.VIDEO) if unit["hashes"][-1] in numbers]


@contextlib.asynccontextmanager
async def begun(running: Engine, port: int, clip: Path) -> AsyncIterator[tuple[Camera, Viewers]]:
    """A camera that shows an H.264 clip, and somebody who watches it."""
    camera = Camera(running)
    on_air = asyncio.create_task(connected(running))
    await camera.show("h264", clip, on_air.done)
    async with watching(f"http://127.0.0.1:{port}/gate", kinds=("video",)) as viewers:
        await camera.show("h264", clip, lambda: len(shown(viewers, clip)) >= SOME)
        yield camera, viewers


async def test_other_parameters_reach_who_watches_already_with_the_first_picture_that_needs_them() -> None:
    port = free_port()
    before, after = [await asyncio.to_thread(changed, "h264", index) for index in range(2)]
    async with engine(pushed(output(port))) as running, begun(running, port, before) as (camera, viewers):
        await camera.show("h264", after, lambda: len(shown(viewers, after)) >= SOME)
        assert not [one for one in viewers.said if one.get("state") in ("failed", "closed", "disconnected")]
        (one,) = running.sessions
        assert one.metrics.transport["viewers_seen"] == 1
        assert one.metrics.attempts == 1
        await viewers.leave()
    length = len(hashed(after))
    numbers = shown(viewers, after)
    assert numbers[0] == 0, "it begins with the keyframe"
    assert all(new == (old + 1) % length for old, new in pairwise(numbers)), "and none is missing"
    sizes = [parameters(clip) for clip in (before, after)]
    told = [unit["hashes"] for unit in viewers.units(0, MediaKind.VIDEO) if {*sizes} & {*unit["hashes"]}]
    assert [sizes[0] in one for one in told] == sorted((sizes[0] in one for one in told), reverse=True)
    assert sizes[1] in told[-1]
    assert sizes[0] != sizes[1]


async def test_another_codec_is_shown_to_who_comes_again() -> None:
    """It is made the browser's by the transcoder; an output that is made anew tells its viewers."""
    port = free_port()
    before, after = [await asyncio.to_thread(changed, codec, 0) for codec in ("h264", "h265")]
    async with engine(pushed(output(port))) as running:
        async with begun(running, port, before) as (camera, viewers):
            await camera.show("h265", after, lambda: viewers.states("closed") or viewers.states("failed"))
        (one,) = running.sessions
        again = asyncio.create_task(until(lambda: one.metrics.attempts >= 2 and one.healthy, 60))
        await camera.show("h265", after, again.done)
        async with watching(f"http://127.0.0.1:{port}/gate", kinds=("video",)) as viewers:
            await camera.show("h265", after, lambda: len(viewers.units(0, MediaKind.VIDEO)) >= SOME)
            assert not shown(viewers, after), "no browser takes it as it is"
            await viewers.leave()
