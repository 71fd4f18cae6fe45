"""WHIP's texts: the offer as aiortc reads it, answers right and wrong, Link headers, URLs and options."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from aiortc import sdp
from hypothesis import given
from hypothesis import strategies as st

from camcast.config.hosted import check_target
from camcast.config.place import Report
from camcast.config.target import TargetConfig
from camcast.errors import MissingDependency
from camcast.host import PluginHost
from camcast.media import MediaKind, Track
from camcast.target import Target
from camcast_whip import camcast_transports
from camcast_whip.answer import read_answer
from camcast_whip.links import ice_servers
from camcast_whip.offer import Local, offered, write_offer
from camcast_whip.options import IceServer, WhipOptions, place_of
from camcast_whip.sdp import MAX_CANDIDATES

VIDEO = Track(kind=MediaKind.VIDEO, codec="h264", config=bytes.fromhex("0164001fffe1"), frame_rate=25)
BASELINE = Track(kind=MediaKind.VIDEO, codec="h264", config=bytes.fromhex("0142e01fffe1"))
AUDIO = Track(kind=MediaKind.AUDIO, codec="opus", sample_rate=48000, channels=2)
LOCAL = Local(
    username="abcd",
    password="0123456789abcdefghijkl",
    fingerprint="sha-256 " + ":".join(["AB"] * 32),
    candidates=("1 1 udp 2130706431 192.0.2.1 5000 typ host",),
)
OFFER = offered([VIDEO, AUDIO])


def test_the_offer_as_another_implementation_reads_it() -> None:
    text = write_offer(OFFER, LOCAL, "cafe")
    read = sdp.SessionDescription.parse(text)
    assert [media.kind for media in read.media] == ["video", "audio"]
    assert read.group[0].items == ["0", "1"]
    video, audio = read.media
    for media, own in zip(read.media, OFFER, strict=True):
        assert media.direction == "sendonly"
        assert media.rtcp_mux
        assert media.ice.usernameFragment == "abcd"  # type: ignore[union-attr]
        assert media.dtls.role == "auto"  # type: ignore[union-attr]
        assert media.ssrc[0].ssrc == own.ssrc
        assert media.ice_candidates[0].ip == "192.0.2.1"
        assert media.ice_candidates_complete
    profiles = [codec.parameters["profile-level-id"] for codec in video.rtp.codecs if codec.name == "H264"]
    assert profiles == ["64001f", "42e01f"]
    assert video.ssrc_group[0].items == [OFFER[0].ssrc, OFFER[0].repeat_ssrc]
    assert [codec.name for codec in audio.rtp.codecs] == ["opus"]
    assert audio.rtp.codecs[0].parameters["stereo"] == 1


def test_a_baseline_stream_is_offered_once() -> None:
    (own,) = offered([BASELINE])
    assert own.profiles == ("42e01f",)
    assert "a=rtpmap:98" not in write_offer([own], LOCAL, "cafe")


ANSWER = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=ice-lite
a=fingerprint:sha-256 {fingerprint}
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=ice-ufrag:wxyz
a=ice-pwd:0123456789012345678901
a=setup:passive
a=mid:0
a=recvonly
a=rtcp-mux
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1;profile-level-id=64001f
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=candidate:1 1 UDP 2130706431 192.0.2.7 8189 typ host generation 0
a=candidate:2 1 tcp 2130706431 192.0.2.7 8189 typ host tcptype passive
a=candidate:3 1 udp 2130706431 8f6c.local 8189 typ host
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=ice-ufrag:wxyz
a=ice-pwd:0123456789012345678901
a=setup:passive
a=mid:1
a=recvonly
a=rtpmap:111 opus/48000/2
""".format(fingerprint=":".join(["cd"] * 32))


def test_an_answer() -> None:
    answer = read_answer(ANSWER, OFFER)
    assert answer.username == "wxyz"
    assert answer.lite
    assert not answer.active
    assert answer.fingerprints == (("sha-256", ":".join(["CD"] * 32)),)
    assert answer.candidates == ("1 1 udp 2130706431 192.0.2.7 8189 typ host",)
    assert answer.named == ()
    video, audio = answer.tracks
    assert (video.payload_type, video.repeat_payload_type, video.mid_extension) == (96, 97, 4)
    assert video.profile == "64001f"
    assert (audio.payload_type, audio.repeat_payload_type, audio.mid_extension) == (111, 0, 0)
    assert "012345" not in repr(answer)


def test_candidates_by_name_are_apart_and_few() -> None:
    names = [
        "sfu.example.com",
        "SFU-1.example.com",
        "8f6c.local",
        "8f6c.local.",
        "my_sfu",
        "-x.example.com",
        "2130706433",
        "127.1",
        "x..com",
    ]
    names += [f"h{number}.example.com" for number in range(10)]
    lines = "\n".join(f"a=candidate:1 1 udp 1 {name} 9000 typ host" for name in names)
    answer = read_answer(ANSWER.replace("a=mid:0", lines), OFFER)
    assert [line.split()[4] for line in answer.named] == [
        "sfu.example.com",
        "SFU-1.example.com",
        "my_sfu",
        "h0.example.com",
    ]
    assert len(answer.candidates) == 1


