"""HTTP/1.1 for a client that asks now and then: a request's bytes, and an answer read within bounds. Pure.

Rules (RFC 9112): heads and bodies are bounded; interim answers (1xx) are passed over, a few of them; a body ends by
its length, by chunks, or with the connection. Nothing is decompressed, so a small answer stays one. What is not HTTP
says what it looks like.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import attrs

from camcast.errors import NetworkError

MAX_HEAD = 16 * 1024
MAX_HEADERS = 100
MAX_INTERIM = 5
MAX_CHUNKS = 1000
SHOWN = 3
"""Bytes of what is no HTTP, enough to know SSH or TLS by: more of them may be a part of our own token."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_STATUS = re.compile(r"HTTP/1\.[01] ([1-9][0-9]{2})(?: (.*))?", re.DOTALL)
_NO_BODY = frozenset({204, 304})


class HttpError(NetworkError):
    """The answer is no HTTP, or more than is taken."""


@attrs.frozen
class Answer:
    """A whole answer. Names of headers are in lower case."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes = attrs.field(repr=False)
    certificate_expires: float | None = None
    """`time.time()` at which the server's certificate expires, where it was verified."""
    tls: str = ""
    """The connection's version of TLS and certificate, for people; "" = it was not encrypted."""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str:
        """The first value; "" = there is none."""
        return next(iter(self.all(name)), "")

    def challenges(self) -> list[str]:
        """What it says of logging in, as UTF-8 (RFC 7616 §3.3); other bytes are surrogates, as `request` takes them."""
        return [one.encode("latin-1").decode("utf-8", "surrogateescape") for one in self.all("www-authenticate")]

    @property
    def kind(self) -> str:
        """The content type without its parameters."""
        return self.get("content-type").partition(";")[0].strip().lower()


def request(method: str, path: str, host: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """The bytes of one request on a connection of its own. Raises `ValueError` for what would break out of a line."""
    lines = {"Host": host, **headers, "Connection": "close"}
    if body or method in ("POST", "PUT", "PATCH"):
        lines["Content-Length"] = str(len(body))
    if not _TOKEN.fullmatch(method) or not path.isascii() or re.search(r"[\x00-\x20\x7f]", path):
        raise ValueError("the path of the URL is not valid")
    for name, value in lines.items():
        if not _TOKEN.fullmatch(name) or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
            raise ValueError(f"the header {name} is not valid")
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    # What a server said in another coding than UTF-8 goes back to it byte by byte.
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("utf-8", "surrogateescape") + body


class AnswerReader:
    """Turns what arrives into one answer. `feed` until it returns one, `end` when the connection closes."""

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._buffer = bytearray()
        self._searched = 0
        self._interim = 0
        self._status: int | None = None
        self._headers: list[tuple[str, str]] = []
        self._body = bytearray()
        self._left: int | None = None
        """Bytes of the body to come, or of the present chunk; None = until the connection ends."""
        self._chunked = False
        self._chunks = 0
        self._in_trailer = False

    def feed(self, data: bytes) -> Answer | None:
        """Raises `HttpError`."""
        self._buffer += data
        while self._status is None:
            head = self._head()
            if head is None:
                return None
            self._begin(head)
        return self._chunk() if self._chunked else self._plain()

    def end(self) -> Answer:
        """The connection has ended. Raises `HttpError` when that is too early."""
        if self._status is not None and self._left is None and not self._chunked:
            return self._whole()
        raise HttpError("the connection ended before the answer did" if self._buffer or self._status else NO_ANSWER)

    # --- inside -------------------------------------------------------------------------------------------

    def _head(self) -> list[str] | None:
        """The lines up to the empty one, without it."""
        if self._buffer[:5] != b"HTTP/"[: len(self._buffer)]:
            raise HttpError(f"what answered is no HTTP server: it begins with {bytes(self._buffer[:SHOWN]).hex(' ')}")
        end = self._buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
        self._searched = len(self._buffer)
        if (self._searched if end < 0 else end) > MAX_HEAD:
            raise HttpError(f"the answer's head is longer than {MAX_HEAD} bytes")
        if end < 0:
            return None
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        self._searched = 0
        return lines

    def _begin(self, lines: list[str]) -> None:
        match = _STATUS.fullmatch(lines[0])
        if match is None:
            raise HttpError("the answer's first line is not HTTP's")
        if len(lines) > MAX_HEADERS:
            raise HttpError(f"the answer has more than {MAX_HEADERS} headers")
        status = int(match[1])
        if status < 200:
            self._interim += 1
            if self._interim > MAX_INTERIM or status == 101:
                raise HttpError(f"an answer {status} that was not asked for")
            return
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not _TOKEN.fullmatch(name):
                raise HttpError("the answer has a header that is none")
            self._headers.append((name.lower(), value.strip(" \t")))
        self._status = status
        self._measure(status)

    def _measure(self, status: int) -> None:
        """How the body ends (RFC 9112 §6.3)."""
        coding = [value.lower() for name, value in self._headers if name == "transfer-encoding"]
        lengths = {value for name, value in self._headers if name == "content-length"}
        if status in _NO_BODY:
            self._left = 0
        elif coding:
            if coding != ["chunked"]:
                raise HttpError("the answer's transfer coding is not known, only chunked is")
            self._chunked, self._left = True, 0
        elif lengths:
            (length, *others) = lengths
            if others or not (length.isascii() and length.isdigit() and len(length) <= 15):
                raise HttpError("the answer's length is none")
            self._left = int(length)
            self._bound(self._left)

    def _bound(self, size: int) -> None:
        if size > self._max_body:
            raise HttpError(f"the answer is longer than {self._max_body} bytes")

    def _plain(self) -> Answer | None:
        take = len(self._buffer) if self._left is None else min(self._left, len(self._buffer))
        self._take(take)
        self._bound(len(self._body))
        return self._whole() if self._left == 0 else None

    def _take(self, size: int) -> None:
        self._body += self._buffer[:size]
        del self._buffer[:size]
        if self._left is not None:
            self._left -= size

    def _chunk(self) -> Answer | None:
        while True:
            if self._left:
                self._take(min(self._left, len(self._buffer)))
                if self._left:
                    return None
            end = self._buffer.find(b"\r\n")
            if end < 0 or end > MAX_HEAD:
                if len(self._buffer) > MAX_HEAD:
                    raise HttpError("a line between chunks is too long")
                return None
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 2]
            if self._in_trailer:
                if not line:
                    return self._whole()
                continue
            if not line and self._chunks:
                continue  # the end of a chunk's line
            self._chunks += 1
            size = line.partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size) or self._chunks > MAX_CHUNKS:
                raise HttpError("the answer's chunks are not HTTP's, or too many")
            self._left = int(size, 16)
            self._bound(len(self._body) + self._left)
            self._in_trailer = not self._left

    def _whole(self) -> Answer:
        assert self._status is not None
        return Answer(self._status, tuple(self._headers), bytes(self._body))


NO_ANSWER = "the connection was closed without an answer"
