"""What a broker may send: so large a message, so many, so fast. What is more ends the connection, with the reason.

paho takes messages of up to 256 MB (MQTT 3.1.1 §2.2.3) and as many as come, and each costs its thread time that the
cameras' loop waits for. What camcast subscribes to is its own states and a few commands.
"""

from __future__ import annotations

import fcntl
import struct
import termios
import time
from typing import TYPE_CHECKING

from camcast.net.allowance import Allowance, Overrun

if TYPE_CHECKING:
    from paho.mqtt.client import Client

LARGEST = 64 * 1024
"""Bytes of one message; of ours, each entity that is discovered has some 600, a state less and the text of a reason."""
_READ = 16 * 1024
READS_RATE, READS_BURST = 3_000, 60_000
"""A second, and at once; three or four are a message. A broker tells all that it keeps at once."""
BYTES_RATE, BYTES_BURST = 250_000, 16_000_000
FULL, STANDING = 32 * 1024, 5.0
"""Bytes that wait at every look, for so many seconds: it sends more than is taken in here."""


class Intake:
    """Of one connection."""

    def __init__(self, client: Client) -> None:
        self.offence = ""
        """Why it was ended; "" = it was not, by this."""
        self._reads, self._bytes = Allowance(READS_BURST, READS_RATE), Allowance(BYTES_BURST, BYTES_RATE)
        self._client = client
        self._overrun = Overrun(FULL, STANDING)
        # paho has no door for this: it asks its socket here, for what is left of a message at once.
        self._take = client._sock_recv
        client._sock_recv = self._read  # type: ignore[method-assign]

    def _read(self, bufsize: int) -> bytes:
        if bufsize > LARGEST:
            self._end(f"it sends a message of {bufsize} bytes, and at most {LARGEST} are taken")
        data = self._take(min(bufsize, _READ))
        now = time.monotonic()
        if not self._reads.take(1, now) or not self._bytes.take(len(data), now):
            self._end(f"it sends more than {READS_RATE // 3} messages or {BYTES_RATE // 1000} kB in a second")
        if self._overrun.due(now) and self._overrun.look(self._waiting(), now):
            self._end(f"it sends more than is taken in here, for {STANDING:.0f} s")
        return data

    def _waiting(self) -> int:
        """Bytes that the system has for us (FIONREAD, tcp(7))."""
        there = fcntl.ioctl(self._client.socket(), termios.FIONREAD, bytes(4))  # type: ignore[arg-type]
        return int(struct.unpack("=i", there)[0])

    def _end(self, why: str) -> None:
        self.offence = f"{why}: cut off"
        raise ConnectionAbortedError(self.offence)
