"""The plugin's hold on the process that libsrt's sockets are copied from (`fork_server.py`).

libsrt reads what its peers send in C, and 1.5.1 lets a peer overwrite its memory. So nothing of it runs here: each
socket has a process of its own, and what becomes of one is that one attempt's affair.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import weakref

from camcast.interpreter import NOWHERE, Process, begin
from camcast_srt.wire import Page

IDLE = 20.0
"""Seconds for which that process stays when nobody uses it: beginning it takes a tenth of a second of a processor."""
_MODULE = "camcast_srt.fork_server"


class Keeper:
    """One for all transports of a plugin host. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: socket.socket | None = None

    def process(self) -> tuple[socket.socket, Page]:
        """A new process's channel and page, which waits for its request. Raises `OSError`."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        page = Page.made()
        try:
            with self._lock:
                self._send(theirs.fileno(), page)
            ours.setblocking(False)
            return ours, Page(page)
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(page)

    def warm(self) -> None:
        """Begin that process, so that the first connection need not wait for it."""
        with self._lock, contextlib.suppress(OSError):  # the attempt says what is the matter
            self._begun()

    def _begun(self) -> socket.socket:
        if self._server is None or self._server.fileno() < 0:
            self._server = self._begin()
        return self._server

    def _send(self, *descriptors: int) -> None:
        for _ in range(2):
            server = self._begun()
            try:
                socket.send_fds(server, [b"n"], list(descriptors), socket.MSG_DONTWAIT)
                return
            except ConnectionError:
                # It has been idle for long enough, or somebody has ended it: another one is as good.
                server.close()
        raise ConnectionError("the process that begins libsrt's ends at once: is libsrt in order?")

    def _begin(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                begun = begin("-m", _MODULE, str(IDLE), stdin=theirs.fileno(), stdout=NOWHERE)
            except OSError:
                ours.close()
                raise
        weakref.finalize(self, ours.close)
        name = f"camcast-wait-{begun.pid}"
        threading.Thread(target=_see_to_its_end, args=(begun, ours, self._lock), name=name, daemon=True).start()
        return ours


def _see_to_its_end(process: Process, server: socket.socket, lock: threading.Lock) -> None:
    process.wait()
    with lock:
        server.close()
