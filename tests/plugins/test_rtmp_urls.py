"""Where a target's parts come from, and where a server may send us."""

from __future__ import annotations

from typing import Any

import pytest

from camcast.config import from_mapping
from camcast.errors import ConfigError
from camcast.host import PluginHost
from camcast.target import Target
from camcast_kit_rtmp import urls
from camcast_kit_rtmp.urls import publish_name
from camcast_rtmp import reconnect
from camcast_rtmp.kind import check


@pytest.mark.parametrize(
    ("url", "fields", "host", "port", "app", "key", "tc_url"),
    [
        ("rtmp://h/live/k", {}, "h", 1935, "live", "k", "rtmp://h/live"),
        ("RTMPS://h/live/k", {}, "h", 443, "live", "k", "rtmps://h/live"),
        ("rtmp://h:1936/live/inst/k", {}, "h", 1936, "live/inst", "k", "rtmp://h:1936/live/inst"),
        ("rtmp://[::1]:1936/live/k", {}, "::1", 1936, "live", "k", "rtmp://[::1]:1936/live"),
        ("rtmp://h/cam1", {}, "h", 1935, "", "cam1", "rtmp://h/"),
        ("rtmp://h/live//k", {}, "h", 1935, "live", "k", "rtmp://h/live"),
        ("rtmp://h//live/inst//k", {}, "h", 1935, "live/inst", "k", "rtmp://h/live/inst"),
        ("rtmp://h:443/Entry/cam_1@12345", {}, "h", 443, "Entry", "cam_1@12345", "rtmp://h:443/Entry"),
        (
            "rtmp://h/live/k?y/with&all#of%it",
            {},
            "h",
            1935,
            "live",
            "k?y/with&all#of%it",
            "rtmp://h/live",
        ),
        ("rtmp://h/live/k#a/b?c", {}, "h", 1935, "live", "k#a/b?c", "rtmp://h/live"),
        ("rtmp://h/live/k%20x.flv", {}, "h", 1935, "live", "k%20x.flv", "rtmp://h/live"),
        ("rtmp://h/live/a@b", {}, "h", 1935, "live", "a@b", "rtmp://h/live"),
        ("rtmp://h/live", {"stream_key": "a/b?c"}, "h", 1935, "live", "a/b?c", "rtmp://h/live"),
        ("rtmp://h/live/", {"stream_key": "k"}, "h", 1935, "live", "k", "rtmp://h/live"),
        ("rtmp://h/live/inst/k", {"stream_key": "k"}, "h", 1935, "live/inst", "k", "rtmp://h/live/inst"),
        ("rtmp://h/live/inst/a/b", {"app": "live/inst"}, "h", 1935, "live/inst", "a/b", "rtmp://h/live/inst"),
        ("rtmp://h/a?x=1/b", {"app": "a?x=1"}, "h", 1935, "a?x=1", "b", "rtmp://h/a?x=1"),
        ("rtmp://h", {"app": "live", "stream_key": "k"}, "h", 1935, "live", "k", "rtmp://h/live"),
        ("rtmp://h/live/k", {"app": "live", "stream_key": "k"}, "h", 1935, "live", "k", "rtmp://h/live"),
        ("rtmp://h/", {"app": "", "stream_key": "cam1"}, "h", 1935, "", "cam1", "rtmp://h/"),
    ],
)
def test_the_parts(url: str, fields: dict[str, Any], host: str, port: int, app: str, key: str, tc_url: str) -> None:
    found = urls.parse(Target(url=url, **fields))
    assert (found.host, found.port, found.app, found.key, found.tc_url) == (host, port, app, key, tc_url)


def test_credentials_are_decoded_and_shown_nowhere() -> None:
    found = urls.parse(Target(url="rtmp://us%40er:p%2Fw%3A@h:1/live/secretkey"))
    assert (found.user, found.password, found.tc_url) == ("us@er", "p/w:", "rtmp://h:1/live")
    assert "secretkey" not in repr(found)
    assert "p/w" not in repr(found)


