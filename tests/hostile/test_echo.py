"""A process of camcast beside peers that say its secrets back: nothing that it prints has one, or a part of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from tests.command_run import command_run
from tests.core.test_redaction_of_words import shows
from tests.hostile import echo
from tests.hostile.echo import KEY, MARK, WAYS, one_line
from tests.servers.process import free_port

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


def over_tls(ports: list[int], srt: int) -> dict[str, Any]:
    """The same, for servers that have the secret in their certificates' names, one for each way, and for SRT."""
    picture = {"type": "testsrc", "options": {"text": False}}
    small = {"type": "H264_CBR", "width": 192, "height": 144, "framerate": 5}
    pinned, insecure = {"fingerprint": "0" * 64}, {"insecure": True}
    found: dict[str, Any] = {
        "srt": {"url": f"srt://127.0.0.1:{srt}?streamid={KEY}&passphrase={KEY}", "connect_timeout": "2s"}
    }
    cameras: list[dict[str, Any]] = []
    for number, port in enumerate(ports):
        places: tuple[tuple[str, dict[str, Any]], ...] = (
            (f"127.0.0.1:{port}", {}),
            (f"localhost:{port}", {}),
            (f"127.0.0.1:{port}", pinned),
        )
        for at, (place, trust) in enumerate((*places, (f"127.0.0.1:{port}", insecure))):
            more = {**trust, "retry_policy": RETRIES}
            found[f"rtmps {at} {number}"] = {"url": f"rtmps://user:{KEY}@{place}/live{at}/{KEY}", **more}
            found[f"whips {at} {number}"] = {"url": f"whips://{place}/{at}/{KEY}", "options": {"token": KEY}, **more}
            if trust is pinned:
                continue
            source = {"type": "rtsp", "url": f"rtsps://user:{KEY}@{place}/{KEY}", "options": trust}
            stream = {"name": "main", "source": source, "rtmp": {"url": "rtmp://127.0.0.1:9/live/x{camera_id}"}}
            cameras.append({"camera_id": len(cameras) + 1, "streams": [stream]})
    first = {"name": "main", "source": picture, "encoder": small, "outputs": found}
    return {
        "system": {"max_cameras": 200, "max_connects_per_second": 500},
        "cameras": [{"camera_id": 0, "streams": [first]}, *cameras],
    }


async def ended(process: asyncio.subprocess.Process, spoken: set[str], everything: set[str]) -> tuple[str, str]:
    """What the process printed, once every peer has said what it says."""
    talking = asyncio.create_task(process.communicate())
    deadline = asyncio.get_running_loop().time() + 90
    while everything - spoken:
        assert asyncio.get_running_loop().time() < deadline, f"never asked for: {everything - spoken}"
        assert not talking.done(), talking.result()
        await asyncio.sleep(0.1)
    # The last ones' words are still to be told.
    await asyncio.sleep(2.0)
    assert not talking.done(), talking.result()
    process.send_signal(signal.SIGINT)
    out, log = await asyncio.wait_for(talking, 30)
    return out.decode(), log.decode()


async def printed(config: dict[str, Any], spoken: set[str], everything: set[str], directory: Path) -> list[str]:
    """The lines of a run."""
    file = directory / "config.json"
    file.write_text(json.dumps(config))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "camcast", "run", str(file), "--plain", "--json", "--log-level", "DEBUG"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    return "".join(await ended(process, spoken, everything)).splitlines()


def check(lines: list[str]) -> None:
    for line in lines:
        assert not shows(line, KEY), line
        assert KEY.encode().hex() not in line.replace(" ", ""), line
        assert not any(way(KEY) in line for way in WAYS), line


async def test_nothing_that_is_printed_has_the_secret(tmp_path: Path) -> None:
    spoken: set[str] = set()
    kinds = [f"{who} {what}" for who, whats in (("rtmp", RTMP), ("whip", WHIP), ("rtsp", RTSP)) for what in whats]
    everything = {f"{kind} {number}" for number in range(len(WAYS)) for kind in (*kinds, "proxy")}
    async with AsyncExitStack() as stack:
        scripts = (echo.rtmp, echo.whip, echo.proxy, echo.rtsp)
        ports = [await serve(stack, partial(script, spoken)) for script in scripts]
        lines = await printed(configuration(*ports), spoken, everything, tmp_path)
    check(lines)
    # The peers were heard: what is shown are their words, without the secret.
    for number in range(len(WAYS)):
        for where in ("refused the application (", "refused to publish (", "did not connect: ", "was answered 454 "):
            assert any(where in line and f"{MARK} {number} " in line for line in lines), (where, number)


