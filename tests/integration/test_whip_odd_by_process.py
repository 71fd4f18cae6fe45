"""WHIP servers that leave out what is optional, by `camcast run` with a file: the media comes all the same."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from tests.integration.test_odd_servers import ended, running
from tests.media import made
from tests.plugins.transport_harness import load
from tests.servers.whip import WhipServer

CLIP = "h264_opus"
WAIT = 3
"""Seconds after which a server that is full wants to be asked again."""
ODD = {
    "OPTIONS hung up on": "options-cut/x",
    "OPTIONS never answered": "options-mute/x",
    "a candidate that is the name of a host": "localhost/x",
    "full, and says for how long": f"full/{WAIT}",
}


async def test_what_is_optional_is_no_condition(tmp_path: Path) -> None:
    pictures = sum(packet.track.kind.value == "video" for packet in load(made(CLIP)).packets)
    with WhipServer(tmp_path / "whip") as server:
        outputs: dict[str, Any] = {
            f"odd{number}": {"url": server.url(path)} for number, path in enumerate(ODD.values())
        }
        began = time.monotonic()
        async with running(tmp_path, "", loop=True, clip=CLIP, outputs=outputs) as process:

            def arrived() -> dict[int, int]:
                found: dict[int, int] = {}
                for unit in server.received():
                    found[unit.session] = found.get(unit.session, 0) + (unit.kind == "video")
                return found

            while len([count for count in arrived().values() if count >= pictures]) < len(ODD):
                assert time.monotonic() - began < 60, arrived()
                await asyncio.sleep(0.2)
            process.terminate()
            _, log = await ended(process)
        requests = server.state()["requests"]
    asked = {name: [one for one in requests if one["path"] == f"/{path}"] for name, path in ODD.items()}
    for name in ("OPTIONS hung up on", "OPTIONS never answered", "a candidate that is the name of a host"):
        assert [one["method"] for one in asked[name]][-1] == "POST", name
        assert len([one for one in asked[name] if one["method"] == "POST"]) == 1, name
    posts = [one["at"] for one in asked["full, and says for how long"] if one["method"] == "POST"]
    assert len(posts) == 2
    assert WAIT <= posts[1] - posts[0] < WAIT + 10
    assert f"asks to wait {WAIT} s" in log