@pytest.mark.parametrize(
    ("url", "fields", "text"),
    [
        ("http://h/live/k", {}, "begins with rtmp:// or rtmps://"),
        ("live/k", {}, "begins with rtmp:// or rtmps://"),
        ("rtmp:///live/k", {}, "the URL has no host"),
        ("rtmp://h:70000/live/k", {}, "host or port of the URL is not valid"),
        ("rtmp://h:0/live/k", {}, "the port must be 1 to 65535"),
        ("rtmp://h:/live/k", {}, "the port must be 1 to 65535"),
        ("rtmp://[::1/live/k", {}, "host or port of the URL is not valid"),
        ("rtmp://h?x/live/k", {}, "the host is followed by a query or a space"),
        ("rtmp://h/", {}, "the URL has no stream key"),
        ("rtmp://h", {}, "the URL has no stream key"),
        ("rtmp://h/live/", {}, "the URL ends with a slash, so it has no stream key"),
        ("rtmp://h/live", {"app": "live", "stream_key": ""}, "the URL has no stream key"),
        ("rtmp://h/live?x=1/secretkey", {}, "cannot tell the application from the stream key"),
        ("rtmp://h/other", {"app": "live", "stream_key": "secretkey"}, "the URL's path must be empty or the same app"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_without_the_key(url: str, fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text) as caught:
        check(Target(url=url, **fields))
    assert "secretkey" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"fingerprint": "abc"}, "fingerprint: expected the SHA-256"),
        ({"url": "rtmp://h/live/k", "insecure": True}, "this URL is not encrypted"),
        ({"insecure": True, "fingerprint": "ab" * 32}, "would do nothing"),
        ({"ca_file": "/nowhere/ca.pem"}, "there is no file /nowhere/ca.pem"),
        ({"proxy": "ftp://user:pass@h"}, "proxy: expected a proxy like"),
    ],
)
def test_targets_that_cannot_work(fields: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        check(Target(**{"url": "rtmps://h/live/k", **fields}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("server", "text"),
    [
        ("nginx", 'unknown server "nginx"; did you mean "nginx-rtmp"?'),
        ("apache", 'unknown server "apache"; known: auto, '),
    ],
)
def test_an_unknown_server_is_told_at_its_key(server: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(Target(url="rtmp://h/live/k", server=server))
    (issue,) = caught.value.issues
    assert issue.path == "server"
    assert issue.message.startswith(text)
    camera = {"camera_id": 0, "streams": [{"source": {"type": "testsrc"}}]}
    written = {"rtmp": {"url_template": "rtmp://h/live/{camera_id}", "server": server}, "cameras": [camera]}
    with pytest.raises(ConfigError) as caught:
        from_mapping(written, PluginHost())
    (issue,) = caught.value.issues
    assert issue.path == "rtmp.server"
    assert issue.message.startswith(text)


def test_targets_that_can() -> None:
    check(Target(url="rtmps://h/live/k", fingerprint=":".join(["aB"] * 32), proxy="socks5://u:p@h:1080"))
    check(Target(url="rtmps://h/live/k", ca_file=__file__, server="srs"))


@pytest.mark.parametrize(
    ("url", "fields", "told"),
    [
        ("rtmp://h/live", {}, True),
        ("rtmp://h/live?token=a", {}, True),
        ("rtmp://h/live/k", {}, False),
        ("rtmp://h/live", {"stream_key": "k"}, False),
        ("rtmp://h", {"app": "", "stream_key": "k"}, True),
        ("rtmp://h/cam1", {"server": "mediamtx"}, False),
        ("rtmp://h/cam1", {"server": "go2rtc"}, False),
    ],
)
def test_a_url_of_one_part_is_odd(url: str, fields: dict[str, Any], told: bool) -> None:
    assert bool(urls.remarks(Target(url=url, **fields))) is told


def test_publish_names_are_equal_exactly_when_servers_would_clash() -> None:
    def name(url: str, **fields: Any) -> str:
        return publish_name(Target(url=url, **fields))

    assert name("rtmp://h/live/k?token=1") == name("rtmp://user:pw@h:1935/live/k?token=2")
    assert name("rtmp://h/live/k") == name("rtmp://h/live", stream_key="k")
    others = ["rtmp://h/live/k2", "rtmp://h2/live/k", "rtmp://h:1936/live/k", "rtmp://h/live2/k"]
    assert len({name(url) for url in ["rtmp://h/live/k", *others]}) == 5
    assert "secretkey" not in name("rtmp://h/live/secretkey")


ADDRESS = urls.parse(Target(url="rtmp://u:p@h:1936/live/inst/k?t=1"))


@pytest.mark.parametrize(
    ("asked", "url"),
    [
        ("", "rtmp://h:1936/live/inst/k?t=1"),
        ("/other", "rtmp://h:1936/other/k?t=1"),
        ("//h2/app/", "rtmp://h2/app/k?t=1"),
        ("rtmps://h2:444/app", "rtmps://h2:444/app/k?t=1"),
        ("http://h2/app", None),
        ("rtmp:///app", None),
        ("rtmp://h2/a b", None),
        ("app", "rtmp://h:1936/live/app/k?t=1"),
        ("app/inst", "rtmp://h:1936/live/app/inst/k?t=1"),
        ("::", None),
        ("rtmp:app", None),
    ],
)
def test_reconnect_requests_are_resolved(asked: str, url: str | None) -> None:
    assert reconnect.requested(asked, ADDRESS) == url


@pytest.mark.parametrize(
    ("info", "url"),
    [
        ({"ex": {"code": 302.0, "redirect": "rtmp://h2/app"}}, "rtmp://h2/app/k?t=1"),
        ({"ex": {"redirect": "rtmp://h2/app", "redirect2": "rtmp://h2/app/other"}}, "rtmp://h2/app/other"),
        ({"ex": {"redirect2": "file:///etc/passwd"}}, None),
        ({"ex": {"code": 302.0}}, None),
        ({"ex": "rtmp://h2/app"}, None),
        ({}, None),
    ],
)
def test_redirects_in_a_refusal(info: dict[str, object], url: str | None) -> None:
    assert reconnect.redirected(info, ADDRESS) == url


def test_a_redirected_target_keeps_an_explicit_key() -> None:
    target = Target(url="rtmp://h/live", stream_key="a/b")
    moved = reconnect.requested("rtmp://h2/app", urls.parse(target))
    assert moved is not None
    again = urls.parse(target.moved(moved))
    assert (again.host, again.app, again.key) == ("h2", "app", "a/b")


def test_the_addresses_of_hundreds_of_sessions_are_worked_out_once() -> None:
    targets = [Target(url=f"rtmp://h/live/of{number}") for number in range(1000)]
    urls._parse.cache_clear()
    for _ in range(3):
        for target in targets:
            urls.parse(target)
    assert urls._parse.cache_info().misses == len(targets)
