"""What is fuzzed: by name, a function that takes any bytes. What it may raise says so; all else is a finding.

The first byte often chooses (which depacketiser, which state), so that one corpus reaches all of them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING
from unittest.mock import patch

import attrs

from camcast.bitstream.nal import split_prefixed
from camcast.config.load import loads
from camcast.coordinators import Card, Desired, Holder, Line
from camcast.errors import CamcastError, ConfigError, CoordinatorError, MediaError, SourceError
from camcast.fleet_records import decode, encode
from camcast.flv import amf0
from camcast.flv.metadata import read_metadata
from camcast.flv.tag import FlvReader
from camcast.flv.unpack import Unpacker
from camcast.host import PluginHost
from camcast.kinds import CodecKind
from camcast.media import Frame, MediaKind, Packet, TagType, Track
from camcast.net.certificate import described
from camcast.net.client_hello import offered_groups
from camcast.net.http_message import AnswerReader, HttpError
from camcast.redaction import MAX_WORDS, words
from camcast.target import Target
from camcast_kit_digest.auth import parse_challenges
from camcast_kit_ingest.effort import TooMuch
from camcast_kit_rtmp import answers
from camcast_kit_rtmp.state import Refused, State
from camcast_kit_rtmp.urls import parse as parse_address
from camcast_legacy.convert import OldFiles, convert, is_old
from camcast_legacy.files import parse_old
from camcast_onvif import soap, xml
from camcast_onvif.media import _profile
from camcast_onvif.wsd import matches
from camcast_onvif.xml import BadXml
from camcast_rtmp.auth import Authenticator
from camcast_rtmp.chunk import ChunkReader
from camcast_rtmp.client import Client, ClientSettings
from camcast_rtmp.ingest.media import Intake
from camcast_rtmp.ingest.player import Player
from camcast_rtmp.ingest.player import Refused as RefusedToPlay
from camcast_rtmp.messages import Message
from camcast_rtmp.messages import ProtocolError as RtmpError
from camcast_rtmp.reconnect import redirected, requested
from camcast_rtmp.server import ConnectAsked, PublishAsked, Server
from camcast_rtsp import formats, rtcp, sdp
from camcast_rtsp.depacketise import aac, amr, av1, h264, h265, jpeg, latm, pictures, plain, vp9
from camcast_rtsp.dialogue import Dialogue, Redirected
from camcast_rtsp.interleave import BUFFER_SIZE, Deinterleaver
from camcast_rtsp.memory import Memory
from camcast_rtsp.messages import ProtocolError as RtspError
from camcast_rtsp.messages import Response, parse_message
from camcast_rtsp.oddities import Oddities
from camcast_rtsp.rtp import RtpReceiver
from camcast_rtsp.setup import pair_of
from camcast_rtsp.url import parse_url
from camcast_srt.ingest import demuxer
from camcast_srt.ingest.errors import StreamError
from camcast_srt.ingest.media import TsIntake
from camcast_whip import transport_wide
from camcast_whip.answer import read_answer
from camcast_whip.links import ice_servers
from camcast_whip.offer import Local, OfferedTrack
from camcast_whip.retry_after import retry_after
from camcast_whip.whep.answer import sources, write_answer
from camcast_whip.whep.offer import read_fragment, read_offer
from camcast_youtube.health import read as read_health

if TYPE_CHECKING:
    from camcast_rtsp.depacketise.common import Depacketiser, UnitSink

KEY = "Zq7-Kx9_Vw3"
TARGET = Target(url=f"rtmp://user:word@host/live/{KEY}")


def told(error: Exception) -> None:
    """A refusal has a text, unless that is a device's own, and no key in it."""
    assert str(error) or isinstance(error, soap.Fault)
    assert KEY not in str(error)


@attrs.frozen
class Fuzzed:
    """`feed` may raise `refusals`: the answers to what cannot be taken."""

    feed: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...] = ()

    def __call__(self, data: bytes) -> None:
        try:
            self.feed(data)
        except self.refusals as refusal:
            told(refusal)


