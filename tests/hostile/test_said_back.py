"""A peer that knows our secret says it back wherever one of our texts has words of a peer's: in each form, and split at
each of its signs. Each way from a peer's bytes to a text of ours is gone by itself, as the product goes it.

The same by whole processes, for fewer ways of saying it, is in `test_echo.py`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote
from xml.sax.saxutils import escape

import nats.errors
import nats.js.errors
import pytest

from camcast.config.service import ServiceConfig
from camcast.contracts import SourceContext, TransportContext
from camcast.discovery import CameraLogin, DiscoveryContext, FoundCamera
from camcast.engine.service_run import ServiceRun
from camcast.errors import CamcastError, SourceError, TransportError
from camcast.events import ServiceNote
from camcast.host import PluginHost
from camcast.kinds import CodecKind
from camcast.media import MediaKind
from camcast.net import proxy
from camcast.net.http_message import Answer, AnswerReader
from camcast.redaction import Redactor
from camcast.services import ServiceContext
from camcast.session.redirects import refusal
from camcast.session.resolver import NameResolver
from camcast.target import Target, option_secrets
from camcast_kit_rtmp import answers, urls
from camcast_kit_rtmp.state import Refused
from camcast_mqtt.options import MqttOptions
from camcast_mqtt.service import Mqtt
from camcast_nats.asking import Asking
from camcast_nats.options import NatsOptions
from camcast_onvif.discoverer import OnvifDiscoverer
from camcast_rtmp.acquaintance import Acquaintance
from camcast_rtmp.client import Complained, Connected, ReconnectRequested
from camcast_rtmp.driver import RtmpTransport
from camcast_rtmp.ingest.options import RtmpSourceOptions
from camcast_rtmp.ingest.source import RtmpSource
from camcast_rtmp.memory import ShownServers
from camcast_rtmp.options import RtmpOptions
from camcast_rtmp.server import ConnectAsked, Server
from camcast_rtsp.dialogue import Dialogue, Redirected
from camcast_rtsp.interleave import Deinterleaver
from camcast_rtsp.memory import Memory
from camcast_rtsp.messages import ProtocolError, Response, parse_message
from camcast_rtsp.oddities import Oddities
from camcast_rtsp.options import RtspOptions
from camcast_rtsp.session import Session
from camcast_rtsp.setup import Setup
from camcast_rtsp.url import parse_url
from camcast_srt.link import Link
from camcast_srt.wire import BROKEN, FAILED, Failure
from camcast_webhook.message import Message
from camcast_webhook.options import WebhookOptions
from camcast_webhook.sender import Sender
from camcast_whip.endpoint import Endpoint, Opened
from camcast_whip.errors import Moved
from camcast_whip.negotiation import Negotiation
from camcast_whip.offer import OfferedTrack
from camcast_whip.options import Place, WhipOptions
from camcast_youtube.options import YoutubeOptions
from camcast_youtube.service import Youtube
from tests.core.test_redaction_of_words import CASES, WAYS, shows

HOST = PluginHost()

FORMS = cast(Mapping[str, Callable[[str], str]], WAYS)
BETWEEN = ("", " ", ": ", "/", ";", ",", "=", "?", "@", '"', "\r\n", "\0", "\u202e", "&amp;", "%20", "\x1b[1m")
"""What a peer puts into the middle of a secret."""
CUTS = (4, 16, 32, 50, 64, 80, 100, 128, 200, 300, 512, 1024, 2048, 4096)
"""Where texts are cut here and there."""

Said = tuple[str, str]
"""What a peer says, in two halves, of which the second may stand in another place than the first."""
Route = Callable[[Target, Said], Awaitable[Sequence[str]]]


def sayings(key: str) -> Iterator[Said]:
    for way in FORMS.values():
        yield way(key), ""
        yield f"no such stream {way(key)} here", way(key)
    for at in range(1, len(key)):
        for between in BETWEEN:
            yield key[:at] + between, key[at:]
        for way in (FORMS["percent"], FORMS["every sign by percent"], FORMS["every sign by HTML"], FORMS["JSON"]):
            yield way(key[:at]), way(key[at:])
    for cut in CUTS:
        for before in range(1, len(key), 2):
            yield "-" * (cut - before) + key, ""


def target(key: str, scheme: str = "rtmp") -> Target:
    return Target(url=f"{scheme}://user:{key}@host/live/{key}", stream_key=key)


def raw(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def answer(head: str, body: bytes = b"") -> Answer:
    """An HTTP answer as it is read off the wire. Raises `HttpError`."""
    reader = AnswerReader(64 * 1024)
    said = raw(head) + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    return reader.feed(said) or reader.end()


class Told:
    """Remembers what a transport tells, as it is shown."""

    def __init__(self, whose: Target) -> None:
        self._target = whose
        self.shown: list[str] = []

    def lost(self, error: TransportError) -> None:
        self.shown.append(str(error))

    def redirect(self, url: str) -> None:
        """Whether the session follows or not, this is shown of it."""
        self.shown += [self._target.moved(url).shown, refusal(self._target.url, url, (), 0) or ""]

    def note(self, code: str, text: str) -> None:
        self.shown.append(text)

    def keyframe_wanted(self) -> None:
        raise AssertionError("nobody asks for one here")

    def segment(self, segment: object) -> None:
        raise AssertionError("nothing is recorded here")


# --- RTMP -------------------------------------------------------------------------------------------------------


def rtmp(whose: Target, told: Told) -> RtmpTransport:
    context = TransportContext(
        target=whose,
        options=RtmpOptions(),
        events=told,
        resolver=NameResolver(),
        handover=cast(Any, None),
        codec=HOST.codec,
    )
    return RtmpTransport(context)


async def rtmp_refuses(whose: Target, said: Said) -> list[str]:
    shown = []
    for command in ("connect", "createStream", "publish", "onStatus", "close"):
        for code, description in (said, ("NetStream.Failed", "".join(said)), ("".join(said), "")):
            shown.append(str(answers.refused(Refused(command, code, description), whose)))
    return shown


async def rtmp_asks_for_a_login(whose: Target, said: Said) -> list[str]:
    told = Told(whose)
    transport = rtmp(whose, told)

    async def refusing(announce: str, query: str) -> Refused:
        return Refused("connect", "NetConnection.Connect.Rejected", f"code=403; authmod={''.join(said)}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "_connect_once", refusing)
        with pytest.raises(TransportError) as caught:
            await transport.connect()
    return [str(caught.value), *told.shown]


async def rtmp_accepts(whose: Target, said: Said) -> list[str]:
    met = Acquaintance(whose, urls.parse(whose), ShownServers())
    met.introduced(Connected(properties={"fmsVer": said[1]}, info={"description": said[0]}), 0.0)
    return [whose.scrub(found) for found in met.findings]


async def rtmp_complains(whose: Target, said: Said) -> list[str]:
    told = Told(whose)
    rtmp(whose, told)._on_event(Complained("".join(said)))
    assert told.shown
    return told.shown


async def rtmp_wants_us_elsewhere(whose: Target, said: Said) -> list[str]:
    told = Told(whose)
    transport = rtmp(whose, told)
    whole, (first, second) = "".join(said), said
    for url in (f"rtmp://{whole}/live", f"rtmp://{first}/{second}", f"rtmp://host/{whole}/x", first):
        transport._on_event(ReconnectRequested(url, whole))
    assert told.shown
    return told.shown


async def rtmp_plays(whose: Target, said: Said) -> list[str]:
    """A server of which we play a stream says no to connect, or to play."""
    shown = []
    for play in (False, True):
        ours, theirs = socket.socketpair()
        serving = asyncio.create_task(_refusing(theirs, said, play=play))
        source = RtmpSource(_source(whose.url, RtmpSourceOptions(mode="play")), cast(Any, None))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(source, "_connect", partial(asyncio.open_connection, sock=ours))
            with pytest.raises(SourceError) as caught:
                await source.run(cast(Any, None))
        shown.append(str(caught.value))
        await serving
    return shown


async def _refusing(sock: socket.socket, said: Said, *, play: bool) -> None:
    reader, writer = await asyncio.open_connection(sock=sock)
    server = Server()
    while data := await reader.read(65536):
        for event in server.feed(data):
            if isinstance(event, ConnectAsked) and play:
                server.accept(event)
                server.status(0, "error", "NetStream.Play.StreamNotFound", "".join(said))
            elif isinstance(event, ConnectAsked):
                server.refuse_connect(event, *said)
        writer.write(b"".join(server.outgoing()))
    writer.close()


def _source(url: str, options: object) -> SourceContext:
    return SourceContext(
        url=url,
        options=options,
        camera_id=0,
        stream_id=0,
        stream_name="main",
        camera_name="",
        codec=HOST.codec,
        handover=cast(Any, None),
        log=logging.getLogger("test"),
        resolver=NameResolver(),
    )


# --- HTTP: WHIP, proxies, services ------------------------------------------------------------------------------


def answering(patch: pytest.MonkeyPatch, where: str, said: Callable[[], Answer]) -> None:
    """Every request that the module makes is answered so."""

    async def ask(*arguments: object, **more: object) -> Answer:
        return said()

    patch.setattr(f"{where}.ask", ask)


async def whip(whose: Target, said: Said) -> list[str]:
    whole, (first, second) = "".join(said), said
    text = "HTTP/1.1 {} No\r\nContent-Type: text/plain"
    problem = "HTTP/1.1 {} No\r\nContent-Type: application/problem+json"
    answers = [
        *((text.format(status), raw(whole)) for status in (400, 401, 404, 409, 429, 500, 300)),
        (problem.format(403), json.dumps({first: second}, ensure_ascii=False).encode("utf-8", "replace")),
        (f"HTTP/1.1 403 {whole}\r\nContent-Type: text/plain;{whole}", b""),
        (f"HTTP/1.1 201 Created\r\nContent-Type: {whole}", b"x"),
        (f"HTTP/1.1 201 Created\r\nContent-Type: {first};{second}", b"x"),
        *(
            (f"HTTP/1.1 {status} Elsewhere\r\nContent-Type: application/sdp\r\nLocation: {scheme}{place}", b"v=0\r\n")
            for status in (201, 307)
            for scheme in ("http://", "//", "https://host:1/", "x:")
            for place in (whole, f"{first}/{second}", f"{first}:{second}/", f"{first}@{second}")
        ),
    ]
    return [shown for head, body in answers for shown in await _whip(whose, head, body)]


async def _whip(whose: Target, head: str, body: bytes) -> list[str]:
    place = Place(url="http://host/whip", scheme="http", host="host", port=80, token=whose.stream_key)
    told = Told(whose)
    endpoint = Endpoint(place, whose, NameResolver())
    with pytest.MonkeyPatch.context() as patch:
        answering(patch, "camcast_whip.endpoint", lambda: answer(head, body))
        try:
            opened = await endpoint.publish("v=0")
        except Moved as moved:
            if whose.shows(moved.url):
                told.redirect(moved.url)
            return [str(moved), *told.shown]
        except TransportError as error:
            return [str(error)]
    return [opened.elsewhere]


async def whip_answers(whose: Target, said: Said) -> list[str]:
    """In the SDP that it answers with."""
    video = OfferedTrack(kind=MediaKind.VIDEO, mid="0", ssrc=1, repeat_ssrc=2, profiles=("42e01f",))
    negotiation = Negotiation(
        whose,
        WhipOptions(),
        cast(Any, None),
        cast(Any, None),
        "us",
        note=lambda code, text: None,
        ended=lambda why: None,
        heard=lambda: None,
    )
    shown = []
    for text in (
        "".join(said),
        f"v=0\r\nm={said[0]} {said[1]} x y",
        f"v=0\r\nm=video {said[0]} x {said[1]}",
        f"v=0\r\nm=video 9 x 96\r\na=rtpmap:96 H264/90000\r\na=setup:{said[0]}\r\na=ice-ufrag:{said[1]}",
    ):
        with pytest.raises(TransportError) as caught:
            negotiation._read(Opened(text, "", "", ()), [video])
        shown.append(str(caught.value))
    return shown


async def http_proxy(whose: Target, said: Said) -> list[str]:
    """Not in the text that follows our own name of the proxy only: in what asks through it, too."""
    shown = []
    for text in (f"HTTP/1.1 502 {''.join(said)}", f"HTTP/1.1 502 {said[0]}\r\n{said[1]}: x", "".join(said)):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            theirs.sendall(raw(text)[: proxy.MAX_ANSWER - 8] + b"\r\n\r\n")
            with pytest.raises(TransportError) as caught:
                await proxy.ask(ours, proxy.parse("http://u:p@proxy"), "host", 1935, 5.0, whose.excerpt)
        shown.append(str(caught.value))
    return shown


async def http_at_large(whose: Target, said: Said) -> list[str]:
    """What is wrong with an answer of any HTTP server."""
    whole = "".join(said)
    shown = []
    for data in (raw(whole), raw(f"HTTP/1.1 {whole}\r\n\r\n"), raw(f"HTTP/1.1 200 OK\r\n{said[0]}\n{said[1]}\r\n\r\n")):
        reader = AnswerReader(100)
        try:
            reader.feed(data)
            reader.end()
        except TransportError as error:
            shown.append(str(error))
    return shown


@asynccontextmanager
async def service(options: object) -> AsyncIterator[tuple[Callable[[str, str], None], list[str]]]:
    """What a service with these options notes, and what of that is told."""
    told: list[str] = []

    def emit(event: object) -> None:
        assert isinstance(event, ServiceNote)
        told.append(event.text)

    environment = SimpleNamespace(handover=SimpleNamespace(call=lambda call, *more: call(*more)), emit=emit)
    run = ServiceRun("one", ServiceConfig(type="any"), cast(Any, environment), cast(Any, None))
    run._secrets = option_secrets(options)
    yield run._note, told


def _service(options: object, note: Callable[[str, str], object]) -> ServiceContext:
    return ServiceContext(name="one", options=options, engine=cast(Any, None), log=logging.getLogger("test"), note=note)


async def youtube(whose: Target, said: Said) -> list[str]:
    assert whose.stream_key is not None
    options = YoutubeOptions(streams={"a": "ID"}, token=whose.stream_key, after=0.0)
    first, second = said
    bad = {"status": first, "configurationIssues": [{"type": first, "severity": "error", "description": second}]}
    async with service(options) as (note, told):
        for body in (
            json.dumps({"items": [{"id": "ID", "status": {"streamStatus": second, "healthStatus": bad}}]}),
            "".join(said),
        ):
            one = Youtube(_service(options, note))
            with pytest.MonkeyPatch.context() as patch:
                answering(patch, "camcast_youtube.service", partial(answer, f"HTTP/1.1 200 {first}", raw(body)))
                found = await one._ask()
            sessions = [SimpleNamespace(label="a", healthy=True)]
            for _ in range(2):
                one._see(cast(Any, SimpleNamespace(sessions=sessions)), found or {})
    assert told
    return told


async def mqtt(whose: Target, said: Said) -> list[str]:
    options = MqttOptions(username="camera", password=whose.stream_key)
    async with service(options) as (note, told):
        Mqtt(_service(options, note))._tell_away(ConnectionError("".join(said)))
    assert told
    return told


async def webhook(whose: Target, said: Said) -> list[str]:
    options = WebhookOptions(url=f"https://host/{whose.stream_key}", secret=whose.stream_key)
    async with service(options) as (note, told):
        for status in (404, 500):
            sender = Sender(options, note)
            with pytest.MonkeyPatch.context() as patch:
                answering(
                    patch, "camcast_webhook.sender", partial(answer, f"HTTP/1.1 {status} {said[0]}", raw(said[1]))
                )
                _, why = await sender._once(Message("a", {}))
            note("refused", f"the server refuses a message: {why}")
    return told


async def nats_says(whose: Target, said: Said) -> list[str]:
    options = NatsOptions(user="me", password=whose.stream_key or "")
    whole = "".join(said)
    shown = []

    async def asked(what: Exception | None) -> None:
        asking = Asking(5.0, Redactor(option_secrets(options)).words)
        async with asking.told(alone=True):
            if what is not None:
                raise what
            await asking.hear(nats.errors.Error(f"nats: permissions violation {whole}"))
            await asyncio.sleep(5)

    for what in (None, nats.errors.Error(f"nats: {whole}"), nats.js.errors.APIError(description=whole), OSError(whole)):
        with pytest.raises(CamcastError) as caught:
            await asked(what)
        shown.append(str(caught.value))
    return shown


# --- SRT --------------------------------------------------------------------------------------------------------


async def srt(whose: Target, said: Said) -> list[str]:
    """Its reasons are numbers; what libsrt's own process says is a peer's words all the same."""
    shown: list[str] = []
    owner = SimpleNamespace(
        failed=lambda link, error: shown.append(str(error)), broken=lambda link, why: shown.append(why)
    )
    for what in (BROKEN + raw("".join(said)), FAILED + bytes(Failure(text="".join(said)))):
        link = Link(cast(Any, None), cast(Any, None), cast(Any, owner), whose.shown, whose.words)
        link._heard(what[:1], what[1:])
    assert len(shown) == 2
    return shown


# --- RTSP, ONVIF ------------------------------------------------------------------------------------------------


class Nobody:
    """A sink of which nothing is wanted."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: None


