"""Whatever parses a camera's words passes over them once: 64 KB of repetitive shapes, and twice as much of each.

`tests.linear` says how that is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.linear import SIZE, too_long, took, uses
from tests.plugins.rtsp_kit import find_codec, nobody

import camcast_rtsp
from camcast.errors import MediaError, SourceError
from camcast_kit_digest.auth import parse_challenges
from camcast_rtsp import formats, rtcp, sdp, setup
from camcast_rtsp.depacketise import aac, av1, h264, h265, jpeg, latm, pictures, vp9
from camcast_rtsp.depacketise.common import divided
from camcast_rtsp.dialogue import Dialogue, content_base
from camcast_rtsp.interleave import BUFFER_SIZE, Deinterleaver
from camcast_rtsp.messages import Headers, ProtocolError, Response, parameters, parse_message
from camcast_rtsp.numbers import whole
from camcast_rtsp.url import parse_url

REFUSALS = (SourceError, MediaError, ProtocolError)
SHAPES = (
    "a", "a.", "a ", " ", "\t", ",", ", ", ";", "; ", "=", "a=", "a=,", "a=;", '"', '\\"', 'a="', 'a="",', "\\", ":",
    "a:", "\n", "\r\n", " \n", "a\n", "a:b\n", "$", "0", "9", "-", "/", "//", "://", "rtsp://", "http://", "@", "%",
    "%25", "[", "Digest ", "Basic ", "Digest a=", "url=", "url=;", "RTSP/", "OPTIONS ", "a=rtpmap:96 H264/90000\n",
    "m=video 0 RTP/AVP 96\n", "a=fmtp:96 a=b;", "a=rtcp-fb:* nack pli\n", "AAAA,", "Z0IACvg=,", "\x1f", "\0", "\xff",
    "\u00b2", "\u00fc",
)  # fmt: skip


def shapes() -> Iterator[str]:
    for shape in SHAPES:
        text = shape * (SIZE // len(shape.encode()))
        yield text
        # The same behind a beginning that makes it matter.
        yield 'Digest realm="' + text
        yield "a=fmtp:96 " + text


def ask_again(text: str) -> None:
    talk = Dialogue(parse_url("rtsp://u:secret@cam/key"), "u", "secret", "t", nobody())
    talk.again("DESCRIBE", Response(401, text, Headers((("www-authenticate", text),))))


def refused(text: str) -> None:
    talk = Dialogue(parse_url("rtsp://u:secret@cam/key"), "u", "secret", "t", nobody())
    talk.check("PLAY", Response(500, text, Headers((("session", text),))))


def described(text: str) -> None:
    for media in sdp.parse_sdp(b"m=video 0 RTP/AVP 96\n" + text.encode("utf-8", "replace")).media:
        formats.choose(media, find_codec)


def fmtp(text: str) -> None:
    data = f"m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 sprop-parameter-sets={text}\n"
    described(data)


def interleaved(text: str) -> None:
    incoming = Deinterleaver(lambda message: None)
    data = text.encode("latin-1", "replace")
    for at in range(0, len(data), BUFFER_SIZE // 2):
        piece = data[at : at + BUFFER_SIZE // 2]
        incoming.room()[: len(piece)] = piece
        incoming.filled(len(piece), 1)


TEXT_PARSERS: dict[str, Callable[[str], object]] = {
    "challenges": lambda text: parse_challenges([text]),
    "a 401": ask_again,
    "a refusal": refused,
    "message": lambda text: parse_message(text.encode("latin-1", "replace")),
    "message with this status": lambda text: parse_message(f"RTSP/1.0 500 {text}\r\n\r\n".encode()),
    "message with these headers": lambda text: parse_message(f"RTSP/1.0 200 OK\r\n{text}\r\n\r\n".encode()),
    "parameters": parameters,
    "number": whole,
    "url": parse_url,
    "pair": lambda text: setup.pair_of(text, 255),
    "content base": lambda text: content_base(
        Response(200, "", Headers((("content-base", "rtsp://" + text),))), "rtsp://cam/", nobody()
    ),
    "description": described,
    "parameter sets": fmtp,
    "interleaved": interleaved,
}


class Nowhere:
    def unit(self, data: bytes, timestamp: int) -> None: ...

    def missing(self, reason: str) -> None: ...

    def odd(self, text: str) -> None: ...

    def runs_at(self, rate: int) -> None: ...


def fed(make: Callable[[Nowhere], object]) -> Callable[[bytes], object]:
    """A depacketiser that is fed the data at once, and in small packets."""

    def feed(data: bytes) -> None:
        whole_one, pieces = make(Nowhere()), make(Nowhere())
        whole_one.feed(memoryview(data[:65_000]), 1, True)  # type: ignore[attr-defined]
        for at in range(0, len(data), 1000):
            pieces.feed(memoryview(data[at : at + 1000]), 1, False)  # type: ignore[attr-defined]
        pieces.feed(b"\0\0\0\0", 2, True)  # type: ignore[attr-defined]

    return feed


HBR = {"sizelength": "13", "indexlength": "3", "indexdeltalength": "3"}
BYTE_PARSERS: dict[str, Callable[[bytes], object]] = {
    "h264": fed(h264.H264Depacketiser),
    "h265": fed(h265.H265Depacketiser),
    "av1": fed(av1.Av1Depacketiser),
    "aac": fed(lambda sink: aac.AacDepacketiser(sink, HBR, 1024)),
    "latm": fed(lambda sink: latm.LatmDepacketiser(sink, 1, 1024)),
    "jpeg": fed(jpeg.JpegDepacketiser),
    "mpeg4": fed(pictures.Mpeg4Depacketiser),
    "h263": fed(pictures.H263Depacketiser),
    "vp8": fed(pictures.Vp8Depacketiser),
    "vp9": fed(vp9.Vp9Depacketiser),
    "mpeg audio": fed(pictures.MpegAudioDepacketiser),
    "rtcp": lambda data: list(rtcp.parse(data)),
    "units with start codes": lambda data: divided(len(data).to_bytes(4, "big") + data, 1),
}
BYTES = (
    b"\0", b"\xff", b"\0\0\1", b"\0\0\0\1", b"\x78\0\0", b"\x78\0\1\x41", b"\x7c\x85", b"\x7c\x01",
    b"\x62\x01\x81", b"\x60\x01\0\1", b"\x80\xc8\0\0", b"\x81\xcb\0\1", b"\x10\1", b"\x90\1\1",
    b"\xff\xf1\x4c\x80\1\x1f\xfc", b"\0\x10\0\x08", b"\0\0\0\0\1\xff\x10\x10", b"\x41\x9a\0", b"\x65\x88",
    b"\x40\1\x0c", b"\x08\1", b"\x0a\x08\xff\x0c",
)  # fmt: skip


@pytest.mark.parametrize("name", TEXT_PARSERS)
def test_no_text_takes_long(name: str) -> None:
    parse = TEXT_PARSERS[name]
    assert not [wrong for text in shapes() if (wrong := too_long(parse, text, REFUSALS))]


@pytest.mark.parametrize("name", BYTE_PARSERS)
def test_no_data_takes_long(name: str) -> None:
    parse = BYTE_PARSERS[name]
    wholes = [data * (SIZE // len(data)) for data in BYTES]
    assert not [wrong for data in wholes if (wrong := too_long(parse, data, REFUSALS))]


def test_no_regular_expression_takes_long() -> None:
    found = {use.place: use for use in uses(Path(camcast_rtsp.__file__).parent, "camcast_rtsp")}
    assert "camcast_rtsp.interleave._find_mark" in found
    for use in found.values():
        assert not [wrong for text in shapes() if (wrong := use.too_long(text))], use.place


def test_a_body_byte_by_byte_is_looked_at_once() -> None:
    """Each byte costs what a byte costs, not what the message does, which would be minutes."""
    head = b"OPTIONS * RTSP/1.0\r\n" + b"X: y\r\n" * 2500 + b"Content-Length: 20000\r\n\r\n"
    got: list[object] = []
    incoming = Deinterleaver(got.append)

    def fill(data: bytes) -> None:
        for piece in (head, *(data[at : at + 1] for at in range(len(data)))):
            incoming.room()[: len(piece)] = piece
            incoming.filled(len(piece), 1)

    assert took(fill, b"z" * 20_000) < 3.0
    assert len(got) == 1