async def test_neither_certificates_nor_alerts_nor_handshakes_show_it(tmp_path: Path) -> None:
    spoken: set[str] = set()
    everything = {f"tls {name} {number}" for number in range(len(WAYS)) for name in ("unnamed", "localhost")}
    async with AsyncExitStack() as stack:
        contexts = [echo.tls(spoken, number, tmp_path) for number in range(len(WAYS))]
        ports = [await serve(stack, partial(echo.over_tls, context)) for context in contexts]
        udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: echo.Srt(spoken), ("127.0.0.1", 0))
        stack.callback(udp.close)
        config = over_tls(ports, udp.get_extra_info("sockname")[1])
        lines = await printed(config, spoken, everything | {"srt echo 0"}, tmp_path)
    check(lines)
    for said in (
        "the certificate of 127.0.0.1 ",
        "is not the pinned one",
        "its certificate is not trusted",
        "unrecognized",
        "srt://127.0.0.1:",
    ):
        assert any(said in line.lower() for line in lines), said


def asking(number: int) -> list[bytes]:
    """Requests that have the secret wherever one has a text, as far as it is let go out at all."""
    text = one_line(number).encode("utf-8", "replace")
    word = text.replace(b" ", b"+")
    host = b"Host: 127.0.0.1\r\n"
    return [
        b"GET /%b?token=%b HTTP/1.1\r\n%bReferer: http://h/%b\r\n\r\n" % (word, word, host, word),
        b"GET /status HTTP/1.1\r\n%bUser-Agent: %b\r\n\r\n" % (host, text),
        b"POST /watch/%b HTTP/1.1\r\n%bContent-Type: %b\r\nContent-Length: 4\r\n\r\nv=0\n" % (word, host, text),
        b"POST /watch HTTP/1.1\r\n%bAuthorization: Bearer %b\r\nContent-Type: application/sdp\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (host, word, len(text), text),
        b"GET /metrics HTTP/1.1\r\n%bAuthorization: Basic %b\r\nCookie: %b\r\n\r\n" % (host, word, text),
        b"%b / HTTP/1.1\r\nHost: %b\r\nOrigin: %b\r\n\r\n" % (word, word, word),
        b"\x16\x03\x01" + text,
        text + b"\r\n\r\n",
    ]


async def ask(port: int, said: bytes) -> None:
    """Says it, and waits for whatever comes of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    with contextlib.suppress(OSError):
        await writer.drain()
        async with asyncio.timeout(5):
            await reader.read(1 << 16)
    writer.close()


async def test_requests_that_have_the_secret_leave_no_trace_of_it(tmp_path: Path) -> None:
    """Ours to read or to watch: what somebody asks for is logged nowhere, whatever is wrong with it."""
    ports = [free_port() for _ in range(3)]
    small = {"type": "H264_CBR", "width": 192, "height": 144, "framerate": 5}
    watched = {"url": f"whep://127.0.0.1:{ports[0]}/watch", "options": {"token": KEY}}
    stream = {"name": "main", "source": {"type": "testsrc"}, "encoder": small, "outputs": {"live": watched}}
    config = {
        "services": {
            "http": {"port": ports[1], "token": KEY, "change_token": f"{KEY}-more", "watch_token": KEY},
            "prometheus": {"listen": f"127.0.0.1:{ports[2]}", "token": KEY},
        },
        "cameras": [{"camera_id": 0, "streams": [stream]}],
    }
    with command_run(tmp_path, config, "--log-level", "DEBUG") as run:
        async with asyncio.timeout(60):
            while any(map(closed, ports)):  # noqa: ASYNC110  nobody tells when another process listens
                await asyncio.sleep(0.1)
        for number in range(len(WAYS)):
            await asyncio.gather(*(ask(port, said) for port in ports for said in asking(number)))
        figures = await asyncio.to_thread(run.end)
    check([*run.log.splitlines(), json.dumps(figures)])


def closed(port: int) -> bool:
    """Whether nobody listens there yet."""
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) != 0
