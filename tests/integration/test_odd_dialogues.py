"""What servers say beside what is asked for, or in their own way, while all is well: nothing of it costs a picture.

One `camcast run` with an output for each case, each to a server of its own. Window sizes, chunk sizes, remarks and
refusals of what is optional are those of Adobe's servers, Wowza, Red5, nginx-rtmp, MonaServer and home-made ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from camcast.flv import amf0
from camcast.media import TagType
from camcast_rtmp.messages import Command, Type, u32
from camcast_rtmp.receiver import Receiver
from camcast_rtmp.receiver.connection import Connection
from camcast_rtmp.server import Server
from tests.compare import compare
from tests.integration.test_odd_servers import CLIP, by, ended, running
from tests.media import made

Patch = Callable[[Connection], None]


def around(method: str, *, before: Callable[[Server], object] | None = None, after: Any = None) -> Patch:
    """A server that says more before or after it does `method`."""

    def patch(connection: Connection) -> None:
        server = connection.server
        plain = getattr(server, method)

        def more(*arguments: Any, **named: Any) -> None:
            if before is not None:
                before(server)
            plain(*arguments, **named)
            if after is not None:
                after(server)

        setattr(server, method, more)

    return patch


def control(type: int, payload: bytes) -> Callable[[Server], None]:
    return lambda server: server.control(type, payload)


def each(*says: Callable[[Server], object]) -> Callable[[Server], None]:
    def say(server: Server) -> None:
        for one in says:
            one(server)

    return say


def status(code: str, level: str = "status", **more: Any) -> Callable[[Server], None]:
    return lambda server: server.status(1, level, code, "in its own words", **more)


def said(*values: Any, type: int = Type.COMMAND, more: bytes = b"") -> Callable[[Server], None]:
    """A command, as it stands."""
    first = b"\0" if type == Type.COMMAND_AMF3 else b""
    return lambda server: server.send(3, type, 0, first + amf0.encode(*values) + more)


def start(info: Any, *, type: int = Type.COMMAND, stream: int = 1, transaction: float = 0, null: bool = True) -> Patch:
    """A server that agrees to publish in these words."""

    def patch(connection: Connection) -> None:
        server = connection.server

        def accept_publish(asked: Any) -> None:
            server._publishing.add(asked.stream_id)
            values = ["onStatus", transaction, *([None] if null else []), info]
            first = b"\0" if type == Type.COMMAND_AMF3 else b""
            server.send(3, type, stream, first + amf0.encode(*values))

        server.accept_publish = accept_publish  # type: ignore[method-assign]

    return patch


def answering(name: str, answer: Callable[[Server, Command], object], *, instead: bool = False) -> Patch:
    """A server that has an answer of its own to a command."""

    def patch(connection: Connection) -> None:
        server = connection.server
        plain = server._on_command

        def on_command(command: Command) -> None:
            if command.name == name:
                answer(server, command)
            if command.name != name or not instead:
                plain(command)

        server._on_command = on_command  # type: ignore[method-assign]

    return patch


def created(*values: Any, stream: int = 1) -> Patch:
    """A server that answers createStream by these values behind the transaction's number."""

    def answer(server: Server, command: Command) -> None:
        server._streams = stream
        server.send(3, Type.COMMAND, 0, amf0.encode("_result", command.transaction, *values))

    return answering("createStream", answer, instead=True)


def both(*patches: Patch) -> Patch:
    def patch(connection: Connection) -> None:
        for one in patches:
            one(connection)

    return patch


def refuses(name: str, called: str, info: Any) -> Patch:
    """A server without a method that is optional, which it says by `called`."""
    return answering(
        name,
        lambda server, command: server._command(
            0, called, command.transaction if called != "onStatus" else 0, None, info
        ),
    )


def greeting(change: Callable[[bytes], bytes]) -> Patch:
    """A server whose S0 S1 S2 are changed."""

    def patch(connection: Connection) -> None:
        handshake = connection.server.handshake
        plain = handshake.feed

        def feed(data: bytes) -> bytes:
            answer = plain(data)
            return change(answer) if answer else b""

        handshake.feed = feed  # type: ignore[method-assign]

    return patch


