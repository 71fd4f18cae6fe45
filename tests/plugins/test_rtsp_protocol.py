"""RTSP without a network: URLs, messages, authentication, session descriptions, framing."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.rtsp_kit import nobody

from camcast.errors import SourceError
from camcast.media import MediaKind
from camcast_kit_digest.auth import MAX_WRONG, Authenticator, Challenge, parse_challenges
from camcast_rtsp import sdp
from camcast_rtsp.dialogue import Dialogue, Redirected
from camcast_rtsp.interleave import MAX_SKIP, Deinterleaver
from camcast_rtsp.messages import (
    MAX_HEAD,
    Headers,
    Message,
    ProtocolError,
    Request,
    Response,
    encode_request,
    parameters,
    parse_message,
)
from camcast_rtsp.url import parse_url, place

# --- URLs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "request_url", "host", "port", "username", "password"),
    [
        ("rtsp://cam/main", "rtsp://cam/main", "cam", 554, None, None),
        ("RTSP://cam:8554", "rtsp://cam:8554", "cam", 8554, None, None),
        ("rtsps://cam/x#frag", "rtsps://cam/x", "cam", 322, None, None),
        ("rtsp://u:p%40s%2Fs@cam:1/a?b=c&d", "rtsp://cam:1/a?b=c&d", "cam", 1, "u", "p@s/s"),
        ("rtsp://[fe80::1%25eth0]/x", "rtsp://[fe80::1]/x", "fe80::1%eth0", 554, None, None),
        ("rtsp://u:p@[fe80::1%eth0]:8554/x", "rtsp://[fe80::1]:8554/x", "fe80::1%eth0", 8554, "u", "p"),
        ("rtsp://u:p@ss@10.0.0.5/x", "rtsp://10.0.0.5/x", "10.0.0.5", 554, "u", "p@ss"),
        ("rtsp://[fe80::1]:555/x", "rtsp://[fe80::1]:555/x", "fe80::1", 555, None, None),
        ("rtsp://cam/user=admin_password=x@y_1", "rtsp://cam/user=admin_password=x@y_1", "cam", 554, None, None),
    ],
)
def test_urls_as_cameras_have_them(
    url: str, request_url: str, host: str, port: int, username: str | None, password: str | None
) -> None:
    found = parse_url(url)
    assert (found.request, found.host, found.port) == (request_url, host, port)
    assert (found.username, found.password) == (username, password)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rtsp://cam/main", "rtsp://Cam/main"),
        ("rtsp://cam/main", "RTSP://cam/main"),
        ("rtsp://cam/main", "rtsp://cam./main"),
        ("rtsp://cam/main", "rtsp://cam:554/main"),
        ("rtsp://cam/main", "rtsps://cam:322/main"),
        ("rtsp://cam/main", "rtsps://cam/main"),
        ("rtsp://cam/main", "rtsp://cam/main/"),
        ("rtsp://cam/main", "rtsp://cam/main?"),
        ("rtsp://cam/main", "rtsp://cam/main#here"),
        ("rtsp://cam/main", "rtsp://user:p%40ss@cam/main"),
        ("rtsp://cam/main", "rtsp://cam/m%61in"),
        ("rtsp://cam/a%2fb?c=%7E", "rtsp://cam/a%2Fb?c=~"),
        ("rtsp://cam", "rtsp://cam/"),
        ("rtsp://cam/?channel=1", "rtsp://cam:554?channel=1"),
        ("rtsp://cam/?channel=1&subtype=0", "rtsp://cam/?subtype=0&channel=1"),
        ("rtsp://[FE80:0:0::1%25eth0]/main", "rtsp://[fe80::1%eth0]:554/main"),
    ],
)
def test_one_camera_has_one_place_however_it_is_spelt(one: str, other: str) -> None:
    assert place(one) == place(other)
    assert "p@ss" not in place(other)


@pytest.mark.parametrize(
    "other",
    [
        "rtsp://cam/sub", "rtsp://cam/Main", "rtsp://cam2/main", "rtsp://cam:8554/main", "rtsp://cam/main?channel=2",
        "env:CAMERA", "rtsp://", "",
    ],
)  # fmt: skip
def test_other_streams_have_other_places(other: str) -> None:
    assert place("rtsp://cam/main") != place(other)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://cam/x", "must begin with rtsp"),
        ("rtsp:///x", "names no host"),
        ("rtsp://u:hunter2/x@cam/x", "percent-encoded"),
        ("rtsp://cam:99999/x", "port"),
        ("rtsp://cam/hunter2 x", "space"),
        ("hunter2", "must begin with rtsp"),
    ],
)
def test_wrong_urls_are_explained_without_being_shown(url: str, says: str) -> None:
    with pytest.raises(SourceError, match=says) as caught:
        parse_url(url)
    assert caught.value.fatal
    assert "hunter2" not in str(caught.value)


# --- messages ---------------------------------------------------------------------------------------------


def test_a_response_is_taken_apart() -> None:
    data = b"RTSP/1.0 200 OK\r\nCSeq: 7\r\nX: a\r\n b\r\nContent-Length: 3\r\n\r\nabc$rest"
    message, length = parse_message(data)
    assert isinstance(message, Response)
    assert (message.status, message.cseq, message.body) == (200, 7, b"abc")
    assert message.headers.get("x") == "a b"
    assert data[length:] == b"$rest"
    for cut in range(length):
        assert parse_message(data[:cut]) == (None, 0)


def test_a_servers_request_and_bare_line_feeds_are_understood() -> None:
    message, _ = parse_message(b"ANNOUNCE rtsp://x RTSP/1.0\nCSeq: 1\n\n")
    assert message == Request("ANNOUNCE", "rtsp://x", Headers((("cseq", "1"),)))


@pytest.mark.parametrize(
    "data",
    [
        b"RTSP/1.0 abc\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        b"RTSP/" + b"x" * MAX_HEAD,
        b"OPTIONS\r\n\r\n",
    ],
)
def test_damaged_messages_are_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_message(data)


def test_a_line_break_never_gets_into_a_request() -> None:
    with pytest.raises(ValueError, match="line break"):
        encode_request("OPTIONS", "rtsp://x", {"User-Agent": "a\r\nb: c"})


def test_parameters() -> None:
    assert parameters('RTP/AVP/TCP;interleaved=2-3;ssrc="AB"') == {
        "rtp/avp/tcp": "",
        "interleaved": "2-3",
        "ssrc": "AB",
    }


# --- authentication -----------------------------------------------------------------------------------------

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
RFC_7616 = [
    f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={name}, nonce="{NONCE}", opaque="{OPAQUE}"'
    for name in ("SHA-256", "MD5")
]


@pytest.mark.parametrize(
    ("index", "answer"),
    [
        (0, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        (1, "8ca523f5e9506fed4657c9700eebdbec"),
    ],
)
def test_the_examples_of_rfc_7616(index: int, answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    challenge = parse_challenges([RFC_7616[index]]).challenges[0]
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    monkeypatch.setattr("camcast_kit_digest.auth.secrets.token_hex", lambda size: cnonce)
    header = Authenticator(challenge, "Mufasa", "Circle of Life").header("GET", "/dir/index.html")
    assert f'response="{answer}"' in header
    assert f'opaque="{OPAQUE}"' in header
    assert "nc=00000001" in header


def test_the_strongest_offer_is_taken() -> None:
    offers = parse_challenges(['Basic realm="x"', *reversed(RFC_7616), 'Digest realm="x", algorithm=SHA-3, nonce="1"'])
    assert offers.others == ("Digest",)
    assert [(offer.scheme, offer.algorithm) for offer in offers.challenges] == [
        ("digest", "SHA-256"),
        ("digest", "MD5"),
        ("basic", ""),
    ]
    both = parse_challenges(['Digest realm="a, Basic b", nonce="1", Basic realm="c"'])
    assert [(offer.scheme, offer.realm) for offer in both.challenges] == [("digest", "a, Basic b"), ("basic", "c")]


def test_what_cannot_be_answered_is_named() -> None:
    offers = parse_challenges(["Negotiate", "NTLM TlRMTVNTUAABAAAA==", 'Bearer realm="x", scope=""'])
    assert offers.challenges == ()
    assert offers.others == ("Negotiate", "NTLM", "Bearer")


def test_secrets_are_not_in_any_repr() -> None:
    shown = repr(Authenticator(Challenge("basic"), "admin", "hunter2")) + repr(parse_url("rtsp://admin:hunter2@x/key"))
    assert "hunter2" not in shown
    assert "key" not in shown


def dialogue(url: str = "rtsp://cam/main", password: str | None = "pw") -> Dialogue:
    return Dialogue(parse_url(url), "admin" if password else None, password, "test", nobody())


def answer(status: int, **headers: str) -> Response:
    return Response(status, "Some Words", Headers(tuple((k.lower().replace("_", "-"), v) for k, v in headers.items())))


def digest_with(nonce: str, extra: str = "") -> Response:
    return answer(401, www_authenticate=f'Digest realm="r", nonce="{nonce}"{extra}')


def requests_until_refused(refusal: Callable[[int], Response]) -> list[str]:
    """What is sent to a camera that answers each request with 401."""
    talk = dialogue()
    sent: list[str] = []

    def ask() -> None:
        while talk.again("DESCRIBE", refusal(len(sent))):
            sent.append(talk.request("DESCRIBE", "rtsp://cam/main")[1].decode())

    with pytest.raises(SourceError, match="refuses the user name or password"):
        ask()
    return sent


def test_a_password_is_not_sent_in_clear_where_that_is_ruled_out() -> None:
    talk = Dialogue(parse_url("rtsp://cam/main"), "admin", "pw", "test", nobody(), digest_only=True)
    with pytest.raises(
        SourceError, match=r'in clear \(Basic\), which the option "login": "digest" does not allow'
    ) as caught:
        talk.again("DESCRIBE", answer(401, www_authenticate='Basic realm="r"'))
    assert caught.value.refused
    both = Headers((("www-authenticate", 'Digest realm="r", nonce="n"'), ("www-authenticate", 'Basic realm="r"')))
    assert talk.again("DESCRIBE", Response(401, "No", both))
    assert "Authorization: Digest" in talk.request("DESCRIBE", "rtsp://cam/main")[1].decode()


def test_an_old_nonce_is_renewed_though_it_is_not_called_stale() -> None:
    for extra in ("", ", stale=true"):
        talk = dialogue()
        assert talk.again("DESCRIBE", digest_with("1"))
        assert not talk.again("DESCRIBE", answer(200))
        assert talk.again("DESCRIBE", digest_with("2", extra))
        assert not talk.again("DESCRIBE", answer(200))
        assert talk.again("DESCRIBE", digest_with("3", extra))
        # Only when the newest is refused, the password is to blame.
        with pytest.raises(SourceError, match="refuses the user name or password") as caught:
            talk.again("DESCRIBE", digest_with("4", extra))
        assert caught.value.refused


def test_a_nonce_that_is_stale_at_once_is_renewed_once() -> None:
    assert len(requests_until_refused(lambda number: digest_with(str(number), ", stale=true"))) <= MAX_WRONG + 1


def test_every_way_to_log_in_is_tried_before_the_password_is_wrong() -> None:
    offers = [*RFC_7616, 'Basic realm="x"']
    headers = Headers(tuple(("www-authenticate", offer) for offer in offers))
    sent = requests_until_refused(lambda number: Response(401, "No", headers))
    ways = [re.search(r'algorithm=("?[\w-]+"?)', text) for text in sent]
    assert [found[1] if found else "" for found in ways] == ["SHA-256", "MD5", "", '"SHA-256"']


def test_an_algorithm_in_quotes_is_answered_in_quotes() -> None:
    talk = dialogue()
    assert talk.again("DESCRIBE", digest_with("1", ', algorithm="MD5"'))
    assert b'algorithm="MD5"' in talk.request("DESCRIBE", "rtsp://cam/main")[1]


def test_redirects_stay_on_the_host() -> None:
    talk = dialogue("rtsps://cam/main")
    with pytest.raises(Redirected) as caught:
        talk.check("DESCRIBE", answer(302, location="rtsps://CAM:9/other"))
    assert caught.value.url.port == 9
    with pytest.raises(SourceError, match="another host"):
        talk.check("DESCRIBE", answer(302, location="rtsps://evil/other"))
    with pytest.raises(SourceError, match="from rtsps to rtsp"):
        talk.check("DESCRIBE", answer(301, location="rtsp://cam/other"))
    with pytest.raises(SourceError, match="not to a URL"):
        talk.check("DESCRIBE", answer(302, location="rtsps://cam/" + "a@" * 1100))


def test_where_a_redirect_leads_is_shown_without_the_password() -> None:
    talk = dialogue("rtsp://cam/main", password="hunter2")
    for location in ("rtsp://cam/hunter2/x", "rtsp://cam/a/hunt/er2", "rtsp://cam/a%68unter2/b"):
        with pytest.raises(Redirected) as caught:
            talk.check("DESCRIBE", answer(302, location=location))
        assert "hunt" not in caught.value.url.shown
        assert "hunter2" in caught.value.url.secrets


def test_a_cameras_words_are_cleaned_before_they_are_shown() -> None:
    talk = dialogue("rtsp://cam/live/streamkey", password="hunter2")
    response = Response(500, "bad \x1b[31m streamkey hunter2 " + "x" * 1000, Headers())
    with pytest.raises(SourceError) as caught:
        talk.check("PLAY", response)
    text = str(caught.value)
    assert "streamkey" not in text
    assert "hunter2" not in text
    assert "\x1b" not in text
    assert len(text) < 500


# --- session descriptions -----------------------------------------------------------------------------------

SDP = b"""v=0\r
m=video 0 RTP/AVP 96\r
a=rtpmap:96 H264/90000\r
a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==\r
a=rtcp-fb:* nack pli\r
a=control:trackID=0\r
a=recvonly\r
m=audio 0 RTP/AVP 0 97\r
a=control:rtsp://cam/trackID=1\r
a=rtpmap:97 MPEG4-GENERIC/16000/2\r
m=audio 0 RTP/AVP 0\r
a=control:back\r
a=sendonly\r
m=application 0 RTP/AVP 107\r
"""


def test_a_session_description() -> None:
    session = sdp.parse_sdp(SDP)
    video, audio, back = session.media
    assert video.kind is MediaKind.VIDEO
    assert video.formats[0].parameters["sprop-parameter-sets"].endswith("aMuMsg==")
    assert video.formats[0].feedback == ("nack pli",)
    assert [(f.encoding, f.clock_rate, f.channels) for f in audio.formats] == [
        ("PCMU", 8000, 1),
        ("MPEG4-GENERIC", 16000, 2),
    ]
    assert [medium.receivable for medium in session.media] == [True, True, False]
    assert back.control == "back"


@pytest.mark.parametrize(
    ("base", "control", "expected"),
    [
        ("rtsp://cam/main/", "trackID=1", "rtsp://cam/main/trackID=1"),
        ("rtsp://cam/main", "trackID=1", "rtsp://cam/main/trackID=1"),
        ("rtsp://cam/real?channel=1", "trackID=1", "rtsp://cam/real?channel=1/trackID=1"),
        ("rtsp://cam/main", "rtsp://10.0.0.1/x", "rtsp://10.0.0.1/x"),
        ("rtsp://cam/main", "", "rtsp://cam/main"),
    ],
)
def test_controls_are_appended(base: str, control: str, expected: str) -> None:
    assert sdp.control_url(base, control) == expected


@given(st.binary(max_size=400) | st.text(alphabet="vmao=: 0123456789/rtpmapfmtp;,\n", max_size=400).map(str.encode))
def test_any_session_description_is_read_or_refused(data: bytes) -> None:
    try:
        session = sdp.parse_sdp(data)
    except SourceError:
        return
    assert 0 < len(session.media) <= sdp.MAX_MEDIA


# --- framing ------------------------------------------------------------------------------------------------


class Collector:
    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.frames: list[tuple[int, bytes]] = []
        self.incoming = Deinterleaver(self.messages.append)
        for channel in (0, 1):
            self.incoming.handlers[channel] = self._handler(channel)

    def _handler(self, channel: int):  # type: ignore[no-untyped-def]
        return lambda data, arrival: self.frames.append((channel, bytes(data)))

    def feed(self, data: bytes) -> None:
        while data:
            room = self.incoming.room()
            size = min(len(room), len(data))
            assert size
            room[:size] = data[:size]
            self.incoming.filled(size, 0)
            data = data[size:]


def frame(channel: int, data: bytes) -> bytes:
    return b"$" + bytes((channel,)) + len(data).to_bytes(2, "big") + data


parts = st.lists(
    st.tuples(st.sampled_from([0, 1]), st.binary(max_size=300)).map(lambda made: ("frame", *made))
    | st.binary(max_size=40).map(lambda body: ("message", 0, body)),
    max_size=12,
)


@given(parts, st.lists(st.integers(1, 200), min_size=1, max_size=8))
def test_frames_and_messages_come_whole_however_they_are_cut(
    made: list[tuple[str, int, bytes]], cuts: list[int]
) -> None:
    wire = b"".join(
        frame(channel, data) if what == "frame" else b"RTSP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data
        for what, channel, data in made
    )
    collector = Collector()
    at = number = 0
    while at < len(wire):
        size = cuts[number % len(cuts)]
        collector.feed(wire[at : at + size])
        at, number = at + size, number + 1
    assert collector.frames == [(channel, data) for what, channel, data in made if what == "frame"]
    assert [message.body for message in collector.messages] == [data for what, _, data in made if what == "message"]


ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 7\r\nServer: a$b $\r\nContent-Length: 4\r\n\r\n"


@given(
    st.lists(st.tuples(st.integers(1, len(ANSWER) - 4), st.binary(max_size=60)), min_size=1, max_size=5),
    st.integers(1, 200),
)
def test_frames_in_the_middle_of_an_answer_are_taken_out_of_it(inside: list[tuple[int, bytes]], cut: int) -> None:
    inside.sort(key=lambda one: one[0])
    wire, at = b"", 0
    for where, data in inside:
        wire += ANSWER[at:where] + frame(0, data)
        at = where
    wire += ANSWER[at:] + b"body" + frame(1, b"behind")
    collector = Collector()
    for begin in range(0, len(wire), cut):
        collector.feed(wire[begin : begin + cut])
    assert collector.frames == [*((0, data) for _, data in inside), (1, b"behind")]
    (message,) = collector.messages
    assert isinstance(message, Response)
    assert (message.status, message.cseq, message.body) == (200, 7, b"body")
    assert message.headers.get("server") == "a$b $"
    assert collector.incoming.counts == {"inside": len(inside)}


def test_frames_without_end_in_one_answer_are_given_up() -> None:
    collector = Collector()
    with pytest.raises(ProtocolError, match="more than 64 frames in the middle of one message"):
        collector.feed(ANSWER[:30] + 65 * frame(0, b"x"))


@pytest.mark.parametrize("stray", [b"R", b"S", b"OP"])
def test_stray_bytes_that_a_message_could_begin_with_end_nothing(stray: bytes) -> None:
    collector = Collector()
    collector.feed(stray + 100 * frame(0, b"x") + ANSWER + b"body" + frame(0, b"behind"))
    assert len(collector.frames) == 101
    assert len(collector.messages) == 1
    assert collector.incoming.counts == {"stray": 1, "stray bytes": len(stray)}


@given(st.lists(st.binary(max_size=3000), max_size=20))
def test_noise_never_does_harm(pieces: list[bytes]) -> None:
    collector = Collector()
    try:
        for piece in pieces:
            collector.feed(piece)
    except ProtocolError:
        return
    assert sum(len(data) for _, data in collector.frames) <= sum(map(len, pieces))


def test_a_peer_that_speaks_something_else_is_given_up() -> None:
    with pytest.raises(ProtocolError, match="neither RTSP nor"):
        Collector().feed(b"\x16\x03\x01" * MAX_SKIP)


def test_a_frame_of_an_unknown_channel_is_passed_over() -> None:
    collector = Collector()
    collector.feed(frame(9, b"x$\x00\x00\x01y") + frame(0, b"yes"))
    assert collector.frames == [(0, b"yes")]
    assert collector.incoming.counts == {"unknown channel": 1}
