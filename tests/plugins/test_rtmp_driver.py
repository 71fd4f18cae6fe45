"""The driver against the receiver: every step's deadline, every refusal's class, back-pressure, and the end."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.compare import compare
from tests.media import made
from tests.plugins.rtmp_kit import AUDIO, SET_DATA_FRAME, VIDEO, Resolver, attempt, drained, publish_all, tags_of
from tests.servers.process import free_port

from camcast.errors import (
    BusyError,
    ErrorClass,
    MisconfiguredError,
    NetworkError,
    RefusedError,
    TransportError,
    UnexplainedRefusal,
)
from camcast.media import Tag, TagType
from camcast.net.kernel import NOTSENT_LOWAT
from camcast_kit_rtmp import answers
from camcast_rtmp.memory import BareServers
from camcast_rtmp.messages import Type
from camcast_rtmp.options import RtmpOptions
from camcast_rtmp.receiver import Receiver, Refusal


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as found:
        yield found


def picture(time: int, size: int = 1000) -> Tag:
    return Tag(TagType.VIDEO, time, b"\x27\x01\0\0\0", bytes(size))


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@asynccontextmanager
async def raw_server(talk: Talk) -> AsyncIterator[int]:
    """A server of whatever `talk` does; yields its port."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await talk(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


async def test_media_arrives_bit_for_bit(receiver: Receiver, tmp_path: Path) -> None:
    source = made("h264_b_aac")
    transport, events = attempt(receiver.url("live", "cam"))
    await publish_all(transport, tags_of(source))
    (recording,) = receiver.recordings
    (tmp_path / "received.flv").write_bytes(recording.flv())
    compare(source, tmp_path / "received.flv")
    assert recording.clean
    assert not events.errors
    assert recording.connect["flashVer"].startswith("FMLE/3.0")
    assert recording.connect["videoFourCcInfoMap"] == {"hvc1": 6, "av01": 6, "vp09": 6}
    assert recording.connect["capsEx"] == 3
    assert "fourCcList" not in recording.connect


async def test_a_session_base_beyond_every_overflow(receiver: Receiver) -> None:
    for index, limit in enumerate([0xFFFFFF, 2**31, 2**32]):
        transport, _ = attempt(receiver.url("live", f"cam{index}"))
        times = list(range(0, 2000, 40))
        await publish_all(transport, [picture(time, 70000) for time in times], base=limit - 1000, tracks=())
        recording = receiver.of(f"cam{index}")[0]
        assert [tag.time for tag in recording.tags] == [(time + limit - 1000) % 2**32 for time in times]
        assert {len(tag.body) for tag in recording.tags} == {70005}


# --- refusals -----------------------------------------------------------------------------------------------


async def fails(url: str, **fields: Any) -> TransportError:
    """The error of connect or publish, or the one told soon after."""
    transport, events = attempt(url, **fields)
    try:
        await transport.connect()
        await transport.publish((VIDEO,))
        async with asyncio.timeout(5):
            while not events.errors:
                transport.send(picture(0), 0)
                await asyncio.sleep(0.01)
        return events.errors[0]
    except TransportError as error:
        return error
    finally:
        await transport.close()


Set = Callable[[Receiver], object]
REFUSALS: list[tuple[Set, type[TransportError], str, str]] = [
    (
        lambda r: setattr(r, "on_connect", lambda app, _: Refusal("NetConnection.Connect.InvalidApp", "no such app")),
        RefusedError,
        "command",
        "the server refused the application (NetConnection.Connect.InvalidApp: no such app); check application",
    ),
    (
        lambda r: setattr(r, "on_connect", lambda app, _: Refusal()),
        UnexplainedRefusal,
        "command",
        "closed the connection after connect, without an answer: usually an unknown application",
    ),
    (
        lambda r: setattr(r, "on_publish", lambda app, key: Refusal("NetStream.Publish.Unauthorized")),
        RefusedError,
        "publish",
        "the server refused to publish (NetStream.Publish.Unauthorized)",
    ),
    (
        lambda r: setattr(r, "on_publish", lambda app, key: Refusal("NetStream.Publish.Odd", "StreamBusy")),
        BusyError,
        "publish",
        "the stream name is already being published",
    ),
    (
        lambda r: setattr(r, "on_publish", lambda app, key: Refusal()),
        UnexplainedRefusal,
        "publish",
        "closed the connection after publish, without an answer: usually a wrong or unknown stream key",
    ),
    (
        lambda r: r.held.add("secretkey"),
        BusyError,
        "publish",
        "NetStream.Publish.BadName: Already publishing",
    ),
    (
        lambda r: (r.held.add("secretkey"), setattr(r, "start_then_close", True)),  # type: ignore[func-returns-value]
        UnexplainedRefusal,
        "publish",
        "the server accepted the stream and closed the connection 0.",
    ),
]


