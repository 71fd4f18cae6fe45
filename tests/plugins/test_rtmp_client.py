"""Client and server wired together without a network, and the client against what servers say and should not say."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.errors import CamcastError
from camcast.flv import amf0
from camcast_kit_rtmp.state import Refused, State
from camcast_rtmp.chunk import ChunkReader
from camcast_rtmp.client import (
    Client,
    ClientEvent,
    ClientSettings,
    Complained,
    Connected,
    Published,
    ReconnectRequested,
)
from camcast_rtmp.handshake import Handshake
from camcast_rtmp.messages import Command, Message, ProtocolError, Type, parse_command, u32
from camcast_rtmp.server import CHUNK_SIZE, ConnectAsked, PingAnswered, PublishAsked, Server, ServerEvent, Unpublished
from camcast_rtmp.table import AFTER, TABLE, Do, Input

KEY = "k?y/with&all#of%it"


def client() -> Client:
    return Client(ClientSettings(connect={"app": "live", "tcUrl": "rtmp://h/live"}, key=KEY))


class Pair:
    """Both ends; `run` carries bytes until nobody has anything to say. The server agrees to all by default."""

    def __init__(self, piece: int = 4096) -> None:
        self.client, self.server, self.piece = client(), Server(), piece
        self.told: list[ClientEvent] = []
        self.asked: list[ServerEvent] = []
        self.on_connect: Callable[[ConnectAsked], None] = self.server.accept
        self.on_publish: Callable[[PublishAsked], None] = self.server.accept_publish

    def run(self) -> None:
        while (up := b"".join(self.client.outgoing())) + (down := b"".join(self.server.outgoing())):
            for start in range(0, len(up), self.piece):
                for event in self.server.feed(up[start : start + self.piece]):
                    self.asked.append(event)
                    if isinstance(event, ConnectAsked):
                        self.on_connect(event)
                    elif isinstance(event, PublishAsked):
                        self.on_publish(event)
            for start in range(0, len(down), self.piece):
                self.told += self.client.feed(down[start : start + self.piece])

    def live(self) -> Pair:
        self.run()
        self.client.publish()
        self.run()
        assert self.client.state is State.LIVE
        return self

    def say(self, name: str, transaction: float, *arguments: object, stream_id: int = 0) -> list[ClientEvent]:
        """The server says something out of turn."""
        self.server._command(stream_id, name, transaction, None, *arguments)
        before = len(self.told)
        self.run()
        return self.told[before:]


def in_state(state: State) -> Pair:
    pair = Pair()
    if state is State.CONNECTING:
        pair.on_connect = lambda asked: None
        pair.run()
    elif state is State.CONNECTED:
        pair.run()
    elif state is State.PUBLISHING:
        pair.on_publish = lambda asked: None
        pair.run()
        pair.client.publish()
        pair.run()
    elif state is State.LIVE:
        pair.live()
    assert pair.client.state is state
    return pair


@pytest.mark.parametrize("piece", [1, 7, 1500, 1 << 20])
def test_a_whole_publication(piece: int) -> None:
    pair = Pair(piece).live()
    body = bytes(70000)
    for buffer in pair.client.media(Type.VIDEO, 40, b"\x17\x01\0\0\0", body):
        pair.client.put(buffer)
    for buffer in pair.client.media(Type.AUDIO, 41, b"\xaf\x01", b"sound"):
        pair.client.put(buffer)
    pair.run()
    pair.client.end()
    pair.run()
    match pair.asked:
        case [ConnectAsked(app="live"), PublishAsked(key=key), Message() as video, Message() as audio, Unpublished()]:
            assert key == KEY
            assert (video.type, video.time, video.payload) == (9, 40, b"\x17\x01\0\0\0" + body)
            assert (audio.type, audio.time, audio.payload) == (8, 41, b"\xaf\x01sound")
        case other:
            raise AssertionError(other)
    assert [type(event) for event in pair.told] == [Connected, Published]


def test_the_order_of_what_a_client_sends() -> None:
    first = client()
    handshake = Handshake(server=True)
    handshake.feed(b"".join(first.outgoing()))
    first.feed(b"\x03" + bytes(2 * 1536))
    data = b"".join(first.outgoing())[1536:]
    assert data[:16] == bytes.fromhex("02 000000 000004 01 00000000 0000ea60")
    reader = ChunkReader()
    (connect,) = reader.feed(data)
    assert amf0.decode(connect.payload) == ["connect", 1.0, {"app": "live", "tcUrl": "rtmp://h/live"}]
    server = Server()
    server.handshake.done = True
    server.accept(ConnectAsked("live", {}, 1.0))
    first.feed(b"".join(server.outgoing()))
    first.outgoing()
    first.publish()
    names = [parse_command(message) for message in reader.feed(b"".join(first.outgoing()))]
    assert [(c.name, c.transaction, c.arguments) for c in names if c] == [
        ("releaseStream", 2.0, (KEY,)),
        ("FCPublish", 3.0, (KEY,)),
        ("createStream", 4.0, ()),
    ]


def test_what_encoders_ask_beside_publishing_is_answered() -> None:
    """Each `_result` by its number, and what Flash Media Server said behind it; who wants no answer gets none."""
    pair, told = Pair().live(), []
    for name, transaction in (("releaseStream", 7.0), ("FCPublish", 8.0), ("FCUnpublish", 9.0), ("FCPublish", 0.0)):
        message = Message(Type.COMMAND, 0, 0, amf0.encode(name, transaction, None, KEY))
        pair.server._on_command(cast(Command, parse_command(message)))
    reader = ChunkReader()
    reader.chunk_size = CHUNK_SIZE
    for message in reader.feed(b"".join(pair.server.outgoing())):
        command = cast(Command, parse_command(message))
        told.append((command.name, command.transaction))
    assert told == [
        ("_result", 7.0),
        ("_result", 8.0),
        ("onFCPublish", 0.0),
        ("_result", 9.0),
        ("onFCUnpublish", 0.0),
    ]


def test_ping_acknowledgement_and_bandwidth() -> None:
    pair = Pair().live()
    pair.server.ping(0xDEADBEEF)
    pair.run()
    assert pair.asked[-1] == PingAnswered(0xDEADBEEF)
    pair.server.control(Type.WINDOW_ACK_SIZE, u32(2000))
    pair.run()
    received = pair.client.received
    for _ in range(10):
        pair.server.status(0, "status", "Whatever", "x" * 200)
    pair.run()
    assert received < pair.server.acknowledged <= pair.client.received


def test_on_status_counts_by_name_whatever_its_transaction_id() -> None:
    pair = in_state(State.PUBLISHING)
    assert pair.say("onFCPublish", 0, {"code": "NetStream.Publish.Start", "level": "status"}) == []
    assert pair.say("onBWDone", 0) == []
    assert pair.say("onStatus", 5, {"code": "NetStream.Publish.Start"}, stream_id=1) == [Published()]


def test_answers_nobody_waits_for_change_nothing() -> None:
    pair = in_state(State.CONNECTING)
    for transaction in (0, 2, 99):
        assert pair.say("_result", transaction, {"code": "NetConnection.Connect.Success"}) == []
    assert pair.client.state is State.CONNECTING
    pair = in_state(State.PUBLISHING)
    for transaction in (1, 2, 3):  # connect again, releaseStream, FCPublish
        assert pair.say("_error", transaction, {"code": "NetStream.Nothing"}) == []
    assert pair.client.state is State.PUBLISHING


@pytest.mark.parametrize(
    ("state", "name", "transaction", "info", "refused"),
    [
        (State.CONNECTING, "_error", 1, {"code": "NetConnection.Connect.Rejected"}, "connect"),
        (State.CONNECTING, "_result", 1, {"code": "NetConnection.Connect.Rejected", "level": "error"}, "connect"),
        (State.CONNECTING, "onStatus", 0, {"code": "NetConnection.Connect.InvalidApp", "level": "error"}, "connect"),
        (State.PUBLISHING, "onStatus", 0, {"code": "NetStream.Publish.BadName", "level": "error"}, "publish"),
        (State.PUBLISHING, "onStatus", 5, {"code": "NetStream.Publish.BadName"}, "publish"),
        (State.PUBLISHING, "_error", 5, {"code": "NetStream.Publish.Denied"}, "publish"),
        (State.LIVE, "onStatus", 0, {"code": "NetStream.Failed", "level": "error"}, "onStatus"),
        (State.LIVE, "onStatus", 0, {"code": "NetConnection.Connect.AppShutdown", "level": "status"}, "onStatus"),
        (State.LIVE, "onStatus", 0, {"code": "NetConnection.Connect.IdleTimeOut", "level": "status"}, "onStatus"),
        (State.LIVE, "onStatus", 0, {"code": "NetConnection.Connect.IdleTimeout", "level": "status"}, "onStatus"),
        (State.CONNECTING, "onStatus", 0, {"code": "NetConnection.Connect.Rejected", "level": "status"}, "connect"),
        (State.PUBLISHING, "onStatus", 0, {"code": "netstream.publish.denied"}, "publish"),
        (State.PUBLISHING, "onStatus", 0, {"code": "NetStream.Publish.Stop", "level": "status"}, "publish"),
        (State.PUBLISHING, "onStatus", 0, {"code": "NetStream.Publish.NoLicence", "level": "warning"}, "publish"),
        (State.CONNECTING, "_result", 1, {"code": "NetConnection.Connect.InvalidApp", "level": "status"}, "connect"),
        (State.LIVE, "onStatus", 0, {"code": "NetStream.Publish.Denied", "level": "warning"}, "onStatus"),
        (State.LIVE, "close", 0, {}, "close"),
    ],
)
def test_refusals(state: State, name: str, transaction: float, info: dict[str, str], refused: str) -> None:
    (event,) = in_state(state).say(name, transaction, info)
    assert isinstance(event, Refused)
    assert (event.command, event.code) == (refused, info.get("code", ""))


@pytest.mark.parametrize("code", ["NetStream.Publish.Idle", "NetStream.Data.Start", "NetStream.Publish.Start"])
def test_remarks_while_live_are_only_remarks(code: str) -> None:
    pair = in_state(State.LIVE)
    assert pair.say("onStatus", 0, {"code": code, "level": "status"}) == []
    assert pair.client.state is State.LIVE


@pytest.mark.parametrize(
    "code", ["NetStream.Publish.Idle", "NetStream.Publish.Reset", "NetStream.Data.Start", "NetStream"]
)
def test_remarks_before_the_answer_to_publish_are_only_remarks(code: str) -> None:
    pair = in_state(State.PUBLISHING)
    assert pair.say("onStatus", 0, {"code": code, "level": "status"}) == []
    assert pair.client.state is State.PUBLISHING
    assert pair.say("onStatus", 0, {"code": "NetStream.Publish.Start"}, stream_id=1) == [Published()]


def test_reconnect_request_at_any_time() -> None:
    pair = Pair().live()
    pair.server.request_reconnect("/other")
    pair.run()
    assert pair.told[-1] == ReconnectRequested("/other", "please move")
    assert pair.client.state is State.LIVE


@pytest.mark.parametrize("level", ["error", "warning"])
def test_a_complaint_about_something_else_is_told_and_ends_nothing(level: str) -> None:
    """nginx-rtmp with `record_notify on` and a full disk."""
    pair = Pair().live()
    info = {"code": "NetStream.Record.Failed", "description": "all", "level": level}
    assert pair.say("onStatus", 0, info, stream_id=1) == [Complained("NetStream.Record.Failed: all")]
    assert pair.say("onStatus", 0, {**info, "level": "status"}, stream_id=1) == []
    assert pair.client.state is State.LIVE


def test_words_of_a_peer_are_bounded_and_as_they_came() -> None:
    """What is secret in them is hidden later, in the whole of them: nothing is cut or cleaned before."""
    (event,) = in_state(State.CONNECTING).say("_error", 1, {"code": "A\nB\x1b[31m", "description": "x" * 10_000})
    assert isinstance(event, Refused)
    assert event.code == "A\nB\x1b[31m"
    assert len(event.description) == 8192


# --- the table ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("input", Input)
def test_every_state_has_an_entry_for_every_input(state: State, input: Input) -> None:
    """And the client does what it says: it ends up where the table leads, tells what it should, or minds the misuse."""
    do = TABLE[state][input]
    client_ = client()
    client_.outgoing()
    client_.state, client_.stream_id = state, 1
    number = Command("_result", 4.0, None, (1.0,))
    if do is Do.MISUSE:
        with pytest.raises(RuntimeError, match=f"not in state {state.value}"):
            client_._feed(input, number)
        assert client_.state is state
        return
    client_._feed(input, number)
    assert client_.state is AFTER.get(do, state)
    told = {Do.ACCEPTED: [Connected], Do.START: [Published], Do.REFUSE: [Refused], Do.OVER: [Refused]}
    told |= {Do.MOVE: [ReconnectRequested], Do.TELL: [Complained]}
    assert [type(event) for event in client_._events] == told.get(do, [])
    speaks = do in (Do.CONNECT, Do.CREATE, Do.NAME, Do.LEAVE)
    assert bool(client_.outgoing()) == speaks


def test_the_table_has_nothing_else() -> None:
    assert set(TABLE) == set(State)
    assert all(set(row) == set(Input) for row in TABLE.values())
    assert set(AFTER) <= set(Do)
    assert set(client()._steps) == set(Do) - {Do.IGNORE, Do.MISUSE}


# --- what is said unasked, or badly ------------------------------------------------------------------------------

AMF3 = b"\x11\x04\x01"
REFERENCE = b"\x07\x00\x00"


def speak(pair: Pair, type: int, payload: bytes, stream_id: int = 0) -> list[ClientEvent]:
    pair.server.send(3, type, stream_id, payload)
    before = len(pair.told)
    pair.run()
    return pair.told[before:]


@pytest.mark.parametrize(
    ("type", "payload"),
    [
        (4, b"\0\x20"),
        (4, b"\0\x06"),
        (4, b"\0"),
        (4, b""),
        (3, b"\0\0"),
        (5, b""),
        (6, b"\x01"),
        (2, b""),
        (20, b""),
        (17, b""),
        (17, b"\0"),
        (20, b"\x02"),
        (20, amf0.encode(5)),
        (20, AMF3),
        (20, amf0.encode("onBWDone", 0, None) + AMF3),
        (20, amf0.encode("onBWDone", 0, None) + REFERENCE),
        (20, amf0.encode("_result", 2, None) + AMF3),
        (20, amf0.encode("_error", 99) + b"\xff"),
        (20, amf0.encode("onMetaData") + b"\x0a\xff\xff\xff\xff"),
        (18, b"\xff\xff"),
        (22, b"\0"),
        (99, b"?"),
    ],
    ids=str,
)
def test_what_nobody_waits_for_ends_nothing(type: int, payload: bytes) -> None:
    for state in (State.CONNECTING, State.CONNECTED, State.PUBLISHING, State.LIVE):
        pair = in_state(state)
        assert speak(pair, type, payload) == []
        assert pair.client.state is state
        pair.server.ping(7)
        pair.run()
        assert pair.asked[-1] == PingAnswered(7), "what comes behind it is still read"


def test_a_ping_of_two_bytes_is_answered_with_as_much() -> None:
    pair = in_state(State.LIVE)
    speak(pair, 4, b"\0\x06")
    assert pair.client.pings_answered == 1


@pytest.mark.parametrize("broken", [AMF3, REFERENCE, b"\x0d\xee", b"\x02\x00"])
def test_an_answer_is_taken_up_to_what_cannot_be_read(broken: bytes) -> None:
    pair = in_state(State.CONNECTING)
    info = b"\x03" + amf0.encode({"code": "NetConnection.Connect.Success"})[1:-3] + b"\0\x04data" + broken
    (event,) = speak(pair, 20, amf0.encode("_result", 1, {"fmsVer": "X/1"}) + info)
    assert isinstance(event, Connected)
    assert event.properties == {"fmsVer": "X/1"}
    assert event.info["code"] == "NetConnection.Connect.Success"
    pair = in_state(State.PUBLISHING)
    status = b"\x03" + amf0.encode({"level": "error", "code": "NetStream.Publish.BadName"})[1:-3] + b"\0\x01x" + broken
    (refused,) = speak(pair, 20, amf0.encode("onStatus", 0, None) + status, 1)
    assert isinstance(refused, Refused)
    assert refused.code == "NetStream.Publish.BadName"


def test_a_status_without_the_null_before_it_is_understood() -> None:
    pair = in_state(State.PUBLISHING)
    assert speak(pair, 20, amf0.encode("onStatus", 0, {"code": "NetStream.Publish.Start"}), 1) == [Published()]


@pytest.mark.parametrize(
    ("type", "payload", "code"),
    [
        (20, amf0.encode("onFCUnpublish", 0, None, {"code": "NetStream.Unpublish.Success", "description": "k"}), None),
        (20, amf0.encode("onFCUnpublish"), "onFCUnpublish"),
        (20, amf0.encode("onStatus", 0, None, {"code": "NetStream.Unpublish.Success", "level": "status"}), None),
        (20, amf0.encode("onStatus", 0, None, {"code": "NetStream.Unpublish.Kicked"}), "NetStream.Unpublish.Kicked"),
        (20, amf0.encode("onStatus", 0, None, {"code": "NetStream.Publish.Stop"}), "NetStream.Publish.Stop"),
        (4, b"\0\x01\0\0\0\x01", "StreamEOF"),
        (4, b"\0\x01\0\0\0\0", "StreamEOF"),
        (4, b"\0\x01", "StreamEOF"),
    ],
)
def test_an_end_that_the_server_makes_is_told_with_its_words(type: int, payload: bytes, code: str | None) -> None:
    pair = in_state(State.LIVE)
    (event,) = speak(pair, type, payload, 1 if type == 20 else 0)
    assert isinstance(event, Refused)
    assert (event.command, event.code) == ("onStatus", code or "NetStream.Unpublish.Success")
    assert pair.client.state is State.REFUSED
    for state in (State.CONNECTING, State.CONNECTED, State.PUBLISHING):
        if state is State.PUBLISHING and event.code == "NetStream.Publish.Stop":
            continue  # There it is an answer to publish, and none that agrees.
        pair = in_state(state)
        assert speak(pair, type, payload) == []
        assert pair.client.state is state


def test_the_end_of_another_stream_is_not_ours() -> None:
    assert speak(in_state(State.LIVE), 4, b"\0\x01\0\0\0\x02") == []


def test_our_own_end_is_not_taken_for_the_servers() -> None:
    pair = in_state(State.LIVE)
    pair.client.end()
    pair.run()
    assert isinstance(pair.told[-1], Published)
    assert pair.client.state is State.ENDED


@pytest.mark.parametrize("number", [None, "one", True, -1, float("nan"), 2.0**32])
def test_create_stream_must_bring_a_number(number: object) -> None:
    pair = Pair()
    pair.run()
    pair.client.publish()
    pair.client.outgoing()
    with pytest.raises(ProtocolError, match="createStream was answered without a stream id"):
        pair.say("_result", 4, number)


def test_a_second_use_is_a_mistake() -> None:
    pair = Pair()
    with pytest.raises(RuntimeError, match="we want to publish: not in state handshake"):
        pair.client.publish()


def test_ending_before_publishing_says_nothing() -> None:
    pair = in_state(State.CONNECTED)
    pair.client.end()
    assert pair.client.outgoing() == []


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "an HTTP server answered"),
        (b"\x15\x03\x01\x00\x02\x02", "a TLS server answered; rtmps:// may be what is meant"),
        (b"\x06" + bytes(10), "RTMPE"),
        (b"SSH-2.0", "the first bytes are 53 53 48. Check"),
    ],
)
def test_what_is_not_rtmp_is_named(data: bytes, text: str) -> None:
    with pytest.raises(ProtocolError, match=text):
        client().feed(data)


def test_the_handshake_sends_nothing_before_all_of_s2() -> None:
    handshake = Handshake(random=bytes(1528), time=7)
    assert handshake.start() == b"\x03" + bytes.fromhex("0000000700000000") + bytes(1528)
    s1 = bytes(range(256)) * 6
    assert handshake.feed(b"\x03" + s1[:-1]) == b""
    assert handshake.feed(s1[-1:]) == s1
    assert handshake.feed(bytes(1535)) == b""
    assert not handshake.done
    assert handshake.feed(b"\0rest") == b""
    assert (handshake.done, handshake.rest) == (True, b"rest")


def test_a_peer_that_makes_us_answer_and_never_reads_is_cut_off() -> None:
    pair = Pair().live()
    for _ in range(5000):
        pair.server.ping(1)
    pings = b"".join(pair.server.outgoing()) * 20
    with pytest.raises(ProtocolError, match="faster than it takes them"):
        pair.client.feed(pings)


AMF = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["code", "level", "ex"]), inner),
    max_leaves=6,
)
MESSAGES = st.tuples(
    st.sampled_from([0, 1, 2, 3, 4, 5, 6, 8, 9, 15, 17, 18, 20, 22, 255]),
    st.binary(max_size=20)
    | st.builds(
        lambda name, values: amf0.encode(name, *values),
        st.sampled_from(["_result", "_error", "onStatus", "close", "x"]),
        st.lists(st.sampled_from([0.0, 1.0, 4.0, 5.0]) | AMF, max_size=4),
    ),
)


@given(st.sampled_from([State.CONNECTING, State.CONNECTED, State.PUBLISHING, State.LIVE]), st.lists(MESSAGES))
def test_hostile_messages_in_every_state(state: State, messages: list[tuple[int, bytes]]) -> None:
    pair = in_state(state)
    with contextlib.suppress(CamcastError):
        for type, payload in messages:
            pair.server.send(3, type, 0, payload)
            pair.client.feed(b"".join(pair.server.outgoing()))
    assert pair.client._out_bytes <= 1 << 21


@given(st.booleans(), st.binary(max_size=400))
def test_hostile_bytes(greeted: bool, data: bytes) -> None:
    for peer in (client(), Server()):
        with contextlib.suppress(CamcastError):
            if greeted:
                peer.feed(b"\x03" + bytes(2 * 1536))
            peer.feed(data)


@given(st.lists(MESSAGES))
def test_hostile_messages_to_the_server(messages: list[tuple[int, bytes]]) -> None:
    pair = Pair().live()
    with contextlib.suppress(CamcastError):
        for type, payload in messages:
            pair.client.send(3, type, 0, payload)
            pair.server.feed(b"".join(pair.client.outgoing()))
