"""The port in C beside `send_tag`, each on a socket of its own: the same bytes, positions, figures and losses."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, Any, cast

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.plugins.rtmp_kit import attempt

from camcast.media import TagType
from camcast.net.tls import TlsSettings
from camcast.target import Target
from camcast_rtmp.client import ClientSettings
from camcast_rtmp.line import Line

if TYPE_CHECKING:
    from camcast.net.tls_session import TlsSession

pytestmark = pytest.mark.native

AUDIO, VIDEO, SCRIPT = TagType.AUDIO, TagType.VIDEO, TagType.SCRIPT
TAKES = 16 * 1024
"""Bytes that a socket takes at the most; the kernel doubles it."""


class Records:
    """What a `TlsSession` does, so that both ends send the same bytes: a header for each 16 KB."""

    ended = False
    expires = None

    def __init__(self, target: Target) -> None:
        self.settings = TlsSettings.of(target)
        self.broken = False

    def send(self, data: bytes) -> bytes:
        if self.broken:
            raise ssl.SSLError(1, "bad length")
        pieces = [data[at : at + 16384] for at in range(0, len(data), 16384)]
        return b"".join(b"\x17\x03\x03" + len(piece).to_bytes(2, "big") + piece for piece in pieces)

    def receive(self, data: bytes) -> bytes:
        return data

    def outgoing(self) -> bytes:
        return b""

    def goodbye(self) -> bytes:
        return b"\x15"


class End:
    """A transport that is live on one end of a pair of sockets, and what reads at the other."""

    def __init__(self, *, secure: bool = False) -> None:
        near, self.far = socket.socketpair()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, TAKES)
        for sock in (near, self.far):
            sock.setblocking(False)
        self.transport, self.events = attempt("rtmp://127.0.0.1:9/live/k")
        transport = self.transport
        target = Target(url="rtmp://127.0.0.1:9/live/k")
        self.session = Records(target) if secure else None
        self.line = Line(
            near,
            cast("TlsSession | None", self.session),
            ClientSettings(connect={}, key="k"),
            target,
            told=lambda event: None,
            lost=self.events.lost,
        )
        self.received = b""
        self.read(1 << 20)
        self.received = b""  # the handshake, which is random
        self.line.client.writer.chunk_size, self.line.client.stream_id = 60_000, 1
        transport._line = transport._live = self.line
        transport._base = self.line.wire.handed
        self.positions: list[int | None] = []
        self.time = {AUDIO: 0, VIDEO: 0, SCRIPT: 0}

    def read(self, size: int) -> None:
        while size:
            try:
                data = self.far.recv(min(size, 65536))
            except OSError:
                return
            if not data:
                return
            self.received += data
            size -= len(data)

    def tag(self, type: TagType, size: int, step: int, head: bytes = b"\x27\x01\0\0\0") -> None:
        self.time[type] += step
        body = (len(self.positions) % 256).to_bytes(1, "big") * size
        self.positions.append(self.send(type, self.time[type], head, body))

    def send(self, type: TagType, time: int, head: bytes, body: bytes) -> int | None:
        return self.transport.send_tag(type, time, head, body)

    def chunks(self, size: int) -> None:
        self.line.client.writer.chunk_size = size

    def another_stream(self) -> None:
        """The server has given another message stream, say."""
        self.line.client.writer._last.clear()

    def ping(self) -> None:
        self.line.client.control(4, b"\0\x07\0\0\0\0")
        self.line.flush()

    def hang_up(self) -> None:
        self.far.close()

    def moved(self) -> None:
        self.transport._live = None

    def close(self) -> None:
        self.line.close()

    def break_tls(self) -> None:
        if self.session is not None:
            self.session.broken = True

    def seen(self) -> dict[str, Any]:
        wire = self.line.wire
        wire._ask()  # figures are the kernel's of this moment, not of the last 100 ms
        return {
            "positions": self.positions,
            "received": self.received,
            "wire": [
                wire.handed,
                wire.tail_bytes,
                wire.alive,
                wire.closed,
                [bytes(piece) for piece in wire._tail or ()],
            ],
            "counts": attrs.asdict(self.transport._counts),
            "writer": {key: attrs.asdict(last) for key, last in self.line.client.writer._last.items()},
            "largest": self.line.largest,
            "lost": [str(error) for error in self.events.errors],
            "figures": [self.transport.acked, self.transport.pending],
        }


def sent(port: Any, type: TagType, time: int, head: bytes, body: bytes) -> int | None:
    """What the fast path calls in C; None = it is not ordinary, and nothing has been done."""
    position: int | None = port.send(type.value, time, head, body)
    return position


class PortEnd(End):
    """The same by the port."""

    def __init__(self, *, secure: bool = False) -> None:
        super().__init__(secure=secure)
        self.port = self.transport.native_port
        assert self.port is not None
        self.taken = 0

    def send(self, type: TagType, time: int, head: bytes, body: bytes) -> int | None:
        if type is not SCRIPT:
            position = sent(self.port, type, time, head, body)
            if position is not None:
                self.taken += 1
                return position
        return super().send(type, time, head, body)


Step = tuple[str, tuple[Any, ...]]
TAGS = st.tuples(
    st.sampled_from([AUDIO, VIDEO, VIDEO, SCRIPT]),
    st.sampled_from([0, 1, 300, 5000, 16_000, 30_000, 59_995, 59_996, 70_000, 200_000, 1 << 20]),
    st.sampled_from([0, 21, 33, -5, 0xFFFFFE, 0xFFFFFF, 1 << 31, 1 << 33]),
    st.sampled_from([b"", b"\xaf\x01", b"\x27\x01\0\0\0", bytes(64), bytes(65)]),
).map(lambda tag: ("tag", tag))
USUAL: st.SearchStrategy[Step] = st.sampled_from([("tag", (VIDEO, 4000, 33)), ("tag", (AUDIO, 300, 21))])
READS = st.sampled_from([1, 4000, 20_000, 1 << 20]).map(lambda size: ("read", (size,)))
OTHERS: st.SearchStrategy[Step] = st.sampled_from(
    [
        ("chunks", (128,)),
        ("chunks", (60_000,)),
        ("another_stream", ()),
        ("ping", ()),
        ("moved", ()),
        ("close", ()),
        ("break_tls", ()),
    ]
)
STEPS = st.lists(st.one_of(USUAL, USUAL, USUAL, READS, READS, TAGS, OTHERS), min_size=3, max_size=50)


def both(steps: list[Step], *, secure: bool, last: str = "") -> int:
    """Do `steps` both ways and compare what can be seen after each; how many tags the port took."""

    async def act() -> int:
        ends = (PortEnd(secure=secure), End(secure=secure))
        try:
            for name, arguments in [*steps, *([(last, ())] if last else []), *[("tag", (VIDEO, 100, 33))] * 2]:
                for end in ends:
                    getattr(end, name)(*arguments)
                for _ in range(3):
                    await asyncio.sleep(0)
                port, plain = (end.seen() for end in ends)
                for what in plain:
                    assert port[what] == plain[what], (name, arguments, what)
            for end in ends:
                end.read(1 << 26)
            assert ends[0].received == ends[1].received
            return ends[0].taken
        finally:
            for end in ends:
                end.line.close()
                end.far.close()

    return asyncio.run(act())


@settings(max_examples=150, deadline=None)
@given(STEPS, st.booleans())
def test_the_port_does_what_send_tag_does(steps: list[Step], secure: bool) -> None:
    both(steps, secure=secure)


secure_or_not = pytest.mark.parametrize("secure", [False, True], ids=["rtmp", "rtmps"])
READ: Step = ("read", (1 << 20,))
STEADY: list[Step] = [("tag", (VIDEO, 4000, 33)), ("tag", (AUDIO, 300, 21)), READ] * 10


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [("tag", (VIDEO, 30_000, 33))] * 3,
        [("tag", (VIDEO, 30_000, 33)), ("read", (20_000,)), ("tag", (AUDIO, 300, 21)), READ],
        [("tag", (VIDEO, 60_000, 33))],
        [("tag", (VIDEO, 1 << 21, 33)), READ, READ],
        [("tag", (AUDIO, 0, 21, b""))],
        [("tag", (VIDEO, 10, 0xFFFFFF))],
        [("tag", (VIDEO, 10, 1 << 32))],
        [("tag", (VIDEO, 10, -100))],
        [("another_stream", ())],
        [("ping", ())],
        [("moved", ())],
        [("close", ())],
        [("break_tls", ())],
    ],
    ids=str,
)
@secure_or_not
def test_whatever_comes_between_two_steady_times(steps: list[Step], secure: bool) -> None:
    assert both([*STEADY, *steps, READ, *STEADY], secure=secure) >= 18


@secure_or_not
def test_a_peer_that_has_gone_is_told_the_same_way(secure: bool) -> None:
    both(STEADY, secure=secure, last="hang_up")


@secure_or_not
async def test_most_tags_go_by_the_port(secure: bool) -> None:
    end = PortEnd(secure=secure)
    for _ in range(100):
        for name, arguments in STEADY[:3]:
            getattr(end, name)(*arguments)
    assert end.taken == 198, "all but the first of each kind"
    end.close()
    end.far.close()


async def test_there_is_none_before_the_server_agrees_nor_after_the_end() -> None:
    end = PortEnd()
    end.moved()
    assert end.transport.native_port is None
    assert sent(end.port, VIDEO, 0, b"", b"x") is None
    end.close()
    end.far.close()
