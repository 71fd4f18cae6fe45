"""`camcast run` with a configuration file against servers that are odd: what the receiver decoded, and what was told.

Each case was met at some server. The peer is the plugin's own receiver, which says one thing more than it should.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from camcast.flv import amf0
from camcast.media import TagType
from camcast_rtmp.messages import Type
from camcast_rtmp.receiver import Receiver, Refusal
from camcast_rtmp.server import Server
from tests.compare import compare
from tests.media import made

CLIP = "h264_aac"
RETRY = {"max_attempts": 5, "initial_delay": 0.2, "max_delay": 0.2, "jitter": 0}


@asynccontextmanager
async def running(
    folder: Path, url: str, *, loop: bool, clip: str | Path = CLIP, **output: Any
) -> AsyncIterator[asyncio.subprocess.Process]:
    path = clip if isinstance(clip, Path) else made(clip)
    source = {"type": "file", "url": str(path), "options": {"loop": loop}}
    stream = {"source": source, "outputs": {"odd": {"url": url, "retry_policy": RETRY, **output}}}
    file = folder / "camcast.json"
    file.write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [stream]}]}))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "camcast", "run", str(file), "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """The exit status, and what was logged."""
    _, log = await asyncio.wait_for(process.communicate(), 40)
    return process.returncode, log.decode()


REMARKS: dict[str, tuple[int, bytes]] = {
    "a user control of two bytes": (Type.USER_CONTROL, b"\0\x20"),
    "a user control of nothing": (Type.USER_CONTROL, b""),
    "a command of nothing": (Type.COMMAND, b""),
    "AMF3 in a notification": (Type.COMMAND, amf0.encode("onBWDone", 0, None) + b"\x11\x04\x01"),
    "a reference in a notification": (Type.COMMAND, amf0.encode("onBWDone", 0, None) + b"\x07\x00\x00"),
    "a short acknowledgement": (Type.ACKNOWLEDGEMENT, b"\0"),
}


@pytest.mark.parametrize("remark", REMARKS.values(), ids=list(REMARKS))
async def test_a_remark_that_cannot_be_read_costs_no_picture(remark: tuple[int, bytes], tmp_path: Path) -> None:
    async with Receiver() as receiver:
        told: list[Any] = []

        def on_tag(recording: Any, kind: TagType, time: int) -> None:
            if kind is TagType.VIDEO and not told:
                told.append(time)
                for connection in receiver.connections:
                    connection.server.send(3, remark[0], 0, remark[1])
                    connection.flush()

        receiver.on_tag = on_tag
        async with running(tmp_path, receiver.url("live", "cam"), loop=False) as process:
            status, log = await ended(process)
        assert status == 0, log
        assert told
        (recording,) = receiver.recordings
        (tmp_path / "received.flv").write_bytes(recording.flv())
    found = compare(made(CLIP), tmp_path / "received.flv", from_keyframe=1)
    assert found.missing_tail == {"video": 0, "audio": 0}


@pytest.mark.parametrize("refusal", [Refusal(), Refusal("NetConnection.Connect.Rejected", "unknown property")])
async def test_a_server_that_ends_it_at_enhanced_properties_gets_the_stream(refusal: Refusal, tmp_path: Path) -> None:
    async with Receiver() as receiver:
        receiver.on_connect = lambda app, properties: refusal if "capsEx" in properties else None
        async with running(tmp_path, receiver.url("live", "cam"), loop=False) as process:
            status, log = await ended(process)
        assert status == 0, log
        (recording,) = receiver.recordings
        (tmp_path / "received.flv").write_bytes(recording.flv())
        assert receiver.accepted == 2
    compare(made(CLIP), tmp_path / "received.flv", from_keyframe=1)


ENDS: dict[str, tuple[Callable[[Server], None], str]] = {
    "unpublished": (
        lambda server: server.status(1, "status", "NetStream.Unpublish.Success", "by the operator"),
        "NetStream.Unpublish.Success: by the operator",
    ),
    "onFCUnpublish": (
        lambda server: server._command(0, "onFCUnpublish", 0, None, {"code": "NetStream.Unpublish.Success"}),
        "NetStream.Unpublish.Success",
    ),
    "StreamEOF": (lambda server: server.control(Type.USER_CONTROL, b"\0\x01\0\0\0\x01"), "StreamEOF"),
    "drained": (lambda server: server.request_reconnect(), "the server asks to connect anew (please move)"),
}


@pytest.mark.parametrize(("say", "words"), ENDS.values(), ids=list(ENDS))
async def test_an_end_that_leaves_the_socket_open_is_followed_by_a_new_beginning(
    say: Callable[[Server], None], words: str, tmp_path: Path
) -> None:
    async with Receiver() as receiver:
        async with running(tmp_path, receiver.url("live", "cam"), loop=True) as process:
            first = await receiver.recording("cam", timeout=20)
            await receiver.until(lambda: first.counts[TagType.VIDEO] > 30, timeout=20)
            (connection,) = receiver.connections
            say(connection.server)
            connection.flush()
            second = await receiver.recording("cam", 1, timeout=20)
            await receiver.until(lambda: second.counts[TagType.VIDEO] > 60, timeout=20)
            process.terminate()
            _, log = await ended(process)
        assert words in log
        (tmp_path / "received.flv").write_bytes(second.flv())
    found = compare(made(CLIP), tmp_path / "received.flv", loop=True, from_keyframe=1)
    assert found.frames > 20


async def test_a_server_that_floods_is_named_and_the_other_goes_on(tmp_path: Path) -> None:
    async with Receiver() as bad, Receiver() as good:

        def flood(recording: Any, kind: TagType, time: int) -> None:
            for connection in bad.connections:
                for _ in range(600):
                    connection.server.ping(1)
                connection.flush()

        bad.on_tag = flood
        chain: dict[str, Any] = {"fallback_urls": [good.url("live", "cam")]}
        async with running(tmp_path, bad.url("live", "cam"), loop=False, **chain) as process:
            status, log = await ended(process)
        assert status == 0, log
        assert "cut off: the server sends a publisher over 500 messages at once, or 50 a second" in log
        (tmp_path / "received.flv").write_bytes(good.recordings[-1].flv())
    assert compare(made(CLIP), tmp_path / "received.flv", from_keyframe=1).missing_tail == {"video": 0, "audio": 0}
