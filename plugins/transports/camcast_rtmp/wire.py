"""A non-blocking socket with the unsent tail that we own and count. Plain TCP; `tls.py` adds the TLS form.

Rules: what the socket does not take at once waits in a deque of memoryviews, and only then does the loop watch for
room. The socket is read all the time. TCP_NOTSENT_LOWAT keeps the kernel from swallowing seconds of media, and
what the peer has not acknowledged is asked of the kernel (SIOCOUTQ), at most every 100 ms or 64 KiB.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from itertools import islice

from camcast_rtmp.chunk import Buffers

NOTSENT_LOWAT = 64 * 1024
READ_SIZE = 16 * 1024
"""A publisher is sent next to nothing; small pieces keep a hostile server from holding the loop."""
FLUSH_SIZE = 512 * 1024
"""Bytes sent from the tail in one turn of the loop."""
MAX_TAIL = 64 << 20
"""Backstop; the outlet's own bound is far below."""
MAX_IOVECS = 512
_ASK_INTERVAL = 0.1
_ASK_BYTES = 64 * 1024
_SIOCOUTQ = 0x5411
_LINUX = sys.platform == "linux"
_TCP_NOTSENT_LOWAT = 25
_TCP_INFO = struct.Struct("8B24I")


def tune(sock: socket.socket, user_timeout: float) -> None:
    """Options of every outgoing connection; what this system lacks is left out."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if _LINUX:
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, NOTSENT_LOWAT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(user_timeout * 1000))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


class Wire:
    """One connected socket on the running loop.

    `received(data)` gets what arrives; `lost(error)` is called once, later and never from within `write`:
    None means that the peer closed. After `close` neither is called.
    """

    def __init__(
        self, sock: socket.socket, received: Callable[[bytes], None], lost: Callable[[OSError | None], None]
    ) -> None:
        self._socket = sock
        self._received = received
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._sendmsg = sock.sendmsg
        self._tail: deque[memoryview] = deque()
        self.tail_bytes = 0
        """Bytes handed to `write` that the kernel has not taken."""
        self.handed = 0
        """Bytes handed to `write`, in all."""
        self._acked = 0
        self._asked_at = 0.0
        self._asked_handed = 0
        self._writing = False
        self._failed = False
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None
        self._loop.add_reader(sock.fileno(), self._readable)

    # --- writing ----------------------------------------------------------------------------------------

    def write(self, buffers: Buffers) -> None:
        """Send now what the socket takes, keep the rest. Never blocks or raises."""
        size = len(buffers[0]) + len(buffers[1]) if len(buffers) == 2 else sum(map(len, buffers))
        self.handed += size
        if self._failed or self._closed:
            return
        if not self._tail:
            try:
                sent = self._sendmsg(buffers if len(buffers) <= MAX_IOVECS else buffers[:MAX_IOVECS])
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as error:
                self._fail_soon(error)
                return
            if sent == size:
                return
            self._keep(buffers, sent)
        else:
            self._keep(buffers, 0)

    def _keep(self, buffers: Buffers, sent: int) -> None:
        """Put all after the first `sent` bytes into the tail."""
        for buffer in buffers:
            size = len(buffer)
            if sent >= size:
                sent -= size
                continue
            self._tail.append(memoryview(buffer)[sent:] if sent else memoryview(buffer))
            self.tail_bytes += size - sent
            sent = 0
        if self.tail_bytes > MAX_TAIL:
            self._fail_soon(OSError(errno.ENOBUFS, f"{self.tail_bytes} bytes are waiting to be sent"))
        else:
            self._watch_writable()

    def _watch_writable(self) -> None:
        if not self._writing and not self._closed and not self._failed:
            self._writing = True
            self._loop.add_writer(self._socket.fileno(), self._writable)

    def _writable(self) -> None:
        try:
            self._flush()
        except OSError as error:
            self._fail(error)
            return
        if not self._tail:
            self._writing = False
            self._loop.remove_writer(self._socket.fileno())
            self._wake()

    def _flush(self) -> None:
        """Send from the tail until the socket is full or the turn is over."""
        enough = self.tail_bytes - FLUSH_SIZE
        while self._tail and self.tail_bytes > enough:
            wanted = list(islice(self._tail, MAX_IOVECS))
            try:
                sent = self._sendmsg(wanted)
            except (BlockingIOError, InterruptedError):
                return
            self.tail_bytes -= sent
            short = sent < sum(map(len, wanted))
            self._drop_sent(sent)
            if short:
                return

    def _drop_sent(self, sent: int) -> None:
        tail = self._tail
        while sent:
            first = tail[0]
            if len(first) > sent:
                tail[0] = first[sent:]
                return
            sent -= len(first)
            tail.popleft()

    # --- reading ----------------------------------------------------------------------------------------

    def _readable(self) -> None:
        try:
            data = self._socket.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._fail(error)
            return
        if data:
            self._received(data)
        else:
            self._fail(None)

    # --- the end ----------------------------------------------------------------------------------------

    def _fail_soon(self, error: OSError) -> None:
        """Told later: the caller is in the middle of handing media to many. Stops writing at once."""
        if not self._failed:
            self._failed = True
            self._loop.call_soon(self._fail_after_reading, error)

    def _fail_after_reading(self, error: OSError) -> None:
        """The peer's last words may still wait to be read, and say more than a broken pipe does."""
        self._failed = False
        for _ in range(4):
            if self._failed or self._closed:
                return
            try:
                data = self._socket.recv(READ_SIZE)
            except OSError:
                break
            if not data:
                break
            self._received(data)
        self._fail(error)

    def _fail(self, error: OSError | None) -> None:
        if self._failed or self._closed:
            return
        self._failed = True
        self._unwatch()
        self._lost(error)

    def _unwatch(self) -> None:
        number = self._socket.fileno()
        if number >= 0:
            self._loop.remove_reader(number)
            self._loop.remove_writer(number)
        self._writing = False
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def drained(self) -> None:
        """Wait until the tail is empty or the connection lost."""
        while self._tail and self.alive:
            self._waiter = self._loop.create_future()
            await self._waiter

    async def ended(self) -> None:
        """Wait until the peer has closed."""
        while self.alive:
            self._waiter = self._loop.create_future()
            await self._waiter

    def finish(self) -> None:
        """Say that nothing more will be written."""
        if not self._failed and not self._closed:
            try:
                self._socket.shutdown(socket.SHUT_WR)
            except OSError:
                self._failed = True
                self._unwatch()

    def close(self) -> None:
        """Free the socket; what is unsent is thrown away, also by the kernel."""
        if self._closed:
            return
        self._unwatch()
        self._refresh()
        self._closed = True
        if self._tail:
            self._tail.clear()
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    @property
    def alive(self) -> bool:
        return not self._failed and not self._closed

    # --- figures ----------------------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        """Bytes of `handed` that the peer has not acknowledged; 0 once the connection is gone."""
        return self.handed - self.acked if self.alive else 0

    @property
    def acked(self) -> int:
        """Bytes of `handed` that the peer has acknowledged, as of at most 100 ms ago; never falls."""
        now = time.monotonic()
        if now - self._asked_at >= _ASK_INTERVAL or self.handed - self._asked_handed >= _ASK_BYTES:
            self._asked_at, self._asked_handed = now, self.handed
            self._refresh()
        return self._acked

    def _refresh(self) -> None:
        if self._closed:
            return
        waiting = 0
        if _LINUX:
            answer = bytearray(4)
            try:
                fcntl.ioctl(self._socket.fileno(), _SIOCOUTQ, answer)
            except (OSError, ValueError):
                return
            waiting = int.from_bytes(answer, sys.byteorder)
        self._acked = max(self._acked, self.handed - self.tail_bytes - waiting)

    def info(self) -> Mapping[str, float]:
        """Round trip and retransmissions from the kernel, where it tells."""
        if not _LINUX or self._closed:
            return {}
        try:
            fields = _TCP_INFO.unpack(self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size))
        except OSError:
            return {}
        rtt, retransmitted = fields[8 + 15], fields[8 + 23]
        return {"rtt_ms": rtt / 1000, "retransmitted_segments": retransmitted}