def late_echo(connection: Connection) -> None:
    """S2 only after C2, which no client needs to wait for."""
    handshake = connection.server.handshake
    plain, held = handshake.feed, []

    def feed(data: bytes) -> bytes:
        answer = plain(data)
        if answer:
            held.append(answer[1537:])
            return answer[:1537]
        return held.pop() if handshake.done else b""

    handshake.feed = feed  # type: ignore[method-assign]


def ending(*, reset: bool) -> Patch:
    """A server that hangs up when it is said goodbye to."""

    def patch(connection: Connection) -> None:
        answering("FCUnpublish", lambda server, command: connection.drop(reset=reset))(connection)

    return patch


def on_air(say: Callable[[Server], object]) -> Patch:
    """A server that says something after some pictures."""

    def patch(connection: Connection) -> None:
        server, plain = connection.server, connection.server.feed
        media = [0]

        def feed(data: bytes) -> Any:
            events = plain(data)
            before, media[0] = media[0], media[0] + sum(getattr(event, "type", 0) == Type.VIDEO for event in events)
            if before < 20 <= media[0]:
                say(server)
            return events

        server.feed = feed  # type: ignore[method-assign]

    return patch


def in_bytes(connection: Connection) -> None:
    """A server whose words come byte by byte; its handshake, which has thousands, comes whole: so many pieces are a
    flood."""

    def flush() -> None:
        said = b"".join(connection.server.outgoing())
        for piece in [said] if len(said) > HANDSHAKE // 2 else [bytes((one,)) for one in said]:
            assert connection._transport is not None
            connection._transport.write(piece)

    connection.flush = flush  # type: ignore[method-assign]


def by_the_clock(connection: Connection) -> None:
    """A server whose messages have times that need the extended form."""
    writer = connection.server.writer
    plain = writer.message

    def message(chunk_stream: int, type: int, time: int, *more: Any) -> Any:
        return plain(chunk_stream, type, 0xFFFFFF00, *more)

    connection.server.writer = SimpleNamespace(message=message, chunk_size=writer.chunk_size)  # type: ignore[assignment]
    connection.server.set_chunk_size = lambda size: None  # type: ignore[method-assign]


def chunked(begin: Callable[[int], bytes], go_on: Callable[[int], bytes], *, time: int) -> Patch:
    """A server with chunk headers of its own: `begin` and `go_on` make their first bytes of a chunk stream's number."""

    def patch(connection: Connection) -> None:
        size = connection.server.writer.chunk_size

        def message(
            chunk_stream: int, type: int, _: int, stream_id: int, head: bytes, body: bytes | memoryview = b""
        ) -> list[bytes]:
            payload = head + bytes(body)
            short = min(time, 0xFFFFFF).to_bytes(3, "big")
            extended = time.to_bytes(4, "big") if time >= 0xFFFFFF else b""
            first = begin(chunk_stream) + short + len(payload).to_bytes(3, "big") + bytes((type,))
            parts = [first + stream_id.to_bytes(4, "little") + extended + payload[:size]]
            return parts + [go_on(chunk_stream) + payload[at : at + size] for at in range(size, len(payload), size)]

        connection.server.writer = SimpleNamespace(message=message, chunk_size=size)  # type: ignore[assignment]
        connection.server.set_chunk_size = lambda size: None  # type: ignore[method-assign]

    return patch


def called(name: str) -> bytes:
    return len(name).to_bytes(2, "big") + name.encode()


EVERY_VALUE = b"".join(
    (
        b"\x03",
        *(
            called(name) + amf0.encode(value)
            for name, value in (("code", "NetConnection.Connect.Success"), ("n", None))
        ),
        called("when") + b"\x0b" + bytes(8) + b"\0\0",
        called("xml") + b"\x0f\0\0\0\x04<a/>",
        called("long") + b"\x0c\0\0\0\x02ab",
        called("typed") + b"\x10" + called("Some.Class") + called("a") + b"\x01\x01" + b"\0\0\x09",
        called("undefined") + b"\x06" + called("unsupported") + b"\x0d" + called("clip") + b"\x04",
        b"\0\0\x09",
    )
)
"""Of AMF0, in one object (its specification, §2)."""