def test_a_refused_track() -> None:
    refused = read_answer(ANSWER.replace("m=audio 9", "m=audio 0"), OFFER)
    assert [track.payload_type for track in refused.tracks] == [96, 0]
    inactive = read_answer(ANSWER.replace("a=recvonly", "a=inactive", 1), OFFER)
    assert [track.payload_type for track in inactive.tracks] == [0, 111]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("v=0", "<html>", "no SDP"),
        ("a=setup:passive", "a=setup:holdconn", "active or passive"),
        ("a=ice-pwd:0123456789012345678901", "a=ice-pwd:short", "length"),
        ("a=fingerprint", "a=nothing", "fingerprint"),
        ("H264", "VP8", "111"),
        ("m=video 9", "m=video x", "number"),
        ("m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 9", "too short"),
        ("SAVPF 96 97", "SAVPF 0", "111"),
        ("m=audio", "m=text", "96"),
        ("m=", "a=", "none of the offered"),
        ("s=-", "s=" + "x" * 5000, "characters"),
        ("s=-", "\n".join(["a=x"] * 3000), "lines"),
    ],
)
def test_answers_that_cannot_be_used(old: str, new: str, words: str) -> None:
    text = ANSWER.replace(old, new)
    if words in ("96", "111"):  # only one is refused: the other carries the transport
        taken = [0, 111] if words == "111" else [96, 0]
        assert [track.payload_type for track in read_answer(text, OFFER).tracks] == taken
        return
    with pytest.raises(ValueError, match=words):
        read_answer(text, OFFER)


@pytest.mark.parametrize(
    ("types", "maps", "taken"),
    [
        ("102 97", "a=rtpmap:102 H264/90000\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=102", 102),
        ("103 102 96", "a=rtpmap:103 VP8/90000\na=rtpmap:102 h264/90000", 102),
        ("96", "", 96),
        ("35", "", 0),
        ("96", "a=rtpmap:96 VP8/90000", 0),
    ],
)
def test_payload_types_are_those_of_the_answer(types: str, maps: str, taken: int) -> None:
    """A server numbers them as it likes (RFC 3264 §6.1)."""
    text = ANSWER.replace("a=rtpmap:96 H264/90000\n", f"{maps}\n").replace("SAVPF 96 97", f"SAVPF {types}")
    text = text.replace("a=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n", "")
    video, audio = read_answer(text, OFFER).tracks
    assert [video.payload_type, audio.payload_type] == [taken, 111]
    assert video.repeat_payload_type == (97 if "apt=102" in maps else 0)


@pytest.mark.parametrize(("role", "active"), [("active", True), ("passive", False), ("actpass", False), ("", False)])
def test_who_begins_with_dtls(role: str, active: bool) -> None:
    line = f"a=setup:{role}\n" if role else ""
    assert read_answer(ANSWER.replace("a=setup:passive\n", line), OFFER).active is active


def test_candidates_of_no_use_leave_the_server_to_come_to_us() -> None:
    """Until there is one of use, more may come: the server's own checks, for example."""
    over_tcp = ANSWER.replace(" UDP ", " tcp ").replace("a=candidate:3", "a=nothing:3")
    assert (read_answer(over_tcp, OFFER).complete, read_answer(over_tcp, OFFER).tcp_only) == (False, True)
    mdns = ANSWER.replace("192.0.2.7", "8f6d.local")
    assert (read_answer(mdns, OFFER).complete, read_answer(mdns, OFFER).tcp_only) == (False, False)
    assert (read_answer(ANSWER, OFFER).complete, read_answer(ANSWER, OFFER).tcp_only) == (True, False)


def test_too_many_candidates_are_cut() -> None:
    many = "\n".join(f"a=candidate:1 1 udp 1 192.0.2.1 {port} typ host" for port in range(1000, 1200))
    assert len(read_answer(ANSWER.replace("a=mid:0", many), OFFER).candidates) == MAX_CANDIDATES


@given(st.lists(st.tuples(st.integers(0, ANSWER.count("\n") - 1), st.text(max_size=40)), max_size=8))
def test_damaged_answers_end_in_a_value_error(changes: list[tuple[int, str]]) -> None:
    lines = ANSWER.splitlines()
    for at, text in changes:
        lines[at] = lines[at][: len(text)] + text
    try:
        answer = read_answer("\n".join(lines), OFFER)
    except ValueError:
        return
    assert any(track.payload_type for track in answer.tracks)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (['<stun:stun.example.net>; rel="ice-server"'], [IceServer(url="stun:stun.example.net")]),
        (
            [
                '<turn:t.example.net?transport=udp>; rel="ice-server"; username="us\\"er"; credential="my,pass;word"',
                ", <stun:s.example.net:3478>; rel=ice-server; credential-type=password",
            ],
            [
                IceServer(url="turn:t.example.net?transport=udp", username='us"er', credential="my,pass;word"),
                IceServer(url="stun:s.example.net:3478"),
            ],
        ),
        (['<https://example.net>; rel="next"', "nonsense", '<http://x>; rel="ice-server"', "<", ""], []),
        (['<turn:t.example.net>; rel="ice-server"; credential-type="oauth"'], []),
        (['<stun:s.example.net>; rel="ice-server", ' * 100], [IceServer(url="stun:s.example.net")] * 16),
    ],
)
def test_link_headers(headers: list[str], expected: list[IceServer]) -> None:
    assert list(ice_servers(headers)) == expected


