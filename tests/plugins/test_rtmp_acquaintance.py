"""Which server an attempt has met: what it is told from, what the next attempt knows, and when this one ends."""

from __future__ import annotations

import attrs
import pytest
from tests.plugins.test_rtmp_profiles import NGINX, SAID

from camcast.errors import NetworkError
from camcast.kinds import Confidence
from camcast.media import MediaKind, Track
from camcast.target import Target
from camcast_kit_rtmp import urls
from camcast_rtmp.acquaintance import Acquaintance
from camcast_rtmp.client import Connected
from camcast_rtmp.memory import ShownServers

TARGET = Target(url="rtmp://h/live/very-secret")
LIKE_ANOTHER = Connected(NGINX, SAID, "echo window 5000000 chunks 60000")
"""Which server it is, its words at the start of publishing tell alone."""
H265, H264 = (Track(codec=codec, kind=MediaKind.VIDEO) for codec in ("h265", "h264"))


def acquaintance(shown: ShownServers, target: Target = TARGET) -> Acquaintance:
    return Acquaintance(target, urls.parse(target), shown)


def test_it_is_nobody_until_it_has_answered() -> None:
    one = acquaintance(ShownServers())
    assert (one.who, one.findings) == ("", ())
    one.introduced(LIKE_ANOTHER, 0.0)
    assert one.who == "FMS/3,0,1,123 echo window 5000000 chunks 60000"


def test_each_finding_is_told_once_in_its_order_and_without_the_key() -> None:
    one = acquaintance(ShownServers())
    one.found("TLS 1.3")
    one.introduced(attrs.evolve(LIKE_ANOTHER, info={**SAID, "description": "hello very-secret"}), 0.0)
    one.found("TLS 1.3")
    assert one.findings[0] == "TLS 1.3"
    assert "the server accepts the application" in one.findings[1]
    assert "hello" in one.findings[1]
    assert "very-secret" not in " ".join(one.findings)
    assert len(one.findings) == len(set(one.findings))


def test_what_its_words_showed_ends_the_attempt_that_means_another_and_the_next_one_knows() -> None:
    shown = ShownServers()
    first = acquaintance(shown)
    before = first.introduced(LIKE_ANOTHER, 0.0)
    assert before is not None
    assert before.take("h265").confidence is not Confidence.NO
    why = first.began("Start publishing", [H265, H264], 1.0)
    assert isinstance(why, NetworkError)
    assert "it is nginx-rtmp-module, which does not take h265; the next attempt sends what it takes" in str(why)
    second = acquaintance(shown)
    after = second.introduced(LIKE_ANOTHER, 2.0)
    assert after is not None
    assert after.take("h265").confidence is Confidence.NO
    assert second.began("Start publishing", [H265], 3.0) is None, "it was known: whatever is sent is meant for it"


def test_who_takes_what_is_sent_ends_nothing_and_is_remembered() -> None:
    shown = ShownServers()
    one = acquaintance(shown)
    one.introduced(LIKE_ANOTHER, 0.0)
    assert one.began("Start publishing", [H264], 1.0) is None
    assert shown.of(urls.parse(TARGET), 1.0) == "nginx-rtmp"


def test_other_words_at_its_place_make_it_forgotten() -> None:
    shown = ShownServers()
    shown.remember(urls.parse(TARGET), "nginx-rtmp", 0.0)
    one = acquaintance(shown)
    one.introduced(LIKE_ANOTHER, 1.0)
    assert one.began("somebody else's words", [H265], 1.0) is None
    assert shown.of(urls.parse(TARGET), 1.0) == ""


@pytest.mark.parametrize("words", ["Start publishing", ""])
def test_a_server_that_the_target_names_is_told_by_nothing_else(words: str) -> None:
    shown = ShownServers()
    one = acquaintance(shown, attrs.evolve(TARGET, server="srs"))
    one.introduced(LIKE_ANOTHER, 0.0)
    assert one.began(words, [H265], 1.0) is None
    assert shown.of(urls.parse(TARGET), 1.0) == ""
