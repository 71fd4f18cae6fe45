"""A non-blocking socket with the unsent tail that we own and count, and which reads no more than a peer may say.

Rules: what the socket does not take at once waits in a deque of memoryviews, and only then does the loop watch for
room. The socket is read all the time, `READ_SIZE` bytes a turn of the loop, within an allowance of bytes and of reads;
who exceeds it is cut off. What the peer has not acknowledged, and what has not left this machine, is asked of the
kernel, at most every 100 ms or 64 KiB.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import islice

import attrs

from camcast.native.states import WireState
from camcast.net import kernel
from camcast.net.allowance import Allowance

READ_SIZE = 4 * 1024
"""Bytes of one turn of the loop. A publisher is sent next to nothing."""
FLUSH_SIZE = 512 * 1024
"""Bytes sent from the tail in one turn of the loop."""
MAX_TAIL = 64 << 20
"""Backstop; the outlet's own bound is far below."""
MAX_IOVECS = 512
LAST_READS = 4
"""After writing has failed: the peer's last words say more than a broken pipe does."""
_ASK_INTERVAL = 0.1
_ASK_BYTES = 64 * 1024

Buffers = Sequence[bytes | memoryview]


class FloodError(OSError):
    """The peer sends more than it may. Its text says what, and how much is allowed."""

    def __init__(self, how_much: str) -> None:
        super().__init__(errno.EOVERFLOW, how_much)
        self.how_much = how_much


@attrs.frozen(kw_only=True)
class ReadLimits:
    """What a peer may send: so much at once, and so much a second for ever."""

    bytes_at_once: int = 512 * 1024
    bytes_per_second: int = 8 * 1024
    reads_at_once: int = 500
    reads_per_second: int = 50
    """Each read wakes the loop, which costs more than the bytes do."""


class Wire(WireState):
    """One connected socket on the running loop.

    `received(data)` gets what arrives; `lost(error)` is called once, later and never from within `write`:
    None means that the peer closed. After `close` neither is called.
    """

    def __init__(
        self,
        sock: socket.socket,
        received: Callable[[bytes], None],
        lost: Callable[[OSError | None], None],
        limits: ReadLimits | None = None,
    ) -> None:
        self._socket = sock
        self._received = received
        self._lost = lost
        self._limits = limits = limits or ReadLimits()
        self._bytes = Allowance(limits.bytes_at_once, limits.bytes_per_second)
        self._reads = Allowance(limits.reads_at_once, limits.reads_per_second)
        self._loop = asyncio.get_running_loop()
        self._sendmsg = sock.sendmsg
        self.descriptor = sock.fileno()
        """For the C form, until `close`."""
        self._tail: deque[memoryview] | None = None
        """None until something has to wait: an empty one takes as much as fifty objects."""
        self.tail_bytes = 0
        """Bytes handed to `write` that the kernel has not taken."""
        self.handed = 0
        """Bytes handed to `write`, in all: the position at which the last of them ends."""
        self._kernel = _Account()
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
                self.fail_soon(error)
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
            if self._tail is None:
                self._tail = deque()
            self._tail.append(memoryview(buffer)[sent:] if sent else memoryview(buffer))
            self.tail_bytes += size - sent
            sent = 0
        if self.tail_bytes > MAX_TAIL:
            self.fail_soon(OSError(errno.ENOBUFS, f"{self.tail_bytes} bytes are waiting to be sent"))
        elif not self._writing and not self._closed and not self._failed:
            self._writing = True
            self._loop.add_writer(self._socket.fileno(), self._writable)

    def _writable(self) -> None:
        try:
            self._flush()
        except OSError as error:
            self.fail(error)
            return
        if not self._tail:
            self._tail = None
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
        while sent and tail:
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
            self.fail(error)
            return
        if not data:
            self.fail(None)
            return
        flood = self._flood(len(data))
        if flood is not None:
            self.fail(flood)
            return
        self._received(data)

    def _flood(self, size: int) -> FloodError | None:
        now, limits = time.monotonic(), self._limits
        if not self._bytes.take(size, now):
            return FloodError(f"over {limits.bytes_at_once} bytes at once, or {limits.bytes_per_second} a second")
        if not self._reads.take(1, now):
            return FloodError(f"over {limits.reads_at_once} pieces at once, or {limits.reads_per_second} a second")
        return None

    # --- the end ----------------------------------------------------------------------------------------

    def fail_soon(self, error: OSError) -> None:
        """Told later: the caller is in the middle of handing media to many. Stops writing at once."""
        if not self._failed:
            self._failed = True
            self._loop.call_soon(self._fail_after_reading, error)

    def _fail_after_reading(self, error: OSError) -> None:
        self._failed = False
        for _ in range(LAST_READS):
            if self._failed or self._closed:
                return
            try:
                data = self._socket.recv(READ_SIZE)
            except OSError:
                break
            if not data:
                break
            self._received(data)
        self.fail(error)

    def fail(self, error: OSError | None) -> None:
        """The connection is over; `lost` is told, once."""
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
        """Free the socket; what is unsent here is thrown away.

        What the kernel holds still goes out, and then the end of the connection, again and again until the peer has
        taken it or a minute has passed. A reset would be said once, and where the link is away nobody would hear it:
        the server then keeps the stream's name for the connection that it believes in, and refuses the next one.
        """
        if self._closed:
            return
        self._unwatch()
        self._ask()
        self._closed = True
        self._tail = None
        if not self._failed:
            kernel.outlive(self._socket)
        self._socket.close()

    @property
    def alive(self) -> bool:
        return not self._failed and not self._closed

    @property
    def closed(self) -> bool:
        """`close` was called."""
        return self._closed

    # --- figures ----------------------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        """Bytes of `handed` that the peer has not acknowledged; 0 once the connection is gone."""
        return self.handed - self.acked if self.alive else 0

    @property
    def unsent(self) -> int:
        """Bytes of `handed` that have not left this machine, as of at most 100 ms ago; 0 once it is over."""
        if not self.alive:
            return 0
        self._look()
        return self.tail_bytes + self._kernel.unsent

    @property
    def acked(self) -> int:
        """Bytes of `handed` that the peer has acknowledged, as of at most 100 ms ago; never falls."""
        self._look()
        return self._kernel.acked

    def _look(self) -> None:
        now, account = time.monotonic(), self._kernel
        if now - account.asked_at >= _ASK_INTERVAL or self.handed - account.asked_handed >= _ASK_BYTES:
            account.asked_at, account.asked_handed = now, self.handed
            self._ask()

    def _ask(self) -> None:
        if self._closed:
            return
        account = self._kernel
        account.acked = max(account.acked, self.handed - self.tail_bytes - kernel.unacknowledged(self._socket))
        account.unsent = kernel.unsent(self._socket)

    def info(self) -> Mapping[str, float]:
        """Round trip and retransmissions from the kernel, where it tells."""
        return {} if self._closed else kernel.info(self._socket)


@attrs.define(eq=False)
class _Account:
    """What the kernel said when it was last asked."""

    acked: int = 0
    unsent: int = 0
    asked_at: float = 0.0
    asked_handed: int = 0
