"""WHEP without a network: offers and answers, the group for newcomers, options."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.whep_kit import OFFER, kind

from camcast.errors import MissingDependency
from camcast.kinds import TransportKind
from camcast.media import NS_PER_MS, MediaKind, Packet, Track
from camcast.target import Target
from camcast_whip.offer import Local
from camcast_whip.whep.answer import sources, write_answer
from camcast_whip.whep.group import MAX_BYTES, MAX_PICTURES, Group, Unit
from camcast_whip.whep.offer import MAX_SECTIONS, NothingCommon, read_fragment, read_offer
from camcast_whip.whep.options import WhepOptions, address_of
from camcast_whip.whep.viewer import announced

__all__ = ["kind"]

VIDEO = Track(kind=MediaKind.VIDEO, codec="h264", config=bytes.fromhex("0164001fffe1"), frame_rate=25)
BASELINE = attrs.evolve(VIDEO, config=bytes.fromhex("0142c01effe1"))
AUDIO = Track(kind=MediaKind.AUDIO, codec="opus", sample_rate=48000, channels=2)
LOCAL = Local(
    username="abcd",
    password="secret-of-ours-0123456789",
    fingerprint="sha-256 12:34",
    candidates=("1 1 udp 2130706431 127.0.0.1 5000 typ host",),
)


def sections(text: str) -> list[list[str]]:
    """The lines of each media section."""
    found: list[list[str]] = []
    for line in text.split("\r\n"):
        if line.startswith("m="):
            found.append([])
        if found and line:
            found[-1].append(line)
    return found


# --- the offer --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("track", "payload_type", "repeats"), [(VIDEO, 100, 0), (BASELINE, 98, 99)])
def test_the_form_with_the_streams_own_profile_is_chosen(track: Track, payload_type: int, repeats: int) -> None:
    offer = read_offer(OFFER, [track, AUDIO])
    assert [one.taken is not None for one in offer.sections] == [True, True]
    (audio_mid, audio), (video_mid, video) = offer.taken
    assert (audio_mid, audio.payload_type, audio.mid_extension) == ("0", 111, 4)
    assert (video_mid, video.payload_type, video.repeat_payload_type) == ("1", payload_type, repeats)
    assert offer.remote.username == "wxyz"
    assert not offer.remote.active


def test_baseline_stands_for_a_profile_that_is_not_offered() -> None:
    offer = read_offer(OFFER.replace("64001f", "4d001f"), [VIDEO])
    assert [taken.profile for _, taken in offer.taken] == ["42e01f"]


def test_without_a_bundle_only_the_first_section_that_fits_is_taken() -> None:
    offer = read_offer(OFFER.replace("a=group:BUNDLE 0 1\n", ""), [VIDEO, AUDIO])
    assert [mid for mid, _ in offer.taken] == ["0"]
    assert "a=group:BUNDLE" not in write_answer(offer, sources(1), LOCAL, "us"), (
        "browsers take none that was not offered"
    )


@pytest.mark.parametrize("groups", ["a=group:BUNDLE 1", "a=group:BUNDLE 0\na=group:BUNDLE 1", "a=group:BUNDLE"])
def test_only_what_is_in_one_bundle_shares_a_transport(groups: str) -> None:
    offer = read_offer(OFFER.replace("a=group:BUNDLE 0 1", groups), [VIDEO, AUDIO])
    assert [mid for mid, _ in offer.taken] == ["0"]
    told = [line for line in write_answer(offer, sources(1), LOCAL, "us").split("\r\n") if "BUNDLE" in line]
    assert told == (["a=group:BUNDLE 0"] if "BUNDLE 0" in groups else [])


def test_what_is_no_media_of_ours_is_refused_in_its_place() -> None:
    more = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:2\n" + OFFER[OFFER.index("m=video") :].replace(
        "a=mid:1", "a=mid:3"
    )
    offer = read_offer((OFFER + more).replace("BUNDLE 0 1", "BUNDLE 0 1 2 3"), [VIDEO, AUDIO])
    answer = write_answer(offer, sources(2), LOCAL, "us")
    assert "a=group:BUNDLE 0 1" in answer.split("\r\n")
    refused = [lines[0].split()[1] == "0" for lines in sections(answer)]
    assert refused == [False, False, True, True]
    assert sections(answer)[2] == [
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=mid:2",
        "a=inactive",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=recvonly", "a=sendonly"),
        ("a=recvonly", "a=inactive"),
        ("a=rtcp-mux\n", ""),
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        ("packetization-mode=1", "packetization-mode=0"),
        ("H264/90000", "H265/90000"),
    ],
)
def test_a_viewer_that_cannot_take_the_picture_has_nothing_in_common(old: str, new: str) -> None:
    with pytest.raises(NothingCommon, match="what the stream has \\(h264\\)"):
        read_offer(OFFER.replace(old, new), [VIDEO])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no SDP"),
        ("v=0\n", "no media section"),
        ("v=0\n" + "a=x\n" * 3000, "3001 lines"),
        ("v=0\na=" + "x" * 5000, "5002 characters"),
        ("v=0\n" + "m=audio 9 UDP/TLS/RTP/SAVPF 0\n" * (MAX_SECTIONS + 1), "17 media sections"),
        (OFFER.replace("a=mid:0", "a=mid:a b"), "a=mid"),
        (OFFER.replace("a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=ice-pwd:short"), "impossible length"),
        (OFFER.replace("a=ice-ufrag:wxyz\n", ""), "no a=ice-ufrag"),
        (OFFER.replace("a=setup:actpass", "a=setup:holdconn"), "a=setup"),
        (OFFER.replace("m=video 9", "m=video x"), "a number up to 65535"),
    ],
)
def test_an_offer_that_cannot_be_used_is_told_and_not_quoted(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        read_offer(text, [VIDEO, AUDIO])
    assert not isinstance(caught.value, NothingCommon)
    assert "wxyz" not in str(caught.value)


@given(st.text(max_size=200), st.integers(0, len(OFFER)))
def test_whatever_stands_in_an_offer_it_is_read_or_refused(junk: str, at: int) -> None:
    for text in (junk, f"v=0\n{junk}", OFFER[:at] + junk + OFFER[at:]):
        try:
            offer = read_offer(text, [VIDEO, AUDIO])
        except ValueError:
            continue
        answer = write_answer(offer, sources(len(offer.taken)), LOCAL, "us")
        assert len(sections(answer)) == len(offer.sections)
        assert len(answer) < len(text) + 4000


def test_later_candidates_are_read_and_names_passed_over() -> None:
    text = (
        "a=ice-ufrag:wxyz\nm=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:0\n"
        "a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host generation 0\n"
        "a=candidate:2 1 udp 2122260223 3f1c7a1e.local 61764 typ host\n"
        "a=candidate:3 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\na=end-of-candidates\n"
    )
    assert read_fragment(text) == ("wxyz", ("1 1 udp 2122260223 192.0.2.1 61764 typ host",))
    with pytest.raises(ValueError, match="no candidate"):
        read_fragment("a=mid:0\n")


def test_candidates_that_come_later_are_addresses_as_those_of_an_offer() -> None:
    """Whoever watches has nobody looked up here."""
    named = "a=candidate:2 1 udp 2122260223 intern.example.com 61764 typ host\n"
    ours = "1 1 udp 2122260223 192.0.2.1 61764 typ host"
    assert read_fragment(f"{named}a=candidate:{ours}\n") == ("", (ours,))
    assert read_offer(OFFER.replace("a=mid:0\n", f"a=mid:0\n{named}"), [AUDIO]).remote.candidates == ()


@pytest.mark.parametrize(("mid", "number"), [("a" * 16, 4), ("a" * 17, 0)])
def test_a_mid_is_in_packets_where_it_fits(mid: str, number: int) -> None:
    """A longer one would be another extension's number and length."""
    offer = read_offer(OFFER.replace("a=mid:0", f"a=mid:{mid}").replace("BUNDLE 0", f"BUNDLE {mid}"), [AUDIO])
    assert [(name, taken.mid_extension) for name, taken in offer.taken] == [(mid, number)]
    assert ("extmap:4" in write_answer(offer, sources(1), LOCAL, "us")) is bool(number)


