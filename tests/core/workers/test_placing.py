"""Which process runs which camera: the least loaded one, home, or where an address is that it shares."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pytest

from camcast.config import CameraConfig
from camcast.config.walk import from_mapping
from camcast.errors import ConfigError
from camcast.host import PluginHost
from camcast.workers.listening import UNKNOWN, addresses
from camcast.workers.neighbours import Group, Needs, groups
from camcast.workers.placing import Placing
from camcast.workers.sharding import place

HOME, ONE, TWO = "home", "one", "two"
NONE: dict[Hashable, frozenset[str]] = {}


def at(*found: str) -> dict[Hashable, frozenset[str]]:
    """What its first stream listens at."""
    return {0: frozenset(found)}


def placing() -> Placing[str]:
    return Placing([HOME, ONE, TWO])


def test_a_camera_goes_where_there_are_the_fewest_streams() -> None:
    workers = placing()
    where = [workers.place(number, streams, NONE, at_home=False) for number, streams in enumerate([1, 3, 1, 1, 1])]
    assert where == [ONE, TWO, HOME, ONE, HOME]
    workers.forget(1)
    assert workers.place(9, 1, NONE, at_home=False) == TWO
    assert workers.place(10, 1, NONE, at_home=True) == HOME


def test_cameras_that_share_an_address_share_a_process() -> None:
    workers = placing()
    first = workers.place(1, 5, at("tcp 0.0.0.0:1935"), at_home=False)
    assert first == ONE
    assert workers.place(2, 1, at("tcp 0.0.0.0:1935"), at_home=False) == ONE, "though others have less to do"
    assert workers.place(3, 1, at("tcp 0.0.0.0:1936"), at_home=False) == TWO
    for number in (1, 2):
        workers.forget(number)
    assert workers.place(4, 1, at("tcp 0.0.0.0:1935"), at_home=True) == HOME


def test_what_would_have_to_be_in_two_processes_is_refused() -> None:
    workers = placing()
    workers.place(0, 1, at("tcp 0.0.0.0:1935"), at_home=False)
    workers.place(1, 1, at("tcp 0.0.0.0:8889"), at_home=False)
    with pytest.raises(ConfigError, match=r"tcp 0\.0\.0\.0:1935 and tcp 0\.0\.0\.0:8889 .*a port of its own"):
        workers.place(2, 1, at("tcp 0.0.0.0:1935", "tcp 0.0.0.0:8889"), at_home=False)
    with pytest.raises(ConfigError, match="other processes"):
        workers.place(2, 1, at("tcp 0.0.0.0:8889"), at_home=True)
    assert workers.place(2, 1, at("tcp 0.0.0.0:8889"), at_home=False) == TWO


def test_an_output_that_comes_later_may_not_take_what_another_process_has() -> None:
    workers = placing()
    workers.place(0, 1, at("tcp 0.0.0.0:8889"), at_home=False)
    workers.place(1, 1, NONE, at_home=False)
    with pytest.raises(ConfigError, match=r"tcp 0\.0\.0\.0:8889, which camera 0 has in another process"):
        workers.listen(1, "page", frozenset({"tcp 0.0.0.0:8889"}))
    workers.listen(1, "page", frozenset({"tcp 0.0.0.0:8890"}))
    assert workers.place(2, 1, at("tcp 0.0.0.0:8890"), at_home=False) == TWO
    # Nobody has it any more, or another part of its own has.
    workers.leave(1, "page")
    workers.leave(2, 0)
    workers.listen(0, "page", frozenset({"tcp 0.0.0.0:8890"}))
    workers.leave(0, 0)
    with pytest.raises(ConfigError, match="which camera 0 has"):
        workers.listen(1, "page", frozenset({"tcp 0.0.0.0:8890"}))
    workers.listen(1, "page", frozenset({"tcp 0.0.0.0:8889"}))


def listens(*found: str, at_home: bool = False) -> Needs:
    return Needs(frozenset(found), at_home)


def test_cameras_that_are_connected_by_addresses_are_a_group() -> None:
    found = groups(
        {0: listens("a"), 1: listens("b"), 2: listens(), 3: listens("c", at_home=True), 4: listens("b", "a")}
    )
    assert {one.cameras: one.needs for one in found} == {
        frozenset({3}): listens("c", at_home=True),
        frozenset({0, 1, 4}): listens("a", "b"),
    }
    (one,) = groups({0: listens("a", "b"), 1: listens("b", "c"), 2: listens("c", at_home=True)})
    assert one == Group(frozenset({0, 1, 2}), listens("a", "b", "c", at_home=True))
    assert groups({}) == groups({0: listens(at_home=True)}) == []


@pytest.mark.parametrize("at_home", [False, True])
def test_who_belongs_together_is_placed_together_whoever_comes_first(at_home: bool) -> None:
    workers = placing()
    workers.groups = groups({0: listens("a"), 1: listens("b"), 2: listens("a", "b", at_home=at_home)})
    where = [workers.place(number, 1, at(*one), at_home=False) for number, one in enumerate(["a", "b", "ab"])]
    assert where == [HOME if at_home else ONE] * 3
    assert workers.where == dict(enumerate(where))


@pytest.fixture(scope="module")
def host() -> PluginHost:
    return PluginHost()


def camera(host: PluginHost, source: dict[str, Any], **outputs: Any) -> CameraConfig:
    config = from_mapping({"cameras": [{"streams": [{"source": source, "outputs": outputs}]}]}, host)
    return config.cameras[0]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ({"type": "rtmp", "url": "rtmp://0.0.0.0/live/k", "options": {"mode": "listen"}}, {"tcp 0.0.0.0:1935"}),
        ({"type": "rtmp", "url": "rtmp://:1940/live/k", "options": {"mode": "listen"}}, {"tcp 127.0.0.1:1940"}),
        ({"type": "rtmp", "url": "rtmp://server/live/k"}, set()),
        ({"type": "rtmp", "url": "env:GATE", "options": {"mode": "listen"}}, {UNKNOWN}),
        ({"type": "rtmp", "url": "env:GATE"}, set()),
        ({"type": "srt", "url": "srt://:9000?mode=listener&streamid=a"}, {"udp 127.0.0.1:9000"}),
        ({"type": "srt", "url": "srt://0.0.0.0:9000", "options": {"mode": "listener"}}, {"udp 0.0.0.0:9000"}),
        (
            {"type": "srt", "url": "srt://0.0.0.0:9000", "options": {"mode": "listener", "passphrase": "env:W"}},
            {"udp 0.0.0.0:9000"},
        ),
        ({"type": "srt", "url": "srt://server:9000"}, set()),
        ({"type": "testsrc"}, set()),
    ],
)
def test_where_a_source_listens(host: PluginHost, source: dict[str, Any], found: set[str]) -> None:
    assert addresses(camera(host, source), host) == {0: found}


def test_where_an_output_waits_for_viewers(host: PluginHost) -> None:
    one = camera(
        host,
        {"type": "testsrc"},
        live={"url": "rtmp://127.0.0.1/live/a"},
        page={"url": "whep://127.0.0.1:8889/a"},
        out={"url": "wheps://[::1]:8890/a", "options": {"token": "env:T", "certificate": "a", "certificate_key": "b"}},
    )
    keys = {session.key.output: session.key for session in one.streams[0].sessions}
    assert addresses(one, host) == {
        0: set(),
        keys["live"]: set(),
        keys["page"]: {"tcp 127.0.0.1:8889"},
        keys["out"]: {"tcp [::1]:8890"},
    }


def test_streams_of_one_port_are_placed_together(host: PluginHost) -> None:
    workers = placing()
    where = {}
    for number in range(4):
        url = f"rtmp://0.0.0.0:1935/live/k{number}" if number % 2 else f"rtmp://server/live/k{number}"
        source = {"type": "rtmp", "url": url, "options": {"mode": "listen"} if number % 2 else {}}
        where[number] = place(workers, camera(host, source).renumbered(number), host)
    assert where[1] == where[3] != where[0]