class Camera:
    """Stands for the connection to a camera: gives each request the next of its answers, the last one again."""

    def __init__(self, talk: Dialogue, said: Sequence[bytes]) -> None:
        self.dialogue = talk
        self.url = talk.url
        self.incoming = Deinterleaver(lambda message: None)
        self.closed = asyncio.get_running_loop().create_future()
        self._said = [*said]

    async def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> Response:
        said = self._said.pop(0) if len(self._said) > 1 else self._said[0]
        try:
            message, _ = parse_message(said)
        except ProtocolError as error:
            raise SourceError(f"the camera: {self.dialogue.scrub(f'the peer does not speak RTSP: {error}')}") from None
        assert isinstance(message, Response)
        self.dialogue.again(method, message)
        return message


async def rtsp(whose: Target, said: Said) -> list[str]:
    whole, (first, second) = "".join(said), said
    heads = (
        f"454 {whole}",
        f"454 {first}\r\n{second}: x",
        f"454 No\r\nSession: {whole}",
        f"200 OK\r\nContent-Length: 999999999999 {whole}",
        f"401 No\r\nWWW-Authenticate: {whole}",
        f'401 No\r\nWWW-Authenticate: {first}, "{second}"',
        f"401 No\r\nWWW-Authenticate: x{first}\r\nWWW-Authenticate: {second}",
        *(
            f"302 {first}\r\nLocation: rtsp://{place}"
            for place in (
                whole,
                f"{first}/{second}",
                f"host/{whole}/x",
                f"host/{first}/{second}",
            )
        ),
    )
    shown = []
    for head in heads:
        shown += await _setup(whose, [raw(f"RTSP/1.0 {head}\r\n\r\n")])
    return shown


