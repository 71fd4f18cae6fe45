"""Answers of HTTP/1.1 in any pieces: three ways to end, and everything that is too much or none."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.net.http_message import MAX_HEAD, Answer, AnswerReader, HttpError, request

BODY = b"v=0\r\n\r\nmore"
WAYS = {
    "length": b"HTTP/1.1 201 Created\r\nContent-Length: 11\r\nLOCATION:\t/x \r\n\r\n" + BODY,
    "chunks": b"HTTP/1.1 201 Created\r\nTransfer-Encoding: Chunked\r\nLocation: /x\r\n\r\n"
    b"4;a=b\r\nv=0\r\r\n7\r\n\n\r\nmore\r\n0\r\nTrailer: x\r\n\r\n",
    "after interim answers": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103\r\nLink: <x>\r\n\r\n"
    b"HTTP/1.0 201 \r\ncontent-length: 11\r\nlocation: /x\r\n\r\n" + BODY,
}


def read(data: bytes, piece: int, max_body: int = 1000) -> Answer | None:
    reader = AnswerReader(max_body)
    found = None
    for at in range(0, len(data), piece):
        found = reader.feed(data[at : at + piece])
        if found is not None:
            break
    return found


@pytest.mark.parametrize("piece", [1, 2, 7, 1000])
@pytest.mark.parametrize("data", WAYS.values(), ids=list(WAYS))
def test_an_answer_in_any_pieces(data: bytes, piece: int) -> None:
    answer = read(data, piece)
    assert answer is not None
    assert (answer.status, answer.body, answer.get("location")) == (201, BODY, "/x")


@pytest.mark.parametrize("piece", [1, 1000])
def test_an_answer_that_ends_with_the_connection(piece: int) -> None:
    reader = AnswerReader(1000)
    data = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=x\r\n\r\n" + BODY
    for at in range(0, len(data), piece):
        assert reader.feed(data[at : at + piece]) is None
    answer = reader.end()
    assert (answer.body, answer.kind) == (BODY, "text/plain")


def test_answers_without_a_body() -> None:
    for status in (204, 304):
        answer = read(f"HTTP/1.1 {status} x\r\nContent-Length: 5\r\n\r\n".encode(), 1)
        assert answer is not None
        assert answer.body == b""
    empty = read(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLink: <a>\r\nLink: <b>\r\n\r\n", 1)
    assert empty is not None
    assert empty.all("link") == ["<a>", "<b>"]
    assert empty.get("nothing") == ""


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"SSH-2.0", "no HTTP server: it begins with 53 53 48"),
        (b"HTTP/2 200 OK\r\n\r\n", "first line is not HTTP's"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "first line is not HTTP's"),
        (b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", "a header that is none"),
        (b"HTTP/1.1 200 OK\r\n a: b\r\n\r\n", "a header that is none"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 101 + b"\r\n", "more than 100 headers"),
        (b"HTTP/1.1 200 OK\r\na: " + b"b" * MAX_HEAD, "head is longer than"),
        (b"HTTP/1.1 200 OK\r\na: " + b"b" * MAX_HEAD + b"\r\n\r\n", "head is longer than"),
        (b"HTTP/1.1 100 x\r\n\r\n" * 6, "an answer 100 that was not asked for"),
        (b"HTTP/1.1 101 x\r\n\r\n", "an answer 101 that was not asked for"),
        (b"HTTP/1.1 200 x\r\nContent-Length: 1001\r\n\r\n", "longer than 1000 bytes"),
        (b"HTTP/1.1 200 x\r\nContent-Length: -1\r\n\r\n", "length is none"),
        (b"HTTP/1.1 200 x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "length is none"),
        (b"HTTP/1.1 200 x\r\n\r\n" + bytes(1001), "longer than 1000 bytes"),
        (b"HTTP/1.1 200 x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "only chunked is"),
        (b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "chunks are not HTTP's"),
        (b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", "longer than 1000 bytes"),
        (b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"a" * 20_000, "line between chunks is too long"),
        (b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1001, "longer than|too many"),
    ],
)
def test_what_is_none_or_too_much(data: bytes, text: str) -> None:
    with pytest.raises(HttpError, match=text):
        read(data, 4096)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_an_end_that_comes_too_early(data: bytes) -> None:
    reader = AnswerReader(1000)
    assert reader.feed(data) is None
    with pytest.raises(HttpError, match="without an answer" if not data else "before the answer did"):
        reader.end()


def test_a_request() -> None:
    assert request("POST", "/a?b=c", "h:80", {"Accept": "x"}, b"body") == (
        b"POST /a?b=c HTTP/1.1\r\nHost: h:80\r\nAccept: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody"
    )
    assert b"Content-Length: 0\r\n" in request("POST", "/", "h", {})
    assert b"Content-Length" not in request("GET", "/", "h", {})


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/a b", {}),
        ("/a\r\nX: y", {}),
        ("/ä", {}),
        ("/", {"A": "b\r\nC: d"}),
        ("/", {"A\r\nB": "c"}),
        ("/", {"A": "\x00"}),
    ],
)
def test_nothing_breaks_out_of_a_line(path: str, headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is not valid"):
        request("GET", path, "h", headers)


@given(st.binary(max_size=400), st.integers(1, 50), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, piece: int, begun: bool) -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" * begun + data
    with contextlib.suppress(HttpError):
        read(data, piece)


@pytest.mark.parametrize("shape", [b"\r\n", b"a:b\r\n", b"1\r\nx\r\n", b"0", b" ", b"\r\n\r"])
@pytest.mark.parametrize(
    "begin", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1 "]
)
def test_64_kilobytes_of_a_shape_take_no_time(begin: bytes, shape: bytes) -> None:
    data = begin + shape * (65536 // len(shape))
    began = time.thread_time()
    with contextlib.suppress(HttpError):
        read(data, 4096, 65536)
    with contextlib.suppress(HttpError):
        read(data[:8192], 1, 65536)
    assert time.thread_time() - began < 0.5


@pytest.mark.parametrize("realm", ["Überwachung".encode(), b"caf\xe9", b"plain"])
def test_a_challenge_goes_back_byte_by_byte(realm: bytes) -> None:
    answer = AnswerReader(10).feed(
        b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="' + realm + b'"\r\nContent-Length: 0\r\n\r\n'
    )
    assert answer is not None
    (challenge,) = answer.challenges()
    assert b'realm="' + realm + b'"' in request("POST", "/", "h", {"Authorization": challenge})
