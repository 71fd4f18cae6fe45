"""What a server says means the same to both RTMP clients, the native one and librtmp, over a real connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.media import made
from tests.plugins.transport_harness import Events, context, load

import camcast_librtmp
import camcast_rtmp
from camcast.errors import NetworkError, RefusedError, TransportError
from camcast.flv import amf0
from camcast.media import TagType
from camcast_kit_rtmp.answers import CODES
from camcast_kit_rtmp.status import information
from camcast_rtmp.messages import Type
from camcast_rtmp.receiver import Receiver
from camcast_rtmp.server import ConnectAsked, PublishAsked, Server

CLIENTS = {"rtmp": camcast_rtmp, "librtmp": camcast_librtmp}
LEVELS = ("error", "status", "warning", "")
NO_ANSWER = 5.0
"""Seconds after which a client gives up waiting: what is understood takes a fraction of that."""

Info = Mapping[str, Any]


@pytest.fixture(params=list(CLIENTS))
def client(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def build(client: str, receiver: Receiver) -> tuple[Any, Events]:
    kind = next(kind for kind in CLIENTS[client].camcast_transports() if kind.name == client)
    made_context, events = context(kind, receiver.url("live", "cam"), connect_timeout=NO_ANSWER)
    return kind.build(made_context), events


async def refusal(client: str, receiver: Receiver) -> TransportError:
    """What the attempt ends with."""
    transport, events = build(client, receiver)

    async def begin() -> None:
        await transport.connect()
        await transport.publish(load(made("h264_aac")).tracks)

    try:
        with pytest.raises(TransportError) as caught:
            await begin()
    finally:
        await transport.close()
    assert not events.losses
    return caught.value


def about(code: str, level: str) -> dict[str, str]:
    return {"code": code, "level": level} if level else {"code": code}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("code", CODES)
async def test_a_no_to_publish_is_one_at_every_level(
    client: str, code: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(self: Server, asked: PublishAsked) -> None:
        self._command(asked.stream_id, "onStatus", 0, None, about(code, level))

    monkeypatch.setattr(Server, "accept_publish", answer)
    async with Receiver() as receiver:
        error = await refusal(client, receiver)
    assert type(error) is CODES[code]
    assert (error.stage, code in str(error)) == ("publish", True)


PUBLISH: dict[str, tuple[str, Info]] = {
    "an unknown word": ("onStatus", about("NetStream.Publish.NoLicence", "status")),
    "stopped": ("onStatus", about("NetStream.Publish.Stop", "status")),
    "an error": ("_error", about("NetStream.Publish.Denied", "error")),
    "a result": ("_result", about("NetStream.Publish.Denied", "status")),
}


@pytest.mark.parametrize("how", PUBLISH)
async def test_other_ways_to_refuse_publishing(client: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, info = PUBLISH[how]

    def answer(self: Server, asked: PublishAsked) -> None:
        self._command(asked.stream_id, name, asked.transaction if name != "onStatus" else 0, None, dict(info))

    monkeypatch.setattr(Server, "accept_publish", answer)
    async with Receiver() as receiver:
        error = await refusal(client, receiver)
    assert type(error) is RefusedError
    assert (error.stage, info["code"] in str(error)) == ("publish", True)


@pytest.mark.parametrize("name", ["_error", "_result", "onStatus"])
@pytest.mark.parametrize(
    "info",
    [
        about("NetConnection.Connect.Rejected", "error"),
        about("NetConnection.Connect.Rejected", "status"),
        about("NetConnection.Connect.InvalidApp", "warning"),
        about("Something.Else", "error"),
    ],
    ids=lambda info: ".".join(info.values()),
)
async def test_a_no_to_connect_is_one_by_whatever_name(
    client: str, name: str, info: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(self: Server, asked: ConnectAsked, properties: Any = None) -> None:
        self._command(0, name, 0 if name == "onStatus" else asked.transaction, None, info)

    monkeypatch.setattr(Server, "accept", answer)
    async with Receiver() as receiver:
        error = await refusal(client, receiver)
    assert type(error) is RefusedError
    assert (error.stage, info["code"] in str(error)) == ("command", True)


@pytest.mark.parametrize(
    "said", [("_result", about("NetStream.Failed", "error")), ("_result", None)], ids=["no", "none"]
)
async def test_a_stream_that_is_not_created(
    client: str, said: tuple[str, dict[str, str] | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Server._command

    def command(self: Server, stream_id: int, name: str, transaction: float, object: Any, *arguments: Any) -> None:
        if name == "_result" and object is None and transaction > 1:
            arguments = (said[1],)
        plain(self, stream_id, name, transaction, object, *arguments)

    monkeypatch.setattr(Server, "_command", command)
    async with Receiver() as receiver:
        error = await refusal(client, receiver)
    assert isinstance(error, NetworkError)
    words = "the server refused to create a stream (NetStream.Failed)" if said[1] else "answered without a stream id"
    assert words in str(error)


async def live(client: str, receiver: Receiver) -> tuple[Any, Events, Callable[[], None]]:
    """A publication, its events, and what sends a picture."""
    transport, events = build(client, receiver)
    clip = load(made("h264_aac"))
    headers, tags = clip.tags()
    await transport.connect()
    await transport.publish(clip.tracks)
    for tag in headers:
        transport.send(tag, 0)
    following = iter(tags)

    def picture() -> None:
        tag = next(following)
        transport.send(tag, tag.time)

    return transport, events, picture


def eof(number: int) -> bytes:
    return b"\0\x01" + number.to_bytes(4)


async def test_the_end_of_another_stream_ends_nothing(client: str) -> None:
    async with Receiver() as receiver:
        transport, events, picture = await live(client, receiver)
        recording = await receiver.recording("cam")
        (connection,) = receiver.connections
        connection.server.control(Type.USER_CONTROL, eof(7))
        connection.flush()
        # What is said behind it is answered; librtmp looks for it while it sends.
        pictures = recording.counts[TagType.VIDEO]
        connection.server.ping(77)
        connection.flush()
        async with asyncio.timeout(10):
            while not receiver.pings or recording.counts[TagType.VIDEO] == pictures:
                picture()
                await asyncio.sleep(0.06)
        assert not events.losses
        async with asyncio.timeout(10):
            while not events.losses:
                connection.server.control(Type.USER_CONTROL, eof(1))
                connection.flush()
                await asyncio.sleep(0.06)
        (error,) = events.losses
        assert "StreamEOF" in str(error)
        await transport.close()


async def test_what_comes_in_one_piece_is_all_heard(client: str) -> None:
    """Ten pings and the end of the stream in one segment, and nothing behind them."""
    async with Receiver() as receiver:
        transport, events, picture = await live(client, receiver)
        await receiver.recording("cam")
        (connection,) = receiver.connections
        for number in range(10):
            connection.server.ping(number)
        connection.server.control(Type.USER_CONTROL, eof(1))
        connection.flush()
        async with asyncio.timeout(10):
            while not events.losses:
                picture()
                await asyncio.sleep(0.06)
        await receiver.until(lambda: list(receiver.pings) == list(range(10)))
        assert "StreamEOF" in str(events.losses[0])
        await transport.close()


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([None, {"code": "a"}], {"code": "a"}),
        ([None, {"code": "a"}, {"more": 1}], {"code": "a"}),
        ([{"fmsVer": "X"}, {"code": "a"}], {"code": "a"}),
        ([{"code": "a"}], {"code": "a"}),
        ([{"fmsVer": "X"}], {}),
        ([None, 1.0], {}),
        ([], {}),
    ],
)
def test_the_information_object(values: list[Any], found: dict[str, Any]) -> None:
    assert information(values) == found


async def test_a_remark_behind_the_information_is_not_taken_for_it(
    client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(self: Server, asked: PublishAsked) -> None:
        info = about("NetStream.Publish.BadName", "error")
        payload = amf0.encode("onStatus", 0, None, info, {"code": "NetStream.Publish.Start"})
        self.send(8, Type.COMMAND, asked.stream_id, payload)

    monkeypatch.setattr(Server, "accept_publish", answer)
    async with Receiver() as receiver:
        assert "BadName" in str(await refusal(client, receiver))