async def rtsp_describes(whose: Target, said: Said) -> list[str]:
    whole, (first, second) = "".join(said), said
    sound = "a=rtpmap:96 H264/90000\r\nm=audio 0 RTP/AVP 98\r\na=rtpmap:98 "
    shown = []
    for video in (
        f"a=rtpmap:96 {whole}/90000",
        f"a=rtpmap:96 {first}/{second}",
        f"a=rtpmap:96 {first}/90000\r\na=rtpmap:97 {second}/90000",
        f"a=rtpmap:96 H264/90000\r\na=fmtp:96 {first}={second};sprop-parameter-sets={whole}\r\na=control:{whole}",
        f"{sound}MPEG4-GENERIC/{first}/{second}\r\na=fmtp:98 config={whole};mode={first};sizelength={second}",
        f"{sound}{first}/8000\r\nm=audio 0 RTP/AVP 99\r\na=rtpmap:99 {second}/8000",
    ):
        body = raw(f"v=0\r\na=tool:{whole}\r\nm=video 0 RTP/AVP 96 97\r\n{video}\r\n")
        head = f"RTSP/1.0 200 OK\r\nContent-Type: {whole}\r\nContent-Length: {len(body)}\r\n\r\n"
        shown += await _setup(whose, [b"RTSP/1.0 200 OK\r\n\r\n", raw(head) + body, b"RTSP/1.0 454 No\r\n\r\n"])
    return shown


