"""`camcast run` with a configuration file against servers that are odd: what the receiver decoded, and what was told.

Each case was met at some server. The peer is the plugin's own receiver, which says one thing more than it should.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from camcast.flv import amf0
from camcast.media import TagType
from camcast.session.connection import REFUSED_DELAY
from camcast_rtmp.messages import Type
from camcast_rtmp.receiver import Receiver, Refusal
from camcast_rtmp.server import Server
from tests.compare import Media, compare
from tests.media import made

CLIP = "h264_aac"
SOME = 30
"""Pictures."""
BUSY = 40
"""Seconds for a process, thirty sessions and as many second ones, on a machine that has much else to do."""
RETRY = {"max_attempts": 5, "initial_delay": 0.2, "max_delay": 0.2, "jitter": 0}


@asynccontextmanager
async def running(
    folder: Path,
    url: str,
    *,
    loop: bool,
    clip: str | Path = CLIP,
    outputs: Mapping[str, Mapping[str, Any]] | None = None,
    **output: Any,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """One camera that plays a clip to `url` with the keys of `output`, or to all of `outputs`."""
    path = clip if isinstance(clip, Path) else made(clip)
    source = {"type": "file", "url": str(path), "options": {"loop": loop}}
    several = outputs or {"odd": {"url": url, **output}}
    stream = {"source": source, "outputs": {name: {"retry_policy": RETRY, **one} for name, one in several.items()}}
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


AMF3 = b"\x11\x0a\x0b\x01\x04\x01"
REFERENCE = b"\x07\0\0"
REMARKS: dict[str, tuple[int, bytes]] = {
    "a user control of two bytes": (Type.USER_CONTROL, b"\0\x20"),
    "a user control of nothing": (Type.USER_CONTROL, b""),
    "a ping of two bytes": (Type.USER_CONTROL, b"\0\x06"),
    "a command of nothing": (Type.COMMAND, b""),
    "a command of AMF3 of nothing": (Type.COMMAND_AMF3, b""),
    "a command that breaks off in its name": (Type.COMMAND, b"\x02\0\x20on"),
    "a command without a name": (Type.COMMAND, amf0.encode(None, 0, None)),
    "AMF3 in a notification": (Type.COMMAND, amf0.encode("onBWDone", 0, None) + AMF3),
    "AMF3 in a command of AMF3": (Type.COMMAND_AMF3, b"\0" + amf0.encode("onBWDone", 0, None) + AMF3),
    "all of it AMF3": (Type.COMMAND_AMF3, b"\x03" + AMF3),
    "a reference in a notification": (Type.COMMAND, amf0.encode("onBWDone", 0, None) + REFERENCE),
    "a number that breaks off": (Type.COMMAND, amf0.encode("onBWDone") + b"\0\x40"),
    "an array that promises too much": (Type.COMMAND, amf0.encode("onStatus", 0, None) + b"\x0a\xff\xff\xff\xff"),
    "a status that says nothing": (Type.COMMAND, amf0.encode("onStatus", 0, None)),
    "a status with a number for a code": (Type.COMMAND, amf0.encode("onStatus", 0, None, {"code": 5, "level": 1})),
    "nesting without end": (Type.COMMAND, amf0.encode("onBWDone", 0) + b"\x03\0\x01a" * 2000),
    "an answer to nothing": (Type.COMMAND, amf0.encode("_result", 99, None) + AMF3),
    "an error to nothing": (Type.COMMAND, amf0.encode("_error", 98) + b"\xff"),
    "data of nothing": (Type.DATA, b""),
    "data of AMF3": (15, b"\0" + AMF3),
    "a shared object": (19, b"\0\x01a"),
    "an aggregate of nothing": (22, b""),
    "sound for us": (Type.AUDIO, b""),
    "a type that there is not": (99, b"?"),
    "a short acknowledgement": (Type.ACKNOWLEDGEMENT, b"\0"),
    "a short window": (Type.WINDOW_ACK_SIZE, b"\0\0"),
    "a bandwidth without its kind": (Type.SET_PEER_BANDWIDTH, b"\0\x10\0\0"),
    "no bandwidth": (Type.SET_PEER_BANDWIDTH, b""),
    "an abort of nothing": (Type.ABORT, b""),
}
"""Each was the end of every attempt, or may be where somebody reads strictly."""


def by(transport: str) -> dict[str, Any]:
    return {"transport": transport} if transport else {}


def say_all(receiver: Receiver) -> None:
    for connection in receiver.connections:
        for type, payload in REMARKS.values():
            connection.server.send(3, type, 0, payload)
        connection.flush()


@pytest.mark.parametrize("transport", ["", "librtmp"])
async def test_remarks_that_cannot_be_read_cost_no_picture(transport: str, tmp_path: Path) -> None:
    """Said before the answer to connect, before that to publish, and on the air."""
    async with Receiver() as receiver:
        said: list[str] = []

        def now(moment: str) -> None:
            if moment not in said:
                said.append(moment)
                say_all(receiver)

        def on_connect(app: str, properties: Any) -> None:
            now("connect")

        def on_publish(app: str, key: str) -> None:
            now("publish")

        def on_tag(recording: Any, kind: TagType, time: int) -> None:
            if kind is TagType.VIDEO:
                now("on the air")

        receiver.on_connect, receiver.on_publish, receiver.on_tag = on_connect, on_publish, on_tag
        async with running(tmp_path, receiver.url("live", "cam"), loop=False, **by(transport)) as process:
            status, log = await ended(process)
        assert status == 0, log
        assert said == ["connect", "publish", "on the air"]
        (recording,) = receiver.recordings
        assert receiver.accepted == 1
        (tmp_path / "received.flv").write_bytes(recording.flv())
    found = compare(made(CLIP), tmp_path / "received.flv", from_keyframe=1)
    assert found.missing_tail == {"video": 0, "audio": 0}


@pytest.mark.parametrize("transport", ["", "librtmp"])
async def test_an_answer_counts_up_to_what_cannot_be_read(
    transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is waited for is there; what stands behind it is nobody's."""
    plain = Server.send
    more = itertools.cycle((AMF3, REFERENCE, b"\xff\xff\xff", b"\x02\0\x20on"))

    def send(self: Server, chunk_stream: int, type: int, stream_id: int, payload: bytes) -> None:
        plain(self, chunk_stream, type, stream_id, payload + next(more) if type == Type.COMMAND else payload)

    async with Receiver() as receiver:
        monkeypatch.setattr(Server, "send", send)
        async with running(tmp_path, receiver.url("live", "cam"), loop=False, **by(transport)) as process:
            status, log = await ended(process)
        assert status == 0, log
        (recording,) = receiver.recordings
        (tmp_path / "received.flv").write_bytes(recording.flv())
    compare(made(CLIP), tmp_path / "received.flv", from_keyframe=1)