def pieces(data: bytes) -> Iterator[bytes]:
    """All but the first byte, in pieces of the size that it says."""
    size = data[0] or len(data) if data else 1
    for at in range(1, len(data), size):
        yield data[at : at + size]


@cache
def host() -> PluginHost:
    return PluginHost()


def find_codec(name: str) -> CodecKind:
    try:
        return host().codec(name)
    except LookupError as error:
        raise MediaError(str(error)) from None


# --- RTMP -------------------------------------------------------------------------------------------------------


def chunks(data: bytes) -> None:
    reader = ChunkReader(max_message=1 << 16)
    for piece in pieces(data):
        for message in reader.feed(piece):
            assert len(message.payload) <= 1 << 16


@cache
def greeting() -> tuple[bytes, ...]:
    """What a server says until a client is in each of three states."""
    client = Client(ClientSettings(connect={"app": "live", "tcUrl": "rtmp://host/live"}, key=KEY))
    server, said = Server(), []
    for state in (State.CONNECTING, State.CONNECTED, State.LIVE):
        heard = b""
        while client.state is not state:
            if client.state is State.CONNECTED:
                client.publish()
            for event in server.feed(b"".join(client.outgoing())):
                if isinstance(event, ConnectAsked):
                    server.accept(event)
                elif isinstance(event, PublishAsked):
                    server.accept_publish(event)
            answer = b"".join(server.outgoing())
            heard += answer
            client.feed(answer)
        said.append(heard)
    return tuple(said)


def rtmp_client(data: bytes) -> None:
    """A server's words in any state; what comes of them goes where the transport takes it."""
    client = Client(ClientSettings(connect={"app": "live", "tcUrl": "rtmp://host/live"}, key=KEY))
    for number, said in enumerate(greeting()[: data[0] % 4 if data else 0]):
        if number == 2:
            client.publish()
        client.feed(said)
    address = parse_address(TARGET)
    for piece in pieces(data[1:]):
        for event in client.feed(piece):
            if isinstance(event, Refused):
                shown = str(answers.refused(event, TARGET))
                assert KEY not in shown
                assert shown.isprintable()
                redirected(event.info, address)
                Authenticator("user", "word", "live").answer(event.description)
            elif hasattr(event, "tc_url"):
                requested(event.tc_url, address)
        client.outgoing()


@cache
def publishing() -> bytes:
    """What a client says up to its publication."""
    client = Client(ClientSettings(connect={"app": "live", "tcUrl": "rtmp://host/live"}, key=KEY))
    server, said = Server(), b""
    while client.state is not State.LIVE:
        if client.state is State.CONNECTED:
            client.publish()
        words = b"".join(client.outgoing())
        said += words
        _answer(server, words)
        client.feed(b"".join(server.outgoing()))
    return said


def _answer(server: Server, data: bytes) -> list[Message]:
    media = []
    for event in server.feed(data):
        if isinstance(event, ConnectAsked):
            server.accept(event)
        elif isinstance(event, PublishAsked):
            server.accept_publish(event)
        elif isinstance(event, Message):
            media.append(event)
    return media


class _Nowhere:
    """A sink that holds sources to their contract."""

    def __init__(self) -> None:
        self.known: set[MediaKind] = set()
        self.last: dict[MediaKind, int] = {}

    def tracks(self, tracks: Sequence[Track]) -> None:
        self.known = {track.kind for track in tracks}
        assert len(self.known) == len(tracks) > 0

    def packet(self, packet: Packet) -> None:
        kind = packet.track.kind
        assert kind in self.known
        assert packet.dts >= self.last.get(kind, packet.dts)
        self.last[kind] = packet.dts

    def frame(self, frame: Frame) -> None:
        raise AssertionError("RTMP brings packets")

    def discontinuity(self) -> None:
        self.last.clear()

    def dropped(self, kind: MediaKind, reason: str, count: int = 1) -> None:
        assert reason


def rtmp_server(data: bytes) -> None:
    """A client's words, before its handshake or while it publishes; its media goes where the source takes it."""
    server = Server(max_message=1 << 16)
    server.reader.allowed = 10_000
    intake = Intake(find_codec, _Nowhere(), lambda code, text: None)
    if data and data[0] & 1:
        _answer(server, publishing())
    for number, piece in enumerate(pieces(data[1:])):
        for message in _answer(server, piece):
            intake.add(message.type, message.time, message.payload, number * 10**8)
        server.outgoing()


