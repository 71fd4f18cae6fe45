"""WHIP through a TURN server, by a process with a configuration file: every picture arrives, and by no other way."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.peers import hashes_of
from tests.media import made
from tests.plugins.transport_harness import load
from tests.servers.coturn import PASSWORD, USER, Coturn
from tests.servers.process import wait_for
from tests.servers.whip import WhipServer

TOKEN = "correct-horse-battery"
CLIP = "h264_only"
SOME = 150
"""Pictures, one and a half rounds of the clip."""


async def run(folder: Path, server: WhipServer, enough: Callable[[str], bool], **options: Any) -> str:
    """The log of a run that plays the clip again and again, until it is `enough` by what was logged so far."""
    source = {"type": "file", "url": str(made(CLIP)), "options": {"loop": True}}
    output = {"url": server.url(), "options": {"token": TOKEN, "relay_only": True, **options}}
    stream = {"source": source, "outputs": {"relayed": output}}
    file = folder / "camcast.json"
    file.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [stream]}]}))
    path = folder / "log"
    with path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "camcast", "run", str(file), stdout=asyncio.subprocess.DEVNULL, stderr=log
        )
        try:
            await asyncio.to_thread(wait_for, lambda: enough(path.read_text()), timeout=60, why="it was enough")
            process.terminate()
            await asyncio.wait_for(process.wait(), 20)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
    return path.read_text()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_every_picture_goes_through_the_relay(transport: str, tmp_path: Path) -> None:
    with WhipServer(tmp_path / "whip", token=TOKEN) as server, Coturn(tmp_path / "turn") as turn:
        named = {"url": turn.url(transport), "username": USER, "credential": PASSWORD}
        log = await run(tmp_path, server, lambda _: len(server.received()) > SOME, ice_servers=[named])
        pictures = server.received()
        clip = [hashes_of(packet) for packet in load(made(CLIP)).packets]
        start = clip.index(pictures[0].hashes)
        for number, unit in enumerate(pictures):
            assert unit.hashes == clip[(start + number) % len(clip)], f"picture {number} is another"
        await asyncio.to_thread(wait_for, lambda: turn.relayed > len(pictures), why="the relay says what it carried")
    assert PASSWORD not in log


async def test_a_relay_that_refuses_us_is_named_and_nothing_goes_another_way(tmp_path: Path) -> None:
    with WhipServer(tmp_path / "whip", token=TOKEN) as server, Coturn(tmp_path / "turn") as turn:
        named = {"url": turn.url(), "username": USER, "credential": f"not-{PASSWORD}"}
        log = await run(tmp_path, server, lambda log: "TURN" in log, ice_servers=[named])
        assert not server.received()
    assert PASSWORD not in log