@pytest.mark.parametrize(
    ("prepare", "kind", "stage", "text"), REFUSALS, ids=lambda value: getattr(value, "__name__", "")
)
async def test_refusals_have_a_class_a_stage_and_words(
    receiver: Receiver, prepare: Set, kind: type[TransportError], stage: str, text: str
) -> None:
    prepare(receiver)
    error = await fails(receiver.url("live", "secretkey?token=hush"))
    assert type(error) is kind
    assert error.stage == stage
    assert text in str(error)
    assert "secretkey" not in str(error)
    assert getattr(error, "after_start", False) == receiver.start_then_close
    await receiver.until(lambda: not receiver.connections)


@pytest.mark.parametrize(
    ("silent", "stage", "text", "connections"),
    [
        ("handshake", "handshake", "no answer to the RTMP handshake within 0.5 s", 1),
        ("connect", "command", "no answer to connect within 0.5 s", 2),
        ("publish", "publish", "no answer to publish within 0.5 s", 1),
    ],
)
async def test_silence_ends_at_the_deadline(
    receiver: Receiver, silent: str, stage: str, text: str, connections: int
) -> None:
    receiver.silent = silent
    error = await fails(receiver.url("live", "k"), connect_timeout=0.5)
    assert isinstance(error, NetworkError)
    assert (error.stage, str(error)) == (stage, text)
    assert receiver.accepted == connections


async def test_connect_is_tried_once_bare(receiver: Receiver) -> None:
    asked: list[bool] = []

    def on_connect(app: str, properties: Any) -> None:
        asked.append("videoFourCcInfoMap" in properties)
        receiver.silent = ""

    receiver.silent = "connect"
    transport, events = attempt(receiver.url("live", "k"), connect_timeout=0.3)

    async def heal() -> None:
        await receiver.until(lambda: receiver.accepted == 2)
        receiver.on_connect = on_connect
        receiver.silent = ""

    healing = asyncio.create_task(heal())
    await transport.connect()
    await healing
    assert asked == [False]
    assert [code for code, _ in events.notes] == ["bare_connect"]
    await transport.close()


@pytest.mark.parametrize("reason", [Refusal(), Refusal("NetConnection.Connect.Rejected"), Refusal("Odd", "property")])
async def test_a_server_that_ends_it_at_enhanced_properties_gets_one_attempt_without(
    receiver: Receiver, reason: Refusal
) -> None:
    """And the next attempts on it begin without; on another application they do not."""
    receiver.on_connect = lambda app, properties: reason if "videoFourCcInfoMap" in properties else None
    bare = BareServers()
    for accepted in (2, 3):
        transport, events = attempt(receiver.url("live", "k"), bare=bare)
        await publish_all(transport, [picture(0)], tracks=())
        assert [code for code, _ in events.notes] == (["bare_connect"] if accepted == 2 else [])
        assert receiver.accepted == accepted
        assert receiver.of("k")[-1].counts[TagType.VIDEO] == 1
    transport, events = attempt(receiver.url("other", "k2"), bare=bare)
    await publish_all(transport, [picture(0)], tracks=())
    assert receiver.accepted == 5


async def test_properties_that_are_not_to_blame_are_not_left_out_every_time(receiver: Receiver) -> None:
    receiver.on_connect = lambda app, properties: Refusal("NetConnection.Connect.Rejected", "not you")
    bare = BareServers()
    for accepted in (2, 3, 4):
        error = await fails(receiver.url("live", "k"), bare=bare)
        assert "not you" in str(error)
        assert receiver.accepted == accepted
    receiver.on_connect = lambda app, properties: Refusal("NetConnection.Connect.InvalidApp")
    assert isinstance(await fails(receiver.url("gone", "k"), bare=bare), RefusedError)
    assert receiver.accepted == 5, "the server has said what is wrong"