def rtmp_media(data: bytes) -> None:
    """Bodies of audio, video and data, each with its time."""
    intake = Intake(find_codec, _Nowhere(), lambda code, text: None)
    for number, body in enumerate(data.split(b"----")):
        kind = (8, 9, 18)[body[0] % 3] if body else 9
        intake.add(kind, int.from_bytes(body[1:5], "big"), body[5:], number * 10**8)
        intake.settle(number * 10**8)


def rtmp_player(data: bytes) -> None:
    """A server's words to one who plays."""
    player = Player({"app": "live", "tcUrl": "rtmp://host/live"}, KEY)
    player.reader.allowed = 10_000
    if data and data[0] & 1:
        player.feed(greeting()[0])
        player.feed(greeting()[1])
    for piece in pieces(data[1:]):
        player.feed(piece)
        player.outgoing()


def script(data: bytes) -> None:
    """Read as far as it goes; what can be read whole is written and read to the same."""
    values, error = amf0.decode_some(data)
    if error is not None:
        told(error)
    read_metadata(data)
    assert repr(amf0.decode(amf0.encode(*amf0.decode(data)))) == repr(values)


def flv(data: bytes) -> None:
    reader, unpacker = FlvReader(), Unpacker(host().codecs.values())
    for piece in pieces(data):
        for tag in reader.feed(piece):
            unpacker.unpack(tag.type, bytes(tag.head) + bytes(tag.body))


def tags(data: bytes) -> None:
    if not data:
        return
    kinds = (TagType.AUDIO, TagType.VIDEO, TagType.SCRIPT)
    unpacker = Unpacker(host().codecs.values())
    for piece in data[1:].split(b"--"):
        unpacker.unpack(kinds[data[0] % 3], piece)


# --- SRT --------------------------------------------------------------------------------------------------------


def _has_the_form(section: bytes) -> bool:
    return bool(section[1] & 0x80 and section[5] & 1)


@patch.object(demuxer, "is_sound", _has_the_form)  # nobody guesses a checksum
def transport_stream(data: bytes) -> None:
    """A sender's bytes; its media goes where the source takes it."""
    intake = TsIntake(find_codec, _Nowhere(), lambda code, text: None)
    intake.begin(0)
    for number, piece in enumerate(pieces(data)):
        intake.feed(piece, number * 10**8)
        intake.settle(number * 10**8)
    intake.end(10**11)


# --- RTSP -------------------------------------------------------------------------------------------------------


def _nobody() -> Oddities:
    return Oddities(Memory(), lambda code, text: None)


def rtsp_messages(data: bytes) -> None:
    talk = Dialogue(parse_url(f"rtsp://user:{KEY}@host/main"), "user", KEY, "camcast", _nobody())
    while data:
        message, length = parse_message(data)
        if message is None:
            return
        data = data[length:]
        if not isinstance(message, Response):
            continue
        for name in ("transport", "session", "rtp-info"):
            pair_of(message.headers.get(name), 255)
        parse_challenges([message.headers.get("www-authenticate")])
        try:
            if message.status == 401:
                talk.again("PLAY", message)
            else:
                talk.check("PLAY", message)
        except SourceError as error:
            told(error)
        except Redirected:
            continue


def description(data: bytes) -> None:
    for media in sdp.parse_sdp(data).media:
        try:
            for way in formats.choose(media, find_codec):
                assert way.clock_rate > 0
        except MediaError as error:
            told(error)
        sdp.control_url("rtsp://host/main", media.control)


