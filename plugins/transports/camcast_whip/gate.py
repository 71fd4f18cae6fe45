"""What comes to an attempt's sockets: how much of it is looked at, and of whom.

All WebRTC work of an engine is one thread's, so a flood to one attempt would cost all others of it. Before a path is
found, anybody may send, and what is too much is left to the kernel for a moment. From then on only the server's own
addresses are heard, by the kernel where it can, and a server that floods ends its connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from camcast.net import datagrams
from camcast.net.allowance import Allowance, Overrun

RATE, BURST = 500, 700
"""Datagrams a second, and at once. A server sends reports every second, and feedback on losses and on the path up to
some hundred times a second; what piled up while this process stood still comes at once, and a socket's room (aioice
asks for 256 KiB, and gets twice that) is full with 680 small ones."""
BYTES_RATE, BYTES_BURST = 250_000, 1_000_000
"""5 % of a session of 40 Mbit/s (RFC 3550 §6.2)."""
REST = 0.1
"""Seconds that a socket takes nothing before there is a path, after too much."""
MAX_SENDERS = 64
FULL, STANDING = 0.5, 3.0
"""A share of a socket's room, and seconds: where so much waits at every look for so long, more comes than this thread
takes in, and so it does nothing else. On a machine with much to do that may be less than `RATE`."""


class Gate:
    """Of one attempt. `offence` is called once, with words, when the server sends too much."""

    def __init__(self, offence: Callable[[str], None]) -> None:
        self.dropped = 0
        """Datagrams not looked at."""
        self._offence = offence
        self._count, self._bytes = Allowance(BURST, RATE), Allowance(BYTES_BURST, BYTES_RATE)
        self._sockets: list[Any] = []
        self._settled = False
        self._senders: frozenset[tuple[str, int]] | None = None
        """Whom to hear, where the kernel cannot leave the others out; None = whoever comes through."""
        self._shut = False

    def guard(self, protocol: Any) -> None:
        """Stand before `protocol`, one of aioice's, which has its socket."""
        sock = protocol.transport.get_extra_info("socket")
        if sock is not None:  # a relay's is the relay's
            self._sockets.append(sock)
        take = protocol.datagram_received
        overrun = Overrun(FULL, STANDING)

        def received(data: bytes, address: Any) -> None:
            if self._senders is not None and address[:2] not in self._senders:
                self.dropped += 1
            elif self._admits(len(data), sock, overrun):
                take(data, address)

        protocol.datagram_received = received

    def settle(self, senders: Sequence[tuple[str, int]]) -> None:
        """A path is found: from now on only these are heard, the likeliest first."""
        self._settled = True
        left_out = [datagrams.only_from(sock, senders[:MAX_SENDERS]) for sock in self._sockets]
        if not all(left_out):
            self._senders = frozenset(senders)

    def refuse(self, text: str) -> None:
        """Nothing more is heard; the server has done what `text` says."""
        if self._shut:
            return
        self._shut = True
        for sock in self._sockets:
            datagrams.nothing(sock)
        self._offence(text)

    def _admits(self, size: int, sock: Any, overrun: Overrun) -> bool:
        now = asyncio.get_running_loop().time()
        if self._settled and sock is not None and overrun.due(now) and overrun.look(datagrams.filled(sock), now):
            self.refuse(f"the server sends more than is taken in here, for {STANDING:.0f} s: cut off")
        if not self._shut and self._count.take(1, now) and self._bytes.take(size, now):
            return True
        self.dropped += 1
        if self._settled:
            self.refuse(f"the server sends more than {RATE} datagrams or {BYTES_RATE // 1000} kB in a second: cut off")
        elif sock is not None and datagrams.nothing(sock):
            asyncio.get_running_loop().call_later(REST, self._wake, sock)
        return False

    def _wake(self, sock: Any) -> None:
        # A path may have been found meanwhile, or the socket be closed, which then has the number -1.
        if not self._settled and not self._shut and sock.fileno() >= 0:
            datagrams.anything(sock)
