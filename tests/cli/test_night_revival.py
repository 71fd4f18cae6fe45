"""Who has given up comes back: each error in its own time, and at once when something has changed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from tests.command_run import Command, command_run
from tests.installed import installed
from tests.integration.test_odd_servers import running
from tests.media import made
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for
from typer.testing import CliRunner

from camcast.cli.app import app
from camcast_rtmp.receiver import Receiver, Refusal

NAMES = """
import os
import socket
from pathlib import Path

plain = socket.getaddrinfo

def getaddrinfo(host, *more, **named):
    if host != "gate.test":
        return plain(host, *more, **named)
    if not Path(os.environ["NAME_SERVER"]).exists():
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    return plain("127.0.0.1", *more, **named)

socket.getaddrinfo = getaddrinfo
"""
"""A name server that is away until there is a file."""
ONCE = {"max_attempts": 0, "jitter": 0}
"""No retries; revived by the defaults, told exactly."""


def configuration(**outputs: str) -> dict[str, Any]:
    source = {"type": "file", "url": str(made("h264_aac")), "options": {"loop": True}}
    named = {name: {"url": url, "retry_policy": ONCE} for name, url in outputs.items()}
    return {"cameras": [{"camera_id": 0, "streams": [{"source": source, "outputs": named}]}]}


def gave_up(command: Command, name: str) -> str:
    """What is told when that output gives up."""

    def lines() -> list[str]:
        return [line for line in command.log.splitlines() if f"cam0_main/{name}" in line and "gave up" in line]

    wait_for(lambda: bool(lines()), timeout=60, why=f"{name} gives up")
    return lines()[0]


async def test_a_dead_server_is_looked_for_every_five_minutes_and_a_wrong_key_tried_every_fifteen(
    tmp_path: Path,
) -> None:
    async with Receiver() as receiver:
        receiver.on_publish = lambda app, key: Refusal("NetStream.Publish.Denied", "wrong stream key")
        outputs = {
            "dead": {"url": "rtmp://127.0.0.1:1/live/x", "retry_policy": ONCE},
            "key": {"url": receiver.url("live", "x"), "retry_policy": ONCE},
        }
        async with running(tmp_path, "", loop=True, outputs=outputs) as process:
            assert process.stderr is not None
            told: dict[str, str] = {}
            async with asyncio.timeout(60):
                while len(told) < len(outputs):
                    line = (await process.stderr.readline()).decode()
                    assert line, told
                    told |= {name: line.strip() for name in outputs if f"/{name}: " in line and "gave up" in line}
    assert told["dead"].endswith("tried again in 300 s"), told
    assert told["key"].endswith("tried again in 900 s"), told
    assert "wrong stream key" in told["key"]


def test_the_retry_command_revives_what_has_given_up_at_once(nginx: Nginx, tmp_path: Path) -> None:
    nginx.kill()
    with command_run(tmp_path, configuration(out=nginx.url("cam0")), XDG_RUNTIME_DIR=str(tmp_path)) as command:
        gave_up(command, "out")
        nginx.restart()
        words = ["retry", "cam0_main/out", "--socket", str(tmp_path / "camcast" / "c.sock")]
        asked = CliRunner().invoke(app, words)
        assert asked.exit_code == 0, asked.output
        nginx.wait_publishing("cam0", "record", least=50_000, timeout=40)
        command.end()


def test_a_name_that_can_be_looked_up_again_revives_who_has_given_up_for_it(nginx: Nginx, tmp_path: Path) -> None:
    installed(tmp_path, "names", NAMES)
    known = tmp_path / "known"
    paths = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    url = nginx.url("cam0").replace("127.0.0.1", "gate.test")
    with command_run(tmp_path, configuration(out=url), PYTHONPATH=paths, NAME_SERVER=str(known)) as command:
        assert "look" in gave_up(command, "out")
        known.touch()
        nginx.wait_publishing("cam0", "record", least=50_000, timeout=60)
        command.end()
    assert "gate.test can be looked up again" in command.log