async def test_a_server_that_was_remembered_and_has_changed(receiver: Receiver) -> None:
    bare = BareServers()
    receiver.on_connect = lambda app, properties: Refusal() if "capsEx" in properties else None
    await publish_all(attempt(receiver.url("live", "k"), bare=bare)[0], [picture(0)], tracks=())
    receiver.on_connect = lambda app, properties: None if "capsEx" in properties else Refusal()
    await fails(receiver.url("live", "k"), bare=bare)
    await publish_all(attempt(receiver.url("live", "k"), bare=bare)[0], [picture(0)], tracks=())
    assert [len(receiver.of("k")), receiver.accepted] == [2, 4]


async def test_a_closed_port_and_every_address_tried(receiver: Receiver) -> None:
    dead = free_port()
    error = await fails(f"rtmp://127.0.0.1:{dead}/live/k")
    assert isinstance(error, NetworkError)
    assert str(error) == f"cannot connect to 127.0.0.1:{dead}: Connection refused"
    addresses = [
        (socket.AF_INET, ("127.0.0.1", dead)),
        (socket.AF_INET6, ("::1", dead, 0, 0)),
        (socket.AF_INET, ("127.0.0.1", receiver.port)),
    ]
    transport, _ = attempt("rtmp://camera.example/live/k", resolver=(resolver := Resolver(addresses)), ip_family="ipv4")
    await transport.connect()
    assert resolver.asked == [("camera.example", 1935, "ipv4")]
    await transport.close()
    error = await fails("rtmp://camera.example/live/k", resolver=Resolver(addresses[:2]))
    assert str(error) == f"cannot connect to 127.0.0.1:{dead}: Connection refused; [::1]:{dead}: Connection refused"


async def test_an_address_that_never_answers_leaves_time_for_the_next(receiver: Receiver) -> None:
    with full_listener() as port:
        addresses = [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET, ("127.0.0.1", receiver.port))]
        transport, _ = attempt("rtmp://h/live/k", resolver=Resolver(addresses), connect_timeout=0.6)
        await transport.connect()
        await transport.close()
        error = await fails("rtmp://h/live/k", resolver=Resolver(addresses[:1]), connect_timeout=0.2)
        assert str(error) == f"cannot connect to 127.0.0.1:{port}: no answer within 0.2 s"


class full_listener:
    """A port whose backlog is full, so that nobody's connection is ever answered."""

    def __enter__(self) -> int:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        port = self.listener.getsockname()[1]
        self.clients = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
            self.clients.append(client)
        return int(port)

    def __exit__(self, *exc: object) -> None:
        for sock in (*self.clients, self.listener):
            sock.close()


async def test_ipv6() -> None:
    async with Receiver(host="::1") as receiver:
        transport, _ = attempt(receiver.url("live", "k"))
        await publish_all(transport, [picture(0)], tracks=())
        assert receiver.of("k")[0].counts[TagType.VIDEO] == 1


async def test_binding(receiver: Receiver) -> None:
    transport, _ = attempt(receiver.url("live", "k"), bind="127.0.0.9")
    await transport.connect()
    (connection,) = receiver.connections
    assert connection._transport is not None
    assert connection._transport.get_extra_info("peername")[0] == "127.0.0.9"
    await transport.close()
    assert "127.0.0.1:" in str(error := await fails(receiver.url("live", "k"), bind="::1"))
    assert "cannot be reached from ::1" in str(error)
    assert isinstance(error, NetworkError)
    error = await fails(receiver.url("live", "k"), bind="192.0.2.1")
    assert "this machine has no address 192.0.2.1 to send from" in str(error)
    error = await fails(receiver.url("live", "k"), bind="nosuchif0")
    assert isinstance(error, NetworkError)
    assert "this machine has neither an interface nor an address 'nosuchif0' now" in str(error)


