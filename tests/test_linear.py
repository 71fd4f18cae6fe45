"""Whatever reads a peer's words or data passes over them once, in the core and in every plugin.

`tests.linear` says how that is judged; those of RTSP cameras are in `tests/plugins/test_rtsp_linear.py`.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import AnyStr

import pytest

from camcast.bitstream import nal, sei
from camcast.bitstream.parser import NalParser
from camcast.config.json_text import parse_json
from camcast.config.read import decode
from camcast.config.read import parse as parse_config
from camcast.errors import CamcastError, MediaError
from camcast.flv import amf0
from camcast.flv.metadata import read_metadata
from camcast.flv.tag import FlvReader
from camcast.flv.unpack import Unpacker
from camcast.host import PluginHost
from camcast.kinds import CodecKind
from camcast.media import MediaKind, TagType, Track
from camcast.net.client_hello import offered_groups
from camcast.net.http_message import AnswerReader
from camcast.redaction import redact_text, url_secrets, words
from camcast.target import Target
from camcast_aac import adts
from camcast_kit_rtmp import answers
from camcast_kit_rtmp.state import Refused
from camcast_kit_rtmp.urls import Address
from camcast_kit_rtmp.urls import parse as parse_address
from camcast_legacy.files import parse_old
from camcast_rtmp.auth import Authenticator
from camcast_rtmp.chunk import ChunkReader
from camcast_rtmp.handshake import Handshake
from camcast_rtmp.messages import Message, Type, parse_command
from camcast_rtmp.reconnect import redirected, resolve, to_the_same
from camcast_whip.answer import read_answer
from camcast_whip.links import ice_servers
from camcast_whip.offer import OfferedTrack
from camcast_whip.retry_after import retry_after
from camcast_whip.whep.offer import read_fragment, read_offer
from tests.linear import BYTES, ROOT, SIZE, Use, datas, texts, too_long, took, uses

REFUSALS = (CamcastError, MediaError, ValueError)
SECRETS = ("Zq7-Kx9_Vw3", "aaaaaaaa", "AAAAAAAAAA", "a=a=a=a=")
TARGET = Target(url="rtmp://user:aaaaaa@host/live/Zq7-Kx9_Vw3")
ADDRESS: Address = parse_address(TARGET)
TRACKS = (
    OfferedTrack(kind=MediaKind.VIDEO, mid="0", ssrc=1, repeat_ssrc=2, profiles=("42e01f",)),
    OfferedTrack(kind=MediaKind.AUDIO, mid="1", ssrc=3, repeat_ssrc=4),
)
WATCHED = (Track(kind=MediaKind.VIDEO, codec="h264"), Track(kind=MediaKind.AUDIO, codec="opus"))
SECTION = "m=video 9 UDP/TLS/RTP/SAVPF 96\na=rtcp-mux"


def refusal(text: str) -> None:
    answers.refused(Refused("publish", text, text, {}), TARGET)


def moved(text: str) -> None:
    for url in (text, f"//{text}", f"/{text}", f"rtmp://{text}"):
        resolve(url, ADDRESS)
        to_the_same(url, ADDRESS)
        redirected({"ex": {"redirect": url, "redirect2": url}}, ADDRESS)


def http(text: str) -> None:
    """The answer at once, and in small pieces."""
    data = text.encode("latin-1", "replace")
    for size in (len(data), 100):
        reader = AnswerReader(1 << 20)
        for at in range(0, len(data), size):
            reader.feed(data[at : at + size])


TEXTS: dict[str, Callable[[str], object]] = {
    "RTMP: authentication": lambda text: Authenticator("u", "p", "live").answer(text),
    "RTMP: challenge": lambda text: Authenticator("u", "p", "live").answer(f"authmod=adobe : ?reason=needauth&{text}"),
    "RTMP: redirect": moved,
    "RTMP: refusal": refusal,
    "RTMP: URL": lambda text: parse_address(Target(url=f"rtmp://{text}")),
    "WHIP: answer": lambda text: read_answer(f"v=0\n{text}", TRACKS),
    "WHIP: attributes": lambda text: read_answer(f"v=0\nm=video 9 UDP/TLS/RTP/SAVPF 96\na={text}", TRACKS),
    "WHEP: offer": lambda text: read_offer(f"v=0\n{text}", WATCHED),
    "WHEP: attributes": lambda text: read_offer(f"v=0\n{SECTION}\na={text}", WATCHED),
    "WHEP: forms": lambda text: read_offer(f"v=0\n{SECTION}\na=rtpmap:96 H264/90000\na=fmtp:96 {text}", WATCHED),
    "WHEP: candidates": read_fragment,
    "WHIP: links": lambda text: ice_servers([text, f"<turn:host>{text}", f'<turn:host>; rel="{text}']),
    "WHIP: Retry-After": lambda text: retry_after(text, text),
    "HTTP: anything": http,
    "HTTP: status": lambda text: http(f"HTTP/1.1 200 {text}\r\n\r\n"),
    "HTTP: headers": lambda text: http(f"HTTP/1.1 200 OK\r\n{text}\r\n\r\n"),
    "HTTP: body": lambda text: http(f"HTTP/1.1 200 OK\r\n\r\n{text}"),
    "HTTP: chunks": lambda text: http(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{text}"),
    "secrets: words": lambda text: words(text, SECRETS),
    "secrets: any text": lambda text: redact_text(text[: SIZE // 4], SECRETS),
    "secrets: of a URL": lambda text: url_secrets(f"rtmp://{text}"),
    "configuration: JSON": parse_json,
    "configuration: JSON in an object": lambda text: parse_json('{"a": [' + text),
    "configuration: TOML": lambda text: parse_config(text, "toml"),
    "configuration: TOML value": lambda text: parse_config(f"a = {text}", "toml"),
    "configuration: legacy": lambda text: parse_old(text.encode()),
}


def chunks(data: bytes) -> None:
    for size in (len(data), 1000):
        reader = ChunkReader()
        for at in range(0, len(data), size):
            reader.feed(data[at : at + size])


def handshake(data: bytes) -> None:
    hands = Handshake()
    hands.feed(b"\3" + data)


def unpacked(data: bytes) -> None:
    unpacker = Unpacker(_codecs())
    for kind in (TagType.AUDIO, TagType.VIDEO, TagType.SCRIPT):
        unpacker.unpack(kind, data)


def flv(data: bytes) -> None:
    for size in (len(data), 1000):
        reader = FlvReader()
        for at in range(0, len(data), size):
            reader.feed(data[at : at + size])


def hello(data: bytes) -> None:
    """As large as a record may say it is."""
    message = b"\1\0\0\0" + data[: 0xFFFF - 4]
    assert offered_groups(b"\x16\3\1" + len(message).to_bytes(2) + message) is not None


DATA: dict[str, Callable[[bytes], object]] = {
    "AMF0": amf0.decode,
    "AMF0 as far as it goes": amf0.decode_some,
    "AMF0 in an object": lambda data: amf0.decode_some(b"\3\0\1a" + data),
    "RTMP: chunks": chunks,
    "RTMP: handshake": handshake,
    "RTMP: command": lambda data: parse_command(Message(Type.COMMAND, 0, 0, data)),
    "FLV: file": flv,
    "FLV: file with its header": lambda data: flv(b"FLV\1\5\0\0\0\x09\0\0\0\0" + data),
    "FLV: tags": unpacked,
    "FLV: metadata": read_metadata,
    "NAL: start codes": nal.split_annexb,
    "NAL: lengths": nal.split_prefixed,
    "NAL: SEI": lambda data: list(sei.messages(b"\6" + data, 1)),
    "AAC: ADTS": adts.split,
    "TLS: a client's first message": lambda data: hello(data),
    "configuration: bytes": lambda data: parse_config(decode(data)),
}


@cache
def _codecs() -> tuple[CodecKind, ...]:
    return tuple(PluginHost().codecs.values())


def parsed(kind: CodecKind) -> Callable[[bytes], object]:
    """As a record, as the first block and as a later one."""

    def parse(data: bytes) -> None:
        for config in (b"", data):
            try:
                parser = kind.parser(config)
                parser.parse(data, 0, 0)
                parser.parse(data, 1, 1)
            except MediaError:
                continue

    return parse


def slow(parse: Callable[[AnyStr], object], shapes: Iterable[AnyStr]) -> list[str]:
    return [wrong for shape in shapes if (wrong := too_long(parse, shape, REFUSALS))]


@pytest.mark.parametrize("name", TEXTS)
def test_no_text_takes_long(name: str) -> None:
    assert not slow(TEXTS[name], texts())


@pytest.mark.parametrize("name", DATA)
def test_no_data_takes_long(name: str) -> None:
    assert not slow(DATA[name], datas())


LARGEST = 1 << 20
"""Bytes. A publisher's messages, and pictures, may have eight times that, and are looked at in one turn of the loop."""
TURN, TRACED = 0.08, 3
"""CPU seconds: a pass over it by C takes 0.002, and by Python, with a few lines for each small thing, 0.1 and more
[measured]. Where each line is watched, three times that."""