# --- the answer -------------------------------------------------------------------------------------------


def test_the_answer_keeps_the_offers_order_and_numbers() -> None:
    offer = read_offer(OFFER, [BASELINE, AUDIO])
    own = sources(2)
    answer = write_answer(offer, own, LOCAL, "us")
    audio, video = sections(answer)
    assert audio[0] == "m=audio 9 UDP/TLS/RTP/SAVPF 111"
    assert video[0] == "m=video 9 UDP/TLS/RTP/SAVPF 98 99"
    assert "a=fmtp:98 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f" in video
    assert {"a=sendonly", "a=rtcp-mux", "a=setup:active", "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid"} <= set(
        audio
    )
    assert not [line for line in video if line.startswith("a=extmap")]
    assert f"a=ssrc-group:FID {own[1].ssrc} {own[1].repeat_ssrc}" in video
    # Candidates of a bundle stand in its first section, and all of them are there.
    assert audio[-2:] == ["a=candidate:1 1 udp 2130706431 127.0.0.1 5000 typ host", "a=end-of-candidates"]
    assert "candidate" not in "".join(video)


def test_a_viewer_that_wants_to_begin_with_dtls_may() -> None:
    offer = read_offer(OFFER.replace("actpass", "active"), [BASELINE, AUDIO])
    assert write_answer(offer, sources(2), LOCAL, "us").count("a=setup:passive") == 2