async def test_an_impossible_url_is_misconfigured() -> None:
    with pytest.raises(MisconfiguredError, match="no stream key"):
        attempt("rtmp://127.0.0.1/live/")


async def test_a_peer_of_another_kind() -> None:
    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x03" + bytes(3072) + b"\xff" * 100_000)

    async with raw_server(http) as port:
        error = await fails(f"rtmp://127.0.0.1:{port}/live/k")
        assert (error.error_class, error.stage) == (ErrorClass.NETWORK, "handshake")
        assert "an HTTP server answered" in str(error)
    async with raw_server(closing) as port:
        error = await fails(f"rtmp://127.0.0.1:{port}/live/k")
        assert (error.error_class, error.stage) == (ErrorClass.NETWORK, "handshake")
    async with raw_server(garbage) as port:
        error = await fails(f"rtmp://127.0.0.1:{port}/live/k")
        assert (error.error_class, error.stage) == (ErrorClass.NETWORK, "command")


FLOODS: dict[str, tuple[Callable[[Any], None], str]] = {
    "long commands": (lambda s: s.status(0, "status", "Whatever", "x" * 5000), "over 524288 bytes at once"),
    "commands": (lambda s: s.status(0, "status", "Whatever"), "over 500 messages at once"),
    "pings": (lambda s: s.ping(1), "over 500 messages at once"),
    "nothing": (lambda s: s.send(3, Type.COMMAND, 0, b""), "over 500 messages at once"),
    "chunks of a byte": (lambda s: (s.set_chunk_size(1), s.send(3, Type.DATA, 0, bytes(30))), "over 500 messages"),  # type: ignore[dict-item]
}


@pytest.mark.parametrize(("say", "words"), FLOODS.values(), ids=list(FLOODS))
async def test_a_server_that_floods_is_cut_off(receiver: Receiver, say: Callable[[Any], None], words: str) -> None:
    async with streaming(receiver) as (transport, events, _recording):
        (connection,) = receiver.connections
        for _ in range(700):
            say(connection.server)
            connection.flush()
        await until(lambda: events.errors)
        (error,) = events.errors
        assert str(error).startswith("cut off: the server sends a publisher ")
        assert words in str(error)
        assert (type(error), error.stage) == (NetworkError, "streaming")
        transport.send(picture(0), 0)


async def test_a_server_that_trickles_is_cut_off(receiver: Receiver) -> None:
    async with streaming(receiver) as (_, events, _recording):
        (connection,) = receiver.connections
        # A byte at a time, which costs a turn of the loop each: a command of 700 bytes that never ends.
        connection._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # type: ignore[union-attr]
        connection._transport.write(b"\x03" + bytes(3) + (5000).to_bytes(3) + bytes((Type.DATA,)) + bytes(4))  # type: ignore[union-attr]
        while not events.errors:
            connection._transport.write(b"x")  # type: ignore[union-attr]
            await asyncio.sleep(0)
        assert "over 500 pieces at once, or 50 a second" in str(events.errors[0])


# --- while streaming ----------------------------------------------------------------------------------------


@asynccontextmanager
async def streaming(receiver: Receiver, key: str = "k", **fields: Any) -> AsyncIterator[tuple[Any, Any, Any]]:
    transport, events = attempt(receiver.url("live", key), **fields)
    try:
        await transport.connect()
        await transport.publish((VIDEO, AUDIO))
        yield transport, events, await receiver.recording(key)
    finally:
        await transport.close()


async def until(condition: Callable[[], object], timeout: float = 5.0) -> None:
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("reset", [False, True])
async def test_a_loss_is_told_once_and_sending_goes_on_harmlessly(
    receiver: Receiver, reset: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "START_STANDS_AFTER", 0.0)
    async with streaming(receiver) as (transport, events, _):
        receiver.drop("k", reset=reset)
        await until(lambda: events.errors)
        for time_ms in range(5):
            transport.send(picture(time_ms), time_ms)
        await asyncio.sleep(0)
        (error,) = events.errors
        assert (type(error), error.stage) == (NetworkError, "streaming")
        assert ("reset" if reset else "closed") in str(error)
        assert transport.pending == 0
    assert len(events.errors) == 1


