"""A target that its server moves elsewhere: what goes along and what does not."""

from __future__ import annotations

import attrs
import pytest

from camcast.target import Target


@attrs.frozen(kw_only=True)
class Options:
    token: str | None = attrs.field(default=None, repr=False)
    latency: int = 100


HERE = Target(
    url="demo://user:pw@host:80/live/key", app="live", stream_key="key", options=Options(token="geheim", latency=7)
)


def test_a_server_may_not_make_us_tell_a_secret_by_where_it_sends_us() -> None:
    here = Target(url="demo://host/live/KEY-7777")
    assert here.shows("demo://other.example:81/live/KEY-7777?KEY-7777"), "a path is never shown whole"
    for url in ("demo://key-7777.evil/x", "demo://u@a.k.e.y.7.7.7.7.evil", "demo://a\x1b[2J/x", "demo://KEY%2d7777:80"):
        assert not here.shows(url)


@pytest.mark.parametrize("url", ["demo://host:80/other/key", "DEMO://user:pw@HOST:80/live?a=b", "demo://host:80"])
def test_within_its_origin_everything_goes_along(url: str) -> None:
    there = HERE.moved(url)
    assert there.url == url
    assert there.options == HERE.options
    assert (there.app, there.stream_key) == (None, "key" if url.endswith("/key") else None)


def test_a_key_with_slashes_is_known_again_where_the_url_ends_with_it() -> None:
    here = Target(url="demo://host/live", stream_key="a/b?c=d/e")
    assert here.moved("demo://other/app/inst/a/b?c=d/e").stream_key == here.stream_key
    assert here.moved("demo://other/app/b?c=d/e").stream_key is None
    assert here.moved("demo://other/appa/b?c=d/e").stream_key is None


@pytest.mark.parametrize(
    "url",
    ["demo://other:80/live/key", "demo://host:81/live/key", "demos://host:80/live/key", "demo://host:80@evil/key"],
)
def test_to_another_origin_no_secret_goes_along(url: str) -> None:
    assert HERE.moved(url).options == Options(token=None, latency=7)
