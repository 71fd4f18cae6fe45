"""Another server at the same name and port, by `camcast run` with a file: what was learnt of the first is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from camcast_rtmp.receiver import Receiver, Refusal
from camcast_rtmp.receiver.connection import Connection
from tests.compare import Media
from tests.integration.test_odd_servers import ended, running, shows
from tests.integration.test_server_unknown import CLIP, SOME, pictures
from tests.servers.nginx import Nginx
from tests.servers.nms import NodeMediaServer2
from tests.servers.process import free_port
from tests.servers.stream_reader import Player

CHUNKS = 60000
"""With which nginx answers connect as Node-Media-Server 2.7 does; only its words at Publish.Start tell."""


async def test_a_server_in_the_place_of_one_that_took_less_gets_what_it_takes(tmp_path: Path) -> None:
    port = free_port()
    nginx = Nginx(tmp_path / "nginx", port=port, chunk_size=CHUNKS)
    other = NodeMediaServer2(tmp_path / "other", port=port)

    async def played(number: int) -> Media:
        with Player(tmp_path / f"player{number}", other.url("cam", "record")) as player:
            await asyncio.to_thread(player.wait_packets, 2 * SOME, timeout=40)
        return player.so_far()

    retry = {"max_attempts": None, "initial_delay": 0.2, "max_delay": 0.2, "jitter": 0}
    async with running(tmp_path, nginx.url("cam"), loop=True, clip=CLIP, retry_policy=retry) as process:
        with nginx:
            await asyncio.to_thread(nginx.wait_publishing, "cam", "record", least=100_000, timeout=40)
            # Once more there: it is known, and no attempt is spent on finding out.
            nginx.drop("cam", "record")
            await asyncio.to_thread(nginx.wait_publishing, "cam", "record", least=100_000, timeout=40)
        # A connection that was over before any picture leaves a file's header.
        recorded = [path for path in nginx.recordings("cam") if path.stat().st_size > 1_000]
        with other:
            # What was known is taken for true once more.
            first = await played(1)
        with other:
            second = await played(2)
        process.terminate()
        status, log = await ended(process)
    assert status == 0, log
    assert {codec for path in recorded for codec in pictures(Media.read(path))} == {"h264"}
    assert log.count("by its words when publishing began it is nginx-rtmp-module") == 1
    assert (pictures(first), pictures(second)) == ({"h264"}, {"hevc"})


def introduced_as(name: str) -> Callable[[Connection], None]:
    """A server with another fmsVer."""

    def patch(connection: Connection) -> None:
        server = connection.server
        plain = server._command

        def command(stream: int, called: str, transaction: float, object: Any, *arguments: Any) -> None:
            object = {**object, "fmsVer": name} if isinstance(object, dict) else object
            plain(stream, called, transaction, object, *arguments)

        server._command = command  # type: ignore[method-assign,assignment]

    return patch


async def test_a_server_in_the_place_of_one_that_refused_properties_is_asked_with_them(tmp_path: Path) -> None:
    """Not the first time: it has to be met to be known."""
    async with Receiver() as receiver:
        asked: list[bool] = []

        def on_connect(app: str, properties: Any) -> Refusal | None:
            asked.append("capsEx" in properties)
            return Refusal() if len(asked) == 1 else None

        receiver.on_connect = on_connect
        async with running(tmp_path, receiver.url("live", "cam"), loop=True) as process:
            for number in range(3):
                recording = await receiver.recording("cam", number, timeout=40)
                await receiver.until(partial(shows, recording), timeout=20)
                receiver.on_accept = introduced_as("Another/2,0")
                receiver.drop()
            process.terminate()
            _, log = await ended(process)
    assert asked[:4] == [True, False, False, True], log