def test_announced_addresses_stand_beside_the_first_of_their_version() -> None:
    own = [
        "f1 1 udp 2130706431 192.168.1.2 5000 typ host",
        "f2 1 udp 2130706431 10.0.0.2 5001 typ host",
        "f3 1 udp 2130706431 fd00::2 5002 typ host",
        "f4 1 udp 1694498815 203.0.113.9 5003 typ srflx",
    ]
    assert announced(own, ["203.0.113.7", "2001:db8::7"]) == [
        "a0 1 udp 2130706430 203.0.113.7 5000 typ host",
        "a2 1 udp 2130706430 2001:db8::7 5002 typ host",
    ]
    assert announced(own[:2], ["2001:db8::7"]) == []
    # Where a proxy or the page asks, this machine's own address is the first, and nobody else reaches its socket.
    here = "f0 1 udp 2130706431 127.0.0.1 4999 typ host"
    assert announced([here, *own], ["203.0.113.7"]) == ["a1 1 udp 2130706430 203.0.113.7 5000 typ host"]
    assert announced([here], ["203.0.113.7"]) == ["a0 1 udp 2130706430 203.0.113.7 4999 typ host"]


# --- the group --------------------------------------------------------------------------------------------


def picture(time: int, *, keyframe: bool = False, disposable: bool = False, size: int = 10) -> Unit:
    at = time * NS_PER_MS
    return Unit(Packet(VIDEO, at, at, keyframe, bytes(size), disposable), time)


def test_a_newcomer_gets_the_group_close_together_up_to_the_present() -> None:
    group = Group()
    assert group.replay() == []
    group.add(picture(0))
    assert group.replay() == [], "there is no keyframe to begin with"
    units = [picture(40, keyframe=True), picture(80), picture(120, disposable=True), picture(160)]
    for unit in units:
        group.add(unit)
    assert group.replay() == [(units[0], 158), (units[1], 159), (units[3], 160)]
    group.add(picture(200, keyframe=True))
    assert [time for _, time in group.replay()] == [200]