SHORT = 4


def sent(kind: TagType, before: bytes) -> Callable[[bytes], object]:
    return lambda data: Unpacker(_codecs()).unpack(kind, before + data)


def behind(kind: CodecKind, before: bytes) -> Callable[[bytes], object]:
    """Parsed as a later picture of a stream in each framing."""

    def parse(data: bytes) -> None:
        for first in ((len(before).to_bytes(4, "big") + before) if before else b"", b"\0\0\0\1" + before):
            parser = kind.parser(b"")
            for number in range(2):
                with contextlib.suppress(MediaError):
                    parser.parse(first + data, number, number)

    return parse


MESSAGES: dict[str, Callable[[bytes], object]] = {
    "FLV: pictures of many tracks": sent(TagType.VIDEO, b"\x96\x11hvc1"),
    "FLV: pictures of many codecs": sent(TagType.VIDEO, b"\x96\x21"),
    "FLV: sound of many tracks": sent(TagType.AUDIO, b"\x95\x11Opus"),
    "FLV: more before the picture": sent(TagType.VIDEO, b"\x97"),
    "FLV: legacy": sent(TagType.VIDEO, b"\x17\1\0\0\0"),
    "AMF0: what a publisher says": lambda data: amf0.decode_some(data, 200),
    "AMF0: within an object": lambda data: amf0.decode_some(b"\3\0\1a" + data, 200),
    "AMF0: all of it": amf0.decode,
    "SEI": lambda data: list(sei.messages(b"\6" + data, 1)),
    "NAL units by sizes, of a stream that has them": lambda data: _with_sizes(data),
}


