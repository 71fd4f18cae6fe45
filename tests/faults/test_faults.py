"""The fault tools do what their names say, seen from plain sockets."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.netns import Namespace
from tests.faults.proxy import FaultProxy, Greeting
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for


class Echo:
    """Sends everything back."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = self.listening.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                while data := connection.recv(65_536):
                    connection.sendall(data)
        except OSError:
            return


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    echo = Echo()
    with FaultProxy(echo.address) as proxy:
        yield proxy
    echo.listening.shutdown(socket.SHUT_RDWR)
    echo.listening.close()


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    with socket.create_connection((proxy.host, proxy.port), timeout=5) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
        yield client


def test_passes_and_counts(proxy: FaultProxy, client: socket.socket) -> None:
    data = bytes(range(256)) * 2000
    threading.Thread(target=client.sendall, args=(data,), daemon=True).start()
    back = bytearray()
    while len(back) < len(data):
        back += client.recv(65_536)
    assert bytes(back) == data
    assert (proxy.accepted, proxy.open, proxy.bytes_up) == (1, 1, len(data) + 5)


def test_delay_makes_the_round_trip_longer(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.delay = 0.1
    start = time.monotonic()
    client.sendall(b"ping")
    assert client.recv(4) == b"ping"
    assert time.monotonic() - start >= 0.2


def test_a_rate_bounds_what_passes(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.rate_up = 800_000
    start, before = time.monotonic(), proxy.bytes_up
    client.sendall(bytes(40_000))
    wait_for(lambda: proxy.bytes_up == before + 40_000)
    assert time.monotonic() - start >= 0.35


def test_frozen_acknowledges_nothing_more(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.freeze()
    client.setblocking(False)
    try:
        while True:
            client.send(bytes(65_536))
    except BlockingIOError:
        stuck = proxy.bytes_up
    proxy.thaw()
    wait_for(lambda: proxy.bytes_up > stuck + 65_536)


def test_reset_and_finish(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with socket.create_connection((proxy.host, proxy.port), timeout=5) as other:
        proxy.wait_accepted(2)
        proxy.finish()
        assert other.recv(1) == b""
    assert proxy.open == 0


@pytest.mark.parametrize(("limit", "ends"), [("reset_after", ConnectionResetError), ("finish_after", None)])
def test_ends_after_so_many_bytes(
    proxy: FaultProxy, client: socket.socket, limit: str, ends: type[Exception] | None
) -> None:
    setattr(proxy, limit, 1000)
    client.sendall(bytes(2000))
    if ends is not None:
        with pytest.raises(ends):
            client.makefile("rb").read()
    else:
        assert client.recv(4096) == b""


def test_injected_and_spoilt_bytes(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.inject(b"surprise")
    assert client.recv(8) == b"surprise"
    proxy.corrupt(2)
    client.sendall(b"abcd")
    assert client.recv(4) == b"ab" + bytes([ord("c") ^ 0xFF, ord("d") ^ 0xFF])


def connect_and_read(client: socket.socket, proxy: FaultProxy) -> None:
    """A reset may come before connect has returned."""
    client.connect((proxy.host, proxy.port))
    client.recv(1)


@pytest.mark.parametrize("greeting", list(Greeting))
def test_greetings(proxy: FaultProxy, greeting: Greeting) -> None:
    proxy.greeting = greeting
    with socket.socket() as client:
        client.settimeout(0.3)
        if greeting is Greeting.RESET:
            with pytest.raises(ConnectionResetError):
                connect_and_read(client, proxy)
            return
        client.connect((proxy.host, proxy.port))
        match greeting:
            case Greeting.PASS:
                client.sendall(b"x")
                assert client.recv(1) == b"x"
            case Greeting.SILENT | Greeting.DEAF:
                client.sendall(b"x")
                with pytest.raises(TimeoutError):
                    client.recv(1)
                assert proxy.bytes_up == (1 if greeting is Greeting.SILENT else 0)
            case Greeting.FIN:
                assert client.recv(1) == b""
            case Greeting.GARBAGE:
                assert client.recv(1) != b""


def test_a_closed_port_and_its_return(proxy: FaultProxy) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((proxy.host, proxy.port), timeout=5)
    proxy.listen()
    socket.create_connection((proxy.host, proxy.port), timeout=5).close()


def test_a_cut_cable_is_silent(tmp_path: Path) -> None:
    with (
        Namespace() as host,
        Nginx(tmp_path, host=host.address, prefix=host.prefix) as server,
        socket.create_connection((server.host, server.port), timeout=5) as client,
    ):
        host.cut()
        client.sendall(b"\x03" + bytes(1536))
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        host.mend()
        client.settimeout(10)
        assert client.recv(1) == b"\x03"
    assert host.name not in subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
