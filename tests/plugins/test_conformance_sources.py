"""The sources keep the contract of a source, each with real media: a clip, a camera, a program that pushes."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from itertools import cycle
from typing import ClassVar

import imageio_ffmpeg
import pytest
from tests.media import made
from tests.plugins.transport_harness import feed, load, longer, publishing
from tests.programs import beside
from tests.servers.gst_rtsp import GstRtsp, play
from tests.servers.nginx import Nginx
from tests.servers.process import free_port

from camcast.errors import TransportError
from camcast.media import NS_PER_MS
from camcast.testing.conformance import DatagramSourceConformance, ListeningSourceConformance, SourceConformance
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


class TestRtmpListening(ListeningSourceConformance):
    """A source that listens; the kit's runs are published to one after another, by our own transport."""

    kind = "rtmp"
    options: ClassVar = {"mode": "listen", "timeout": 5.0}
    bad_url = "rtmp://someone:hidden-password@no-such-host:9/live/hidden-path"

    @pytest.fixture
    def url(self) -> str:
        return f"rtmp://127.0.0.1:{free_port()}/live/hidden-key"

    async def drive(self, run: Run) -> None:
        clip = load(made("h264_aac"))
        kind = self.host().transports["rtmp"]
        headers, tags = clip.tags()
        while True:
            try:
                async with publishing(kind, run.context.url, clip) as (transport, events):
                    await feed(transport, [*headers, *tags], until=lambda: bool(events.losses))
            except TransportError:
                await asyncio.sleep(0.02)  # it does not listen yet


class TestSrtListening(DatagramSourceConformance):
    """Likewise by SRT, which listens on UDP, in another process."""

    kind = "srt"
    options: ClassVar = {"timeout": 5.0}
    bad_url = "srt://no-such-host:9?mode=listener&passphrase=hidden-password&streamid=hidden-path"

    @pytest.fixture
    def url(self) -> str:
        return f"srt://127.0.0.1:{free_port(kind=socket.SOCK_DGRAM)}?mode=listener&streamid=hidden-key"

    async def drive(self, run: Run) -> None:
        clip = load(made("h264_aac"))
        kind = self.host().transports["srt"]
        url = run.context.url.replace("mode=listener&", "")
        while True:
            try:
                async with publishing(kind, url, clip, connect_timeout=5.0) as (transport, events):
                    await feed(transport, longer(clip, 60), until=lambda: bool(events.losses))
            except TransportError:
                await asyncio.sleep(0.02)  # it does not listen yet


class TestRtmpPlaying(SourceConformance):
    kind = "rtmp"
    bad_url = "rtmp://someone:hidden-password@127.0.0.1:9/live/hidden-path"

    @pytest.fixture(scope="class")
    def published(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
        with Nginx(tmp_path_factory.mktemp("nginx")) as server:
            url = server.url("gate")
            exe = imageio_ffmpeg.get_ffmpeg_exe()
            command = [exe, "-v", "error", "-re", "-stream_loop", "-1", "-i", str(made("h264_aac"))]
            with beside([*command, "-c", "copy", "-f", "flv", url], stdin=subprocess.DEVNULL):
                server.wait_publishing("gate", "record", least=100_000)
                yield url

    @pytest.fixture
    def url(self, published: str) -> str:
        return published


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