async def _setup(whose: Target, said: Sequence[bytes]) -> list[str]:
    """What is told where a camera says that, one after the other."""
    url = parse_url(f"rtsp://user:{quote(whose.stream_key or '', safe='')}@host/main")
    notes: list[str] = []
    oddities = Oddities(Memory(), lambda code, text: notes.append(text))
    talk = Dialogue(url, "user", whose.stream_key, "camcast", oddities)
    session = Session(cast(Any, Nobody()), oddities, by_arrival=False)
    camera = Camera(talk, said)
    setup = Setup(cast(Any, camera), session, RtspOptions(), "tcp", find_codec, cast(Any, Nobody()), Memory())
    try:
        await setup.run()
    except SourceError as error:
        return [str(error), *notes]
    except Redirected as moved:
        there = Dialogue(moved.url, "user", whose.stream_key, "camcast", oddities)
        return [moved.url.shown, f"{moved.url.shown}: {there.scrub('gone')}", repr(moved.url), *notes]
    finally:
        session.close()
    return notes


def find_codec(name: str) -> CodecKind:
    return HOST.codec(name)


ENVELOPE = '<e:Envelope xmlns:e="e"><e:Body>{}</e:Body></e:Envelope>'


def _enveloped(bodies: Iterator[str]) -> Answer:
    return answer("HTTP/1.1 200 OK", raw(ENVELOPE.format(next(bodies))))


