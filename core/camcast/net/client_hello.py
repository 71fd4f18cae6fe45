"""Which agreements of keys a TLS client offers: the one thing of its first message that a server here reads itself.

Python's `ssl` lets a context have one group or OpenSSL's whole list, of which some cost a server 0.1 s of CPU. So a
server has a context for each group that it takes, and this message says which of them to use (RFC 8446 §4.1.2, §4.2.7).
"""

from __future__ import annotations

from collections.abc import Iterator

X25519, P_256, P_384 = 29, 23, 24
"""As they are numbered (RFC 8446 §4.2.7)."""
_HANDSHAKE, _CLIENT_HELLO, _SUPPORTED_GROUPS = 22, 1, 10
_RECORD = 5
"""Bytes of a record's head: type, version, length."""
_MESSAGE = 4
"""Bytes of a message's head: type, length."""


def offered_groups(data: bytes) -> frozenset[int] | None:
    """Of a connection that begins with `data`; None = more of it is needed.

    Nothing for what is no such message, or is spread over several records, which no client needs to do: OpenSSL then
    says what is wrong with it.
    """
    if data[:1] and data[0] != _HANDSHAKE:
        return frozenset()
    if len(data) < _RECORD or len(data) < _RECORD + int.from_bytes(data[3:_RECORD]):
        return None
    message = data[_RECORD : _RECORD + int.from_bytes(data[3:_RECORD])]
    if message[:1] != bytes((_CLIENT_HELLO,)):
        return frozenset()
    return frozenset(_groups(message[_MESSAGE:]))


def _groups(hello: bytes) -> Iterator[int]:
    """What is cut off has none: a slice beyond the end is empty, and an empty one is a length of 0."""
    at = 2 + 32
    for width in (1, 2, 1):  # session, ciphers, compressions
        at += width + int.from_bytes(hello[at : at + width])
    at += 2
    while len(hello) >= at + 4:
        kind, size = int.from_bytes(hello[at : at + 2]), int.from_bytes(hello[at + 2 : at + 4])
        if kind == _SUPPORTED_GROUPS:
            listed = hello[at + 6 : at + 4 + size]
            yield from (int.from_bytes(listed[one : one + 2]) for one in range(0, len(listed) - 1, 2))
        at += 4 + size