def later(seconds: float, method: str) -> Patch:
    """A server that takes its time for what it does by `method`."""

    def patch(connection: Connection) -> None:
        server = connection.server
        plain = getattr(server, method)

        def do(*arguments: Any) -> None:
            plain(*arguments)
            connection.flush()

        def wait(*arguments: Any) -> None:
            asyncio.get_running_loop().call_later(seconds, do, *arguments)

        setattr(server, method, wait)

    return patch


def answers_connect(payload: bytes) -> Patch:
    def patch(connection: Connection) -> None:
        server = connection.server
        server.accept = lambda asked, properties=None: server.send(3, Type.COMMAND, 0, payload)  # type: ignore[method-assign]

    return patch


def around_accept(say: Callable[[Server], object]) -> Patch:
    """A server that accepts the application by this alone."""

    def patch(connection: Connection) -> None:
        server = connection.server
        server.accept = lambda asked, properties=None: say(server)  # type: ignore[assignment, method-assign]

    return patch


CALL_FAILED = {
    "level": "error",
    "code": "NetConnection.Call.Failed",
    "description": "Method not found (releaseStream).",
}
START = {"level": "status", "code": "NetStream.Publish.Start", "description": "ok"}
EVERYTHING = 0xFFFFFFFF

ODD: Mapping[str, Patch] = {
    # Bytes, windows and chunks.
    "one byte after the other": in_bytes,
    "times of a clock": by_the_clock,
    "a window of 0": around("accept", after=control(Type.WINDOW_ACK_SIZE, u32(0))),
    "a window of 1": around("accept", after=control(Type.WINDOW_ACK_SIZE, u32(1))),
    "the largest window": around("accept", after=control(Type.WINDOW_ACK_SIZE, u32(EVERYTHING))),
    "a bandwidth of 0": around("accept", after=control(Type.SET_PEER_BANDWIDTH, u32(0) + b"\0")),
    "the largest bandwidth, of no kind": around(
        "accept", after=control(Type.SET_PEER_BANDWIDTH, u32(EVERYTHING) + b"\x09")
    ),
    "an acknowledgement of more than was sent": around("accept", after=control(Type.ACKNOWLEDGEMENT, u32(EVERYTHING))),
    "a chunk size with the handshake": around("opened", after=lambda server: server.set_chunk_size(4096)),
    "chunks of 1": around("accept", after=lambda server: server.set_chunk_size(1)),
    "the largest chunks": around("accept", after=control(Type.SET_CHUNK_SIZE, u32(0x7FFFFFFF))),
    "another chunk size before Start": around("accept_publish", before=lambda server: server.set_chunk_size(64)),
    "chunk streams of two bytes": chunked(
        lambda number: bytes((0, number)), lambda number: bytes((0xC0, number)), time=0
    ),
    "chunk streams of three bytes": chunked(
        lambda number: bytes((1, number, 1)), lambda number: bytes((0xC1, number, 1)), time=5
    ),
    "chunk sizes again and again": around(
        "accept", after=lambda server: [server.set_chunk_size(n) for n in (256, 9, 4096)]
    ),
    "a verification of Flash's player": around("accept", before=control(Type.USER_CONTROL, b"\0\x1a" + bytes(4))),
    "buffers that are empty and full": on_air(
        each(*(control(Type.USER_CONTROL, b"\0" + bytes((kind,)) + u32(1)) for kind in (31, 32, 0, 4)))
    ),
    "forty pings": on_air(each(*(control(Type.USER_CONTROL, b"\0\x06" + u32(number)) for number in range(40)))),
    "a window of 100": around("accept", after=control(Type.WINDOW_ACK_SIZE, u32(100))),
    "a ping with more behind it": on_air(control(Type.USER_CONTROL, b"\0\x06" + u32(1) + bytes(200))),
    "a length for our buffer": on_air(control(Type.USER_CONTROL, b"\0\x03" + u32(1) + u32(3000))),
    "an abort of what was whole": on_air(control(Type.ABORT, u32(3))),
    "a message of type 0": on_air(lambda server: server.send(3, 0, 0, b"")),
    "an acknowledgement that goes back": on_air(
        each(*(control(Type.ACKNOWLEDGEMENT, u32(size)) for size in (5000, 100)))
    ),
    # The handshake.
    "a version that is to come": greeting(lambda answer: b"\x1f" + answer[1:]),
    "a version of old": greeting(lambda answer: b"\0" + answer[1:]),
    "an echo of something else": greeting(lambda answer: answer[:1537] + bytes(1536)),
    "a server that has a version": greeting(lambda answer: answer[:5] + b"\x05\0\x03\x01" + answer[9:]),
    "the echo after ours": late_echo,
    # Agreeing.
    "Start as a warning": start({**START, "level": "warning"}),
    "Start without a level": start({"code": START["code"]}),
    "Start in small letters": start({**START, "code": "netstream.publish.start"}),
    "Start in an array": start(amf0.EcmaArray(START)),
    "Start without a null": start(START, null=False),
    "Start in a command of AMF3": start(START, type=Type.COMMAND_AMF3),
    "Start by publish's number, of the connection": start(START, stream=0, transaction=5),
    "Start with a number for words": start({**START, "description": 200, "details": ["cam"], "clientid": 1}),
    "Start twice": around("accept_publish", after=status("NetStream.Publish.Start")),
    "Reset, Idle, and something to come before Start": around(
        "accept_publish",
        before=lambda server: [
            status(code, level)(server)
            for code, level in (
                ("NetStream.Publish.Reset", "status"),
                ("NetStream.Publish.Idle", "status"),
                ("NetStream.Something.ToCome", "warning"),
            )
        ],
    ),
    "a recording that begins": around("accept_publish", after=status("NetStream.Record.Start")),
    "connect answered twice": around(
        "accept", after=said("_result", 1, None, {"code": "NetConnection.Connect.Success"})
    ),
    "every kind of value in the answer to connect": answers_connect(
        amf0.encode("_result", 1, {"fmsVer": "FMS/5,0"}) + EVERY_VALUE
    ),
    "an answer to connect without properties": answers_connect(
        amf0.encode("_result", 1, None, {"code": "NetConnection.Connect.Success"})
    ),
    "an answer to connect in an array": answers_connect(
        amf0.encode("_result", 1, None, amf0.EcmaArray({"code": "NetConnection.Connect.Success", "level": "status"}))
    ),
    "an answer to connect that says AMF3": answers_connect(
        amf0.encode(
            "_result",
            1,
            {"fmsVer": "FMS/4,5,0,297", "capabilities": 255, "mode": 1},
            {"code": "NetConnection.Connect.Success", "level": "status", "objectEncoding": 3},
        )
    ),
    "connect after a while": later(0.7, "accept"),
    "Start after a while": later(0.7, "accept_publish"),
    "access to samples before Start": around(
        "accept_publish", before=said("|RtmpSampleAccess", True, True, type=Type.DATA)
    ),
    "data that starts, before Start": around(
        "accept_publish", before=said("onStatus", {"code": "NetStream.Data.Start"}, type=Type.DATA)
    ),
    "Start on another stream": start(START, stream=5),
    "Start with 60 kB of words": start({**START, "description": "d" * 60_000}),
    "connect answered in a command of AMF3": around_accept(
        said("_result", 1, {"fmsVer": "x"}, {"code": "NetConnection.Connect.Success"}, type=Type.COMMAND_AMF3)
    ),
    # What is optional.
    "no releaseStream": refuses("releaseStream", "_error", CALL_FAILED),
    "no FCPublish": refuses("FCPublish", "_error", CALL_FAILED),
    "no releaseStream, as a status": refuses("releaseStream", "onStatus", CALL_FAILED),
    "no FCPublish, as a status": refuses("FCPublish", "onStatus", CALL_FAILED),
    "no FCPublish, in a word": refuses("FCPublish", "_error", "no such method"),
    "onFCPublish that says Start": answering(
        "FCPublish", lambda server, command: server._command(0, "onFCPublish", 0, None, START)
    ),
    "releaseStream of a stream that is not there": refuses(
        "releaseStream", "onStatus", {"level": "error", "code": "NetStream.Play.StreamNotFound", "description": "cam"}
    ),
    # createStream.
    "a stream of 1.0000001": created(None, 1.0000001),
    "a stream in the null's place": created(1.0),
    "a stream as a text": created(None, "1"),
    "a stream of 7": created(None, 7, stream=7),
    "a stream behind an object": created({}, 1.0),
    "a stream with more behind it": created(None, 1.0, {"level": "status"}),
    "a stream of a server that counts again": both(
        created(None, 1.0), around("accept_publish", before=said("_result", 4, None, 9.0))
    ),
    # Remarks.
    "a recording that fails": on_air(status("NetStream.Record.Failed", "error")),
    "a recording that may not be": on_air(status("NetStream.Record.NoAccess", "error")),
    "a call that failed": on_air(status("NetConnection.Call.Failed", "error")),
    "a shared object that is none": on_air(status("SharedObject.BadPersistence", "error")),
    "a warning on the air": on_air(status("NetStream.Play.InsufficientBW", "warning")),
    "Start again on the air": on_air(status("NetStream.Publish.Start")),
    "Idle on the air": on_air(status("NetStream.Publish.Idle", "status")),
    "a bandwidth check": around("accept", after=said("_onbwcheck", 7, None, [1, 2, 3], 4)),
    "a bandwidth check before the answer": around("accept", before=said("onBWDone", 3, None)),
    "a stream that is dry": on_air(control(Type.USER_CONTROL, b"\0\x02" + u32(1))),
    "an aggregate": on_air(lambda server: server.send(3, 22, 1, b"\x08\0\0\x01\0\0\0\0\0\0\0\xaf\0\0\0\x0c")),
    # The end.
    "a reset at goodbye": ending(reset=True),
    "closing at goodbye": ending(reset=False),
}
LARGE: Mapping[str, Patch] = {
    "times of a clock, once in a message": chunked(
        lambda number: bytes((number,)), lambda number: bytes((0xC0 | number,)), time=0x01234567
    ),
    "metadata of 200 kB": on_air(said("onMetaData", {"text": "x" * 200_000}, type=Type.DATA)),
    "a picture of 300 kB, played back": on_air(lambda server: server.send(6, Type.VIDEO, 1, bytes(300_000))),
    "a shared object of 70 kB at connect": both(
        around("accept", before=lambda server: server.send(3, 19, 0, bytes(70_000))),
        around("accept", before=lambda server: server.set_chunk_size(4096)),
    ),
}
"""Messages that nobody reads, and extended times that are not repeated. What librtmp makes of it is its own affair."""


