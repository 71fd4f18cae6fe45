"""The RTSP source against a camera that behaves by script, for what no real server does on cue."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from struct import pack

import pytest
from tests.plugins.rtsp_kit import running
from tests.servers.certificates import Authority, Certificate

from camcast.media import MediaKind
from camcast_rtsp.dialogue import MAX_REDIRECTS
from camcast_rtsp.memory import Memories
from camcast_rtsp.messages import Request, parameters, parse_message

SDP = b"""v=0\r
m=video 0 RTP/AVP 96\r
a=rtpmap:96 H264/90000\r
a=fmtp:96 sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==\r
a=control:video\r
m=audio 0 RTP/AVP 0\r
a=control:audio\r
"""
PICTURE = pack("!BBHII", 0x80, 0xE0, 1, 0, 7) + b"\x65\x88" + bytes(50)
SOUND = pack("!BBHII", 0x80, 0x80, 1, 0, 8) + bytes(160)

Answer = Callable[[Request, asyncio.StreamWriter], "tuple[int, dict[str, str], bytes] | None"]


def friendly(request: Request, writer: asyncio.StreamWriter) -> tuple[int, dict[str, str], bytes]:
    match request.method:
        case "OPTIONS":
            return 200, {"Public": "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER"}, b""
        case "DESCRIBE":
            return 200, {"Content-Base": request.url + "/"}, SDP
        case "SETUP":
            transport = parameters(request.headers.get("transport"))
            return (
                200,
                {"Session": "42;timeout=1", "Transport": f"RTP/AVP/TCP;interleaved={transport['interleaved']}"},
                b"",
            )
        case _:
            return 200, {"Session": "42"}, b""


class Camera:
    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.port = 0
        self.requests: list[Request] = []
        self.answers: list[bytes] = []
        """What the client answered to the camera's own requests."""

    def url(self, path: str = "/cam") -> str:
        return f"rtsp://127.0.0.1:{self.port}{path}"

    def asked(self, method: str) -> list[Request]:
        return [request for request in self.requests if request.method == method]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = b""
        playing: asyncio.Task[None] | None = None
        try:
            while piece := await reader.read(65536):
                data += piece
                while data:
                    if data[:1] == b"$":
                        size = 4 + int.from_bytes(data[2:4], "big")
                        if len(data) < size:
                            break
                        data = data[size:]
                        continue
                    message, used = parse_message(data)
                    if message is None:
                        break
                    if not isinstance(message, Request):
                        self.answers.append(data[:used])
                        data = data[used:]
                        continue
                    data = data[used:]
                    self.requests.append(message)
                    answer = self.answer(message, writer)
                    if answer is None:
                        continue
                    status, headers, body = answer
                    lines = {"CSeq": message.headers.get("cseq"), "Content-Length": str(len(body)), **headers}
                    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
                    writer.write(f"RTSP/1.0 {status} Words\r\n{head}\r\n".encode() + body)
                    if message.method == "PLAY" and status == 200:
                        playing = asyncio.ensure_future(self.play(writer))
        except ConnectionError:
            pass
        finally:
            if playing is not None:
                playing.cancel()
            writer.close()

    async def play(self, writer: asyncio.StreamWriter) -> None:
        for number in range(10_000):
            head = number.to_bytes(2, "big") + (number * 3600).to_bytes(4, "big")
            for channel, packet in ((0, PICTURE), (2, SOUND)):
                packet = packet[:2] + head + packet[8:]
                writer.write(b"$" + bytes((channel,)) + len(packet).to_bytes(2, "big") + packet)
            await asyncio.sleep(0.04)


@asynccontextmanager
async def scripted(answer: Answer = friendly, tls: ssl.SSLContext | None = None) -> AsyncIterator[Camera]:
    camera = Camera(answer)
    server = await asyncio.start_server(camera.serve, "127.0.0.1", 0, ssl=tls)
    camera.port = server.sockets[0].getsockname()[1]
    try:
        yield camera
    finally:
        server.close()


