"""The plain RTMP handshake, both ends (RTMP 1.0 §5.2).

Rules: C0 C1 go out at once; C2 echoes S1; nothing else is sent before all of S2 has come. Bytes 4 to 7 of C1
stay zero, which asks for the plain form that every server knows. A wrong echo in S2 is forgiven: servers get
it wrong. The version is 3; of a server others are taken too, as librtmp does, since 0 to 31 are kept for RTMP. Any
other first byte is not RTMP, and neither are 6 (RTMPE) and TLS's: the error says what it looks like instead.
"""

from __future__ import annotations

import os
import struct

from camcast_rtmp.messages import ProtocolError

VERSION = 3
_OTHERS = frozenset(range(32)) - {6, 0x15, 0x16}
"""Versions that a server may say and mean plain RTMP by (§5.2.2)."""
SIZE = 1536
_RANDOM = SIZE - 8


class Handshake:
    """One end of a handshake: feed it what arrives until `done`; `rest` then holds what came after it."""

    def __init__(self, *, server: bool = False, time: int = 0, random: bytes | None = None) -> None:
        self._server = server
        self._hello = struct.pack(">II", time & 0xFFFFFFFF, 0) + (os.urandom(_RANDOM) if random is None else random)
        self._buffer = bytearray()
        self._greeted = False
        self.done = False
        self.echoes = False
        """Whether their hello was nothing but ours: some servers have none of their own in the plain form."""
        self.rest = b""

    def start(self) -> bytes:
        """What to send first: the client speaks, the server listens."""
        return b"" if self._server else bytes((VERSION,)) + self._hello

    def feed(self, data: bytes) -> bytes:
        """Take what arrived, return what to send. Raises `ProtocolError`."""
        self._buffer += data
        answer = b""
        if self._buffer and self._buffer[0] != VERSION and (self._server or self._buffer[0] not in _OTHERS):
            raise ProtocolError(_not_rtmp(bytes(self._buffer[:16])), stage="handshake")
        if not self._greeted and len(self._buffer) > SIZE:
            self._greeted = True
            theirs = bytes(self._buffer[1 : 1 + SIZE])
            self.echoes = theirs == self._hello
            answer = (bytes((VERSION,)) + self._hello if self._server else b"") + theirs
        if self._greeted and len(self._buffer) >= 1 + 2 * SIZE:
            self.done = True
            self.rest = bytes(self._buffer[1 + 2 * SIZE :])
            self._buffer.clear()
        return answer


def _not_rtmp(start: bytes) -> str:
    if start.startswith(b"HTTP/"):
        what = "an HTTP server answered"
    elif start[0] in (0x15, 0x16):
        what = "a TLS server answered; rtmps:// may be what is meant"
    elif start[0] == 6:
        what = "the server wants encrypted RTMP (RTMPE), which is not supported"
    else:
        # No more: what stands there may be our own key, of an earlier attempt.
        what = f"the first bytes are {start[:3].hex(' ')}"
    return f"the peer does not speak RTMP (expected a 3 first): {what}. Check host, port and scheme"
