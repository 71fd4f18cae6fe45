"""Which stream a session belongs to, what it is called, and what it publishes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.world import World

from camcast.config import SessionConfig, TargetConfig
from camcast.errors import ConfigError
from camcast.events import SessionKey
from camcast.session.naming import Claims, numbered, placed, published

STREAMS = {0: "main", 1: "sub", 4: "alarm"}


def session(**settings: Any) -> SessionConfig:
    return SessionConfig(camera_id=3, **{"url": "mem://a/key", **settings})


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, (0, "main")),
        ({"stream_name": "sub"}, (1, "sub")),
        ({"stream_id": 1}, (1, "sub")),
        ({"stream_id": 4, "stream_name": "alarm"}, (4, "alarm")),
        ({"stream_id": 0}, (0, "main")),
    ],
)
def test_a_stream_is_found_by_its_number_or_its_name(given: dict[str, object], found: tuple[int, str]) -> None:
    one = placed(session(**given), STREAMS)
    assert (one.stream_id, one.stream_name) == found
    assert one.label == f"cam3_{found[1]}"


def test_a_stream_called_otherwise_gives_its_name() -> None:
    assert placed(session(), {0: "hd"}).label == "cam3_hd"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"stream_name": "suub"}, 'stream_name: camera 3 has no stream "suub"; known: 0 "main", 1 "sub", 4 "alarm"'),
        ({"stream_id": 2}, 'stream_id: camera 3 has no stream 2; known: 0 "main", 1 "sub", 4 "alarm"'),
        (
            {"stream_id": 0, "stream_name": "alarm"},
            'stream_id: 0 is not the stream "alarm" of camera 3; known: 0 "main", 1 "sub", 4 "alarm"; give one of both',
        ),
        (
            {"stream_id": 4, "stream_name": "sub"},
            'stream_id: 4 is not the stream "sub" of camera 3; known: 0 "main", 1 "sub", 4 "alarm"; give one of both',
        ),
    ],
)
def test_a_stream_that_is_not_there_is_an_error_with_those_that_are(given: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError) as error:
        placed(session(**given), STREAMS)
    assert str(error.value) == told


def test_a_camera_without_streams_has_none() -> None:
    with pytest.raises(ConfigError, match="known: none"):
        placed(session(), {})


def test_only_the_output_without_a_name_is_numbered() -> None:
    taken = {SessionKey(3, 0, "rtmp"), SessionKey(3, 0, "rtmp2"), SessionKey(3, 0, "cloud")}
    assert numbered(session(), taken).key == SessionKey(3, 0, "rtmp3")
    assert numbered(session(output="cloud"), taken).key == SessionKey(3, 0, "cloud")
    assert numbered(session(stream_id=1), taken).key == SessionKey(3, 1, "rtmp")


def test_what_is_published_is_one_name_a_target() -> None:
    host = World().host
    chain = session(url="", urls=["mem://a/one", "mem://b/two", "nowhere://c/three"])
    first, second, third = published(host, chain)
    assert first != second
    assert third == ""
    assert published(host, session(url="mem://a/one")) == (first,)


def test_where_the_name_is_secret_the_reference_stands_for_it() -> None:
    host = World().host

    def name(key: str) -> str:
        (one,) = published(host, session(url="", targets=[TargetConfig(url="mem://a/live", stream_key=key)]))
        return one

    assert name("env:KEY") == name("env:KEY") != ""
    assert name("env:KEY") != name("env:OTHER")


def test_a_claim_holds_until_its_own_session_gives_it_up() -> None:
    claims, one, other = Claims(), session(), session(output="cloud")
    claims.take(one, ("mem a", ""))
    claims.check(other, ("mem b",))
    claims.check(other, ("",))
    with pytest.raises(ConfigError, match=r"cam3_main/cloud would publish mem://a/\*\*\* as session cam3_main does"):
        claims.check(other, ("mem a",))
    claims.release(other)
    with pytest.raises(ConfigError, match="as session cam3_main does"):
        claims.check(other, ("mem a",))
    claims.release(one)
    claims.check(other, ("mem a",))