async def test_redirect_then_digest_with_sha_256_and_a_nonce_that_ages() -> None:
    def answer(request: Request, writer: asyncio.StreamWriter) -> tuple[int, dict[str, str], bytes]:
        if request.url.endswith("/old"):
            return 302, {"Location": f"rtsp://127.0.0.1:{camera.port}/new"}, b""
        stale = len(camera.asked("SETUP")) > 1 and 'nonce="1"' in request.headers.get("authorization")
        if not request.headers.get("authorization") or stale:
            nonce, flag = ("2", ", stale=true") if stale else ("1", "")
            return (
                401,
                {"WWW-Authenticate": f'Digest realm="r", nonce="{nonce}", algorithm=SHA-256, qop="auth"{flag}'},
                b"",
            )
        return friendly(request, writer)

    async with scripted(answer) as camera, running(camera.url("/old"), username="u", password="p") as run:
        await run.until(lambda: len(run.video) > 3)
        assert len(run.sink.announced[0]) == 2
        authorization = camera.asked("PLAY")[-1].headers.get("authorization")
        assert 'nonce="2"' in authorization
        assert "algorithm=SHA-256" in authorization
        assert 'uri="rtsp://127.0.0.1' in authorization


async def test_a_camera_that_forgets_the_session_is_left_when_its_media_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(request: Request, writer: asyncio.StreamWriter) -> tuple[int, dict[str, str], bytes]:
        return (454, {}, b"") if request.method == "GET_PARAMETER" else friendly(request, writer)

    async def play(self: Camera, writer: asyncio.StreamWriter) -> None:
        # Media goes on after the session is forgotten, and stops a while later.
        playing = asyncio.ensure_future(forever(self, writer))
        while not self.asked("GET_PARAMETER"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
        playing.cancel()

    forever = Camera.play
    monkeypatch.setattr(Camera, "play", play)
    async with scripted(answer) as camera, running(camera.url(), no_data_timeout=0.5) as run:
        text = str(await run.failure())
        assert "sent no video for 0.5 s; it answered GET_PARAMETER with 454 (it has forgotten the session)" in text
        assert len(run.video) > 10


async def test_the_cameras_own_requests_are_answered_and_a_changed_stream_is_begun_anew() -> None:
    def answer(request: Request, writer: asyncio.StreamWriter) -> tuple[int, dict[str, str], bytes]:
        if request.method == "PLAY":
            writer.write(b"OPTIONS * RTSP/1.0\r\nCSeq: 5\r\n\r\nPLAY_NOTIFY x RTSP/1.0\r\nCSeq: 6\r\n\r\n")
        if request.method == "GET_PARAMETER":
            other = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\n"
            writer.write(b"ANNOUNCE x RTSP/1.0\r\nCSeq: 7\r\n\r\n")
            writer.write(b"ANNOUNCE x RTSP/1.0\r\nCSeq: 8\r\nContent-Length: %d\r\n\r\n%s" % (len(other), other))
        return friendly(request, writer)

    async with scripted(answer) as camera, running(camera.url()) as run:
        assert "has changed its stream (ANNOUNCE)" in str(await run.failure())
        assert [reply[9:12] for reply in camera.answers] == [b"200", b"501", b"200"]


async def test_sound_that_cannot_be_set_up_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    def answer(request: Request, writer: asyncio.StreamWriter) -> tuple[int, dict[str, str], bytes]:
        refused = request.method == "SETUP" and request.url.endswith("audio")
        return (461, {}, b"") if refused else friendly(request, writer)

    async with scripted(answer) as camera, running(camera.url()) as run:
        await run.until(lambda: run.video)
        assert [track.kind for track in run.sink.announced[0]] == [MediaKind.VIDEO]
    assert "the camera's sound is left out" in caplog.text


async def test_a_link_that_is_lost_once_when_sound_is_asked_for_costs_no_sound(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nor does it count as a redirection, of which there are as many as may be."""

    def answer(request: Request, writer: asyncio.StreamWriter) -> tuple[int, dict[str, str], bytes] | None:
        number = int(request.url.partition("/cam")[2].partition("/")[0])
        if number < MAX_REDIRECTS:
            return 302, {"Location": camera.url(f"/cam{number + 1}")}, b""
        if request.method == "SETUP" and request.url.endswith("audio") and not lost:
            lost.append(request)
            writer.close()
            return None
        return friendly(request, writer)

    lost: list[Request] = []
    async with scripted(answer) as camera, running(camera.url("/cam0")) as run:
        await run.until(lambda: run.video)
        assert len(lost) == 1
        assert [track.kind for track in run.sink.announced[0]] == [MediaKind.VIDEO, MediaKind.AUDIO]
    assert "left out" not in caplog.text


async def test_a_camera_that_hangs_up_at_sound_is_asked_for_it_twice_and_once_the_next_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def answer(request: Request, writer: asyncio.StreamWriter) -> tuple[int, dict[str, str], bytes] | None:
        if request.method == "SETUP" and request.url.endswith("audio"):
            asked.append(request)
            writer.close()
            return None
        return friendly(request, writer)

    asked: list[Request] = []
    memories = Memories()
    async with scripted(answer) as camera:
        for count in (2, 3):
            async with running(camera.url(), memories=memories) as run:
                await run.until(lambda: run.video)
                assert len(asked) == count
                assert [track.kind for track in run.sink.announced[0]] == [MediaKind.VIDEO]
    assert caplog.text.count("hangs up when its sound is asked for, which is left out") == 1


async def test_a_camera_without_the_transport_says_which_to_set() -> None:
    def answer(request: Request, writer: asyncio.StreamWriter) -> tuple[int, dict[str, str], bytes]:
        return (461, {}, b"") if request.method == "SETUP" else friendly(request, writer)

    async with scripted(answer) as camera, running(camera.url(), transport="udp") as run:
        assert 'set the option "transport"' in str(await run.failure())


async def test_a_firewall_that_stops_udp_is_suspected() -> None:
    def answer(request: Request, writer: asyncio.StreamWriter) -> tuple[int, dict[str, str], bytes]:
        if request.method == "SETUP":
            return 200, {"Session": "1", "Transport": "RTP/AVP;unicast;server_port=9-10"}, b""
        return friendly(request, writer)

    async with scripted(answer) as camera, running(camera.url(), transport="udp", no_data_timeout=0.5) as run:
        assert "a firewall may stop its UDP packets" in str(await run.failure())


async def test_hostile_answers_end_in_an_error_and_nothing_else() -> None:
    for wire, says in (
        (b"HTTP/1.1 400 Bad Request\r\n" * 8000, "does not speak RTSP"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 999999999\r\n\r\n", "does not speak RTSP"),
        (b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 5000, "does not speak RTSP"),
    ):

        def answer(request: Request, writer: asyncio.StreamWriter, wire: bytes = wire) -> None:
            writer.write(wire)

        async with scripted(answer) as camera, running(camera.url(), connect_timeout=3.0) as run:
            assert says in str(await run.failure())


async def test_a_silent_peer_is_left_in_time_and_stop_is_quick_in_every_state() -> None:
    async with scripted(lambda request, writer: None) as camera:
        async with running(camera.url(), connect_timeout=0.3) as run:
            assert "did not answer all requests up to PLAY within 0.3 s" in str(await run.failure())
        async with running(camera.url()) as run:
            await run.until(lambda: len(camera.requests) > 1)
            assert await run.stop() < 1

    def no_goodbye(request: Request, writer: asyncio.StreamWriter) -> tuple[int, dict[str, str], bytes] | None:
        return None if request.method == "TEARDOWN" else friendly(request, writer)

    async with scripted(no_goodbye) as camera, running(camera.url()) as run:
        await run.until(lambda: run.video)
        assert await run.stop() < 2


async def test_rtsps_verifies_unless_told_otherwise(authority: Authority, certificate: Certificate) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate.cert_file, certificate.key_file)
    async with scripted(tls=tls) as camera:
        url = camera.url().replace("rtsp:", "rtsps:")
        async with running(url) as run:
            error = await run.failure()
            assert "certificate is not trusted" in str(error)
        for trust in ({"ca_file": str(authority.ca_file)}, {"insecure": True}):
            async with running(url, **trust) as run:
                await run.until(lambda: run.video)
        async with running(url, ca_file="/nowhere") as run:
            assert (await run.failure()).fatal
