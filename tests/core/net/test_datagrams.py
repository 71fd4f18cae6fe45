"""Strangers' datagrams are dropped by the kernel; those of the peer come."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from camcast.net.datagrams import anything, filled, nothing, only_from

LOOPBACKS = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]


@pytest.fixture(params=LOOPBACKS, ids=["IPv4", "IPv6"])
def ours(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family, host = request.param
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        sock.setblocking(False)
        yield sock


def sender(family: int, host: str) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    return sock


def received(sock: socket.socket) -> list[bytes]:
    found: list[bytes] = []
    while True:
        try:
            found.append(sock.recv(2048))
        except BlockingIOError:
            return found


def test_only_one_port_of_one_host_comes(ours: socket.socket) -> None:
    host, there = ours.getsockname()[0], ours.getsockname()
    with sender(ours.family, host) as peer, sender(ours.family, host) as stranger:
        assert only_from(ours, [(host, peer.getsockname()[1])])
        stranger.sendto(b"stranger", there)
        peer.sendto(b"peer", there)
        assert received(ours) == [b"peer"]
        assert only_from(ours, [(host, None)])
        stranger.sendto(b"another program there", there)
        assert received(ours) == [b"another program there"]


@pytest.mark.parametrize("named", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_another_host_does_not_come(named: str) -> None:
    with sender(socket.AF_INET, "127.0.0.1") as ours, sender(socket.AF_INET, "127.0.0.2") as stranger:
        ours.setblocking(False)
        assert only_from(ours, [(named, None)])
        stranger.sendto(b"stranger", ours.getsockname())
        assert received(ours) == []
        with sender(socket.AF_INET, "127.0.0.1") as peer:
            peer.sendto(b"peer", ours.getsockname())
            assert received(ours) == [b"peer"]


def test_another_address_differs_in_any_of_its_words(ours: socket.socket) -> None:
    there = ours.getsockname()
    others = ["127.0.0.2", "126.0.0.1"] if ours.family == socket.AF_INET else ["::2", "::1:0:1", "0:0:1::1", "1::1"]
    with sender(ours.family, there[0]) as peer:
        for other in others:
            assert only_from(ours, [(other, None)])
            peer.sendto(b"x", there)
            assert received(ours) == [], other


def test_nothing_comes_until_anything_may(ours: socket.socket) -> None:
    there = ours.getsockname()
    with sender(ours.family, there[0]) as peer:
        assert nothing(ours)
        peer.sendto(b"lost", there)
        assert received(ours) == []
        anything(ours)
        anything(ours)
        peer.sendto(b"kept", there)
        assert received(ours) == [b"kept"]


def test_a_name_is_no_address(ours: socket.socket) -> None:
    assert not only_from(ours, [("camera.example", None)])


def test_each_of_many_comes(ours: socket.socket) -> None:
    there = ours.getsockname()
    with sender(ours.family, there[0]) as peer:
        others: list[tuple[str, int | None]] = [(f"10.0.0.{n}", n) for n in range(30)]
        others += [(f"fe80::{n:x}%1", n) for n in range(30)]
        for at in range(0, 61, 10):
            assert only_from(ours, [*others[:at], (there[0], peer.getsockname()[1]), ("x.example", 1), *others[at:]])
            peer.sendto(b"peer", there)
            assert received(ours) == [b"peer"]
        assert only_from(ours, others)
        peer.sendto(b"stranger", there)
        assert received(ours) == []


def test_how_much_waits_is_known(ours: socket.socket) -> None:
    assert filled(ours) == 0.0
    with sender(ours.family, ours.getsockname()[0]) as peer:
        for _ in range(1000):
            peer.sendto(b"x" * 1000, ours.getsockname())
        assert filled(ours) > 0.9
        received(ours)
        assert filled(ours) == 0.0


def test_of_what_is_no_socket_of_the_system_nothing_is_known() -> None:
    class Closed:
        def setsockopt(self, level: int, optname: int, value: bytes | int, /) -> object:
            raise OSError

        def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
            raise OSError

    assert filled(Closed()) == 0.0