def interleaved(data: bytes) -> None:
    got: list[object] = []
    incoming = Deinterleaver(got.append)
    incoming.handlers[0] = lambda view, arrival: got.append(bytes(view))
    for piece in pieces(data):
        for at in range(0, len(piece), BUFFER_SIZE // 2):
            part = piece[at : at + BUFFER_SIZE // 2]
            incoming.room()[: len(part)] = part
            incoming.filled(len(part), 1)


class Units:
    """What came of packets: units of bounded size."""

    def unit(self, data: bytes, timestamp: int) -> None:
        assert data
        assert 0 <= timestamp < 1 << 32

    def odd(self, text: str) -> None: ...

    def runs_at(self, rate: int) -> None: ...

    def missing(self, reason: str) -> None:
        assert reason


_HBR = {"sizelength": "13", "indexlength": "3", "indexdeltalength": "3", "config": "1190"}
_DEPACKETISERS: tuple[Callable[[UnitSink], Depacketiser], ...] = (
    h264.H264Depacketiser,
    h265.H265Depacketiser,
    lambda sink: h265.H265Depacketiser(sink, numbered=True),
    av1.Av1Depacketiser,
    lambda sink: aac.AacDepacketiser(sink, _HBR, 1024),
    lambda sink: aac.AacDepacketiser(sink, {**_HBR, "sizelength": "6", "indexlength": "2"}, 1024),
    lambda sink: latm.LatmDepacketiser(sink, 1, 1024),
    jpeg.JpegDepacketiser,
    pictures.Mpeg4Depacketiser,
    pictures.H263Depacketiser,
    pictures.OldH263Depacketiser,
    pictures.Vp8Depacketiser,
    pictures.MpegAudioDepacketiser,
    plain.PlainDepacketiser,
    vp9.Vp9Depacketiser,
    lambda sink: amr.AmrDepacketiser(sink, {"octet-align": "1"}, 8_000, wide=False),
    lambda sink: amr.AmrDepacketiser(sink, {}, 16_000, wide=True),
)


def depacketise(data: bytes) -> None:
    """Packets of a length byte, a byte of marker, loss and time, and a payload."""
    if not data:
        return
    made = _DEPACKETISERS[data[0] % len(_DEPACKETISERS)](Units())
    at, time = 1, 0
    while at + 2 <= len(data):
        size, flags = data[at], data[at + 1]
        if flags & 2:
            made.lost(flags >> 4 or 1)
        time += (flags >> 2 & 3) * 900
        if payload := memoryview(data[at + 2 : at + 2 + size]):
            made.feed(payload, time, bool(flags & 1))
        at += 2 + size


def rtp(data: bytes) -> None:
    """Packets of a length byte each, at times that a byte tells."""

    def take(payload: bytes | memoryview, timestamp: int, marker: bool) -> None:
        assert payload, "depacketisers get none that are empty"

    receiver = RtpReceiver(96, take, lambda count: None)
    at = now = 0
    while at + 2 <= len(data):
        now += data[at + 1] << 20
        receiver.feed(data[at + 2 : at + 2 + data[at]], now)
        at += 2 + data[at]
    receiver.tick(now + 10**10)


def reports(data: bytes) -> None:
    reporter = rtcp.Reporter(1)
    for number, report in enumerate(rtcp.parse(data)):
        if isinstance(report, rtcp.SenderReport):
            reporter.heard(report, number)
            assert reporter.receiver_report(report.ssrc, 5, received=3, lost=2, now=number + 10**9)


def client_hello(data: bytes) -> None:
    """Whole as it is, and with lengths that fit, so that what is in it is read at all."""
    offered_groups(data)
    message = b"\1" + len(data).to_bytes(3) + data
    found = offered_groups(b"\x16\3\1" + len(message).to_bytes(2) + message)
    assert found is not None
    assert all(0 <= group < 1 << 16 for group in found)


def audio_config(data: bytes) -> None:
    """What SDPs say of AAC and LATM."""
    parameters = {"config": data[1:].hex(), "cpresent": "0"}
    aac.frame_step(aac.config_of(parameters, 48_000, 2), 48_000)
    latm.stream_config(parameters, 48_000, 2)


# --- WHIP, HTTP -------------------------------------------------------------------------------------------------

_TRACKS = (
    OfferedTrack(kind=MediaKind.VIDEO, mid="0", ssrc=1, repeat_ssrc=2, profiles=("64001f", "42e01f")),
    OfferedTrack(kind=MediaKind.AUDIO, mid="1", ssrc=3, repeat_ssrc=4),
)


_WATCHED = (Track(kind=MediaKind.VIDEO, codec="h264"), Track(kind=MediaKind.AUDIO, codec="opus", channels=2))
_LOCAL = Local(username="abcd", password="p" * 22, fingerprint="sha-256 12:34", candidates=("c",))


def whip_answer(data: bytes) -> None:
    answer = read_answer(data.decode("utf-8", "replace"), _TRACKS)
    assert len(answer.tracks) == 2


def whep_offer(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    offer = read_offer(text, _WATCHED)
    own = sources(len(offer.taken))
    answer = write_answer(offer, own, _LOCAL, "us")
    assert answer.count("\r\nm=") == len(offer.sections)
    assert len(answer) < len(text) + 4000
    assert len(offer.remote.candidates) <= 32


def whep_fragment(data: bytes) -> None:
    _, candidates = read_fragment(data.decode("utf-8", "replace"))
    assert all(len(candidate.split()) == 8 for candidate in candidates)


def whip_feedback(data: bytes) -> None:
    """A server's RTCP, and what it says of the packets that it got."""
    rest, bodies = transport_wide.separate(data)
    assert len(rest) + sum(map(len, bodies)) <= len(data)
    numbering = transport_wide.Numbering()
    for now in range(20):
        numbering.number(bytes(40), 20, now)
    for body in (*bodies, data):
        with contextlib.suppress(ValueError):
            assert len(transport_wide.read(body).came) <= transport_wide.MAX_SENT
        with contextlib.suppress(ValueError):
            numbering.take(body, 30.0)


def certificate(data: bytes) -> None:
    """What a server shows, of which no authority has looked at a byte."""
    assert described(data).isprintable()


def http_answer(data: bytes) -> None:
    reader = AnswerReader(4096)
    for piece in pieces(data):
        answer = reader.feed(piece)
        if answer is not None:
            assert len(answer.body) <= 4096
            assert len(ice_servers(answer.all("link"))) <= 16
            wait = retry_after(answer.get("retry-after"), answer.get("date"))
            assert wait is None or 0 <= wait <= 600
            return
    reader.end()


# --- codecs -----------------------------------------------------------------------------------------------------


def codec(name: str) -> Fuzzed:
    """Blocks that are parted by four dashes: the first is a record, or nothing."""

    def feed(data: bytes) -> None:
        record, *blocks = data.split(b"----")
        kind = host().codec(name)
        try:
            parser = kind.parser(record)
        except MediaError:
            parser = kind.parser(b"")
        for number, block in enumerate(blocks):
            try:
                packet = parser.parse(block, number, number)
            except MediaError as error:
                told(error)
                continue
            if packet is None:
                continue
            assert packet.track is parser.track
            if name in ("h264", "h265"):
                assert all(split_prefixed(packet.payload))
                assert 0 < packet.track.width <= 16384
            for form in kind.flv.values():
                try:
                    form.check(packet.track)
                    form.header(packet.track)
                    form.head(packet.track, packet.keyframe, 0)
                except MediaError as error:
                    told(error)
        assert sum(parser.counts.values()) >= 0

    return Fuzzed(feed)


# --- others ----------------------------------------------------------------------------------------------------

ASKED = ("0a1b2c3d-0000-1000-8000-00805f9b34fb",)


def onvif(data: bytes) -> None:
    """What comes by multicast, or as an answer over HTTP."""
    for match in matches(data[1:], "192.0.2.1", ASKED) if data[:1] == b"m" else ():
        assert match.service
        assert (match.name + match.model).isprintable()
    body = soap.read(data[1:])
    moment = soap.clock(body)
    if moment is not None and 0 <= moment <= 4e9:
        soap.username_token("user", "word", bytes(16), moment)
    for one in xml.every(body, "Profiles"):
        profile = _profile(one)
        assert profile is None or (profile.name + profile.codec).isprintable()


_RECORDS = (
    Card(holder=Holder("a", "b"), capacity=2.5, lease=10.0, labels={"site": "a"}, troubled=(4, 9)),
    Desired(version=3, mapping={"cameras": []}, by="me", at=1.25),
    Holder("a", "b"),
    Line(at=1.5, member="a", code="moved", text="b", camera_id=4),
)
_ODD: tuple[object, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    10**400,
    1e400,
    "",
    "x",
    "9" * 50,
    [],
    {},
    [[]],
    {"a": 1},
    [None, 10**400],
)


def records(data: bytes) -> None:
    """What others have written into a fleet's store: any bytes, or a record with two bytes for each odd value in it."""
    record = _RECORDS[data[0] % 8 % 4] if data else _RECORDS[0]
    text = data[1:]
    if data and data[0] % 8 < 4:
        values = json.loads(encode(record))
        for at in range(1, len(data) - 1, 2):
            values[[*values][data[at] % len(values)]] = _ODD[data[at + 1] % len(_ODD)]
        text = json.dumps(values).encode()
    found = decode(type(record), text)
    assert repr(decode(type(record), encode(found))) == repr(found)


def health(data: bytes) -> None:
    for shown in read_health(data).values():
        assert isinstance(shown.shows, bool)


# --- files ------------------------------------------------------------------------------------------------------


def configuration(data: bytes) -> None:
    text = data[1:].decode("utf-8", "replace")
    repr(loads(text, host(), "toml" if data[:1] == b"t" else "json"))


def old_files(data: bytes) -> None:
    parts = [parse_old(part) for part in data.split(b"----")[:3]]
    if is_old(parts[0]):
        convert(OldFiles(**dict(zip(("net_service", "venc", "vi"), parts, strict=False))))


def secrets(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    shown = words(text, [KEY])
    assert len(shown) <= MAX_WORDS
    assert shown.isprintable()
    assert KEY not in shown
    assert TARGET.moved(f"rtmp://{text}").shown


TARGETS: Mapping[str, Fuzzed] = {
    "rtmp_chunks": Fuzzed(chunks, (RtmpError,)),
    "rtmp_client": Fuzzed(rtmp_client, (CamcastError,)),
    "rtmp_server": Fuzzed(rtmp_server, (RtmpError, TooMuch)),
    "rtmp_media": Fuzzed(rtmp_media, (TooMuch,)),
    "rtmp_player": Fuzzed(rtmp_player, (RtmpError, RefusedToPlay)),
    "amf0": Fuzzed(script, (MediaError,)),
    "flv_file": Fuzzed(flv, (MediaError,)),
    "flv_tags": Fuzzed(tags, (MediaError,)),
    "mpegts": Fuzzed(transport_stream, (StreamError,)),
    "rtsp_messages": Fuzzed(rtsp_messages, (RtspError,)),
    "rtsp_interleaved": Fuzzed(interleaved, (RtspError,)),
    "sdp": Fuzzed(description, (SourceError, MediaError)),
    "rtp": Fuzzed(rtp),
    "rtp_payloads": Fuzzed(depacketise),
    "rtcp": Fuzzed(reports),
    "aac_in_sdp": Fuzzed(audio_config, (MediaError,)),
    "whip_answer": Fuzzed(whip_answer, (ValueError,)),
    "whep_offer": Fuzzed(whep_offer, (ValueError,)),
    "whep_fragment": Fuzzed(whep_fragment, (ValueError,)),
    "client_hello": Fuzzed(client_hello),
    "whip_feedback": Fuzzed(whip_feedback),
    "certificate": Fuzzed(certificate),
    "http_answer": Fuzzed(http_answer, (HttpError,)),
    "onvif": Fuzzed(onvif, (BadXml, soap.Fault)),
    "fleet_records": Fuzzed(records, (CoordinatorError,)),
    "youtube": Fuzzed(health, (ValueError,)),
    **{f"codec_{name}": codec(name) for name in ("h264", "h265", "av1", "vp9", "aac", "opus", "mp3", "mjpeg")},
    "configuration": Fuzzed(configuration, (ConfigError,)),
    "legacy_files": Fuzzed(old_files, (ConfigError,)),
    "secrets": Fuzzed(secrets),
}