@pytest.mark.parametrize(
    ("count", "size", "kept"),
    [(MAX_PICTURES, 10, True), (MAX_PICTURES + 1, 10, False), (4, MAX_BYTES // 4, True), (5, MAX_BYTES // 4, False)],
)
def test_a_group_that_is_too_long_is_nobodys(count: int, size: int, kept: bool) -> None:
    group = Group()
    for number in range(count):
        group.add(picture(number * 40, keyframe=number == 0, size=size))
    assert len(group.replay()) == (count if kept else 0)
    group.add(picture(count * 40))
    group.add(picture(count * 40 + 40, keyframe=True))
    assert len(group.replay()) == 1


# --- options ----------------------------------------------------------------------------------------------


def checked(kind: TransportKind, url: str, **options: object) -> None:
    kind.check(Target(url=url, options=WhepOptions(**options)))  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["whep://127.0.0.1:8889/gate", "whep://localhost/a/b", "whep://[::1]:1/x"])
def test_this_machine_alone_needs_no_token(kind: TransportKind, url: str) -> None:
    checked(kind, url)


def test_other_machines_need_a_token(kind: TransportKind) -> None:
    with pytest.raises(ValueError, match="lets other machines in, so it needs a token"):
        checked(kind, "whep://0.0.0.0:8889/gate")
    checked(kind, "whep://0.0.0.0:8889/gate", token="a-token")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("whep://", "expected a URL like"),
        ("whep://127.0.0.1:0/x", "expected a URL like"),
        ("whep://127.0.0.1", "expected a path"),
        ("whep://127.0.0.1/a//b", "expected a path"),
        ("whep://127.0.0.1/a?token=b", "expected a path"),
        ("whep://media.example/a", "expected one, like 127.0.0.1, or 0.0.0.0"),
        ("whep://user:pw@127.0.0.1/a", "no user or password"),
        ("wheps://127.0.0.1/a", "wheps:// needs both"),
    ],
)
def test_a_url_that_cannot_work_is_told(kind: TransportKind, url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        checked(kind, url)
    assert "pw" not in str(caught.value)


def test_a_certificate_belongs_to_wheps(kind: TransportKind) -> None:
    with pytest.raises(ValueError, match="belong to wheps"):
        checked(kind, "whep://127.0.0.1/a", certificate="a.pem", certificate_key="a.key")
    with pytest.raises(ValueError, match="belong to wheps"):
        checked(kind, "wheps://127.0.0.1/a", certificate="a.pem")
    checked(kind, "wheps://127.0.0.1/a", certificate="a.pem", certificate_key="a.key")


@pytest.mark.parametrize(
    "options",
    [
        {"origins": ("www.example.com",)},
        {"origins": ("https://www.example.com/page",)},
        {"announce": ("media.example",)},
        {"token": ""},
        {"viewers": 0},
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        WhepOptions(**options)  # type: ignore[arg-type]


def test_names_tell_outputs_apart_and_hold_no_token(kind: TransportKind) -> None:
    one = Target(url="whep://127.0.0.1/a", options=WhepOptions(token="hidden-7"))
    assert kind.publish_name(one) == "127.0.0.1:8889/a" == kind.publish_name(attrs.evolve(one, options=WhepOptions()))
    assert kind.publish_name(attrs.evolve(one, url="whep://127.0.0.1/b")) != kind.publish_name(one)
    assert kind.waits(one)
    assert "hidden-7" not in repr(one.options)
    assert address_of(attrs.evolve(one, url="whep://[::1]:99/a")).place == "[::1]:99"


def test_an_address_to_send_from_changes_nothing_and_is_told(kind: TransportKind) -> None:
    one = Target(url="whep://127.0.0.1/a", options=WhepOptions())
    assert kind.remarks(one) == ()
    assert "`bind` changes nothing" in kind.remarks(attrs.evolve(one, bind="127.0.0.1"))[0]


def test_a_missing_library_is_told_with_the_line_that_helps(
    kind: TransportKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camcast_whip.whep.kind.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"pip install 'camcast\[whip\]'"):
        kind.available()