@given(st.text(alphabet='<>;=", \\stun:rel-ice-server', max_size=300))
def test_any_link_header_is_read(text: str) -> None:
    assert len(ice_servers([text])) <= 16


def test_a_credential_is_not_shown() -> None:
    assert "geheim" not in repr(IceServer(url="turn:t.example.net", credential="geheim"))
    assert "geheim" not in repr(WhipOptions(token="geheim"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("whip://host/a/b?c=d", ("http://host/a/b?c=d", "host", 80)),
        ("whips://host/a%2Fb", ("https://host/a%2Fb", "host", 443)),
        ("https://[2001:db8::1]:8443/x", ("https://[2001:db8::1]:8443/x", "2001:db8::1", 8443)),
    ],
)
def test_where_a_url_leads(url: str, expected: tuple[str, str, int]) -> None:
    place = place_of(Target(url=url), WhipOptions())
    assert (place.url, place.host, place.port) == expected


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"url": "whip:///x"}, "whips://host/path"),
        ({"url": "whip://user:geheim@host/x"}, "token"),
        ({"url": "whip://host/x#geheim"}, "fragment"),
        ({"url": "whip://host:99999/x"}, "whips://host/path"),
        ({"url": "whip://host/x", "proxy": "http://p:1"}, "UDP"),
        ({"url": "whip://host/x", "insecure": True}, "whips://"),
        ({"url": "whips://host/x", "fingerprint": "12"}, "64 hex"),
        ({"url": "whips://host/x", "ca_file": "/nowhere"}, "no file"),
        ({"url": "whip://host/x", "bind": "eth0"}, "IP address"),
        ({"url": "whip://host/x", "app": "live"}, "no app"),
        ({"url": "whip://host/x", "stream_key": "geheim", "options": WhipOptions(token="other")}, "differ"),
        ({"url": "whip://host/x", "options": WhipOptions(relay_only=True, link_ice_servers=False)}, "TURN"),
    ],
)
def test_targets_that_cannot_work(fields: dict[str, Any], words: str) -> None:
    kind, _ = camcast_transports()
    with pytest.raises(ValueError, match=words) as caught:
        kind.check(Target(**fields))
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "path", "words"),
    [
        ({"token": "two words"}, "options.token", "expected printable ASCII"),
        ({"ice_servers": [{"url": "turn:user:geheim@host"}]}, "options.ice_servers[0].url", "stun:host:port"),
        ({"packet_size": 9000}, "options.packet_size", "must be <= 1380, got 9000"),
        ({"tokken": "geheim"}, "options.tokken", 'did you mean "token"'),
    ],
)
def test_options_are_checked_with_the_configuration(options: dict[str, Any], path: str, words: str) -> None:
    config = TargetConfig(url="whips://host/x", options=options)
    report = Report()
    kind = check_target(PluginHost(), config, report.root(), report.root().at("url"))
    (issue,) = report.issues
    assert kind is not None
    assert kind.name == "whip"
    assert issue.path == path
    assert words in issue.message
    assert "geheim" not in str(issue)


def test_names_differ_by_path_and_token_and_hold_neither() -> None:
    kind, _ = camcast_transports()
    names = [
        kind.publish_name(Target(url="whip://host/cam1", options=WhipOptions(token="geheim"))),
        kind.publish_name(Target(url="whip://host/cam1", options=WhipOptions(token="other"))),
        kind.publish_name(Target(url="whip://host/cam2", options=WhipOptions(token="geheim"))),
    ]
    assert len(set(names)) == 3
    assert "geheim" not in "".join(names)
    assert "cam1" not in "".join(names)
    same = Target(url="http://host:80/cam1", options=WhipOptions(token="geheim"))
    assert kind.publish_name(same).startswith("host:80/")


def test_without_the_libraries_the_line_to_install_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("camcast_whip.kind.find_spec", lambda name: None if name == "aiortc" else object())
    kind, _ = camcast_transports()
    with pytest.raises(MissingDependency, match=r"needs aiortc: pip install 'camcast\[whip\]'$"):
        kind.available()


def test_listing_imports_nothing_heavy() -> None:
    import subprocess

    code = (
        "import sys; from camcast_whip import camcast_transports; [k.available() for k in camcast_transports()]; "
        "print([m for m in ('aiortc', 'aiohttp', 'av', 'aioice') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
