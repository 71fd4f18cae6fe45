"""RTSP messages (RFC 2326 §4, §6, §7; the same on the wire in RFC 7826): made, parsed, bounded. No I/O.

Parsing is as lenient as the cameras that are around need, and passes over each byte once: `Head` remembers how much is
still to come, so that a body in pieces is not looked at with each of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from .numbers import whole

MAX_HEAD = 16 * 1024
"""Bytes of start line and headers; cameras send a few hundred."""
MAX_BODY = 64 * 1024
"""Bytes of a body; an SDP has a few thousand."""

_empty_line = re.compile(rb"\r?\n\r?\n").search

METHODS = (b"OPTIONS", b"ANNOUNCE", b"REDIRECT", b"GET_PARAMETER", b"SET_PARAMETER", b"TEARDOWN", b"PLAY_NOTIFY")
"""What a server may send of its own accord."""


class ProtocolError(Exception):
    """The peer does not speak RTSP as it should."""


@attrs.frozen
class Headers:
    """Header fields; names without regard to case, repeated ones kept in order."""

    fields: tuple[tuple[str, str], ...] = ()

    def get(self, name: str, default: str = "") -> str:
        wanted = name.lower()
        return next((value for key, value in self.fields if key == wanted), default)

    def all(self, name: str) -> list[str]:
        wanted = name.lower()
        return [value for key, value in self.fields if key == wanted]


@attrs.frozen
class Response:
    status: int
    reason: str
    headers: Headers
    body: bytes = attrs.field(default=b"", repr=False)

    @property
    def cseq(self) -> int:
        """-1 when missing or not a number."""
        number = whole(self.headers.get("cseq"), 18)
        return -1 if number is None else number


@attrs.frozen
class Request:
    """A request from the server."""

    method: str
    url: str
    headers: Headers
    body: bytes = attrs.field(default=b"", repr=False)


Message = Response | Request


def encode_request(method: str, url: str, headers: Mapping[str, str]) -> bytes:
    """A request's bytes. Raises `ValueError` when a value would break out of its line."""
    lines = [f"{method} {url} RTSP/1.0", *(f"{name}: {value}" for name, value in headers.items() if value)]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break in an RTSP header")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def encode_response(status: int, reason: str, cseq: str) -> bytes:
    """The answer to a server's request."""
    clean = cseq if cseq.isascii() and cseq.isdigit() else "0"
    return f"RTSP/1.0 {status} {reason}\r\nCSeq: {clean}\r\n\r\n".encode()


@attrs.frozen
class Head:
    """Start line and headers of a message whose body may still be on its way."""

    start: str
    headers: Headers
    size: int
    """Bytes up to the body."""
    body: int

    @property
    def total(self) -> int:
        return self.size + self.body


def parse_head(data: bytes | bytearray | memoryview) -> Head | None:
    """The head of the message that `data` begins with; None when more is needed. Raises `ProtocolError`."""
    window = bytes(data[:MAX_HEAD])
    end, gap = _head_end(window)
    if end < 0:
        if len(window) >= MAX_HEAD:
            raise ProtocolError(f"headers of more than {MAX_HEAD} bytes")
        return None
    # What is no text in it comes back as it was: a realm, a nonce and a URL are sent.
    lines = window[:end].decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n")
    headers = _parse_headers(lines[1:])
    return Head(lines[0], headers, end + gap, _content_length(headers))


def parse_message(data: bytes | bytearray | memoryview, head: Head | None = None) -> tuple[Message | None, int]:
    """The message that `data` begins with, and its length; (None, 0) when more is needed. Raises `ProtocolError`.

    `head`: what `parse_head` made of it before.
    """
    head = head or parse_head(data)
    if head is None or len(data) < head.total:
        return None, 0
    body = bytes(data[head.size : head.total])
    return _parse_start(head.start, head.headers, body), head.total


def head_end(data: bytes) -> int:
    """Where the headers end; -1 = not here."""
    return _head_end(data)[0]


def _head_end(window: bytes) -> tuple[int, int]:
    """Where the headers end and how long the empty line is; cameras with bare line feeds, here and there, exist."""
    found = _empty_line(window)
    return (found.start(), found.end() - found.start()) if found else (-1, 0)


def _parse_headers(lines: list[str]) -> Headers:
    fields: list[tuple[str, list[str]]] = []
    for line in lines:
        if line[:1] in (" ", "\t") and fields:
            fields[-1][1].append(line.strip())
            continue
        name, colon, value = line.partition(":")
        if colon:
            fields.append((name.strip().lower(), [value.strip()]))
    return Headers(tuple((name, " ".join(values)) for name, values in fields))


def _content_length(headers: Headers) -> int:
    text = headers.get("content-length")
    # As C's strtol reads it, which is what cameras are tried with.
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    if len(digits) > 9 or (length := whole(digits) or 0) > MAX_BODY:
        raise ProtocolError(f"a Content-Length above {MAX_BODY}")
    return length


def _parse_start(line: str, headers: Headers, body: bytes) -> Message:
    words = line.split(None, 2)
    if line.startswith("RTSP/"):
        text = words[1] if len(words) > 1 else ""
        # Some firmware leaves the space behind the code out.
        status = whole(text[:3])
        if status is None or not 100 <= status <= 999 or text[3:4].isdigit():
            raise ProtocolError("a status line without a status code")
        reason = " ".join(part for part in (text[3:], words[2] if len(words) > 2 else "") if part)
        return Response(status, reason.strip(), headers, body)
    if len(words) != 3 or not words[2].startswith("RTSP/"):
        raise ProtocolError("neither a status line nor a request line")
    return Request(words[0], words[1], headers, body)


def parameters(text: str) -> dict[str, str]:
    """`a;b=1;c="x"` as {"a": "", "b": "1", "c": "x"}: Transport, Session, RTP-Info. Names in lower case."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        if name:
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found
