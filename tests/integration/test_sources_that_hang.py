"""`camcast run` with a plugin whose source hangs the first time: it is named, started anew, and on the air."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.installed import installed
from tests.integration.peers import KEY, PEERS, RtmpPeer
from tests.servers.process import wait_for

PLUGIN = """
import asyncio
import threading

from camcast import hookimpl
from camcast.kinds import Gives, SourceKind
from camcast.threaded import ThreadedSource
from camcast_testsrc.options import PictureOptions
from camcast_testsrc.source import PictureSource

class InItsCoroutine:
    def __init__(self, context):
        self.good = PictureSource(context)

    async def run(self, sink):
        try:
            async with asyncio.timeout(1.5):
                await self.good.run(sink)
        except TimeoutError:
            await self.answer_of_the_camera()

    async def answer_of_the_camera(self):
        await asyncio.Event().wait()

    def request_keyframe(self):
        return False

class InItsThread(ThreadedSource):
    name = "hangs"

    def work(self):
        self.answer_of_the_camera()

    def answer_of_the_camera(self):
        threading.Event().wait()

builds = 0

def build(context):
    global builds
    builds += 1
    return FIRST(context) if builds == 1 else PictureSource(context)

@hookimpl
def camcast_sources():
    kind = SourceKind(
        name="hangs", title="Hangs", build=build, options=PictureOptions, gives=Gives.FRAMES, needs_url=False
    )
    return [kind]
"""


@pytest.mark.parametrize("first", ["InItsCoroutine", "InItsThread"])
def test_a_source_that_hangs_is_named_and_started_anew(tmp_path: Path, first: str) -> None:
    with PEERS["rtmp"](tmp_path / "rtmp") as peer:  # type: ignore[call-arg]
        assert isinstance(peer, RtmpPeer)
        source, encoder = {"type": "hangs", "restart_after": 3}, {"width": 320, "height": 180}
        stream = {
            "source": source,
            "encoder": encoder,
            "outputs": {"rtmp": {"url": peer.target().url, "idle_timeout": 3}},
        }
        file, logged = tmp_path / "camcast.json", tmp_path / "log"
        file.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [stream]}]}))
        path = os.pathsep.join(
            filter(
                None, (str(installed(tmp_path, "hangs", PLUGIN.replace("FIRST", first))), os.environ.get("PYTHONPATH"))
            )
        )
        with logged.open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "camcast", "run", str(file), "--plain", "--json"],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONPATH": path},
            )
        try:
            said = "source hangs hangs: nothing came for 3 s; it is in hangs_plugin.py:"
            wait_for(lambda: said in logged.read_text(), timeout=40)
            before = arrived(peer)
            wait_for(lambda: arrived(peer) > before + 20_000, timeout=40)
            process.terminate()
            figures = json.loads(process.communicate(timeout=30)[0])
        finally:
            process.kill()
            process.communicate()
    text = logged.read_text()
    assert "in answer_of_the_camera" in text, text
    assert figures["streams"][0]["restarts"] >= 1
    assert figures["sessions"][0]["state"] == "connected"
    assert ("its thread is left behind" in text) is (first == "InItsThread")


def arrived(peer: RtmpPeer) -> int:
    """Bytes that the server has written down so far."""
    return sum(path.stat().st_size for path in peer.nginx.recordings(KEY))
