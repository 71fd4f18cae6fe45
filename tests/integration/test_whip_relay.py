"""WHIP through a TURN server, by a process with a configuration file: every picture arrives, and by no other way."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.media import made
from tests.plugins.transport_harness import load
from tests.servers.coturn import PASSWORD, USER, Coturn
from tests.servers.process import wait_for
from tests.servers.whip import WhipServer

TOKEN = "correct-horse-battery"
CLIP = "h264_only"


async def run(folder: Path, server: WhipServer, **options: Any) -> tuple[int | None, str]:
    """(exit status, log) of a run that plays the clip once."""
    source = {"type": "file", "url": str(made(CLIP))}
    output = {"url": server.url(), "options": {"token": TOKEN, "relay_only": True, **options}}
    file = folder / "camcast.json"
    file.write_text(
        json.dumps({"cameras": [{"camera_id": 0, "streams": [{"source": source, "outputs": {"a": output}}]}]})
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "camcast", "run", str(file), "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, log = await asyncio.wait_for(process.communicate(), 40)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    return process.returncode, log.decode()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_every_picture_goes_through_the_relay(transport: str, tmp_path: Path) -> None:
    with WhipServer(tmp_path / "whip", token=TOKEN) as server, Coturn(tmp_path / "turn") as turn:
        named = {"url": turn.url(transport), "username": USER, "credential": PASSWORD}
        status, log = await run(tmp_path, server, ice_servers=[named])
        assert status == 0, log
        pictures = [unit for unit in server.received() if unit.kind == "video"]
        # The last ones stay in the receiver's jitter buffer.
        assert len(pictures) > len(load(made(CLIP)).packets) - 30
        await asyncio.to_thread(wait_for, lambda: turn.relayed > len(pictures), why="the relay says what it carried")
    assert PASSWORD not in log


async def test_a_relay_that_refuses_us_is_named_and_nothing_goes_another_way(tmp_path: Path) -> None:
    with WhipServer(tmp_path / "whip", token=TOKEN) as server, Coturn(tmp_path / "turn") as turn:
        named = {"url": turn.url(), "username": USER, "credential": f"not-{PASSWORD}"}
        status, log = await run(tmp_path, server, ice_servers=[named])
        assert status == 1, log
        assert "TURN" in log
        assert not server.received()
    assert PASSWORD not in log