def _with_sizes(data: bytes) -> None:
    for kind in _codecs():
        parser = kind.parser(b"")
        if isinstance(parser, NalParser):
            parser._framing = 4
            with contextlib.suppress(MediaError):
                parser.parse(data, 0, 0)


def heavy(parse: Callable[[bytes], object]) -> list[str]:
    """Which shapes take more than a turn, in messages of the largest size."""
    found = []
    turn = TURN if sys.gettrace() is None else TURN * TRACED
    # What costs is many small things, so the short shapes do.
    for data in (data for shape, data in zip(BYTES, datas(LARGEST), strict=True) if len(shape) <= SHORT):
        least = took(parse, data, REFUSALS)
        for _ in range(3):
            if least > turn:
                least = min(least, took(parse, data, REFUSALS))
        if least > turn:
            found.append(f"{data[:12]!r}…: {least:.2f} s of CPU")
    return found


@pytest.mark.parametrize("name", MESSAGES)
def test_no_message_takes_more_than_a_turn(name: str) -> None:
    assert not heavy(MESSAGES[name])


@pytest.mark.parametrize("kind", _codecs(), ids=lambda kind: kind.name)
def test_no_picture_takes_more_than_a_turn(kind: CodecKind) -> None:
    for before in (b"", b"\x67", b"\x06"):
        assert not heavy(behind(kind, before)), before


@pytest.mark.parametrize("kind", _codecs(), ids=lambda kind: kind.name)
def test_no_media_takes_long(kind: CodecKind) -> None:
    assert not slow(parsed(kind), datas())


BOUNDED = ("camcast.config.quantities.",)
"""Whoever uses these looks at the length first: 32 characters."""
FOLDERS = [ROOT / "core" / "camcast", *sorted(ROOT.glob("plugins/*/camcast_*"))]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_regular_expression_takes_long(folder: Path) -> None:
    for use in uses(folder, folder.name):
        if not use.place.startswith(BOUNDED):
            assert not [wrong for text in texts(SIZE // 4) if (wrong := use.too_long(text))], use.place


def test_regular_expressions_are_found_by_how_they_are_used() -> None:
    (package,) = (folder for folder in FOLDERS if folder.name == "camcast_rtmp")
    found = {use.place: use for use in uses(package, package.name)}
    assert found["camcast_rtmp.auth._FIELD.findall"].method == "findall"
    assert found["camcast_rtmp.reconnect._ABSOLUTE.match"].method == "match"
    (inline,) = (use for place, use in found.items() if place.startswith("camcast_rtmp.reconnect:"))
    assert (inline.method, inline.pattern.pattern) == ("search", r"\s")


@pytest.mark.parametrize("method", ["search", "findall", "sub"])
def test_a_quadratic_one_is_told(method: str) -> None:
    shape = "a" * (SIZE // 8)
    assert "s of CPU for" in Use("here", re.compile(r"(\w+)="), method).too_long(shape)
    assert not Use("here", re.compile(r"(\w+)="), "match").too_long(shape)
    assert not Use("here", re.compile(r"(?<!\w)(\w++)="), method).too_long(shape)