async def onvif(whose: Target, said: Said) -> list[str]:
    assert whose.stream_key is not None
    whole, (first, second) = escape("".join(said)), map(escape, said)
    if not all(one.isprintable() or one in "\r\n\u202e" for one in whole):
        return []  # no XML can hold it
    fault = f"<Fault><Code><Value>{first}</Value></Code><Reason><Text>{whole}</Text></Reason></Fault>"
    told = f"<Manufacturer>{first}</Manufacturer><Model>{second}</Model><SerialNumber>{whole}</SerialNumber>"
    told += f"<FirmwareVersion>{whole}</FirmwareVersion><Namespace>http://www.onvif.org/ver10/media/wsdl</Namespace>"
    told += (
        f"<Profiles token='a'><Name>{whole}</Name><VideoEncoder><Encoding>{whole}</Encoding></VideoEncoder></Profiles>"
    )
    services = "<Service><Namespace>http://www.onvif.org/ver10/media/wsdl</Namespace><XAddr>http://192.0.2.1/media</XAddr></Service>"
    shown = []
    for bodies in ([fault], [told, told, services, told, fault], ["", "", services, told, fault], [whole]):
        # The first thing that it is asked for is its clock.
        asked = chain([""], bodies, repeat(bodies[-1]))
        with pytest.MonkeyPatch.context() as patch:
            answering(patch, "camcast_onvif.device", partial(_enveloped, asked))
            context = DiscoveryContext(resolver=NameResolver(), log=logging.getLogger("test"))
            camera = FoundCamera(identity="", host="192.0.2.1", service="http://192.0.2.1/onvif")
            try:
                found = await OnvifDiscoverer(context).ask(
                    camera, CameraLogin(username="user", password=whose.stream_key)
                )
            except CamcastError as error:
                shown.append(str(error))
            else:
                shown += [found.model, found.serial, found.firmware, *found.notes]
    return shown


ROUTES: Mapping[str, Route] = {
    route.__name__: route
    for route in (
        rtmp_refuses,
        rtmp_asks_for_a_login,
        rtmp_accepts,
        rtmp_complains,
        rtmp_wants_us_elsewhere,
        rtmp_plays,
        whip,
        whip_answers,
        http_proxy,
        http_at_large,
        youtube,
        mqtt,
        webhook,
        nats_says,
        srt,
        rtsp,
        rtsp_describes,
        onvif,
    )
}


@pytest.mark.parametrize("key", CASES)
@pytest.mark.parametrize("name", ROUTES)
async def test_nothing_that_is_shown_has_the_secret(name: str, key: str) -> None:
    whose = target(key)
    for said in sayings(key):
        for shown in await ROUTES[name](whose, said):
            assert not shows(shown, key), (said, shown)
            assert not any(part and part in shown for part in (FORMS["Base64"](key), FORMS["hex"](key))), (said, shown)
