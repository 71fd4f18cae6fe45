"""H.265 with `"server": "auto"`: servers that are recognised get what they take; where nobody can tell, that is said.

By a process with a configuration file, to real servers; what is asserted is what came out of them.
"""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest

from tests.compare import Media, decoded
from tests.integration.test_odd_servers import ended, running
from tests.servers.nginx import Nginx
from tests.servers.nms import NodeMediaServer, NodeMediaServer2
from tests.servers.stream_reader import Listener, Player

CLIP = "hevc_aac"
SOME = 60
"""Packets of each kind that are more than headers."""
SHOWN = 20
"""Pictures among twice as many packets of both kinds, at the least."""


def pictures(media: Media) -> set[str]:
    """The codecs of those that came."""
    return {unit.codec for unit in media.video}


@pytest.mark.parametrize("chunk_size", [4096, 4000, 60000])
async def test_nginx_is_recognised_and_gets_a_picture_that_it_takes(chunk_size: int, tmp_path: Path) -> None:
    """It would record sound without picture, with the state connected and the exit status 0."""
    with Nginx(tmp_path / "server", chunk_size=chunk_size) as nginx:
        async with running(tmp_path, nginx.url("cam"), loop=False, clip=CLIP) as process:
            status, log = await ended(process)
        assert status == 0, log
        recorded = Media.read(await asyncio.to_thread(nginx.recording, "cam"))
    assert "the target does not take h265: sending h264 instead" in log
    assert ("by its words when publishing began it is nginx-rtmp-module" in log) == (chunk_size == 60000)
    assert pictures(recorded) == {"h264"}
    assert decoded(recorded.video) >= SOME


@pytest.mark.parametrize("version", [NodeMediaServer, NodeMediaServer2])
async def test_node_media_server_is_recognised_and_gets_it_as_it_is(
    version: type[NodeMediaServer], tmp_path: Path
) -> None:
    with version(tmp_path / "server") as server:
        async with running(tmp_path, server.url("cam"), loop=True, clip=CLIP) as process:
            with Player(tmp_path / "player", server.url("cam")) as player:
                await asyncio.to_thread(player.wait_packets, 2 * SOME)
            process.terminate()
            status, log = await ended(process)
    assert (status, "unconfirmed" in log) == (0, False), log
    assert pictures(player.so_far()) == {"hevc"}
    assert decoded(player.so_far().video) >= SHOWN


@pytest.mark.parametrize(
    ("policy", "status", "health", "codec"),
    [
        ("warn", 1, "unconfirmed", "hevc"),
        ("send", 0, "healthy", "hevc"),
        ("transcode", 0, "healthy", "h264"),
        ("fail", 1, "unhealthy", ""),
    ],
)
async def test_a_server_that_nobody_knows(policy: str, status: int, health: str, codec: str, tmp_path: Path) -> None:
    with Listener(tmp_path / "server", again=True) as server:
        url = server.url("cam")
        async with running(tmp_path, url, loop=True, clip=CLIP, on_unconfirmed=policy) as process:
            if codec:
                await asyncio.to_thread(server.wait_packets, 2 * SOME)
            else:
                assert process.stderr is not None
                while b"on_unconfirmed is" not in await asyncio.wait_for(process.stderr.readline(), 20):
                    """Until it has been told."""
            process.send_signal(signal.SIGINT)  # SIGTERM is 0 in any case
            out, log = await asyncio.wait_for(process.communicate(), 20)
        assert pictures(server.so_far()) == ({codec} if codec else set())
        assert decoded(server.so_far().video) >= SHOWN * bool(codec)
    (session,) = json.loads(out)["sessions"]
    assert (process.returncode, session["health"], session["healthy"]) == (status, health, health == "healthy")
    told = "nobody can tell whether this server takes h265"
    if policy == "warn":
        assert told in log.decode()
        assert told in session["unconfirmed"]
    else:
        assert session["unconfirmed"] == ""