async def test_last_words_before_a_reset_are_heard(receiver: Receiver) -> None:
    async with streaming(receiver) as (transport, events, _):
        receiver.status("k", "error", "NetStream.Publish.Denied", "enough")
        receiver.drop("k")
        while not events.errors:
            transport.send(picture(0), 0)
            await asyncio.sleep(0)
        assert isinstance(events.errors[0], RefusedError)
        assert "enough" in str(events.errors[0])


async def test_back_pressure(receiver: Receiver) -> None:
    async with streaming(receiver) as (transport, events, recording):
        await drained(transport)
        before = transport.acked
        receiver.pause()
        size = 8 << 20
        for index in range(size // 100_000):
            transport.send(picture(index, 100_000), index)
        started = time.perf_counter()
        transport.send(picture(100, 100_000), 100)
        assert time.perf_counter() - started < 0.5
        unsent = transport.stats()["unsent_bytes"]
        assert unsent > 1 << 20
        await until(lambda: transport.acked > before)
        stuck = await stuck_at(transport)
        assert transport.pending >= unsent - NOTSENT_LOWAT
        assert transport.acked == stuck
        receiver.resume()
        await drained(transport)
        assert transport.stats()["unsent_bytes"] == 0
        assert transport.acked > size
        await receiver.until(lambda: recording.counts[TagType.VIDEO] == size // 100_000 + 1)
        assert not events.errors


async def stuck_at(transport: Any) -> int:
    """The acknowledged bytes once they have not moved for 300 ms."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < 0.3:
        if transport.acked != last:
            last, since = transport.acked, time.monotonic()
        await asyncio.sleep(0.02)
    return int(last)


async def test_order_is_kept_between_kinds_and_through_the_tail(receiver: Receiver) -> None:
    async with streaming(receiver) as (transport, _, recording):
        receiver.pause()
        for index in range(300):
            transport.send(picture(index, 30_000), index)
            transport.send(Tag(TagType.AUDIO, index, b"\xaf\x01", bytes([index % 256]) * 300), index)
        transport.send(Tag(TagType.SCRIPT, 300, SET_DATA_FRAME, b"\x02\x00\x01x"), 300)
        receiver.resume()
        await receiver.until(lambda: sum(recording.counts.values()) == 601)
        order = [(tag.type, tag.time) for tag in recording.tags]
        assert order == [(kind, i) for i in range(300) for kind in (TagType.VIDEO, TagType.AUDIO)] + [
            (TagType.SCRIPT, 300)
        ]
        assert [tag.body for tag in recording.tags[1:600:2]] == [
            b"\xaf\x01" + bytes([i % 256]) * 300 for i in range(300)
        ]


async def test_what_cannot_be_a_message_is_counted(receiver: Receiver) -> None:
    async with streaming(receiver) as (transport, events, recording):
        transport.send(picture(0, 1 << 24), 0)
        transport.send(Tag(TagType.AUDIO, 0, b"", b""), 0)
        transport.send(picture(0), 0)
        await receiver.until(lambda: recording.counts[TagType.VIDEO] == 1)
        assert transport.stats()["tags_too_large"] == 2
        assert not events.errors


async def test_pings_are_answered_and_moves_are_told(receiver: Receiver) -> None:
    async with streaming(receiver, "k2") as (transport, events, _recording):
        receiver.ping(7)
        receiver.request_reconnect("k2", "/other")
        await receiver.until(lambda: list(receiver.pings) == [7])
        await until(lambda: events.redirects)
        assert events.redirects == [f"rtmp://127.0.0.1:{receiver.port}/other/k2"]
        assert transport.stats()["pings_answered"] == 1
        assert not events.errors


@pytest.mark.parametrize("tc_url", [None, "", "/live", "RTMP://127.0.0.1:{port}/live/"])
async def test_a_server_that_empties_itself_wants_the_same_again(receiver: Receiver, tc_url: str | None) -> None:
    """Enhanced RTMP v2 "Reconnect Request" without a tcUrl: told as an end, and ended cleanly, to free the name."""
    async with streaming(receiver) as (transport, events, recording):
        transport.send(picture(0), 0)
        receiver.request_reconnect("k", tc_url.format(port=receiver.port) if tc_url else tc_url)
        await until(lambda: events.errors)
        (error,) = events.errors
        assert (type(error), error.stage, error.retry_after) == (NetworkError, "streaming", 0.0)
        assert str(error) == "the server asks to connect anew (please move)"
        assert events.redirects == []
        transport.send(picture(40), 40)
    await receiver.until(lambda: not recording.live)
    assert recording.clean
    assert recording.counts[TagType.VIDEO] == 1


async def test_a_host_made_of_our_key_is_no_place_to_go(receiver: Receiver) -> None:
    async with streaming(receiver, "geheim-7777") as (_, events, _recording):
        receiver.request_reconnect("geheim-7777", "rtmp://geheim-7777.example/live")
        await until(lambda: events.notes)
        assert events.redirects == []
        assert events.notes[0][0] == "redirect_refused"
        assert "geheim" not in events.notes[0][1]


async def test_another_application_of_the_same_server_is_a_move(receiver: Receiver) -> None:
    async with streaming(receiver) as (_, events, _recording):
        receiver.request_reconnect("k", "/LIVE")
        await until(lambda: events.redirects)
        assert events.redirects == [f"rtmp://127.0.0.1:{receiver.port}/LIVE/k"]
        assert not events.errors


async def test_an_end_that_leaves_the_socket_open_is_noticed(receiver: Receiver) -> None:
    async with streaming(receiver) as (_, events, _recording):
        receiver.status("k", "status", "NetStream.Unpublish.Success", "kicked \x1b[2J by the operator")
        await until(lambda: events.errors)
        (error,) = events.errors
        assert (type(error), error.stage) == (NetworkError, "streaming")
        assert str(error) == ("the server ended the publication (NetStream.Unpublish.Success: kicked by the operator)")


async def test_a_refusal_may_redirect(receiver: Receiver) -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from camcast_rtmp.server import ConnectAsked, Server

        end = Server()
        while data := await reader.read(65536):
            for event in end.feed(data):
                assert isinstance(event, ConnectAsked)
                extra = {"code": 302, "redirect": "rtmp://h2/app"}
                end.refuse_connect(event, "NetConnection.Connect.Rejected", "moved", ex=extra)
            writer.write(b"".join(end.outgoing()))

    async with raw_server(server) as port:
        transport, events = attempt(f"rtmp://127.0.0.1:{port}/live/k?t=1")
        with pytest.raises(RefusedError, match=r"Connect\.Rejected: moved"):
            await transport.connect()
        assert events.redirects == ["rtmp://h2/app/k?t=1"]
        await transport.close()


@pytest.mark.parametrize("module", ["adobe", "llnw"])
async def test_authentication(receiver: Receiver, module: str) -> None:
    """The server's side of the dance; the responses themselves are checked in the authentication tests."""
    apps: list[str] = []

    def on_connect(app: str, properties: Any) -> Refusal | None:
        apps.append(app)
        assert properties["tcUrl"].endswith(app)
        if len(apps) == 1:
            return Refusal("NetConnection.Connect.Rejected", f"[ code=403 need auth; authmod={module} ] : ")
        if len(apps) == 2:
            challenge = "salt=ab&challenge=cd&opaque=ef" if module == "adobe" else "nonce=ab"
            return Refusal(
                "NetConnection.Connect.Rejected", f"[ authmod={module} ] : ?reason=needauth&user=joe&{challenge}"
            )
        return None

    receiver.on_connect = on_connect
    url = receiver.url("live", "k").replace("rtmp://", "rtmp://joe:s3cret@")
    await publish_all(attempt(url)[0], [picture(0)], tracks=())
    assert apps[:2] == ["live", f"live?authmod={module}&user=joe"]
    assert "response=" in apps[2]
    assert receiver.of("k")[0].clean


async def test_an_answer_with_enhanced_properties_says_what_is_taken(receiver: Receiver) -> None:
    receiver.properties = {"videoFourCcInfoMap": {"hvc1": 5}, "capsEx": 1}
    transport, _ = attempt(receiver.url("live", "k"))
    acceptance = await transport.connect()
    assert acceptance is not None
    assert [acceptance.take(codec).confidence.value for codec in ("h265", "av1")] == ["yes", "no"]
    await transport.close()


@pytest.mark.parametrize(("announce", "found"), [("list", "fourCcList"), ("none", None)])
async def test_announcing(receiver: Receiver, announce: Any, found: str | None) -> None:
    options = RtmpOptions(announce=announce, tc_url="rtmp://x/y", connect={"extra": 1}, chunk_size=4096)
    await publish_all(attempt(receiver.url("live", "k"), options=options)[0], [picture(0, 9000)], tracks=())
    connect = receiver.of("k")[0].connect
    names = {"fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx"} & set(connect)
    assert names == ({found} if found else set())
    assert (connect["tcUrl"], connect["extra"]) == ("rtmp://x/y", 1)
    assert receiver.of("k")[0].size == 9005


# --- the end ------------------------------------------------------------------------------------------------


async def test_close_is_bounded_when_the_peer_takes_nothing(receiver: Receiver) -> None:
    async with streaming(receiver) as (transport, events, recording):
        receiver.pause()
        for index in range(100):
            transport.send(picture(index, 100_000), index)
        started = time.monotonic()
        await transport.close()
        assert time.monotonic() - started < 2
        assert transport._line.wire._socket.fileno() == -1
        receiver.resume()
        await receiver.until(lambda: not recording.live)
        assert not recording.clean
        assert not events.errors


async def test_close_at_any_time_and_again(receiver: Receiver) -> None:
    transport, _ = attempt(receiver.url("live", "k"))
    await transport.close()
    await transport.close()
    transport, _ = attempt(receiver.url("live", "k"))
    await transport.connect()
    await transport.close()
    await receiver.until(lambda: not receiver.connections)
    transport.send(picture(0), 0)
    assert transport.pending == 0


@pytest.mark.parametrize("silent", ["handshake", "connect", "publish"])
async def test_cancelling_leaves_nothing_open(receiver: Receiver, silent: str) -> None:
    receiver.silent = silent
    transport, events = attempt(receiver.url("live", "k"), connect_timeout=30)

    async def run() -> None:
        try:
            await transport.connect()
            await transport.publish((VIDEO,))
        finally:
            await transport.close()

    task = asyncio.create_task(run())
    await receiver.until(lambda: receiver.accepted == 1)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await receiver.until(lambda: not receiver.connections)
    assert not events.errors


async def test_a_spare_connection_that_is_dropped_says_so(receiver: Receiver) -> None:
    transport, events = attempt(receiver.url("live", "k"))
    await transport.connect()
    receiver.drop()
    await until(lambda: events.errors)
    assert "before anything was published" in str(events.errors[0])
    with pytest.raises(NetworkError, match="before anything was published"):
        await transport.publish((VIDEO,))
    await transport.close()


async def test_the_key_is_shown_nowhere(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    key, password = "k3y?y/with&all#of%it", "pa55/w0rd"
    base = receiver.url("live", key).replace("rtmp://", "rtmp://joe:pa55%2Fw0rd@")
    said: list[str] = []

    def echo(words: str) -> Refusal:
        return Refusal("NetStream.Publish.BadAuth", f"{words} is wrong")

    for answer in (echo(key), echo("rtmp://h/live/" + key), echo(password), echo("k3y"), Refusal()):
        receiver.on_publish = lambda app, got, answer=answer: answer
        transport, events = attempt(base)
        said += [repr(transport), repr(transport._address), repr(transport._context), repr(transport._options)]
        with pytest.raises(TransportError) as caught:
            await publish_all(transport, [])
        said += [
            str(caught.value),
            repr(caught.value),
            repr(events),
            repr(transport._line.client.__dict__.get("_settings")),  # type: ignore[union-attr]
        ]
        await transport.close()
    receiver.on_connect = lambda app, _: Refusal("NetConnection.Connect.Rejected", "authmod=k3y ?x")
    with pytest.raises(RefusedError) as refused:
        await attempt(receiver.url("live", "k3y"))[0].connect()
    said.append(str(refused.value))
    text = "\n".join(said) + caplog.text
    for secret in (key, "k3y", "all#of", password, "pa55"):
        assert secret not in text


@pytest.fixture(autouse=True)
def no_descriptor_left() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() <= before


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
