"""What the kernel says of a connection, and that its buffer does not swallow the media of seconds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from camcast.net import kernel
from camcast.net.kernel import (
    GOODBYE_TIMEOUT,
    LONGEST_RETRY,
    NOTSENT_LOWAT,
    acknowledged,
    info,
    retries_soon,
    tune,
    unacknowledged,
    unsent,
)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client and the server's end of its connection, which reads nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        server, _ = listener.accept()
        with server:
            client.setblocking(False)
            yield client, server


def fill(sock: socket.socket) -> int:
    """Write until the socket takes no more; how much that was."""
    sent = 0
    while True:
        try:
            sent += sock.send(bytes(16_384))
        except BlockingIOError:
            return sent


def test_nothing_is_unsent_where_nothing_was_written(pair: tuple[socket.socket, socket.socket]) -> None:
    client, _ = pair
    assert (unacknowledged(client), unsent(client)) == (0, 0)


def test_a_peer_that_does_not_read_shows_in_both(pair: tuple[socket.socket, socket.socket]) -> None:
    client, server = pair
    sent = fill(client)
    behind, here = unacknowledged(client), unsent(client)
    assert 0 < here <= behind <= sent
    taken = 0
    server.settimeout(5)
    while taken < sent:
        taken += len(server.recv(1 << 20))
    assert (unacknowledged(client), unsent(client)) == (0, 0)
    assert acknowledged(client) >= sent


def test_what_a_peer_takes_is_acknowledged_though_as_much_is_written_again(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    client, server = pair
    fill(client)
    server.settimeout(5)
    before = acknowledged(client)
    while acknowledged(client) == before:
        assert server.recv(1 << 16)
    fill(client)
    assert acknowledged(client) > before


def test_what_is_not_sent_is_held_back_from_the_kernel(pair: tuple[socket.socket, socket.socket]) -> None:
    """TCP_NOTSENT_LOWAT. Without it the kernel takes megabytes, and a stalled link shows seconds later."""
    client, _ = pair
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)
    tune(client, 15.0)
    fill(client)
    assert unsent(client) <= 2 * NOTSENT_LOWAT


@pytest.mark.parametrize("of", [unacknowledged, unsent, acknowledged])
def test_a_closed_socket_and_other_systems_count_as_nothing(
    pair: tuple[socket.socket, socket.socket], of: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = pair
    fill(client)
    assert callable(of)
    with monkeypatch.context() as patch:
        patch.setattr(kernel, "_LINUX", False)
        assert of(client) == 0
        assert info(client) == {}
        assert retries_soon(client) is None
        tune(client, 15.0)
    client.close()
    assert of(client) == 0
    assert info(client) == {}


def test_round_trips_are_told(pair: tuple[socket.socket, socket.socket]) -> None:
    client, server = pair
    client.send(b"x")
    assert server.recv(1) == b"x"
    assert set(info(client)) == {"rtt_ms", "retransmitted_segments"}
    assert 0 < info(client)["rtt_ms"] < 100


def test_what_is_lost_is_sent_again_at_least_every_second_where_the_kernel_can(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = pair
    before = retries_soon(client)
    tune(client, 15.0)
    assert retries_soon(client) == (None if before is None else LONGEST_RETRY)
    # By satellite nothing is sent again before its answer can be here.
    monkeypatch.setattr(kernel, "info", lambda _: {"rtt_ms": 600.0})
    tune(client, 15.0)
    assert retries_soon(client) == (None if before is None else pytest.approx(2.4))


async def test_asyncios_sockets_do_as_well() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        assert unacknowledged(writer.get_extra_info("socket")) == 0
    finally:
        writer.transport.abort()
        server.close()


def test_what_is_closed_is_ended_properly_and_for_long(pair: tuple[socket.socket, socket.socket]) -> None:
    client, server = pair
    tune(client, 15.0)
    client.send(b"part of a message")
    kernel.outlive(client)
    assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == GOODBYE_TIMEOUT * 1000
    client.close()
    # No reset, which is said once: what was sent is there, and then the end.
    assert (server.recv(100), server.recv(100)) == (b"part of a message", b"")
    kernel.outlive(client)  # closed already: nothing to do, and no error
