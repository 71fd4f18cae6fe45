"""Server profiles: what each takes, in which form, and what an answer may add."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from camcast.host import PluginHost
from camcast.kinds import Acceptance, Confidence, Take
from camcast.media import MediaKind
from camcast.target import Target
from camcast_rtmp.client import Connected
from camcast_rtmp.profiles import accepts, from_answer, profiles, shown_by

PLATFORMS = PluginHost().platforms
YES, UNKNOWN, NO = Confidence.YES, Confidence.UNKNOWN, Confidence.NO


def placed(url: str, **fields: Any) -> Target:
    return PLATFORMS.placed(Target(url=url, **fields))


def of(server: str, **forms: str) -> Acceptance:
    return accepts(placed("rtmp://h/live/k", server=server, forms=forms))


@pytest.mark.parametrize(
    ("server", "h265", "av1", "vp9", "opus", "g711a"),
    [
        ("auto", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        ("nginx-rtmp", NO, NO, NO, NO, YES),
        ("node-media-server", YES, YES, YES, YES, YES),
        ("node-media-server-2", YES, YES, NO, NO, YES),
        ("srs", YES, NO, NO, NO, NO),
        ("mediamtx", YES, YES, YES, YES, YES),
        ("go2rtc", YES, NO, NO, NO, NO),
        ("zlmediakit", YES, NO, NO, YES, YES),
        ("youtube", YES, YES, NO, NO, NO),
        ("twitch", NO, NO, NO, NO, NO),
        ("facebook", NO, NO, NO, NO, NO),
    ],
)
def test_who_takes_what(
    server: str, h265: Confidence, av1: Confidence, vp9: Confidence, opus: Confidence, g711a: Confidence
) -> None:
    found = of(server)
    assert found.take("h264") == Take(YES, "legacy")
    assert found.take("aac") == Take(YES, "legacy")
    names = ("h265", "av1", "vp9", "opus", "g711a")
    assert tuple(found.take(name).confidence for name in names) == (h265, av1, vp9, opus, g711a)
    assert found.take("made-up").confidence is (UNKNOWN if server == "auto" else NO)


@pytest.mark.parametrize(
    ("server", "asked", "form"),
    [
        ("auto", "enhanced", "enhanced"),
        ("auto", "legacy", "legacy"),
        ("srs", "legacy", "legacy"),
        ("srs", "", "enhanced"),
        ("node-media-server", "legacy", "enhanced"),
        ("hevc-legacy", "enhanced", "legacy"),
    ],
)
def test_the_form_asked_for_where_the_server_knows_it(server: str, asked: str, form: str) -> None:
    assert of(server, h265=asked).take("h265").form == form


def test_every_profile_is_whole() -> None:
    assert not set(profiles()) & set(PLATFORMS.by_name)
    for name, profile in profiles().items():
        found = of(name)
        assert profile.title
        assert found.fallback == {MediaKind.VIDEO: "h264", MediaKind.AUDIO: "aac"}
        assert set(found.choices) == set(profiles()) - {"auto"}, "platforms are known by where they are"
        assert not found.needs_audio
        assert found.another_picture
        assert not set(profile.yes) & set(profile.unknown)


def answer(properties: dict[str, object], info: dict[str, object], server: str = "auto") -> Acceptance | None:
    return from_answer(Target(url="rtmp://h/live/k", server=server), Connected(properties, info))


NGINX = {"fmsVer": "FMS/3,0,1,123", "capabilities": 31.0}


@pytest.mark.parametrize(
    ("told", "tracks"), [({"capsEx": 3.0}, YES), ({"capsEx": 1.0}, NO), ({"capsEx": "3"}, NO), ({}, UNKNOWN)]
)
def test_whether_several_tracks_are_taken(told: dict[str, object], tracks: Confidence) -> None:
    found = answer({"fmsVer": "ours", **told}, {})
    assert (of("auto") if found is None else found).tracks is tracks
    assert (of("auto") if found is None else found).take("h264") == of("auto").take("h264")


def test_who_takes_several_tracks() -> None:
    assert {name for name in profiles() if of(name).tracks is YES} == {"camcast", "ffmpeg", "mediamtx", "multitrack"}
    assert {name for name in profiles() if of(name).tracks is UNKNOWN} == {"auto", "generic"}
    known = answer({"fmsVer": "LNX 9,0,124,2", "capsEx": 1.0}, {})
    assert known is not None
    assert (known.take("av1"), known.tracks) == (Take(YES, "enhanced"), NO), "what it says of itself stands"
    assert answer({"capsEx": 0.0}, {}, server="multitrack") is None, "what the user says stands"


def test_answers_that_say_nothing() -> None:
    assert answer(NGINX, {"code": "NetConnection.Connect.Success"}) is None
    assert answer({}, {"code": "NetConnection.Connect.Success"}) is None


def test_distinctive_answers() -> None:
    srs = answer({"fmsVer": "FMS/3,5,3,888"}, {"data": {"srs_server": "SRS/7.0.18(Kai)"}})
    assert srs is not None
    assert (srs.take("h265").confidence, srs.take("av1").confidence) == (YES, NO)
    mediamtx = answer({"fmsVer": "LNX 9,0,124,2"}, {})
    assert mediamtx is not None
    assert mediamtx.take("av1") == Take(YES, "enhanced")
    assert answer({"fmsVer": "LNX 9,0,124,2"}, {}, server="nginx-rtmp") is None


@pytest.mark.parametrize(
    ("told", "h265", "av1", "opus"),
    [
        ({"videoFourCcInfoMap": {"hvc1": 1.0, "av01": 2.0}}, YES, NO, UNKNOWN),
        ({"videoFourCcInfoMap": {"hvc1": 4.0}, "audioFourCcInfoMap": {"Opus": 7.0}}, YES, NO, YES),
        ({"videoFourCcInfoMap": {"*": 5.0}, "audioFourCcInfoMap": {}}, YES, YES, NO),
        ({"fourCcList": ["hvc1", "Opus"]}, YES, NO, YES),
        ({"fourCcList": ["*"]}, YES, YES, YES),
        ({"videoFourCcInfoMap": {"hvc1": float("nan"), "av01": "x"}}, NO, NO, UNKNOWN),
        ({"videoFourCcInfoMap": {"hvc1": float("inf")}}, NO, NO, UNKNOWN),
        ({"videoFourCcInfoMap": None}, UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_enhanced_properties_decide(
    told: dict[str, object], h265: Confidence, av1: Confidence, opus: Confidence
) -> None:
    for found in (answer(NGINX, told), answer({**NGINX, **told}, {})):
        assert found is not None
        assert found.take("h264") == Take(YES, "legacy")
        assert [found.take(name).confidence for name in ("h265", "av1", "opus")] == [h265, av1, opus]


SAID: dict[str, object] = {
    "level": "status",
    "code": "NetConnection.Connect.Success",
    "description": "Connection succeeded.",
    "objectEncoding": 0.0,
}
MANNER = "echo window 5000000 chunks 4096"


@pytest.mark.parametrize(
    ("manner", "more", "h265"),
    [
        (MANNER, {}, NO),
        ("echo window 5000000 chunks 65535", {}, YES),
        # Others use its words, but not all of its ways.
        ("hello window 5000000 chunks 4096", {}, None),
        ("echo window 2500000 chunks 4096", {}, None),
        ("echo window 5000000 chunks 8192", {}, UNKNOWN),
        ("echo window 5000000 chunks 4000", {}, NO),
        ("echo window 5000000 chunks 128", {"version": "lal0.37"}, None),
        (MANNER, {"version": "lal0.37"}, None),
        (MANNER, {"data": {}}, None),
    ],
)
def test_servers_are_told_by_all_that_they_say_and_do(
    manner: str, more: dict[str, object], h265: Confidence | None
) -> None:
    found = from_answer(Target(url="rtmp://h/live/k"), Connected(NGINX, {**SAID, **more}, manner))
    assert (found and found.take("h265").confidence) == h265


@pytest.mark.parametrize(
    ("chunks", "said", "shown"),
    [
        (60000, "Start publishing", "nginx-rtmp"),
        (60000, "/live/k is now published.", ""),
        (60000, "", ""),
        # It is known by its answer, or is somebody else's.
        (4096, "Start publishing", ""),
    ],
)
def test_nginx_is_told_from_who_answers_likewise_by_its_words_at_the_start(chunks: int, said: str, shown: str) -> None:
    target = Target(url="rtmp://h/live/k")
    answer = Connected(NGINX, SAID, f"echo window 5000000 chunks {chunks}")
    assert shown_by(target, answer, said) == shown
    assert shown_by(Target(url=target.url, server="srs"), answer, said) == ""
    found = from_answer(target, answer, shown)
    assert found is not None
    assert found.take("h265").confidence == (Confidence.YES if chunks == 60000 and not shown else NO)
    # Another server that is there now is judged by its own answer.
    other = Connected(NGINX, {**SAID, "data": {}}, MANNER)
    assert from_answer(target, other, shown) is None


def test_who_was_named_is_not_guessed() -> None:
    target = Target(url="rtmp://h/live/k", server="srs")
    assert from_answer(target, Connected(NGINX, SAID, MANNER)) is None


def test_what_a_server_says_of_codecs_counts_where_only_its_host_told_what_it_is() -> None:
    told = {"videoFourCcInfoMap": {"vp09": 1.0}}
    guessed = placed("rtmps://a.rtmps.youtube.com/live2/k")
    found = from_answer(guessed, Connected({}, told))
    assert found is not None
    assert found.codecs["vp9"].confidence is Confidence.YES
    assert from_answer(guessed, Connected({}, {})) is None
    assert from_answer(placed(guessed.url, server="youtube"), Connected({}, told)) is None


def test_names_of_amazons_are_not_taken_for_twitchs() -> None:
    assert accepts(placed("rtmp://sfo.contribute.live-video.net/app/k")) == of("twitch")
    assert accepts(placed("rtmps://a1.global-contribute.live-video.net:443/app/k")) == of("ivs")
    assert accepts(placed("rtmps://fa723fc1b171.global-contribute.live-video.net/app/k")) == of("kick")


def test_of_a_platform_that_is_hardly_known_nobody_says_more_than_of_any_server() -> None:
    assert attrs.evolve(of("tiktok"), another_picture=True) == of("auto")
    said = Connected({"fmsVer": "LNX 9,0,124,2"}, {})
    assert from_answer(placed("rtmp://push.tiktok.com/live/k"), said) is not None
    assert of("restream").take("h265").confidence is NO
    assert of("restream").take("opus") == of("auto").take("opus")


def test_what_a_platform_wants_is_asked_of_its_data() -> None:
    assert {name for name in PLATFORMS.by_name if of(name).needs_audio} == {"youtube", "facebook"}
    assert not any(of(name).another_picture for name in PLATFORMS.by_name)
    assert of("youtube", h265="legacy").take("h265") == Take(YES, "enhanced")
