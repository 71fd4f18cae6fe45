"""A process of camcast beside peers that say its secrets back: nothing that it prints has one, or a part of it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from tests.core.test_redaction_of_words import shows
from tests.hostile import echo
from tests.hostile.echo import KEY, MARK, WAYS

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
RETRIES = {"max_attempts": 1, "initial_delay": 0.2, "max_delay": 0.2}
RTMP = ("connect", "code", "redirect", "publish", "moves", "ends")
WHIP = ("text", "json", "kind", "sdp", "redirect", "raw")
RTSP = ("status", "challenge", "length", "redirect", "description", "play")


async def serve(stack: AsyncExitStack, script: Script) -> int:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the other side has hung up
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    stack.callback(server.close)
    return int(server.sockets[0].getsockname()[1])


def outputs(rtmp: int, whip: int, proxy: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number in range(len(WAYS)):
        for what in RTMP:
            found[f"rtmp {what} {number}"] = {"url": f"rtmp://user:{KEY}@127.0.0.1:{rtmp}/{what}-{number}/{KEY}"}
        for what in WHIP:
            url = f"whip://127.0.0.1:{whip}/{what}/{number}/{KEY}"
            found[f"whip {what} {number}"] = {"url": url, "options": {"token": KEY}}
        through = f"http://user:{KEY}@127.0.0.1:{proxy}"
        found[f"proxy {number}"] = {"url": f"rtmp://w{number}.example/live/{KEY}", "proxy": through}
    return {name: {**output, "retry_policy": RETRIES} for name, output in found.items()}


def configuration(rtmp: int, whip: int, proxy: int, rtsp: int) -> dict[str, Any]:
    picture = {"type": "testsrc", "options": {"text": False}}
    small = {"type": "H264_CBR", "width": 192, "height": 144, "framerate": 5}
    first = {"name": "main", "source": picture, "encoder": small, "outputs": outputs(rtmp, whip, proxy)}
    cameras: list[dict[str, Any]] = [{"camera_id": 0, "streams": [first]}]
    for number in range(len(WAYS)):
        for at, what in enumerate(RTSP):
            source = {"type": "rtsp", "url": f"rtsp://user:{KEY}@127.0.0.1:{rtsp}/{what}/{number}/main"}
            stream = {
                "name": f"{what}-{number}",
                "source": source,
                "rtmp": {"url": "rtmp://127.0.0.1:9/live/x{camera_id}"},
            }
            cameras.append({"camera_id": 1 + number * len(RTSP) + at, "streams": [stream]})
    return {"system": {"max_cameras": 200, "max_connects_per_second": 500}, "cameras": cameras}


async def ended(process: asyncio.subprocess.Process, spoken: set[str]) -> tuple[str, str]:
    """What the process printed, once every peer has said what it says."""
    talking = asyncio.create_task(process.communicate())
    kinds = [f"{who} {what}" for who, whats in (("rtmp", RTMP), ("whip", WHIP), ("rtsp", RTSP)) for what in whats]
    everything = {f"{kind} {number}" for number in range(len(WAYS)) for kind in (*kinds, "proxy")}
    async with asyncio.timeout(90):
        while everything - spoken:  # noqa: ASYNC110  peers in the same loop
            await asyncio.sleep(0.1)
    # The last ones' words are still to be told.
    await asyncio.sleep(2.0)
    process.send_signal(signal.SIGINT)
    out, log = await asyncio.wait_for(talking, 30)
    return out.decode(), log.decode()


async def test_nothing_that_is_printed_has_the_secret(tmp_path: Path) -> None:
    spoken: set[str] = set()
    async with AsyncExitStack() as stack:
        scripts = (echo.rtmp, echo.whip, echo.proxy, echo.rtsp)
        ports = [await serve(stack, partial(script, spoken)) for script in scripts]
        file = tmp_path / "config.json"
        file.write_text(json.dumps(configuration(*ports)))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "camcast", "run", str(file), "--plain", "--json", "--log-level", "DEBUG"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        printed = await ended(process, spoken)
    lines = "".join(printed).splitlines()
    for line in lines:
        assert not shows(line, KEY), line
        assert KEY.encode().hex() not in line.replace(" ", ""), line
        assert not any(way(KEY) in line for way in WAYS), line
    # The peers were heard: what is shown are their words, without the secret.
    for number in range(len(WAYS)):
        for where in ("refused the application (", "refused to publish (", "did not connect: ", "was answered 454 "):
            assert any(where in line and f"{MARK} {number} " in line for line in lines), (where, number)