async def test_an_answer_without_what_is_waited_for_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Server.send

    def send(self: Server, chunk_stream: int, type: int, stream_id: int, payload: bytes) -> None:
        if payload.startswith(amf0.encode("_result", 4)):
            payload = amf0.encode("_result", 4, None) + AMF3
        plain(self, chunk_stream, type, stream_id, payload)

    async with Receiver() as receiver:
        monkeypatch.setattr(Server, "send", send)
        async with running(tmp_path, receiver.url("live", "cam"), loop=True) as process:
            await receiver.until(lambda: receiver.accepted > 1, timeout=20)
            process.terminate()
            _, log = await ended(process)
        assert not receiver.recordings
    assert "createStream was answered without a stream id" in log


@pytest.mark.parametrize(
    ("refusal", "called"),
    [
        (Refusal(), "_error"),
        (Refusal("NetConnection.Connect.Rejected", "unknown property"), "_error"),
        (Refusal("NetConnection.Connect.Rejected", "unknown property"), "_result"),
    ],
    ids=["closes", "rejects", "rejects in a result"],
)
async def test_a_server_that_ends_it_at_enhanced_properties_gets_the_stream(
    refusal: Refusal, called: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Server._command

    def command(self: Server, stream_id: int, name: str, transaction: float, object: Any, *arguments: Any) -> None:
        plain(self, stream_id, called if name == "_error" else name, transaction, object, *arguments)

    monkeypatch.setattr(Server, "_command", command)
    async with Receiver() as receiver:
        receiver.on_connect = lambda app, properties: refusal if "capsEx" in properties else None
        async with running(tmp_path, receiver.url("live", "cam"), loop=False) as process:
            status, log = await ended(process)
        assert status == 0, log
        (recording,) = receiver.recordings
        (tmp_path / "received.flv").write_bytes(recording.flv())
        assert receiver.accepted == 2
    compare(made(CLIP), tmp_path / "received.flv", from_keyframe=1)


async def test_what_helped_at_a_server_is_remembered(tmp_path: Path) -> None:
    """The second time it is asked without Enhanced RTMP's properties at once. That the server drops the first
    publication a second after its start is no refusal yet, so the second comes soon."""
    async with Receiver() as receiver:
        asked: list[bool] = []

        def on_connect(app: str, properties: Any) -> Refusal | None:
            asked.append("capsEx" in properties)
            return Refusal() if asked[-1] else None

        receiver.on_connect = on_connect
        async with running(tmp_path, receiver.url("live", "cam"), loop=True) as process:
            for number in range(2):
                recording = await receiver.recording("cam", number, timeout=15)
                await receiver.until(partial(shows, recording), timeout=20)
                receiver.drop()
            process.terminate()
            _, log = await ended(process)
    assert asked[:3] == [True, False, False]
    assert "next try in 0.2 s" in log


def shows(recording: Any) -> bool:
    return bool(recording.counts[TagType.VIDEO] > SOME)


def status(code: str, description: str = "", level: str = "status") -> Callable[[Server], None]:
    return lambda server: server.status(1, level, code, description)


ENDS: dict[str, tuple[Callable[[Server], None], str]] = {
    "unpublished": (status("NetStream.Unpublish.Success", "by the operator"), "Unpublish.Success: by the operator"),
    "unpublished in small letters": (status("netstream.unpublish.success", level=""), "netstream.unpublish.success"),
    "kicked": (status("NetStream.Unpublish.Kicked", "go away"), "NetStream.Unpublish.Kicked: go away"),
    "stopped": (status("NetStream.Publish.Stop", "stopped at 5"), "NetStream.Publish.Stop: stopped at 5"),
    "onFCUnpublish": (
        lambda server: server._command(0, "onFCUnpublish", 0, None, {"code": "NetStream.Unpublish.FC"}),
        "NetStream.Unpublish.FC",
    ),
    "onFCUnpublish and nothing else": (
        lambda server: server.send(3, Type.COMMAND, 0, amf0.encode("onFCUnpublish")),
        "(onFCUnpublish)",
    ),
    "StreamEOF": (lambda server: server.control(Type.USER_CONTROL, b"\0\x01\0\0\0\x01"), "StreamEOF"),
    "StreamEOF without a number": (lambda server: server.control(Type.USER_CONTROL, b"\0\x01"), "StreamEOF"),
    "idle": (status("NetConnection.Connect.IdleTimeOut", "idle one"), "IdleTimeOut: idle one"),
    "idle spelt otherwise": (status("NetConnection.Connect.IdleTimeout", "idle two"), "IdleTimeout: idle two"),
    "closed": (status("NetConnection.Connect.Closed", "closed by us"), "Connect.Closed: closed by us"),
    "shut down": (status("NetConnection.Connect.AppShutdown", "reloading"), "AppShutdown: reloading"),
    "failed": (status("NetStream.Failed", "no disk", "error"), "NetStream.Failed: no disk"),
    "close": (lambda server: server._command(0, "close", 0, None), "the server closed the connection ("),
    "drained": (lambda server: server.request_reconnect(), "the server asks to connect anew (please move)"),
    "drained to an empty place": (
        lambda server: server.request_reconnect(""),
        "the server asks to connect anew (please move)",
    ),
    "somebody else has the name": (
        status("NetStream.Publish.BadName", "another publisher came", "error"),
        "another publisher came",
    ),
    "refused late, as a status": (status("NetStream.Publish.Denied", "the hook said no"), "the hook said no"),
    "refused late, in a word of its own": (
        status("NetStream.Publish.QuotaExceeded", "out of minutes", "error"),
        "out of minutes",
    ),
    "a limit": (status("NetConnection.Connect.Rejected", "bandwidth limit"), "bandwidth limit"),
    "an error to publish, later": (
        lambda server: server._command(
            0, "_error", 5, None, {"level": "error", "code": "NetStream.Publish.Failed", "description": "no room"}
        ),
        "no room",
    ),
    "closeStream": (lambda server: server._command(1, "closeStream", 0, None), "closeStream"),
    "deleteStream": (lambda server: server._command(0, "deleteStream", 0, None, 1.0), "deleteStream"),
    "unpublished, said of the connection": (
        lambda server: server.status(0, "status", "NetStream.Unpublish.Success", "said of all"),
        "said of all",
    ),
    "unpublished, in AMF3": (
        lambda server: server.send(
            3,
            Type.COMMAND_AMF3,
            1,
            b"\0" + amf0.encode("onStatus", 0, None, {"code": "NetStream.Unpublish.Success", "description": "amf3"}),
        ),
        "amf3",
    ),
    "unpublished, in an array without a null": (
        lambda server: server.send(
            3,
            Type.COMMAND,
            1,
            amf0.encode("onStatus", 0, amf0.EcmaArray({"code": "NetStream.Unpublish.Success", "description": "arr"})),
        ),
        "Success: arr",
    ),
    "StreamEOF of the connection": (lambda server: server.control(Type.USER_CONTROL, b"\0\x01\0\0\0\0"), "StreamEOF"),
}


@pytest.mark.parametrize("transport", ["", "librtmp"])
async def test_an_end_that_leaves_the_socket_open_is_followed_by_a_new_beginning(
    transport: str, tmp_path: Path
) -> None:
    # librtmp announces nothing of ReconnectRequest.
    ends = [name for name in ENDS if not (transport and name.startswith("drained"))]
    names = {f"k{number}": name for number, name in enumerate(ends)}
    async with Receiver() as receiver:
        told: set[str] = set()

        def on_tag(recording: Any, kind: TagType, time: int) -> None:
            if recording.counts[TagType.VIDEO] <= SOME or recording.name in told:
                return
            told.add(recording.name)
            (connection,) = (one for one in receiver.connections if recording in one.recordings.values())
            ENDS[names[recording.name]][0](connection.server)
            connection.flush()

        receiver.on_tag = on_tag
        outputs = {key: {"url": receiver.url("live", key), **by(transport)} for key in names}
        async with running(tmp_path, "", loop=True, outputs=outputs) as process:

            def all_again() -> bool:
                return all(len(of := receiver.of(key)) == 2 and of[1].counts[TagType.VIDEO] > SOME for key in names)

            try:
                # Two of them are refusals.
                await receiver.until(all_again, timeout=REFUSED_DELAY + BUSY)
            except TimeoutError:
                missing = [name for key, name in names.items() if len(receiver.of(key)) < 2]
                raise AssertionError(f"nothing followed: {missing}") from None
            process.terminate()
            _, log = await ended(process)
        lines = log.splitlines()
        for key, name in names.items():
            assert [line for line in lines if key in line and ENDS[name][1] in line], f"{name}: not told\n{log}"
        (tmp_path / "received.flv").write_bytes(receiver.of("k0")[1].flv())
    assert len(Media.read(tmp_path / "received.flv").video) >= SOME


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