HANDSHAKE = 1 + 1536 + 1536
"""Bytes of a server's."""
TAIL = 20
"""Frames of one kind, less than a second."""


@pytest.mark.parametrize("transport", ["", "librtmp"])
async def test_what_servers_say_otherwise_costs_no_picture(transport: str, tmp_path: Path) -> None:
    odd = ODD if transport else {**ODD, **LARGE}
    async with AsyncExitStack() as stack:
        receivers: dict[str, Receiver] = {}
        for name, patch in odd.items():
            receiver = receivers[name] = await stack.enter_async_context(Receiver())
            receiver.on_accept = patch
        keys = {f"k{number}": name for number, name in enumerate(odd)}
        outputs = {key: {"url": receivers[name].url("live", key), **by(transport)} for key, name in keys.items()}
        async with running(tmp_path, "", loop=False, outputs=outputs) as process:
            code, log = await ended(process)
        lost = []
        for key, name in keys.items():
            receiver = receivers[name]
            whole = tmp_path / f"{key}.flv"
            if receiver.accepted != 1 or len(receiver.recordings) != 1:
                lost.append(f"{name}: {receiver.accepted} connections, {len(receiver.recordings)} publications")
                continue
            assert receiver.recordings[0].counts[TagType.VIDEO] > 0
            whole.write_bytes(receiver.recordings[0].flv())
            # What a busy machine has not sent in the time that an end is given is cut off, and counted.
            if max(compare(made(CLIP), whole, from_keyframe=1).missing_tail.values()) > TAIL:
                lost.append(f"{name}: its end")
    assert (code, lost) == (0, []), "\n".join([*lost, log])
