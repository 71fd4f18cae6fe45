"""Peers at the other end that behave badly: closed, silent, and a relay in front of a good one that stalls or breaks.

They know no protocol: they move bytes or datagrams. Their threads are the kit's own and are not counted as leaks.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol
from urllib.parse import urlsplit

from camcast.testing.conformance.watch import OURS

TCP, UDP = "tcp", "udp"
_SMALL = 16 << 10
"""Receive buffer of a relay: little is swallowed once it stalls."""


def host_and_port(url: str) -> tuple[str, int]:
    """Where a URL points; it must name its port."""
    parts = urlsplit(url)
    if not parts.hostname or not parts.port:
        raise ValueError("the kit needs a URL with host and port, to put its own peers in between")
    return parts.hostname, parts.port


def with_port(url: str, port: int) -> str:
    """The same URL at another port."""
    scheme, _, rest = url.partition("://")
    authority = urlsplit(url).netloc
    host = authority.rpartition(":")[0]
    return f"{scheme}://{host}:{port}{rest[len(authority) :]}"


def _open(wire: str, host: str = "127.0.0.1") -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM if wire == TCP else socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if wire == TCP:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
    opened.bind((host, 0))
    return opened


def _literal(host: str) -> str:
    return str(socket.getaddrinfo(host, None)[0][4][0])


@contextlib.contextmanager
def closed(url: str, wire: str) -> Iterator[str]:
    """`url` at a port where nobody listens."""
    host, _ = host_and_port(url)
    # Bound and, for TCP, not listening: refused, and nobody else gets the port meanwhile. For UDP it must be shut.
    opened = _open(wire, _literal(host))
    port = opened.getsockname()[1]
    if wire == UDP:
        opened.close()
    try:
        yield with_port(url, port)
    finally:
        opened.close()


@contextlib.contextmanager
def silent(url: str, wire: str) -> Iterator[str]:
    """`url` at a peer that takes connections and never says a word."""
    host, _ = host_and_port(url)
    opened = _open(wire, _literal(host))
    if wire == TCP:
        opened.listen(16)
    try:
        yield with_port(url, opened.getsockname()[1])
    finally:
        opened.close()


class Between(Protocol):
    """A way to a good peer that can be made bad."""

    url: str

    def stall(self) -> None:
        """Nothing is taken any more; nobody is told."""

    def resume(self) -> None: ...

    def drop(self) -> None:
        """All connections break."""


class Relay:
    """Stands in front of a peer. `stall()`: nothing is taken any more; `resume()`; `drop()`: all connections break."""

    def __init__(self, url: str, wire: str) -> None:
        host, port = host_and_port(url)
        self._wire = wire
        self._upstream = (_literal(host), port)
        self._listener = _open(wire, self._upstream[0])
        if wire == TCP:
            self._listener.listen(16)
        self.url = with_port(url, self._listener.getsockname()[1])
        self._flows = threading.Event()
        self._flows.set()
        self._ended = False
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept if wire == TCP else self._datagrams)

    def stall(self) -> None:
        self._flows.clear()

    def resume(self) -> None:
        self._flows.set()

    def drop(self) -> None:
        """Break every connection; for datagrams, the peer is gone."""
        sockets, self._sockets = self._sockets, []
        for opened in [*sockets, *([self._listener] if self._wire == UDP else [])]:
            _break(opened)
        self._flows.set()

    def close(self) -> None:
        self._ended = True
        self.drop()
        _break(self._listener)
        for thread in self._threads:
            thread.join(5)

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _start(self, run: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=run, args=args, name=f"{OURS}relay", daemon=True)
        self._threads.append(thread)
        thread.start()

    # --- connections --------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while not self._ended:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._upstream, timeout=5)
            except OSError:
                _break(near)
                continue
            far.settimeout(None)
            self._sockets += [near, far]
            self._start(self._pump, near, far)
            self._start(self._pump, far, near)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while True:
                self._flows.wait()
                data = source.recv(_SMALL)
                self._flows.wait()
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
        except OSError:
            # Whichever side broke, the other is told.
            _break(source)
            _break(sink)

    # --- datagrams ----------------------------------------------------------------------------------------

    def _datagrams(self) -> None:
        callers: dict[Any, socket.socket] = {}
        try:
            while not self._ended:
                data, caller = self._listener.recvfrom(65536)
                if not self._flows.is_set():
                    continue
                far = callers.get(caller)
                if far is None:
                    far = callers[caller] = socket.socket(self._listener.family, socket.SOCK_DGRAM)
                    far.connect(self._upstream)
                    self._sockets.append(far)
                    self._start(self._answers, far, caller)
                with contextlib.suppress(ConnectionRefusedError):
                    far.send(data)
        except OSError:
            return
        finally:
            for far in callers.values():
                _break(far)

    def _answers(self, far: socket.socket, caller: Any) -> None:
        while not self._ended:
            try:
                data = far.recv(65536)
                # An empty datagram is what a socket that was shut down reads.
                if not data and far.fileno() < 0:
                    return
                if self._flows.is_set() and data:
                    self._listener.sendto(data, caller)
            except ConnectionRefusedError:
                continue
            except OSError:
                return


def _break(opened: socket.socket) -> None:
    """Wake whoever waits on it, then close it; a connection is reset rather than ended."""
    if opened.fileno() < 0:
        return
    with contextlib.suppress(OSError):
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with contextlib.suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)
    opened.close()
