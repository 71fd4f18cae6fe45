"""RTSP messages (RFC 2326 §4, §6, §7; the same on the wire in RFC 7826): made, parsed, bounded. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

MAX_HEAD = 16 * 1024
"""Bytes of start line and headers; cameras send a few hundred."""
MAX_BODY = 64 * 1024
"""Bytes of a body; an SDP has a few thousand."""

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
        return _number(self.headers.get("cseq"), -1)


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
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def encode_response(status: int, reason: str, cseq: str) -> bytes:
    """The answer to a server's request."""
    clean = cseq if cseq.isascii() and cseq.isdigit() else "0"
    return f"RTSP/1.0 {status} {reason}\r\nCSeq: {clean}\r\n\r\n".encode()


def parse_message(data: bytes | bytearray | memoryview) -> tuple[Message | None, int]:
    """The message that `data` begins with, and its length; (None, 0) when more is needed. Raises `ProtocolError`."""
    window = bytes(data[:MAX_HEAD])
    end, gap = _head_end(window)
    if end < 0:
        if len(window) >= MAX_HEAD:
            raise ProtocolError(f"headers of more than {MAX_HEAD} bytes")
        return None, 0
    lines = window[:end].decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    headers = _parse_headers(lines[1:])
    length = _content_length(headers)
    total = end + gap + length
    if len(data) < total:
        return None, 0
    body = bytes(data[end + gap : total])
    return _parse_start(lines[0], headers, body), total


def _head_end(window: bytes) -> tuple[int, int]:
    """Where the headers end and how long the empty line is; cameras with bare line feeds exist."""
    strict = window.find(b"\r\n\r\n")
    bare = window.find(b"\n\n")
    if strict >= 0 and (bare < 0 or strict < bare):
        return strict, 4
    return bare, 2


def _parse_headers(lines: list[str]) -> Headers:
    fields: list[tuple[str, str]] = []
    for line in lines:
        if line[:1] in (" ", "\t") and fields:
            name, value = fields[-1]
            fields[-1] = (name, f"{value} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if colon:
            fields.append((name.strip().lower(), value.strip()))
    return Headers(tuple(fields))


def _content_length(headers: Headers) -> int:
    text = headers.get("content-length")
    if not text:
        return 0
    length = _number(text, -1)
    if not 0 <= length <= MAX_BODY:
        raise ProtocolError(f"Content-Length {text[:20]!r} is not a number up to {MAX_BODY}")
    return length


def _parse_start(line: str, headers: Headers, body: bytes) -> Message:
    if line.startswith("RTSP/"):
        parts = line.split(" ", 2)
        status = _number(parts[1], -1) if len(parts) > 1 else -1
        if not 100 <= status <= 999:
            raise ProtocolError("a status line without a status code")
        return Response(status, parts[2].strip() if len(parts) > 2 else "", headers, body)
    words = line.split(" ")
    if len(words) != 3 or not words[2].startswith("RTSP/"):
        raise ProtocolError("neither a status line nor a request line")
    return Request(words[0], words[1], headers, body)


def _number(text: str, default: int) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else default


def parameters(text: str) -> dict[str, str]:
    """`a;b=1;c="x"` as {"a": "", "b": "1", "c": "x"}: Transport, Session, RTP-Info. Names in lower case."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        if name:
            found.setdefault(name.lower(), value.strip().strip('"'))
    return found
