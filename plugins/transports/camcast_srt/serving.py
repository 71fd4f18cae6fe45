"""The whole life of a process that libsrt runs in: the first message says what it is for."""

from __future__ import annotations

import contextlib
import resource
import socket

from camcast_srt.library import Library
from camcast_srt.making import LetGo
from camcast_srt.receiving import Receiving
from camcast_srt.srt_socket import SrtSocket
from camcast_srt.wire import FAILED, MOST, Failure, Page, Request

_MEMORY = 256 << 20
"""Bytes that such a process may take, beyond twice its send buffer."""
_LISTENER = 1 << 30
"""The same for one that many may send to."""


def serve(library: Library, channel: socket.socket, page: Page) -> None:
    """Do what is asked, until the engine lets go of it."""
    first = channel.recv(MOST)
    if not first:
        return
    request = Request.of(first)
    _limit(_LISTENER if request.receives else _MEMORY + 2 * int(request.options.get("sndbuf") or 0))
    try:
        library.start()
    except OSError as error:
        channel.send(FAILED + bytes(Failure(text=str(error))))
        return
    channel.setblocking(False)
    with contextlib.suppress(LetGo, ConnectionError):
        if request.receives:
            Receiving(library, channel, request).run()
        else:
            SrtSocket(library, channel, page, request).run()


def _limit(limit: int) -> None:
    """What a peer can make libsrt take is this process's trouble only."""
    now, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if now == resource.RLIM_INFINITY or now > limit:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
