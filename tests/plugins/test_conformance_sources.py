"""The sources keep the contract of a source, each with real media: a clip, a camera, a program that pushes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import cycle
from typing import ClassVar

import pytest
from tests.media import made
from tests.plugins.transport_harness import load
from tests.servers.gst_rtsp import GstRtsp, play

from camcast.media import NS_PER_MS
from camcast.testing.conformance import SourceConformance
from camcast.testing.conformance.running import Run


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GstRtsp]:
    mounts = {"/main": play(made("h264_aac"), "h264", "aac")}
    with GstRtsp(tmp_path_factory.mktemp("camera"), mounts) as server:
        yield server


class TestTestsrc(SourceConformance):
    kind = "testsrc"
    options: ClassVar = {"tone": 440.0}


class TestFile(SourceConformance):
    kind = "file"
    options: ClassVar = {"loop": True}
    bad_url = "/nowhere/hidden-password/clip.mp4"

    @pytest.fixture
    def url(self) -> str:
        return str(made("h264_b_aac"))


class TestFileReadAhead(TestFile):
    """The other way that files are read: not from memory."""

    options: ClassVar = {"loop": True, "cache": False}


class TestRtsp(SourceConformance):
    kind = "rtsp"
    bad_url = "rtsp://someone:hidden-password@127.0.0.1:9/hidden-path"

    @pytest.fixture
    def url(self, camera: GstRtsp) -> str:
        return camera.url("/main")


class TestRtspOverUdp(TestRtsp):
    options: ClassVar = {"transport": "udp"}


class TestPush(SourceConformance):
    kind = "push"
    options: ClassVar = {"video": "h264", "audio": "aac"}

    async def drive(self, run: Run) -> None:
        feed = run.source.feed  # type: ignore[attr-defined]
        await feed.ready()
        for turn, packet in enumerate(cycle(load(made("h264_aac")).packets)):
            feed.packet(
                packet.payload,
                kind=packet.track.kind,
                dts=turn * 20 * NS_PER_MS,
                pts=turn * 20 * NS_PER_MS,
            )
            await asyncio.sleep(0.005)
